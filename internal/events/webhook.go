package events

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"zoomql/internal/logs"
	"zoomql/internal/zoom/types"
)

const (
	timestampHeader = "X-Zm-Request-Timestamp"
	signatureHeader = "X-Zm-Signature"

	// maxBody is the largest body of a delivery, in bytes. Zoom's have some kilobytes.
	maxBody = 1 << 20
	// maxAge is the largest age of a signature. Zoom retries failed deliveries after 5, 20
	// and 60 minutes, and does not document whether it signs them again: maxAge accepts all of
	// them. A replay within that time is recognized as a repeated event.
	maxAge = 2 * time.Hour
	// maxAhead is how far Zoom's clock may be ahead of this one.
	maxAhead = 5 * time.Minute
)

// Webhook accepts Zoom's webhooks for an inbox. A delivery changes nothing unless it is signed
// with a secret token of the account of the event, or of its master account.
//
// The answer is 204 once the event is stored. It is 503 if that takes longer than storeWithin: its
// tags are usually evicted then, and Zoom delivers the event again after five minutes.
//
// Source: https://developers.zoom.us/docs/api/webhooks/
type Webhook struct {
	*Inbox

	now func() time.Time // nil is time.Now

	refused logs.RecurringBy
}

// ServeHTTP accepts a delivery.
func (h *Webhook) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	body, release, status, why := h.read(w, r)
	defer release()
	if status != 0 {
		h.refuse(w, status, why)
		return
	}
	account, secret, ok := h.signer(r.Header, body)
	if !ok {
		h.refuse(w, http.StatusUnauthorized, "the signature is by none of the secret tokens that are set")
		return
	}
	m, err := decode(body)
	if err != nil {
		h.refuseSigned(w, r, http.StatusBadRequest, err.Error())
		return
	}
	if m.Event == "endpoint.url_validation" {
		h.validate(w, r, m.Payload.PlainToken, secret)
		return
	}
	e, err := m.parsed(h.clock())
	if err != nil {
		h.refuseSigned(w, r, http.StatusBadRequest, err.Error())
		return
	}
	if served := h.Accounts[e.AccountID]; len(served.Secrets) > 0 {
		account = e.AccountID
	} // otherwise, it is a sub account of the signer
	if !slices.Contains(h.Accounts[account].Secrets, secret) {
		h.refuseSigned(w, r, http.StatusUnauthorized, "the signature is by the secret token of another account")
		return
	}
	if err := h.accept(r.Context(), types.EventSourceWebhook, account, e); err != nil {
		h.refuseSigned(w, r, http.StatusServiceUnavailable, "the event cannot be stored; send it again")
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// deliveries bounds the memory of deliveries that are being read or stored.
var deliveries = room{size: 12 << 20}

const (
	// firstRead is the size of the first read, in bytes, in which most deliveries fit.
	firstRead = 4 << 10
	// readTime bounds the time until the body of a delivery has arrived.
	readTime = 5 * time.Second
)

const (
	tooLarge = "the delivery is larger than 1 MiB"
	noRoom   = "too many deliveries at once; send it again"
)

// read reads the body of a delivery, or returns the status and the reason of its refusal; the
// status is 0 for a body. The caller calls release in any case, which frees the memory.
func (h *Webhook) read(w http.ResponseWriter, r *http.Request) (body []byte, release func(), status int, why string) {
	none := func() {}
	switch {
	case r.Method != http.MethodPost:
		w.Header().Set("Allow", http.MethodPost)
		return nil, none, http.StatusMethodNotAllowed, "Zoom delivers events by POST"
	case r.ContentLength > maxBody:
		return nil, none, http.StatusRequestEntityTooLarge, tooLarge
	case r.Header.Get(signatureHeader) == "":
		return nil, none, http.StatusUnauthorized, "the delivery has no signature"
	case !h.inTime(r.Header.Get(timestampHeader)):
		return nil, none, http.StatusUnauthorized, "the delivery has no time, is older than two hours, or is from the future"
	}
	// An error means that there is no deadline, as in tests: network connections support them.
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Now().Add(readTime))
	p := deliveries.begin(func() { _ = control.SetReadDeadline(time.Now()) })
	body, status, why = readInto(p, http.MaxBytesReader(w, r.Body, maxBody))
	if status != 0 {
		p.release()
		return nil, none, status, why
	}
	return body, p.release, 0, ""
}

// readInto reads a body to its end. It reserves memory as bytes arrive, not by the declared
// length. The status is that of a refusal, or 0.
func readInto(p *reservation, from io.Reader) (body []byte, status int, why string) {
	for {
		if len(body) == cap(body) {
			more := max(firstRead, len(body))
			if !p.reserve(int64(more)) {
				return nil, http.StatusServiceUnavailable, noRoom
			}
			body = slices.Grow(body, more)
		}
		n, err := from.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		if err == nil {
			continue
		}
		if _, large := errors.AsType[*http.MaxBytesError](err); large {
			return nil, http.StatusRequestEntityTooLarge, tooLarge
		}
		switch whole := p.complete(); {
		case !whole:
			return nil, http.StatusServiceUnavailable, noRoom
		case errors.Is(err, io.EOF):
			return body, 0, ""
		}
		return nil, http.StatusBadRequest, "the delivery broke off"
	}
}

// validate answers Zoom's validation of the endpoint, with the secret token by which the request
// was signed.
func (h *Webhook) validate(w http.ResponseWriter, r *http.Request, token, secret string) {
	if token == "" || len(token) > maxValue {
		h.refuseSigned(w, r, http.StatusBadRequest, "the validation has no token")
		return
	}
	answer, err := json.Marshal(map[string]string{"plainToken": token, "encryptedToken": mac(secret, []byte(token))})
	if err != nil {
		h.refuseSigned(w, r, http.StatusBadRequest, "the validation's token is no text")
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(answer) // an error means that Zoom has closed the connection
}

// signer returns the account with the secret token by which a delivery was signed, and that token.
// It checks all tokens, so that its duration does not reveal which one matches.
func (h *Webhook) signer(header http.Header, body []byte) (account, by string, ok bool) {
	for id := range h.Accounts {
		for _, secret := range h.Accounts[id].Secrets {
			if isSigned(header, body, secret) {
				account, by, ok = id, secret, true
			}
		}
	}
	return account, by, ok
}

// refuse refuses a delivery that is not known to be signed. Anyone can send these, so they are
// counted in one line of the log a minute for each reason, of which there are few.
func (h *Webhook) refuse(w http.ResponseWriter, status int, why string) {
	h.refused.Add(why, h.Log.With("status", status, "why", why), "deliveries of events refused")
	http.Error(w, why, status)
}

func (h *Webhook) clock() time.Time {
	if h.now != nil {
		return h.now()
	}
	return time.Now()
}

// refuseSigned refuses a signed delivery. Each has a line in the log.
func (h *Webhook) refuseSigned(w http.ResponseWriter, r *http.Request, status int, why string) {
	h.Log.LogAttrs(r.Context(), slog.LevelWarn, "delivery refused", slog.Int("status", status), slog.String("why", why))
	http.Error(w, why, status)
}

// inTime reports whether a timestamp is recent. Zoom sends seconds; milliseconds are recognized
// by their size.
func (h *Webhook) inTime(stamp string) bool {
	const firstMillisecond = 100_000_000_000 // as seconds, this is the year 5138
	n, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil || n <= 0 {
		return false
	}
	at := time.Unix(n, 0)
	if n >= firstMillisecond {
		at = time.UnixMilli(n)
	}
	age := h.clock().Sub(at)
	return -maxAhead <= age && age <= maxAge
}

// isSigned reports whether a delivery is signed with a secret, in constant time.
func isSigned(header http.Header, body []byte, secret string) bool {
	signature := "v0=" + mac(secret, []byte("v0:"+header.Get(timestampHeader)+":"), body)
	return secret != "" && hmac.Equal([]byte(signature), []byte(header.Get(signatureHeader)))
}

// mac returns the HMAC-SHA-256 of the concatenated parts, in hex.
func mac(secret string, parts ...[]byte) string {
	h := hmac.New(sha256.New, []byte(secret))
	for _, part := range parts {
		h.Write(part)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// seen has the hashes of the latest accepted events, in two tables: when the newer one is full,
// the older one is dropped. An event that is repeated after that is accepted again: its tags are
// evicted once more.
type seen struct {
	mu       sync.Mutex
	now, old map[[16]byte]struct{}
}

// maxSeen bounds the events of a table, which takes about a megabyte.
const maxSeen = 20_000

func hashOf(key string) (h [16]byte) {
	sum := sha256.Sum256([]byte(key))
	copy(h[:], sum[:])
	return h
}

func (s *seen) has(key string) bool {
	h := hashOf(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	_, now := s.now[h]
	_, old := s.old[h]
	return now || old
}

func (s *seen) add(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.now == nil || len(s.now) >= maxSeen {
		s.now, s.old = map[[16]byte]struct{}{}, s.now
	}
	s.now[hashOf(key)] = struct{}{}
}
