package zoom

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"zoomql/internal/ratelimit"
	"zoomql/internal/zoom/types"
)

// A header blocks a limit for no longer than its window.
func TestRetryAt_isBounded(t *testing.T) {
	const (
		second = `{"code":429,"message":"You have reached the maximum per-second rate limit for this API. Try again later."}`
		daily  = `{"code":429,"message":"You have reached the maximum daily rate limit for this API."}`
		atOnce = `{"code":429,"message":"Too many concurrent requests."}`
	)
	minute := noon.Add(time.Minute)
	for _, c := range []struct {
		why     string
		status  int
		body    string
		headers []string
		latest  time.Time
	}{
		{"six days on a second", 429, second, []string{"Retry-After", "518400", "X-RateLimit-Type", "QPS"}, minute},
		{"an hour on a second", 429, second, []string{"Retry-After", "3600"}, minute},
		{"the same as a date", 429, second, []string{"Retry-After", "Mon, 16 Mar 2026 18:00:00 GMT"}, minute},
		{"the same by the other header", 429, second, []string{"X-RateLimit-Reset", strconv.FormatInt(noon.Add(5*time.Hour).Unix(), 10)}, minute},
		{"a page of a proxy", 429, `<html>`, []string{"Retry-After", "86400"}, minute},
		{"nothing but the header", 429, ``, []string{"Retry-After", "86400"}, minute},
		{"two writes at once", 429, atOnce, []string{"Retry-After", "86400"}, minute},
		{"six days on a day", 429, daily, []string{"Retry-After", "518400"}, midnight},
		{"the day after tomorrow", 429, daily, []string{"Retry-After", "2026-03-18T00:00:00Z"}, midnight},
		{"six days by the other header", 429, daily, []string{"X-RateLimit-Reset", strconv.FormatInt(noon.Add(6*24*time.Hour).Unix(), 10)}, midnight},
		{"an outage of six days", 503, ``, []string{"Retry-After", "518400"}, midnight},
	} {
		if e := refusalOf(c.status, c.body, c.headers...); e.RetryAt.After(c.latest) || e.RetryAt.Before(noon) {
			t.Errorf("%s: again at %v, which is not before %v", c.why, e.RetryAt, c.latest)
		}
	}
}

// An input that is too long is not sent: the error names its field.
func TestSegment_longIDs(t *testing.T) {
	long := strings.Repeat("x", MaxID+1)
	for _, c := range []struct {
		name string
		do   func(*Client) error
	}{
		{"userId", func(c *Client) error { _, err := GetUser.Do(t.Context(), c, UserKey{UserID: long}); return err }},
		{"an id", func(c *Client) error {
			_, err := GetUser.Do(t.Context(), c.In(long), UserKey{UserID: "u"})
			return err
		}},
		{"meetingId", func(c *Client) error {
			_, err := GetPastMeeting.Do(t.Context(), c, InstanceKey{MeetingID: "/" + long})
			return err
		}},
		{"role_id", func(c *Client) error {
			_, err := ListUsers.Page(t.Context(), c, UserFilter{RoleID: long}, Paging{})
			return err
		}},
		{"next_page_token", func(c *Client) error {
			_, err := ListUsers.Page(t.Context(), c, UserFilter{}, Paging{Token: strings.Repeat("x", maxToken+1)})
			return err
		}},
		{"group_id", func(c *Client) error {
			_, err := ListDashboardMeetings.Page(t.Context(), c, DashboardMeetingFilter{DashboardFilter: DashboardFilter{GroupIDs: []string{strings.Repeat("x", MaxList+1)}}}, Paging{})
			return err
		}},
		{"path.userId", func(c *Client) error {
			_, err := Raw{Operation: GetUser.Pattern, Path: map[string]string{"userId": long}}.Do(t.Context(), c)
			return err
		}},
		{"query", func(c *Client) error {
			_, err := Raw{Operation: ListUsers.Pattern, Query: map[string][]string{"x": {strings.Repeat("x", MaxList)}}}.Do(t.Context(), c)
			return err
		}},
		{"operation", func(c *Client) error {
			_, err := Raw{Operation: strings.Repeat("GET /", 100_000)}.Do(t.Context(), c)
			return err
		}},
	} {
		client := newTestClient(func(*http.Request) *http.Response { t.Errorf("%s: a call was sent", c.name); return answer(200, `{}`) })
		if e := asError(t, c.do(client)); !errors.Is(e.Kind, ErrInvalid) || e.Status != 0 || !strings.Contains(e.Message, c.name) || len(e.Error()) > 600 {
			t.Errorf("%s: got %.300s", c.name, e.Error())
		}
	}
	sent := 0
	client := newTestClient(func(*http.Request) *http.Response { sent++; return answer(200, `{"id":"u"}`) })
	if _, err := GetUser.Do(t.Context(), client, UserKey{UserID: strings.Repeat("x", MaxID)}); err != nil || sent != 1 {
		t.Errorf("the longest id: %v", err)
	}
}

// endless is a body that never ends; it counts the bytes read.
type endless struct{ read int }

func (e *endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	e.read += len(p)
	return len(p), nil
}

func TestBodies_oneAnswerIsBounded(t *testing.T) {
	for _, status := range []int{200, 404} {
		body := &endless{}
		c := newTestClient(func(*http.Request) *http.Response {
			resp := answer(status, "")
			resp.Body, resp.ContentLength = io.NopCloser(body), -1
			return resp
		})
		want := ErrBadAnswer
		if status == 404 {
			want = ErrNotZoom // a refusal of Zoom's is not blank
		}
		if _, err := GetUser.Do(t.Context(), c, UserKey{"u"}); !errors.Is(err, want) || body.read > maxAnswer+1 {
			t.Errorf("%d: %v after %d bytes", status, err, body.read)
		}
		if b := c.cfg.Bodies; !whole(b) {
			t.Errorf("%d: memory was not released", status)
		}
	}
}

// whole reports whether no memory is held.
func whole(b *Bodies) bool {
	ctx := context.Background()
	all, ok := b.budget.TryAcquire(ctx, bodyBudget)
	if ok {
		all()
	}
	overflow, free := b.overflow.TryAcquire(ctx, 1)
	if free {
		overflow()
	}
	return ok && free
}

// A Content-Length takes no memory before the bytes arrive.
func TestBodies_takeWhatCame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewBodies()
		var reading sync.WaitGroup
		var writers []*io.PipeWriter
		for range 300 {
			from, to := io.Pipe()
			writers = append(writers, to)
			reading.Go(func() {
				_, release, err := b.read(t.Context(), from, maxAnswer-1)
				release()
				if err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		if release, ok := b.budget.TryAcquire(t.Context(), bodyBudget-300*firstRead); !ok {
			t.Error("Content-Length takes memory")
		} else {
			release()
		}
		for _, w := range writers {
			_ = w.Close()
		}
		reading.Wait()
		if !whole(b) {
			t.Error("memory was not released")
		}
	})
}

// Many large answers at once wait for memory, and all of them are read, also those that
// grow while the budget is used up.
func TestBodies_shareMemory(t *testing.T) {
	const each = 5 << 20
	b := NewBodies()
	var mu sync.Mutex
	held, most := 0, 0
	var reading sync.WaitGroup
	for i := range 40 {
		length := int64(-1)
		if i%2 == 0 {
			length = each
		}
		reading.Go(func() {
			body, release, err := b.read(t.Context(), io.LimitReader(&endless{}, each), length)
			if err != nil || len(body) != each {
				t.Errorf("%d bytes: %v", len(body), err)
			}
			mu.Lock()
			held += cap(body)
			most = max(most, held)
			held -= cap(body)
			mu.Unlock()
			release()
		})
	}
	reading.Wait()
	if !whole(b) {
		t.Error("memory was not released")
	}
	if most > bodyBudget+maxAnswer+1 {
		t.Errorf("%d bytes were held", most)
	}
}

func TestBodies_waiterContextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewBodies()
		all, _ := b.budget.TryAcquire(t.Context(), bodyBudget)
		overflow, _ := b.overflow.TryAcquire(t.Context(), 1)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, release, err := b.read(ctx, strings.NewReader("{}"), 2)
		release()
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		all()
		overflow()
		if !whole(b) {
			t.Error("memory was not released")
		}
	})
}

// Lists with cyclic or endless pages end with an error.
func TestPages_leadNowhere(t *testing.T) {
	user := `{"id":"u","email":"u@example.com","type":2}`
	for _, c := range []struct {
		why   string
		page  func(token string) string
		calls int
	}{
		{"the same empty page again", func(string) string { return `{"next_page_token":"again","users":[]}` }, 2},
		{"the same full page again", func(string) string { return `{"next_page_token":"again","users":[` + user + `]}` }, 2},
		{"two pages that name each other", func(token string) string {
			next := "a"
			if token == "a" {
				next = "b"
			}
			return `{"next_page_token":"` + next + `","users":[{"id":"u` + token + `"}]}`
		}, 3},
		{"empty pages without end", func(token string) string { return `{"next_page_token":"` + token + `x","users":[]}` }, maxEmptyPages},
		{"a token of ten kilobytes", func(string) string {
			return `{"next_page_token":"` + strings.Repeat("x", 10<<10) + `","users":[]}`
		}, 1},
	} {
		var calls atomic.Int32
		client := func() *Client {
			calls.Store(0)
			return newTestClient(func(r *http.Request) *http.Response {
				if strings.HasPrefix(r.URL.Path, "/v2/users/") {
					return answer(404, `{"code":1001,"message":"User does not exist."}`)
				}
				if calls.Add(1) > 1_000 {
					return nil // ends a list that would never end
				}
				return answer(200, c.page(r.URL.Query().Get("next_page_token")))
			})
		}
		var last error
		cl := client()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // only an endless loop exceeds it
		for range 2 {                                                // once from Zoom, once from the cache
			for _, err := range ListUsers.Pages(ctx, cl, UserFilter{}, Paging{Size: 300}) {
				if last = err; ctx.Err() != nil {
					t.Fatalf("%s: no end", c.why)
				}
			}
			if e := asError(t, last); !errors.Is(e.Kind, ErrBadAnswer) || int(calls.Load()) != c.calls {
				t.Errorf("%s: after %d calls: %v", c.why, calls.Load(), last)
			}
		}
		cl = client()
		keys := make([]string, 500)
		for i := range keys {
			keys[i] = fmt.Sprintf("%d@example.com", i)
		}
		for range 2 {
			for _, f := range FindUsers(ctx, cl, keys, nil) {
				if !errors.Is(f.Err, ErrNotFound) {
					t.Fatalf("%s: an unknown user: %v", c.why, f.Err)
				}
			}
		}
		cancel()
	}
}

// Reading a list from the cache ends with the context.
func TestPages_cachedListEndsWithContext(t *testing.T) {
	c := newTestClient(func(r *http.Request) *http.Response {
		n, _ := strconv.Atoi(r.URL.Query().Get("next_page_token"))
		return answer(200, fmt.Sprintf(`{"next_page_token":"%d","users":[{"id":"u%d"}]}`, n+1, n))
	}, func(cfg *Config) { cfg.AccountID = "other" })
	read := func(ctx context.Context, most int) (pages int, last error) {
		for _, err := range ListUsers.Pages(ctx, c, UserFilter{}, Paging{Size: 300}) {
			if last = err; err == nil {
				pages++
			}
			if pages == most {
				break
			}
		}
		return pages, last
	}
	if pages, err := read(t.Context(), 20); pages != 20 {
		t.Fatal(err)
	}
	ctx, leave := context.WithCancel(t.Context())
	leave()
	if pages, err := read(ctx, 20); pages > 1 || !errors.Is(err, context.Canceled) {
		t.Errorf("%d pages were read: %v", pages, err)
	}
}

// Made-up accounts and ids do not grow the maps without bound.
func TestMaps_areBounded(t *testing.T) {
	all := newBreakers(Config{})
	handler := all.layer((&health{}).handle)
	for i := range 3 * maxBreakers {
		req := userRequest(t, "u")
		req.Account = strconv.Itoa(i)
		if _, err := handler(t.Context(), req); err != nil {
			t.Fatal(err)
		}
	}
	if n := all.all.EstimatedSize(); n > maxBreakers {
		t.Errorf("%d breakers are kept", n)
	}

	a := &account{observed: bounded[time.Time](maxObserved)}
	for i := range 3 * maxObserved {
		a.dueFor(strconv.Itoa(i))
	}
	if n := a.observed.EstimatedSize(); n > maxObserved {
		t.Errorf("%d limits are remembered", n)
	}

	hosts := newHosts()
	for i := range 200_000 {
		hosts.note(app(nil), &types.Meeting{Number: types.MeetingNumber(i + 1), HostZoomID: types.Text(strings.Repeat("h", i%300))})
	}
	if w := hosts.of.WeightedSize(); w > maxHosts {
		t.Errorf("hosts take %d bytes", w)
	}

	l := &lengths{}
	for i := range 3 * maxLengths {
		l.set(strconv.Itoa(i), length{items: i})
	}
	if len(l.of) > maxLengths {
		t.Errorf("%d lengths are remembered", len(l.of))
	}

	locks := &keyLocks{of: map[string]*keyLock{}}
	for i := range 1_000 {
		key := strconv.Itoa(i)
		if err := locks.lock(t.Context(), key); err != nil {
			t.Fatal(err)
		}
		locks.unlock(key)
	}
	if len(locks.of) != 0 {
		t.Errorf("%d locks are left", len(locks.of))
	}
}

// A call that the scopes do not allow is refused before a breaker is created for it.
func TestAuthorized_beforeBreakers(t *testing.T) {
	c := newTestClient(func(*http.Request) *http.Response { t.Error("a call was sent"); return answer(200, `{}`) },
		func(cfg *Config) { cfg.Breaker = Breaker{Calls: 1} }).As(app(&tokens{scopes: []string{"user:read:list_users:admin"}}))
	for range 20 {
		if _, err := GetUser.Do(t.Context(), c.In("made-up"), UserKey{"u"}); !errors.Is(err, ErrMissingScope) {
			t.Fatal(err)
		}
	}
	if n := c.breakers.all.EstimatedSize(); n != 0 {
		t.Errorf("%d breakers are kept", n)
	}
}

// One caller's flood of calls delays another's single call by one of them.
func TestLimited_callersTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newTestClient(nil, func(cfg *Config) {
			cfg.MaxInFlight = 2
			cfg.HTTP = &http.Client{Transport: slowWire(time.Second)}
		})
		var calls sync.WaitGroup
		call := func(caller, user string) {
			calls.Go(func() {
				if _, err := GetUser.Do(ratelimit.WithCaller(t.Context(), caller), c, UserKey{user}); err != nil {
					t.Error(err)
				}
			})
		}
		for i := range 100 {
			call("flood", "u"+strconv.Itoa(i))
		}
		synctest.Wait()
		began := time.Now()
		single := make(chan time.Duration, 1)
		calls.Go(func() {
			_, err := GetUser.Do(ratelimit.WithCaller(t.Context(), "single"), c, UserKey{"v"})
			if err != nil {
				t.Error(err)
			}
			single <- time.Since(began)
		})
		if took := <-single; took > 2*time.Second {
			t.Errorf("a single call took %v during a flood", took)
		}
		calls.Wait()
	})
}

// slowWire answers after a delay.
func slowWire(d time.Duration) http.RoundTripper {
	return wire(func(*http.Request) *http.Response {
		time.Sleep(d)
		return answer(200, `{"id":"u"}`)
	})
}

// The texts of a refusal are bounded.
func TestRefusal_isShort(t *testing.T) {
	long := strings.Repeat("x", 100_000)
	body := `{"code":300,"message":"` + long + `","errors":[` + strings.TrimSuffix(strings.Repeat(`{"field":"`+long+`","message":"`+long+`"},`, 100), ",") + `]}`
	e := refusalOf(400, body, "X-Zm-Trackingid", long)
	if n := len(fmt.Sprintf("%+v", *e)); n > 50*700+2_000 {
		t.Errorf("the error holds %d bytes", n)
	}
}
