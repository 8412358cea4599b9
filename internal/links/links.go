// Package links hands out short-lived links to files at Zoom, and serves them:
// recordings of meetings and phone calls, files of chats.
//
// To get such a file from Zoom takes a token that opens the whole account, and
// some addresses of files are tokens themselves. Neither leaves the gateway. A
// link holds where the file lies and until when the link is good, sealed: only
// this gateway can read it and nobody can change it, so nothing has to be
// remembered, and every replica with the same key serves it. Sealing is
// AES-256-GCM, which signs and hides at once, with a key derived from the secret
// by HKDF-HMAC-SHA-256.
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

// Path is where links lead: the handler is to be served below it.
const Path = "/downloads/"

// MaxLife is the longest that a link may be good for.
const MaxLife = 24 * time.Hour

// Config is what Links are made of.
type Config struct {
	// Secret seals the links; all replicas need the same. "" is one of this
	// process's own, whose links end with it.
	Secret string
	// PublicURL is the gateway's address as its callers know it; "" is the one
	// that each request was sent to.
	PublicURL string
	// AccountID is the Zoom account that the links belong to.
	AccountID string
	// Tokens answers for the credentials that Zoom asks for a file.
	Tokens identity.Tokens
	// Cloud is the one whose hosts files are got from.
	Cloud zoom.Cloud
	// APIURL is the configured base of Zoom's API, whose host is trusted like
	// Zoom's own; "" is none.
	APIURL string
	// Transport carries the calls; nil means one with sensible bounds.
	Transport http.RoundTripper
	// Log gets a line a download; nil is none.
	Log *slog.Logger
}

// Links hands out links, and is the handler that serves them. It is safe for
// concurrent use.
type Links struct {
	cfg    Config
	seal   cipher.AEAD
	hosts  hosts
	places *ratelimit.Pool
	warn   sync.Once
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
	return &Links{cfg: cfg, seal: seal, hosts: hosts{originOf(cfg.APIURL), cfg.Cloud}, places: ratelimit.NewSharedPool(maxOpen)}, nil
}

// NewTransport returns what carries files, for the links of one account or of
// several.
func NewTransport() *http.Transport {
	t := zoom.NewTransport(maxOpen)
	t.ResponseHeaderTimeout = 30 * time.Second
	return t
}

// File is a file at Zoom.
type File struct {
	URL  string // where Zoom says that it lies
	Name string // what to call it where Zoom does not say
}

// ErrElsewhere says that an address leads away from Zoom.
var ErrElsewhere = errors.New("the file lies at no host of Zoom's")

// ElsewhereError is an [ErrElsewhere] with the host that it is about.
type ElsewhereError struct{ Host string }

// Error says which host it is.
func (e *ElsewhereError) Error() string {
	return "the file lies at " + e.Host + ", which is no host of the account's cloud"
}

// Unwrap returns [ErrElsewhere].
func (e *ElsewhereError) Unwrap() error { return ErrElsewhere }

func elsewhere(at *url.URL) error { return &ElsewhereError{zoom.HostText(at.Hostname())} }

// Sign returns a link to a file, and when it ends. ctx tells the gateway's
// address (see From).
func (l *Links) Sign(ctx context.Context, f File, life time.Duration) (string, time.Time, error) {
	at, err := url.Parse(f.URL)
	if err != nil {
		return "", time.Time{}, ErrElsewhere // the address itself is not to be told
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

// ticket is what a link holds.
type ticket struct {
	URL     string `json:"u"`
	Name    string `json:"n,omitempty"`
	Expires int64  `json:"e"`
	// Holder stands for the caller that the link was handed out to; "" where none is
	// known.
	Holder string `json:"h,omitempty"`
}

// holderOf returns a few characters that stand for the caller of ctx.
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

// holder names on whose account a download goes: the caller's, or else the file's,
// however many links lead to it.
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

// AppendBase appends what BaseOf returns.
func AppendBase(to []byte, r *http.Request) []byte {
	scheme := "http://"
	if proto := r.Header["X-Forwarded-Proto"]; r.TLS != nil || len(proto) > 0 && proto[0] == "https" {
		scheme = "https://"
	}
	return append(append(to, scheme...), r.Host...)
}

// From notes in a context what BaseOf tells of a request.
func From(ctx context.Context, base string) context.Context {
	return context.WithValue(ctx, baseKey{}, base)
}

// Base returns what From has noted. An answer may hold links that begin with it:
// who is given another's answer would follow another's address.
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

// hosts knows whom files are got from: Zoom, and one origin that was configured.
type hosts struct {
	own   string
	cloud zoom.Cloud
}

// trusts reports whether an address is one of Zoom's, over a closed line, or at
// the configured origin.
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

// origin returns scheme, host and port, in one spelling.
func origin(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return u.Scheme + "://" + strings.ToLower(u.Hostname()) + ":" + port
}
