package zoom

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"zoomql/internal/flight"
	"zoomql/internal/ratelimit"
	"zoomql/internal/zoom/types"
)

// asking is a caller that is under way.
type asking struct {
	done chan struct{}
	resp *Response
	err  error
}

func ask(ctx context.Context, h Handler, req *Request) *asking {
	a := &asking{done: make(chan struct{})}
	go func() {
		defer close(a.done)
		a.resp, a.err = h(ctx, req)
	}()
	return a
}

func (a *asking) waits() bool {
	synctest.Wait()
	select {
	case <-a.done:
		return false
	default:
		return true
	}
}

// barrier is a Handler that answers each call when it is let through.
type barrier struct {
	mu    sync.Mutex
	calls []*gated
}

type gated struct {
	ctx  context.Context
	pass chan error // an error, or nil for an answer
	resp *Response
}

// handle implements Handler. Calls that are sent do not end with their context.
func (g *barrier) handle(sent bool) Handler {
	return func(ctx context.Context, _ *Request) (*Response, error) {
		call := &gated{ctx: ctx, pass: make(chan error, 1), resp: &Response{}}
		g.mu.Lock()
		g.calls = append(g.calls, call)
		g.mu.Unlock()
		if sent {
			ctx = context.Background()
		}
		select {
		case err := <-call.pass:
			if err != nil {
				return nil, err
			}
			return call.resp, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// want waits until nothing moves any more and returns the calls, which are n.
func (g *barrier) want(t *testing.T, n int) []*gated {
	t.Helper()
	synctest.Wait()
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.calls) != n {
		t.Fatalf("%d calls were made, not %d", len(g.calls), n)
	}
	return g.calls
}

func userRequest(t *testing.T, id string, options ...Option) *Request {
	t.Helper()
	req, err := GetUser.request(anyone, UserKey{id}, options)
	if err != nil {
		t.Fatal(err)
	}
	return req
}

func TestCoalesced_manyCallersOneCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f flights
		var g barrier
		h := f.coalesced(g.handle(false))
		callers := make([]*asking, 64)
		for i := range callers {
			callers[i] = ask(t.Context(), h, userRequest(t, "u"))
		}
		calls := g.want(t, 1)
		calls[0].pass <- nil
		for _, a := range callers {
			if <-a.done; a.resp != calls[0].resp || a.err != nil {
				t.Errorf("a caller got %v, %v", a.resp, a.err)
			}
		}
		if f.Len() != 0 {
			t.Errorf("%d calls are still under way", f.Len())
		}
		again := ask(t.Context(), h, userRequest(t, "u"))
		g.want(t, 2)[1].pass <- ErrNotFound // what is over is not joined, and an error is shared as it is
		if <-again.done; !errors.Is(again.err, ErrNotFound) {
			t.Errorf("got %v", again.err)
		}
	})
}

func TestCoalesced_differentRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f flights
		var g barrier
		h := f.coalesced(g.handle(false))
		write, err := DeleteRegistrant.request(anyone, RegistrantRemoval{7, "r", ""}, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, req := range []*Request{userRequest(t, "u"), userRequest(t, "v"), userRequest(t, "u", WithSecrets), userRequest(t, "u", Secrets(false)), write, write} {
			ask(t.Context(), h, req)
		}
		for _, call := range g.want(t, 5) { // only the plain "u" is asked for twice
			call.pass <- nil
		}
		synctest.Wait()
	})
}

func TestCoalesced_oneCallerLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f flights
		var g barrier
		h := f.coalesced(g.handle(false))
		ctx, leave := context.WithCancel(t.Context())
		first, second := ask(ctx, h, userRequest(t, "u")), ask(t.Context(), h, userRequest(t, "u"))
		calls := g.want(t, 1)
		leave()
		if first.waits() || !errors.Is(first.err, context.Canceled) {
			t.Errorf("who leaves has left: %v", first.err)
		}
		if !second.waits() || calls[0].ctx.Err() != nil {
			t.Error("the call goes on for who stays")
		}
		calls[0].pass <- nil
		if <-second.done; second.resp != calls[0].resp || second.err != nil {
			t.Errorf("who stays got %v, %v", second.resp, second.err)
		}
	})
}

func TestCoalesced_lastCallerLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f flights
		var g barrier
		h := f.coalesced(g.handle(false))
		ctx, leave := context.WithCancel(t.Context())
		ask(ctx, h, userRequest(t, "u"))
		ask(ctx, h, userRequest(t, "u"))
		calls := g.want(t, 1)
		leave()
		synctest.Wait()
		if calls[0].ctx.Err() == nil || f.Len() != 0 {
			t.Errorf("the call still waits: %v, %d under way", calls[0].ctx.Err(), f.Len())
		}
	})
}

// A call that is sent is spent: who comes while it is under way has its answer.
func TestCoalesced_joinsWhatIsSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f flights
		var g barrier
		h := f.coalesced(g.handle(true))
		ctx, leave := context.WithCancel(t.Context())
		first := ask(ctx, h, userRequest(t, "u"))
		calls := g.want(t, 1)
		leave()
		first.waits()
		second := ask(t.Context(), h, userRequest(t, "u"))
		g.want(t, 1)
		calls[0].pass <- nil
		if <-second.done; second.resp != calls[0].resp || second.err != nil {
			t.Errorf("got %v, %v", second.resp, second.err)
		}
	})
}

// Who joins what is about to be given up is not given up with it.
func TestCoalesced_joinsNothingGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f flights
		var g barrier
		h := f.coalesced(g.handle(true))
		ctx, leave := context.WithCancel(t.Context())
		first := ask(ctx, h, userRequest(t, "u"))
		calls := g.want(t, 1)
		leave()
		<-first.done
		second := ask(t.Context(), h, userRequest(t, "u"))
		synctest.Wait()
		calls[0].pass <- errors.New("given up in the queue")
		calls = g.want(t, 2)
		calls[1].pass <- nil
		if <-second.done; second.resp != calls[1].resp || second.err != nil {
			t.Errorf("got %v, %v", second.resp, second.err)
		}
	})
}

func TestCoalesced_deadlineOfTheFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f flights
		var g barrier
		h := f.coalesced(g.handle(false))
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		long, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()

		first := ask(short, h, userRequest(t, "u"))
		calls := g.want(t, 1)
		if end, ok := calls[0].ctx.Deadline(); !ok || time.Until(end) != time.Second {
			t.Errorf("the limiter is told of %v, not of a second", time.Until(end))
		}
		second := ask(long, h, userRequest(t, "u"))
		time.Sleep(time.Second)
		if first.waits() || !errors.Is(first.err, context.DeadlineExceeded) {
			t.Errorf("who has no time left got %v", first.err)
		}
		calls = g.want(t, 2) // and who has more begins anew
		if end, _ := calls[1].ctx.Deadline(); time.Until(end) != flight.Longest {
			t.Errorf("the second call has %v, not %v", time.Until(end), flight.Longest)
		}
		calls[1].pass <- nil
		if <-second.done; second.resp != calls[1].resp || second.err != nil {
			t.Errorf("who had time got %v, %v", second.resp, second.err)
		}
	})
}

// Whoever waits, shared work ends.
func TestCoalesced_longestCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f flights
		var g barrier
		began := time.Now()
		a := ask(t.Context(), f.coalesced(g.handle(false)), userRequest(t, "u"))
		<-a.done
		if !errors.Is(a.err, context.DeadlineExceeded) || time.Since(began) != flight.Longest {
			t.Errorf("after %v: %v", time.Since(began), a.err)
		}
	})
}

// A panic in shared work has no caller above it who could catch it.
func TestCoalesced_panic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f flights
		a := ask(t.Context(), f.coalesced(func(context.Context, *Request) (*Response, error) { panic("a bug of ours") }), userRequest(t, "u"))
		if <-a.done; a.err == nil || !strings.Contains(a.err.Error(), "a bug of ours") || !strings.Contains(a.err.Error(), "layers_test.go") {
			t.Errorf("got %v, %v", a.resp, a.err)
		}
		if e, ok := errors.AsType[*Error](a.err); ok {
			t.Errorf("a bug is no answer of Zoom's: %v", e)
		}
		if f.Len() != 0 {
			t.Error("the call is still under way")
		}
	})
}

// Who asks after a change does not join what was asked before it.
func TestCoalesced_evicted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f flights
		var g barrier
		h := f.coalesced(g.handle(false))
		before, other := ask(t.Context(), h, userRequest(t, "u")), ask(t.Context(), h, userRequest(t, "v"))
		g.want(t, 2)
		f.forget(func(r *Request) bool { return r.Vars["userId"] == "u" })
		after, joined := ask(t.Context(), h, userRequest(t, "u")), ask(t.Context(), h, userRequest(t, "v"))
		calls := g.want(t, 3)
		for _, call := range calls {
			call.pass <- nil
		}
		for _, a := range []*asking{before, other, after, joined} {
			<-a.done
		}
		if after.resp != calls[2].resp || before.resp == after.resp || joined.resp != other.resp {
			t.Error("who asked after the change has the answer of before, or others were disturbed")
		}
		if f.Len() != 0 {
			t.Errorf("%d calls are still under way", f.Len())
		}
	})
}

// script is a Handler that fails as it is told, one call after the other, and
// answers when the errors are used up.
type script struct {
	errs  []error
	times []time.Duration // of the calls, since the first
	began time.Time
}

func (s *script) handle(context.Context, *Request) (*Response, error) {
	if s.began.IsZero() {
		s.began = time.Now()
	}
	s.times = append(s.times, time.Since(s.began))
	if n := len(s.times); n <= len(s.errs) {
		return nil, s.errs[n-1]
	}
	return &Response{}, nil
}

func TestRetried_tries(t *testing.T) {
	read, write := userRequest(t, "u"), &Request{Spec: CreateMeeting.Spec}
	zoomSays := func(req *Request, status int, kind error) *Error {
		return &Error{By: ByZoom, Op: req.Spec.Pattern, Status: status, Kind: kind}
	}
	cut := func(req *Request, cause error) *Error {
		return &Error{By: ByNetwork, Op: req.Spec.Pattern, Kind: ErrUnavailable, Cause: cause}
	}
	for _, c := range []struct {
		why   string
		req   *Request
		err   error
		tries int
	}{
		{"a read that had no answer", read, cut(read, errors.New("reset")), 3},
		{"a read that an outage refused", read, zoomSays(read, 503, ErrUnavailable), 3},
		{"a write that had no answer may have been done", write, cut(write, errors.New("reset")), 1},
		{"a write that an outage refused may have been done", write, zoomSays(write, 502, ErrUnavailable), 1},
		{"a write that never left", write, cut(write, errNotSent), 3},
		{"a read that Zoom throttled", read, zoomSays(read, 429, ErrRateLimited), 3},
		{"a write that Zoom throttled was not done", write, zoomSays(write, 429, ErrRateLimited), 3},
		{"what our own limiter refused has no room", read, &Error{By: ByLimiter, Op: GetUser.Pattern, Kind: ErrRateLimited}, 1},
		{"a day's allowance does not come back in time", read, zoomSays(read, 429, ErrDailyLimit), 1},
		{"a token that Zoom did not take: once more with another", read, zoomSays(read, 401, ErrUnauthenticated), 2},
		{"for a write, too: it was not done", write, zoomSays(write, 401, ErrUnauthenticated), 2},
		{"a token that ended while the call waited: once more with another", read, &Error{By: ByGateway, Op: GetUser.Pattern, Kind: ErrUnauthenticated, Cause: errTokenEnded}, 2},
		{"an operation that is left alone", read, &Error{By: ByBreaker, Op: GetUser.Pattern, Kind: ErrUnavailable}, 1},
		{"a token that cannot be had", read, &Error{By: ByOAuth, Op: "POST /oauth/token", Status: 400, Kind: ErrUnauthenticated}, 1},
		{"an object that is not there", read, zoomSays(read, 404, ErrNotFound), 1},
		{"an input that is refused", read, zoomSays(read, 400, ErrInvalid), 1},
		{"an answer that cannot be read", read, zoomSays(read, 200, ErrBadAnswer), 1},
		{"a scope that is missing", read, zoomSays(read, 400, ErrMissingScope), 1},
		{"an end of the caller's", read, context.Canceled, 1},
		{"a bug of ours", read, errors.New("bug"), 1},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := &script{errs: []error{c.err, c.err, c.err, c.err}}
			if _, err := retried(s.handle)(t.Context(), c.req); !errors.Is(err, c.err) || len(s.times) != c.tries {
				t.Errorf("%s: %d tries, not %d: %v", c.why, len(s.times), c.tries, err)
			}
			s = &script{errs: []error{c.err}}
			if resp, err := retried(s.handle)(t.Context(), c.req); (err == nil) != (c.tries > 1) || (resp == nil) != (c.tries == 1) {
				t.Errorf("%s: the second time it would go well, and it came to %v, %v", c.why, resp, err)
			}
		})
	}
}

func TestRetried_pauses(t *testing.T) {
	req := userRequest(t, "u")
	fails := func(kind error, after time.Duration) func() *Error {
		return func() *Error {
			e := &Error{By: ByZoom, Op: req.Spec.Pattern, Status: 503, Kind: kind}
			if after != 0 {
				e.RetryAt = time.Now().Add(after)
			}
			return e
		}
	}
	concurrent := func() *Error {
		return &Error{By: ByZoom, Op: req.Spec.Pattern, Status: 429, Kind: ErrRateLimited, Message: "Too many concurrent requests.", RetryAt: time.Now().Add(time.Second)}
	}
	type span struct{ from, to time.Duration }
	for _, c := range []struct {
		why   string
		err   func() *Error
		first span // between the first try and the second
		next  span // and the third
	}{
		{"as long as Zoom asks, and no two come back together", fails(ErrUnavailable, 3*time.Second), span{3 * time.Second, 3100 * time.Millisecond}, span{3 * time.Second, 3100 * time.Millisecond}},
		{"of a second: its window", fails(ErrRateLimited, time.Second), span{time.Second, 1100 * time.Millisecond}, span{time.Second, 1100 * time.Millisecond}},
		{"a time that is over asks for nothing", fails(ErrUnavailable, -time.Hour), span{100 * time.Millisecond, 300 * time.Millisecond}, span{200 * time.Millisecond, 600 * time.Millisecond}},
		{"longer each time where Zoom says nothing", fails(ErrUnavailable, 0), span{100 * time.Millisecond, 300 * time.Millisecond}, span{200 * time.Millisecond, 600 * time.Millisecond}},
		{"a write of another that is under way passes sooner than a second", concurrent, span{100 * time.Millisecond, 300 * time.Millisecond}, span{200 * time.Millisecond, 600 * time.Millisecond}},
	} {
		synctest.Test(t, func(t *testing.T) {
			var at []time.Time
			_, err := retried(func(context.Context, *Request) (*Response, error) {
				at = append(at, time.Now())
				return nil, c.err()
			})(t.Context(), req)
			if err == nil || len(at) != 3 {
				t.Fatalf("%s: %d tries, %v", c.why, len(at), err)
			}
			for i, want := range []span{c.first, c.next} {
				if d := at[i+1].Sub(at[i]); d < want.from || d > want.to {
					t.Errorf("%s: pause %d is %v, not from %v to %v", c.why, i+1, d, want.from, want.to)
				}
			}
		})
	}
	synctest.Test(t, func(t *testing.T) {
		s := &script{errs: []error{fails(ErrUnauthenticated, time.Hour)()}}
		if _, err := retried(s.handle)(t.Context(), req); err != nil || s.times[1] != 0 {
			t.Errorf("another token is there at once; it came after %v, %v", s.times, err)
		}
	})
}

func TestRetried_deadline(t *testing.T) {
	req := userRequest(t, "u")
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		began := time.Now()
		said := &Error{By: ByZoom, Op: req.Spec.Pattern, Status: 429, Kind: ErrRateLimited, RetryAt: began.Add(3 * time.Second)}
		s := &script{errs: []error{said}}
		if _, err := retried(s.handle)(ctx, req); !errors.Is(err, said) || time.Since(began) != 0 {
			t.Errorf("what will not pass in time is said at once, with the reason: after %v, %v", time.Since(began), err)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		ctx, leave := context.WithCancel(t.Context())
		began := time.Now()
		said := &Error{By: ByZoom, Op: req.Spec.Pattern, Status: 429, Kind: ErrRateLimited, RetryAt: began.Add(time.Hour)}
		a := ask(ctx, retried((&script{errs: []error{said}}).handle), req)
		if !a.waits() {
			t.Error("it did not wait")
		}
		leave()
		if <-a.done; !errors.Is(a.err, said) || time.Since(began) != 0 {
			t.Errorf("who leaves waits no longer: after %v, %v", time.Since(began), a.err)
		}
	})
}

func TestLimited_maxInFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g barrier
		h := limited(Config{MaxInFlight: 2}, nil)(g.handle(false))
		heavy := &Request{Spec: GetDailyReport.Spec}
		var callers []*asking
		for range 5 {
			callers = append(callers, ask(t.Context(), h, userRequest(t, "u")))
		}
		calls := g.want(t, 2)
		other := ask(t.Context(), h, heavy)
		g.want(t, 3)[2].pass <- nil // one label does not wait for another
		<-other.done

		ctx, leave := context.WithCancel(t.Context())
		waiting := ask(ctx, h, userRequest(t, "u"))
		if !waiting.waits() {
			t.Error("a sixth did not wait")
		}
		leave()
		if <-waiting.done; !errors.Is(waiting.err, context.Canceled) {
			t.Errorf("who leaves gives up his place: %v", waiting.err)
		}

		calls[0].pass <- errors.New("failed") // a failure gives the place back, too
		calls[1].pass <- nil
		calls = g.want(t, 5)
		calls[3].pass <- nil
		calls[4].pass <- nil
		g.want(t, 6)[5].pass <- nil
		for _, a := range callers {
			<-a.done
		}
	})
}

// budgeted is a client of a plan whose budget is spent by one call after the
// other.
func budgeted(plan Plan, w wire, maxWait time.Duration, set ...func(*Config)) *Client {
	return newTestClient(w, append([]func(*Config){func(c *Config) {
		c.Plan, c.Store = plan, nil
		c.Limiter = ratelimit.NewLimiter(&ratelimit.Memory{}, maxWait)
	}}, set...)...)
}

func TestLimited_budget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var at []time.Time
		c := budgeted(Free, func(*http.Request) *http.Response {
			mu.Lock()
			defer mu.Unlock()
			at = append(at, time.Now())
			return answer(200, `{"id":"u","registrant_id":"r","dates":[]}`)
		}, time.Minute)
		u := &Usage{}
		var wait sync.WaitGroup
		for i := range 12 { // 4 a second
			wait.Go(func() {
				if _, err := GetUser.Do(WithUsage(t.Context(), u), c, UserKey{fmt.Sprint("u", i)}); err != nil {
					t.Error(err)
				}
			})
		}
		wait.Wait()
		for i := 4; i < len(at); i++ {
			if d := at[i].Sub(at[i-4]); d < time.Second {
				t.Errorf("call %d came %v after the fourth before it", i+1, d)
			}
		}
		if u.Calls(Light) != 12 || u.Calls(Heavy) != 0 || u.Waited() < 2*time.Second || u.Waited() > 3*time.Second {
			t.Errorf("counted %d calls, and %v of waiting", u.Calls(Light), u.Waited())
		}
	})
}

func TestLimited_noRoomInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		c := budgeted(Free, func(*http.Request) *http.Response { calls++; return answer(200, `{"dates":[]}`) }, time.Minute)
		ask := func(timeout time.Duration, month int) error {
			ctx, cancel := context.WithTimeout(t.Context(), timeout)
			defer cancel()
			_, err := GetDailyReport.Do(ctx, c, MonthKey{2026, month})
			return err
		}
		if err := ask(time.Second, 1); err != nil { // HEAVY: one a second
			t.Fatal(err)
		}
		began := time.Now()
		e := asError(t, ask(500*time.Millisecond, 2))
		if !errors.Is(e, ErrRateLimited) || e.Op != GetDailyReport.Pattern || e.Status != 0 || e.RetryAt.Before(began.Add(time.Second)) || e.RetryAt.After(began.Add(1100*time.Millisecond)) || time.Since(began) != 0 {
			t.Errorf("after %v: %v, again at %v", time.Since(began), e, e.RetryAt.Sub(began))
		}
		if calls != 1 {
			t.Errorf("%d calls were made", calls)
		}
	})
}

func TestLimited_dayIsSpent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(12 * time.Hour) // a bubble begins at midnight, when the limiter is careful
		c := budgeted(Business, func(*http.Request) *http.Response { return answer(201, `{"registrant_id":"r"}`) }, time.Minute)
		add := func(email string) error {
			_, err := AddRegistrant.Do(t.Context(), c, NewRegistrant{MeetingID: 7, Registrant: &types.NewRegistrant{Email: email, FirstName: "A"}})
			return err
		}
		for range 3 {
			if err := add("ann@example.com"); err != nil {
				t.Fatal(err)
			}
		}
		e := asError(t, add("Ann@Example.com"))
		if !errors.Is(e, ErrDailyLimit) || !e.RetryAt.After(nextDay(time.Now()).Add(-time.Second)) {
			t.Errorf("a fourth registration of one day: %v, again at %v", e, e.RetryAt)
		}
		if err := add("bob@example.com"); err != nil {
			t.Errorf("another registrant is not concerned: %v", err)
		}
		time.Sleep(time.Until(e.RetryAt))
		if err := add("ann@example.com"); err != nil {
			t.Errorf("the next day it is possible again: %v", err)
		}
	})
}

// Another app may spend what we count on: what Zoom refuses is not tried by the
// next who asks.
func TestLimited_learnsFromRefusals(t *testing.T) {
	const (
		perSecond = "You have reached the maximum per-second rate limit for this API. Try again later."
		daily     = "You have reached the maximum daily rate limit for this API."
		ofHost    = "You have exceeded the daily rate limit (100) of Meeting Create/Update API requests permitted for this particular user."
		atOnce    = "Too many concurrent requests."
	)
	light := func(ctx context.Context, c *Client) error {
		_, err := GetUser.Do(ctx, c, UserKey{"u"})
		return err
	}
	heavy := func(ctx context.Context, c *Client) error {
		_, err := GetDailyReport.Do(ctx, c, MonthKey{})
		return err
	}
	update := func(ctx context.Context, c *Client) error {
		_, err := UpdateMeeting.Do(ctx, c, MeetingPatch{MeetingID: 7, Patch: somePatch})
		return err
	}
	create := func(host string) func(context.Context, *Client) error {
		return func(ctx context.Context, c *Client) error {
			_, err := CreateMeeting.Do(ctx, c, NewMeeting{UserID: host, Meeting: &types.NewMeeting{}})
			return err
		}
	}
	for _, c := range []struct {
		why     string
		plan    Plan
		first   func(context.Context, *Client) error
		message string
		then    func(context.Context, *Client) error
		kind    error // of what happens then; nil for a call
	}{
		{"a second that others have filled", Business, light, perSecond, update, ErrRateLimited},
		{"on the smallest plan it is the second, not the day", Free, light, perSecond, light, ErrRateLimited},
		{"a Zoom that was said to count nothing", NoLimits, light, perSecond, light, nil},
		{"but another label is another budget", Business, light, perSecond, heavy, nil},
		{"a day that others have spent", Business, heavy, daily, heavy, ErrDailyLimit},
		{"on a plan with a day for each label", Free, light, daily, light, ErrDailyLimit},
		{"which leaves the other labels", Free, light, daily, heavy, nil},
		{"a day where our table knows none: Zoom is right", Business, light, daily, light, ErrRateLimited},
		{"a host whose hundred are spent", Business, create("u"), ofHost, create("u"), ErrDailyLimit},
		{"which is no other host", Business, create("u"), ofHost, create("v"), nil},
		{"nor does it close the account to reads", Business, create("u"), ofHost, light, nil},
		{"also where the call does not tell the host", Business, update, ofHost, light, nil},
		{"and on the smallest plan", Free, update, ofHost, light, nil},
		{"a label's day on an operation that has a quota of its own", Free, create("u"), daily, create("v"), ErrDailyLimit},
		{"one write at a time is about one object", Business, update, atOnce, update, nil},
	} {
		synctest.Test(t, func(t *testing.T) {
			refuse := true
			calls := 0
			client := budgeted(c.plan, func(*http.Request) *http.Response {
				calls++
				if refuse {
					return answer(429, `{"code":429,"message":"`+c.message+`"}`)
				}
				return answer(200, `{"id":"u","registrant_id":"r","dates":[]}`)
			}, time.Minute)
			brief := func() context.Context { // too brief for a second try
				ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
				t.Cleanup(cancel)
				return ctx
			}
			if err := c.first(brief(), client); err == nil || calls != 1 {
				t.Fatalf("%s: %d calls, %v", c.why, calls, err)
			}
			refuse = false
			err := c.then(brief(), client)
			switch {
			case c.kind == nil && (err != nil || calls != 2):
				t.Errorf("%s: %d calls, %v", c.why, calls, err)
			case c.kind != nil && (!errors.Is(err, c.kind) || calls != 1):
				t.Errorf("%s: %d calls, %v; want %v", c.why, calls, err, c.kind)
			case c.kind != nil && asError(t, err).RetryAt.Before(time.Now()):
				t.Errorf("%s: nothing says when: %v", c.why, asError(t, err).RetryAt)
			}
		})
	}
}

// A store of limits in trouble is told to the caller, and not taken for a limit.
func TestLimited_storeFails(t *testing.T) {
	trouble := errors.New("trouble")
	c := newTestClient(func(*http.Request) *http.Response { t.Error("a call was made"); return nil }, func(c *Config) {
		c.Plan, c.Limiter = Free, ratelimit.NewLimiter(broken{trouble}, time.Second)
	})
	if _, err := GetUser.Do(t.Context(), c, UserKey{"u"}); !errors.Is(err, trouble) {
		t.Errorf("got %v", err)
	}
}

type broken struct{ err error }

func (b broken) Take(context.Context, time.Time, time.Duration, []ratelimit.Limit) (ratelimit.Decision, error) {
	return ratelimit.Decision{}, b.err
}
func (b broken) Late(context.Context, time.Time, ratelimit.Decision, []ratelimit.Limit) error {
	return b.err
}
func (b broken) Refuse(context.Context, time.Time, ratelimit.Limit) error            { return b.err }
func (b broken) Cancel(context.Context, ratelimit.Decision, []ratelimit.Limit) error { return b.err }
func (b broken) Block(context.Context, string, time.Time) error                      { return b.err }
func (b broken) Observe(context.Context, time.Time, ratelimit.Limit, int) error      { return b.err }
func (b broken) Remaining(context.Context, time.Time, []ratelimit.Limit) ([]ratelimit.Status, error) {
	return nil, b.err
}

// A retry is paid for like any other call, a hit is not, and what is refused
// for lack of a token costs no call. A question that reads one thing three times
// needed it once.
func TestLayers_callsAndHits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sent atomic.Int32
		c := newTestClient(func(*http.Request) *http.Response {
			if sent.Add(1) == 1 {
				return answer(503, "")
			}
			return answer(200, `{"id":"u"}`)
		})
		ask := func(calls, hits int) {
			u := &Usage{}
			for range 3 {
				if _, err := GetUser.Do(WithUsage(t.Context(), u), c, UserKey{"u"}); err != nil {
					t.Fatal(err)
				}
			}
			if u.Calls(Light) != calls || u.Hits() != hits || u.Requested(Light) != 1 {
				t.Errorf("%d calls, %d hits, %d requested; want %d, %d, 1", u.Calls(Light), u.Hits(), u.Requested(Light), calls, hits)
			}
		}
		ask(2, 0)
		ask(0, 1)
		if sent.Load() != 2 {
			t.Errorf("%d calls were sent", sent.Load())
		}
	})
}
