package events

import (
	"context"
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

	"golang.org/x/sync/semaphore"

	"zoomql/cache"
	"zoomql/internal/stream"
)

const (
	timestampHeader = "X-Zm-Request-Timestamp"
	signatureHeader = "X-Zm-Signature"

	// maxBody is how large a delivery may be. Zoom's are some kilobytes.
	maxBody = 1 << 20
	// maxAge is how old a delivery may be by its signature. Zoom repeats what was not
	// taken 5, 20 and 60 minutes after, and nobody says whether it signs anew: all of these
	// pass. What is sent again by somebody else within that time is one that was seen.
	maxAge = 2 * time.Hour
	// maxAhead is how much Zoom's clock may be ahead of ours.
	maxAhead = 5 * time.Minute
)

// Account is an account that is served.
type Account struct {
	// Secrets are the secret tokens by which Zoom signs, of which one is right: an app
	// has one, and two while it is being changed.
	Secrets []string
	// Evict makes stale what is filed under one of the tags: in the account, or in a sub
	// account of it, of which accountID is Zoom's id then. It reports what Evict of
	// [cache.Store] does.
	Evict func(ctx context.Context, accountID string, tags ...cache.Tag) (done bool)
}

// Webhook takes Zoom's webhooks. Whatever is not signed by a secret token of the account
// that it tells of, or of the master of that account, changes nothing.
//
// What an event makes stale is evicted first, then the event is stored in the stream, then
// Zoom is answered 204. So nothing is lost, wherever a replica ends in between: before the
// answer, Zoom delivers the event again; behind it, the stream has it, and where the
// eviction did not reach Redis, another replica finishes it (see [Webhook.Finish]). An
// event that is not stored within [storeWithin] is answered 503, which has Zoom deliver it
// again in five minutes; until then, its tags are evicted all the same.
//
// Source: https://developers.zoom.us/docs/api/webhooks/
type Webhook struct {
	// Accounts are those that are served, by Zoom's id.
	Accounts map[string]Account
	// Stream keeps the events that were taken.
	Stream Stream
	// Log gets a line for each event that is taken, and for each delivery that is not.
	Log *slog.Logger

	seen seen
	now  func() time.Time // nil is time.Now
}

// ServeHTTP takes a delivery.
func (h *Webhook) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	body, release, status, why := read(w, r)
	defer release()
	if status != 0 {
		h.refuse(w, r, status, why)
		return
	}
	if !h.inTime(r.Header.Get(timestampHeader)) {
		h.refuse(w, r, http.StatusUnauthorized, "the delivery has no time, or is older than two hours")
		return
	}
	account, secret, ok := h.signer(r.Header, body)
	if !ok {
		h.refuse(w, r, http.StatusUnauthorized, "the signature is by none of the secret tokens that are set")
		return
	}
	m, err := decode(body)
	if err != nil {
		h.refuse(w, r, http.StatusBadRequest, err.Error())
		return
	}
	if m.Event == "endpoint.url_validation" {
		h.validate(w, r, m.Payload.PlainToken, secret)
		return
	}
	e, err := m.parsed()
	if err != nil {
		h.refuse(w, r, http.StatusBadRequest, err.Error())
		return
	}
	if _, served := h.Accounts[e.AccountID]; served {
		account = e.AccountID
	} // else it is a sub account of who signed
	if !slices.Contains(h.Accounts[account].Secrets, secret) {
		h.refuse(w, r, http.StatusUnauthorized, "the signature is by the secret token of another account")
		return
	}
	if err := h.take(r.Context(), account, e); err != nil {
		h.refuse(w, r, http.StatusServiceUnavailable, "the event cannot be stored; send it again")
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// What deliveries take while they are read, before anything is known of who sends them.
// Short ones, as all of Zoom's are, do not wait behind long ones.
var (
	shortBodies = semaphore.NewWeighted(8 << 20)
	longBodies  = semaphore.NewWeighted(4 << 20)
)

const (
	shortBody = 64 << 10
	// readTime is how long a delivery may take to come.
	readTime = 5 * time.Second
)

// read reads a delivery, or says with which status and why it is refused. release gives
// back the room that it takes.
func read(w http.ResponseWriter, r *http.Request) (body []byte, release func(), status int, why string) {
	release = func() {}
	n := r.ContentLength
	switch {
	case r.Method != http.MethodPost:
		w.Header().Set("Allow", http.MethodPost)
		return nil, release, http.StatusMethodNotAllowed, "Zoom delivers events by POST"
	case n > maxBody:
		return nil, release, http.StatusRequestEntityTooLarge, "the delivery is larger than 1 MiB"
	case n < 0:
		n = maxBody
	}
	room := shortBodies
	if n > shortBody {
		room = longBodies
	}
	if !room.TryAcquire(n) {
		return nil, release, http.StatusServiceUnavailable, "too many deliveries at once; send it again"
	}
	release = func() { room.Release(n) }
	// An error means that the connection has no deadlines, and so none of a stranger's.
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(readTime))
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		return nil, release, http.StatusRequestEntityTooLarge, "the delivery is larger than 1 MiB"
	} else if err != nil {
		return nil, release, http.StatusBadRequest, "the delivery broke off"
	}
	return body, release, 0, ""
}

// storeWithin is how long an event may take to be evicted by and stored.
const storeWithin = 2 * time.Second

// take evicts what an event of a served account, or of a sub account of it, makes stale, and
// stores the event. An event that was taken before changes nothing. The error is that it is
// not stored.
func (h *Webhook) take(ctx context.Context, account string, e *Event) error {
	if h.seen.has(e.Key) {
		h.Log.LogAttrs(ctx, slog.LevelDebug, "event again", slog.String("event", e.name()))
		return nil
	}
	// The sender may leave: what it has delivered is true all the same.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeWithin)
	defer cancel()
	stale := e.Stale()
	done := len(stale) == 0 || h.Accounts[account].Evict(ctx, e.AccountID, stale...)
	message := &stream.Message{Key: e.Key, Body: e.record(account), Pending: !done, Marks: e.marks(account)}
	if err := h.Stream.Append(ctx, message); err != nil {
		return err
	}
	h.seen.add(e.Key)
	h.Log.LogAttrs(ctx, slog.LevelInfo, "event", slog.String("event", e.name()), slog.Int("tags", len(stale)))
	return nil
}

// name is the name for the log: what a stranger calls an event is not written there.
func (e *Event) name() string {
	if !e.Known() {
		return "unknown"
	}
	return e.Name
}

// validate answers Zoom's question whether this is the endpoint: by the secret token that
// signed the question.
func (h *Webhook) validate(w http.ResponseWriter, r *http.Request, token, secret string) {
	if token == "" || len(token) > maxValue {
		h.refuse(w, r, http.StatusBadRequest, "the validation has no token")
		return
	}
	answer, err := json.Marshal(map[string]string{"plainToken": token, "encryptedToken": mac(secret, []byte(token))})
	if err != nil {
		h.refuse(w, r, http.StatusBadRequest, "the validation's token is no text")
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(answer) // an error means that the reader has left
}

// signer returns the id of the account by whose secret token a delivery is signed. All of
// them are looked at, so that the time tells nothing.
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

func (h *Webhook) refuse(w http.ResponseWriter, r *http.Request, status int, why string) {
	h.Log.LogAttrs(r.Context(), slog.LevelWarn, "delivery refused", slog.Int("status", status), slog.String("why", why))
	http.Error(w, why, status)
}

// inTime reports whether a time stamp is one of now. Zoom writes seconds; milliseconds
// are known by their size.
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
	now := time.Now
	if h.now != nil {
		now = h.now
	}
	age := now().Sub(at)
	return -maxAhead <= age && age <= maxAge
}

// isSigned reports whether a delivery is signed by a secret. How long it takes does not
// depend on how much of the signature is right.
func isSigned(header http.Header, body []byte, secret string) bool {
	signature := "v0=" + mac(secret, []byte("v0:"+header.Get(timestampHeader)+":"), body)
	return secret != "" && hmac.Equal([]byte(signature), []byte(header.Get(signatureHeader)))
}

// mac returns the HMAC-SHA-256 of what the parts are together, in hex.
func mac(secret string, parts ...[]byte) string {
	h := hmac.New(sha256.New, []byte(secret))
	for _, part := range parts {
		h.Write(part)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// seen remembers events that were taken: the last of them, in two tables of which the
// older goes when the younger is full. An event that is forgotten is evicted by once
// more, which costs a call at most.
type seen struct {
	mu       sync.Mutex
	now, old map[[16]byte]struct{}
}

// maxSeen is how many events each table has: about a megabyte each.
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
