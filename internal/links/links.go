// Package links issues short-lived links to files at Zoom, and serves them: recordings
// of meetings and phone calls, files of chats.
//
// Such a download needs a token for the whole account, and some addresses of files
// contain tokens. Neither leaves the gateway. A link holds the address of the file and
// the expiry of the link, encrypted and authenticated: only this gateway can read or
// change it, so it needs no state, and every replica with the same key serves it. It is
// sealed by AES-256-GCM with a key derived from the secret by HKDF-HMAC-SHA-256.
package links

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"zoomql/internal/identity"
	"zoomql/internal/ratelimit"
	"zoomql/internal/zoom"
)

// Path is the path of links: the handler is to be served below it.
const Path = "/downloads/"

// MaxLife is the longest lifetime of a link.
const MaxLife = 24 * time.Hour

// Config configures Links.
type Config struct {
	// Secret seals the links; all replicas need the same. "" generates one, whose links
	// end with the process.
	Secret string
	// PublicURL is the gateway's address for its callers; "" is the one that each
	// request was sent to.
	PublicURL string
	// AccountID is the Zoom account that the links belong to.
	AccountID string
	// Tokens issues the access tokens for downloads.
	Tokens identity.Tokens
	// Cloud is the cloud whose hosts serve the files.
	Cloud zoom.Cloud
	// APIURL is the configured base of Zoom's API, whose host is trusted like
	// Zoom's own; "" is none.
	APIURL string
	// Transport sends the requests to Zoom; nil is that of NewTransport.
	Transport http.RoundTripper
	// Log has a line for each download; nil is none.
	Log *slog.Logger
}

// Links issues links, and is the handler that serves them. It is safe for
// concurrent use.
type Links struct {
	cfg   Config
	seal  cipher.AEAD
	hosts hosts
	slots *ratelimit.Pool
	warn  sync.Once
}

// New returns links of one account.
func New(cfg Config) (*Links, error) {
	if cfg.Secret == "" {
		cfg.Secret = rand.Text()
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Transport == nil {
		cfg.Transport = NewTransport()
	}
	key, err := hkdf.Key(sha256.New, []byte(cfg.Secret), nil, "zoomql download links", 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	seal, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, err
	}
	return &Links{cfg: cfg, seal: seal, hosts: hosts{originOf(cfg.APIURL), cfg.Cloud}, slots: ratelimit.NewSharedPool(maxOpen)}, nil
}

// NewTransport returns a transport for downloads, for the links of one account or of
// several.
func NewTransport() *http.Transport {
	t := zoom.NewTransport(maxOpen)
	t.ResponseHeaderTimeout = 30 * time.Second
	return t
}

// File is a file at Zoom.
type File struct {
	URL  string // as Zoom returns it
	Name string // of the file where Zoom does not name it
}

// ErrElsewhere is the error for an address that is not at Zoom.
var ErrElsewhere = errors.New("the file lies at no host of Zoom's")

// ElsewhereError is an [ErrElsewhere] with the host.
type ElsewhereError struct{ Host string }

// Error names the host.
func (e *ElsewhereError) Error() string {
	return "the file lies at " + e.Host + ", which is no host of the account's cloud"
}

// Unwrap returns [ErrElsewhere].
func (e *ElsewhereError) Unwrap() error { return ErrElsewhere }

func elsewhere(at *url.URL) error { return &ElsewhereError{zoom.HostText(at.Hostname())} }

// Sign returns a link to a file, and its expiry. ctx holds the gateway's address (see
// From).
func (l *Links) Sign(ctx context.Context, f File, life time.Duration) (string, time.Time, error) {
	at, err := url.Parse(f.URL)
	if err != nil {
		return "", time.Time{}, ErrElsewhere // err would quote the address
	}
	if !l.hosts.trusts(at) {
		err := elsewhere(at)
		l.warn.Do(func() { l.cfg.Log.WarnContext(ctx, "no link is made", "error", err) })
		return "", time.Time{}, err
	}
	if life <= 0 || life > MaxLife {
		return "", time.Time{}, fmt.Errorf("a link is good for %s at most", MaxLife)
	}
	expires := time.Now().UTC().Add(life).Truncate(time.Second)
	plain, err := json.Marshal(ticket{f.URL, f.Name, expires.Unix(), holderOf(ctx)})
	if err != nil {
		return "", time.Time{}, err
	}
	sealed := l.seal.Seal(nil, nil, plain, []byte(l.cfg.AccountID))
	return l.base(ctx) + Path + base64.RawURLEncoding.EncodeToString(sealed), expires, nil
}

// ticket is the content of a link.
type ticket struct {
	URL     string `json:"u"`
	Name    string `json:"n,omitempty"`
	Expires int64  `json:"e"`
	// Holder is a digest of the caller that the link was issued to; "" where none is
	// known.
	Holder string `json:"h,omitempty"`
}

// holderOf returns a short digest of the caller of ctx.
func holderOf(ctx context.Context) string {
	caller := ratelimit.CallerFrom(ctx)
	if caller == "" {
		return ""
	}
	return digest(caller)
}

func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return base64.RawURLEncoding.EncodeToString(sum[:6])
}

// holder returns the caller for the limit of downloads: that of the link, or else the
// file, however many links it has.
func (t *ticket) holder() string {
	if t.Holder != "" {
		return t.Holder
	}
	return "file " + digest(t.URL)
}

var (
	errForged  = errors.New("the link is not one of this gateway's")
	errExpired = errors.New("the link has expired")
)

func (l *Links) open(link string) (*ticket, error) {
	sealed, err := base64.RawURLEncoding.DecodeString(link)
	if err != nil {
		return nil, errForged
	}
	plain, err := l.seal.Open(nil, nil, sealed, []byte(l.cfg.AccountID))
	if err != nil {
		return nil, errForged
	}
	t := &ticket{}
	if err := json.Unmarshal(plain, t); err != nil {
		return nil, errForged
	}
	if !time.Now().Before(time.Unix(t.Expires, 0)) {
		return nil, errExpired
	}
	return t, nil
}

type baseKey struct{}

// BaseOf returns the address under which a request reached the gateway.
func BaseOf(r *http.Request) string { return string(AppendBase(nil, r)) }

// AppendBase appends the result of BaseOf.
func AppendBase(to []byte, r *http.Request) []byte {
	scheme := "http://"
	if proto := r.Header["X-Forwarded-Proto"]; r.TLS != nil || len(proto) > 0 && proto[0] == "https" {
		scheme = "https://"
	}
	return append(append(to, scheme...), r.Host...)
}

// From returns a context with the base that BaseOf returned for a request.
func From(ctx context.Context, base string) context.Context {
	return context.WithValue(ctx, baseKey{}, base)
}

// Base returns the base of From. An answer may hold links that begin with it, so it is
// part of the key of cached answers.
func Base(ctx context.Context) string {
	base, _ := ctx.Value(baseKey{}).(string)
	return base
}

func (l *Links) base(ctx context.Context) string {
	if l.cfg.PublicURL != "" {
		return strings.TrimSuffix(l.cfg.PublicURL, "/")
	}
	return Base(ctx)
}

// hosts are those that files are downloaded from: Zoom's, and one configured origin.
type hosts struct {
	own   string
	cloud zoom.Cloud
}

// trusts reports whether an address is one of Zoom's, over HTTPS, or at the configured
// origin.
func (h hosts) trusts(u *url.URL) bool {
	if h.takesToken(u) {
		return true
	}
	host := strings.ToLower(u.Hostname())
	return u.User == nil && u.Scheme == "https" && (u.Port() == "" || u.Port() == "443") && (host == "zoom.com" || strings.HasSuffix(host, ".zoom.com"))
}

// takesToken reports whether the account's token may go to an address: to the cloud of
// the account and to the configured origin alone.
func (h hosts) takesToken(u *url.URL) bool {
	return u.User == nil && h.own != "" && origin(u) == h.own || h.cloud.Owns(u)
}

func originOf(raw string) string {
	u, err := url.Parse(raw)
	if err != nil || raw == "" {
		return ""
	}
	return origin(u)
}

// origin returns scheme, host and port in canonical form.
func origin(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return u.Scheme + "://" + strings.ToLower(u.Hostname()) + ":" + port
}
