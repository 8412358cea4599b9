package events

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"zoomql/cache"
	"zoomql/internal/stream"
)

var at = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

const ended = `{"event":"meeting.ended","event_ts":1772366400000,"payload":{"account_id":"A","object":{"id":"86420013579","uuid":"u","host_id":"h"}}}`

// testWebhook is a webhook of two accounts, which records evictions and its log.
type testWebhook struct {
	*Webhook
	evicted   map[string][]cache.Tag // by the configured account and the account of the event
	unwritten bool                   // evictions do not reach Redis
	log       written
	mu        sync.Mutex // guards evicted while events arrive over a WebSocket
}

// written is a buffer that can be read while it is written.
type written struct {
	mu  sync.Mutex
	all bytes.Buffer
}

// Write implements [io.Writer].
func (w *written) Write(text []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.all.Write(text)
}

// String implements [fmt.Stringer].
func (w *written) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.all.String()
}

// withoutTime omits the time from the log, since its digits may be those of an id.
func withoutTime(_ []string, a slog.Attr) slog.Attr {
	if a.Key == slog.TimeKey {
		return slog.Attr{}
	}
	return a
}

// evictedOf returns the tags that were evicted for account A, of itself or a sub account.
func (d *testWebhook) evictedOf(account string) []cache.Tag {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.evicted["A "+account])
}

// evictions returns the number of evicted tags.
func (d *testWebhook) evictions() (n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, tags := range d.evicted {
		n += len(tags)
	}
	return n
}

func newTestWebhook() *testWebhook {
	d := &testWebhook{evicted: map[string][]cache.Tag{}}
	account := func(name string, secrets ...string) Account {
		return Account{Secrets: secrets, Evict: func(_ context.Context, accountID string, tags ...cache.Tag) bool {
			d.mu.Lock()
			defer d.mu.Unlock()
			d.evicted[name+" "+accountID] = append(d.evicted[name+" "+accountID], tags...)
			return !d.unwritten
		}}
	}
	inbox := &Inbox{
		Accounts: map[string]Account{"A": account("A", "old", "new"), "B": account("B", "other")}, Stream: &stream.Memory{},
		Log: slog.New(slog.NewTextHandler(&d.log, &slog.HandlerOptions{Level: slog.LevelDebug, ReplaceAttr: withoutTime})),
	}
	d.Webhook = &Webhook{Inbox: inbox, now: func() time.Time { return at }}
	return d
}

// deliver delivers a body that was signed with a secret at a time.
func (d *testWebhook) deliver(body, secret string, when time.Time, change ...func(r *http.Request)) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, "/webhooks/zoom", strings.NewReader(body))
	stamp := strconv.FormatInt(when.Unix(), 10)
	r.Header.Set(timestampHeader, stamp)
	r.Header.Set(signatureHeader, "v0="+mac(secret, []byte("v0:"+stamp+":"+body)))
	for _, f := range change {
		f(r)
	}
	w := httptest.NewRecorder()
	d.ServeHTTP(w, r)
	return w
}

func TestWebhook_evictsWhatAnEventMakesStale(t *testing.T) {
	for _, secret := range []string{"old", "new"} {
		d := newTestWebhook()
		if w := d.deliver(ended, secret, at); w.Code != http.StatusNoContent || w.Body.Len() > 0 {
			t.Fatalf("%s: %d %s", secret, w.Code, w.Body)
		}
		if got := d.evicted["A A"]; !slices.Contains(got, "instance:u") || !slices.Contains(got, "user:h:past_meetings") || len(d.evicted) != 1 {
			t.Errorf("%s: evicted were %q", secret, d.evicted)
		}
		if log := d.log.String(); !strings.Contains(log, "event=meeting.ended") || strings.Contains(log, "86420013579") {
			t.Errorf("the log is %s", log)
		}
	}
}

// TestWebhook_takesAnEventOnce delivers an event again, as Zoom does for 85 minutes, with a new
// signature or the old one.
func TestWebhook_takesAnEventOnce(t *testing.T) {
	d := newTestWebhook()
	d.deliver(ended, "old", at)
	once := len(d.evicted["A A"])
	for _, when := range []time.Time{at, at.Add(-85 * time.Minute)} {
		if w := d.deliver(ended, "old", when); w.Code != http.StatusNoContent || len(d.evicted["A A"]) != once {
			t.Errorf("again: %d, evicted were %d, want %d", w.Code, len(d.evicted["A A"]), once)
		}
	}
}

// TestWebhook_subAccounts expects an event of a sub account to be accepted if it is signed with the
// secret token of its master account.
func TestWebhook_subAccounts(t *testing.T) {
	d := newTestWebhook()
	w := d.deliver(strings.Replace(ended, `"A"`, `"C"`, 1), "other", at)
	if w.Code != http.StatusNoContent || len(d.evicted["B C"]) == 0 || len(d.evicted) != 1 {
		t.Errorf("%d, evicted were %q", w.Code, d.evicted)
	}
}

// TestWebhook_logsRefusals expects one line for many refused deliveries without a valid signature,
// and one for each that is signed.
func TestWebhook_logsRefusals(t *testing.T) {
	d := newTestWebhook()
	for range 100 {
		d.deliver(ended, "wrong", at)
	}
	for range 2 {
		d.deliver("<html>", "old", at)
	}
	log := d.log.String()
	if strangers, signed := strings.Count(log, "status=401"), strings.Count(log, "status=400"); strangers != 1 || signed != 2 {
		t.Errorf("%d lines of unsigned deliveries, %d of signed ones:\n%s", strangers, signed, log)
	}
}

func TestWebhook_refusesWhatIsNotProven(t *testing.T) {
	header := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	long := strings.Replace(ended, `"h"`, `"`+strings.Repeat("h", maxBody)+`"`, 1)
	for name, c := range map[string]struct {
		body, secret string
		when         time.Time
		change       func(*http.Request)
		want         int
	}{
		"another secret":                {ended, "wrong", at, nil, http.StatusUnauthorized},
		"no secret":                     {ended, "", at, nil, http.StatusUnauthorized},
		"another account's secret":      {ended, "other", at, nil, http.StatusUnauthorized},
		"no signature":                  {ended, "old", at, header(signatureHeader, ""), http.StatusUnauthorized},
		"another version":               {ended, "old", at, header(signatureHeader, "v1=00"), http.StatusUnauthorized},
		"another time than signed":      {ended, "old", at, header(timestampHeader, strconv.FormatInt(at.Unix()+1, 10)), http.StatusUnauthorized},
		"no time":                       {ended, "old", at, header(timestampHeader, ""), http.StatusUnauthorized},
		"a time that is none":           {ended, "old", at, header(timestampHeader, "now"), http.StatusUnauthorized},
		"yesterday":                     {ended, "old", at.Add(-24 * time.Hour), nil, http.StatusUnauthorized},
		"tomorrow":                      {ended, "old", at.Add(24 * time.Hour), nil, http.StatusUnauthorized},
		"another method":                {ended, "old", at, func(r *http.Request) { r.Method = http.MethodGet }, http.StatusMethodNotAllowed},
		"too long":                      {long, "old", at, nil, http.StatusRequestEntityTooLarge},
		"too long without its length":   {long, "old", at, func(r *http.Request) { r.ContentLength = -1 }, http.StatusRequestEntityTooLarge},
		"no JSON":                       {"<html>", "old", at, nil, http.StatusBadRequest},
		"no event":                      {`{"payload":{"account_id":"A"}}`, "old", at, nil, http.StatusBadRequest},
		"an unknown event":              {strings.Replace(ended, "ended", "danced", 1), "old", at, nil, http.StatusNoContent},
		"a validation without a token":  {`{"event":"endpoint.url_validation","payload":{}}`, "old", at, nil, http.StatusBadRequest},
		"a validation that is not ours": {`{"event":"endpoint.url_validation","payload":{"plainToken":"x"}}`, "wrong", at, nil, http.StatusUnauthorized},
	} {
		d := newTestWebhook()
		var change []func(*http.Request)
		if c.change != nil {
			change = append(change, c.change)
		}
		w := d.deliver(c.body, c.secret, c.when, change...)
		if w.Code != c.want || len(d.evicted) > 0 {
			t.Errorf("%s: %d, want %d; evicted was %q", name, w.Code, c.want, d.evicted)
		}
		if said := w.Body.String() + d.log.String(); strings.Contains(said, "danced") || strings.Contains(said, "86420013579") {
			t.Errorf("%s: the delivery is quoted: %s", name, said)
		}
	}
}

func TestWebhook_validation(t *testing.T) {
	for _, secret := range []string{"old", "new", "other"} {
		w := newTestWebhook().deliver(`{"event":"endpoint.url_validation","event_ts":1,"payload":{"plainToken":"abc"}}`, secret, at)
		var said map[string]string
		if err := json.Unmarshal(w.Body.Bytes(), &said); err != nil || w.Code != http.StatusOK {
			t.Fatalf("%d %s: %v", w.Code, w.Body, err)
		}
		if said["plainToken"] != "abc" || said["encryptedToken"] != mac(secret, []byte("abc")) {
			t.Errorf("%s: %v", secret, said)
		}
	}
}

// TestMac compares a signature with one that openssl computed.
func TestMac(t *testing.T) {
	const want = "f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8" // printf %s text | openssl dgst -sha256 -hmac key
	if got := mac("key", []byte("The quick brown fox jumps over the lazy dog")); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// TestWebhook_milliseconds expects a timestamp in milliseconds to be accepted, as some of Zoom's
// are.
func TestWebhook_milliseconds(t *testing.T) {
	d := newTestWebhook()
	stamp := strconv.FormatInt(at.UnixMilli(), 10)
	w := d.deliver(ended, "old", at, func(r *http.Request) {
		r.Header.Set(timestampHeader, stamp)
		r.Header.Set(signatureHeader, "v0="+mac("old", []byte("v0:"+stamp+":"+ended)))
	})
	if w.Code != http.StatusNoContent {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// TestWebhook_roomForDeliveries opens more deliveries than the room has memory for, which do not
// send the length that they declare. It expects the first ones to be refused, and a complete one
// to be accepted. When all are answered, all memory is free.
func TestWebhook_roomForDeliveries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newTestWebhook()
		const slow = 12<<20/firstRead + 10
		var (
			running sync.WaitGroup
			refused atomic.Int64
			opened  []*io.PipeWriter
		)
		for range slow {
			reader, writer := io.Pipe()
			opened = append(opened, writer)
			running.Go(func() {
				w := &deadlined{ResponseRecorder: httptest.NewRecorder(), body: reader}
				r := httptest.NewRequest(http.MethodPost, "/webhooks/zoom", reader)
				r.ContentLength = 64 << 10
				r.Header.Set(timestampHeader, strconv.FormatInt(at.Unix(), 10))
				r.Header.Set(signatureHeader, "v0=unknown")
				d.ServeHTTP(w, r)
				if w.Code == http.StatusServiceUnavailable {
					refused.Add(1)
				}
			})
			_, _ = writer.Write([]byte("{"))
			synctest.Wait()
		}
		if w := d.deliver(ended, "old", at); w.Code != http.StatusNoContent {
			t.Errorf("a complete delivery: %d", w.Code)
		}
		synctest.Wait()
		if n := refused.Load(); n != 11 {
			t.Errorf("%d were refused, want the first 11", n)
		}
		for _, w := range opened {
			_ = w.CloseWithError(io.ErrUnexpectedEOF)
		}
		running.Wait()
		if deliveries.used != 0 || deliveries.reading.Len() != 0 {
			t.Errorf("%d bytes are reserved, by %d deliveries", deliveries.used, deliveries.reading.Len())
		}
	})
}

// deadlined is a ResponseWriter whose read deadline ends the body of the request, as that of a
// connection does.
type deadlined struct {
	*httptest.ResponseRecorder
	body *io.PipeReader
}

func (u *deadlined) SetReadDeadline(at time.Time) error {
	if !at.After(time.Now()) {
		_ = u.body.CloseWithError(os.ErrDeadlineExceeded)
	}
	return nil
}

// TestSeen_isBounded adds more events than the bound, and expects the last ones to be found.
func TestSeen_isBounded(t *testing.T) {
	s := &seen{}
	for i := range 3 * maxSeen {
		s.add(strconv.Itoa(i))
	}
	if n := len(s.now) + len(s.old); n > 2*maxSeen || !s.has(strconv.Itoa(3*maxSeen-1)) || !s.has(strconv.Itoa(2*maxSeen)) || s.has("0") {
		t.Errorf("%d are stored", n)
	}
}

// TestWebhook_aboutSubAccounts expects an event about a sub account to evict the answers of the sub
// account and the list of sub accounts, whichever of the two accounts the event is of.
func TestWebhook_aboutSubAccounts(t *testing.T) {
	for _, of := range []string{"A", "sub1"} {
		for _, pending := range []bool{false, true} {
			d := newTestWebhook()
			body := `{"event":"account.updated","event_ts":1772366400000,"payload":{"account_id":"` + of + `","object":{"id":"sub1"}}}`
			if pending {
				e, err := Parse([]byte(body), at)
				if err != nil || !d.evictBy(t.Context(), e.record("A", false)) {
					t.Fatal("the eviction is not done", err)
				}
			} else if w := d.deliver(body, "old", at); w.Code != http.StatusNoContent {
				t.Fatal(w.Code)
			}
			if own, sub := d.evictedOf("A"), d.evictedOf("sub1"); !slices.Contains(own, "accounts") || !slices.Contains(sub, "account") {
				t.Errorf("an event of %s evicts %q of the account, and %q of the sub account", of, own, sub)
			}
		}
	}
}

// TestWebhook_countsRefusalsByReason expects each reason of refusals to be counted in a line of its
// own.
func TestWebhook_countsRefusalsByReason(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newTestWebhook()
		d.deliver(ended, "old", at, func(r *http.Request) { r.Method = http.MethodGet })
		for range 9 {
			d.deliver(ended, "wrong", at)
		}
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		log := d.log.String()
		if strings.Count(log, "status=405") != 1 || !strings.Contains(log, "status=401") || !strings.Contains(log, "n=8") {
			t.Error(log)
		}
	})
}
