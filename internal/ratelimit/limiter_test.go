package ratelimit_test

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"zoomql/internal/ratelimit"
)

// second allows two calls a second, exactly.
var second = ratelimit.Limit{Key: "a:second", Calls: 2, Window: time.Second, Guard: -1}

// A scenario is a Limiter in a bubble of time, with notes of when each call started or
// failed.
type scenario struct {
	*ratelimit.Limiter
	store *ratelimit.Memory
	t     *testing.T
	began time.Time
	wg    sync.WaitGroup

	mu    sync.Mutex
	notes []string
}

// runScenario runs f and expects that nothing waits at its end.
func runScenario(t *testing.T, f func(t *testing.T, s *scenario)) {
	ratelimit.OneAtATime(t)
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Hour) // bubbles begin at midnight, where days change
		store := &ratelimit.Memory{}
		s := &scenario{Limiter: ratelimit.NewLimiter(store, time.Minute), store: store, t: t, began: time.Now()}
		f(t, s)
		s.wg.Wait()
		synctest.Wait()
		if s.Waiting() != 0 || s.Queues() != 0 {
			t.Errorf("%d calls still wait in %d queues", s.Waiting(), s.Queues())
		}
	})
}

// call begins a call. It returns when the call has started, failed or joined the queue.
func (s *scenario) call(ctx context.Context, name string, p ratelimit.Priority, limits ...ratelimit.Limit) {
	s.wg.Go(func() {
		err := ratelimit.Wait(ratelimit.WithPriority(ctx, p), s.Limiter, limits)
		s.mu.Lock()
		defer s.mu.Unlock()
		note := name + " " + time.Since(s.began).String()
		if err != nil {
			note += " failed"
		}
		s.notes = append(s.notes, note)
	})
	synctest.Wait()
}

func (s *scenario) within(d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(s.t.Context(), d)
	s.t.Cleanup(cancel)
	return ctx
}

// want waits for all calls and compares the notes, in any order.
func (s *scenario) want(notes ...string) {
	s.t.Helper()
	s.wg.Wait()
	slices.Sort(notes)
	slices.Sort(s.notes)
	if !slices.Equal(s.notes, notes) {
		s.t.Errorf("got  %q\nwant %q", s.notes, notes)
	}
}

func (s *scenario) wantLeft(l ratelimit.Limit, want int) {
	s.t.Helper()
	if got := ratelimit.Left(s.t, s.store, l); got[0] != want {
		s.t.Errorf("%d calls are left of %s, want %d", got[0], l.Key, want)
	}
}

func TestReserve_inOrderOfArrival(t *testing.T) {
	runScenario(t, func(t *testing.T, s *scenario) {
		for i := range 5 {
			s.call(t.Context(), strconv.Itoa(i), ratelimit.Interactive, second)
		}
		s.want("0 0s", "1 0s", "2 1s", "3 1s", "4 2s")
	})
}

func TestReserve_interactiveBeforeRefresh(t *testing.T) {
	runScenario(t, func(t *testing.T, s *scenario) {
		for _, name := range []string{"r0", "r1", "r2", "r3", "r4"} {
			s.call(t.Context(), name, ratelimit.Refresh, second)
		}
		time.Sleep(time.Millisecond)
		for _, name := range []string{"i0", "i1", "i2"} {
			s.call(t.Context(), name, ratelimit.Interactive, second)
		}
		s.want("r0 0s", "r1 0s", "i0 1s", "i1 1s", "i2 2s", "r2 2s", "r3 3s", "r4 3s")
	})
}

// TestReserve_interactiveOvertakes_lateOnesFail: an interactive call has the start that
// a refresh waited for. The refresh fails at the next check of the deadlines, since only
// a start after its deadline is left.
func TestReserve_interactiveOvertakes_lateOnesFail(t *testing.T) {
	runScenario(t, func(t *testing.T, s *scenario) {
		for _, name := range []string{"r0", "r1", "r2", "r3"} {
			s.call(s.within(1500*time.Millisecond), name, ratelimit.Refresh, second)
		}
		s.call(s.within(1200*time.Millisecond), "i0", ratelimit.Interactive, second)
		s.call(s.within(1200*time.Millisecond), "i1", ratelimit.Interactive, second)
		s.call(s.within(1200*time.Millisecond), "i2", ratelimit.Interactive, second) // both starts are taken
		s.want("r0 0s", "r1 0s", "i0 1s", "i1 1s", "r2 50ms failed", "r3 50ms failed", "i2 0s failed")
		s.wantLeft(second, 0)
	})
}

func TestReserve_refreshDoesNotOvertake(t *testing.T) {
	runScenario(t, func(t *testing.T, s *scenario) {
		for _, name := range []string{"r0", "r1", "r2", "r3"} {
			s.call(t.Context(), name, ratelimit.Refresh, second)
		}
		s.call(s.within(1200*time.Millisecond), "late", ratelimit.Refresh, second)
		s.want("r0 0s", "r1 0s", "r2 1s", "r3 1s", "late 0s failed")
	})
}

func TestReserve_deadlineTooSoon_failsAtOnce(t *testing.T) {
	runScenario(t, func(t *testing.T, s *scenario) {
		daily := ratelimit.Limit{Key: "a:day", Calls: 1, Daily: true}
		for range 4 {
			s.call(t.Context(), "ok", ratelimit.Interactive, second)
		}
		err := ratelimit.Wait(s.within(1999*time.Millisecond), s.Limiter, []ratelimit.Limit{second, daily})
		var e *ratelimit.Error
		if !errors.Is(err, ratelimit.ErrLimited) || !errors.As(err, &e) {
			t.Fatal(err)
		}
		if e.Key != second.Key || e.Daily || e.RetryAt.Sub(s.began) != 2*time.Second || time.Since(s.began) != 0 {
			t.Errorf("got %+v after %v", e, time.Since(s.began))
		}
		if err := ratelimit.Wait(s.within(2001*time.Millisecond), s.Limiter, []ratelimit.Limit{second, daily}); err != nil {
			t.Error("a deadline that is just late enough, with a call of the day left:", err)
		}
		err = ratelimit.Wait(t.Context(), s.Limiter, []ratelimit.Limit{daily})
		tomorrow := time.Now().Truncate(24 * time.Hour).Add(24*time.Hour + 2*time.Second)
		if !errors.As(err, &e) || e.Key != daily.Key || !e.Daily || !e.RetryAt.Equal(tomorrow) {
			t.Errorf("got %v", err)
		}
		if want := "ratelimit: a:day has no calls left until " + tomorrow.UTC().Format(time.RFC3339); err.Error() != want {
			t.Errorf("the error is %q, want %q", err, want)
		}
	})
}

func TestReserve_blockedBeyondMaxWait_failsAtOnce(t *testing.T) {
	runScenario(t, func(t *testing.T, s *scenario) {
		if err := s.Block(t.Context(), second.Key, time.Now().Add(time.Minute+time.Second)); err != nil {
			t.Fatal(err)
		}
		s.call(t.Context(), "x", ratelimit.Interactive, second)
		s.want("x 0s failed")
	})
}

func TestReserve_waiterCancelled_nextHasItsStart(t *testing.T) {
	runScenario(t, func(t *testing.T, s *scenario) {
		s.call(t.Context(), "0", ratelimit.Interactive, second)
		s.call(t.Context(), "1", ratelimit.Interactive, second)
		ctx, cancel := context.WithCancel(t.Context())
		s.call(ctx, "cancelled", ratelimit.Interactive, second)
		s.call(t.Context(), "2", ratelimit.Interactive, second)
		s.call(t.Context(), "3", ratelimit.Interactive, second)
		time.Sleep(500 * time.Millisecond)
		cancel()
		s.want("0 0s", "1 0s", "cancelled 500ms failed", "2 1s", "3 1s")
		s.call(t.Context(), "4", ratelimit.Interactive, second)
		s.call(t.Context(), "5", ratelimit.Interactive, second)
		s.want("0 0s", "1 0s", "cancelled 500ms failed", "2 1s", "3 1s", "4 2s", "5 2s")
	})
}

func TestReserve_contextEndedBefore_countsNothing(t *testing.T) {
	runScenario(t, func(t *testing.T, s *scenario) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := ratelimit.Wait(ctx, s.Limiter, []ratelimit.Limit{second}); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		s.wantLeft(second, 2)
	})
}

func TestReserve_noLimits_startsAtOnce(t *testing.T) {
	runScenario(t, func(t *testing.T, s *scenario) {
		if err := ratelimit.Wait(t.Context(), s.Limiter, nil); err != nil {
			t.Error(err)
		}
	})
}

func TestBlock_waitersWaitLonger(t *testing.T) {
	runScenario(t, func(t *testing.T, s *scenario) {
		other := ratelimit.Limit{Key: "a:other", Calls: 1, Window: time.Second, Guard: -1}
		for i := range 4 {
			s.call(t.Context(), strconv.Itoa(i), ratelimit.Interactive, second)
		}
		s.call(s.within(3*time.Second), "deadline at 3s", ratelimit.Interactive, second)
		s.call(t.Context(), "other", ratelimit.Interactive, other)
		s.call(t.Context(), "other", ratelimit.Interactive, other)
		time.Sleep(500 * time.Millisecond)
		if err := s.Block(t.Context(), second.Key, s.began.Add(5*time.Second)); err != nil {
			t.Fatal(err)
		}
		s.want("0 0s", "1 0s", "deadline at 3s 500ms failed", "2 5s", "3 5s", "other 0s", "other 1s")
	})
}

func TestBlock_underTwoLimits_freesTheOther(t *testing.T) {
	runScenario(t, func(t *testing.T, s *scenario) {
		other := ratelimit.Limit{Key: "a:other", Calls: 10, Window: time.Second, Guard: -1}
		s.call(t.Context(), "0", ratelimit.Interactive, second)
		s.call(t.Context(), "1", ratelimit.Interactive, second)
		s.call(t.Context(), "both", ratelimit.Interactive, second, other)
		if err := s.Block(t.Context(), other.Key, s.began.Add(5*time.Second)); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		s.call(t.Context(), "2", ratelimit.Interactive, second)
		s.call(t.Context(), "3", ratelimit.Interactive, second)
		s.want("0 0s", "1 0s", "both 5s", "2 1s", "3 1s")
	})
}

// TestBlock_dayOfWaiter_waitsForTheBlock: the origin blocks a day that has counted a
// waiter already.
func TestBlock_dayOfWaiter_waitsForTheBlock(t *testing.T) {
	runScenario(t, func(t *testing.T, s *scenario) {
		host := ratelimit.Limit{Key: "a:host", Calls: 100, Daily: true}
		s.call(t.Context(), "0", ratelimit.Interactive, second)
		s.call(t.Context(), "1", ratelimit.Interactive, second)
		s.call(t.Context(), "waiter", ratelimit.Interactive, second, host)
		if err := s.Block(t.Context(), host.Key, s.began.Add(5*time.Second)); err != nil {
			t.Fatal(err)
		}
		s.want("0 0s", "1 0s", "waiter 5s")
		s.wantLeft(host, 99)
	})
}

// TestReserve_otherReplicaCancels_firstWaiterStarts: the queue requests a start again
// soon, and its waiters have it before a call that arrives then.
func TestReserve_otherReplicaCancels_firstWaiterStarts(t *testing.T) {
	runScenario(t, func(t *testing.T, s *scenario) {
		theirs := ratelimit.Take(t, s.store, 0, second)
		ratelimit.Take(t, s.store, 0, second)
		s.call(t.Context(), "first", ratelimit.Refresh, second)
		if err := s.store.Cancel(t.Context(), theirs, []ratelimit.Limit{second}); err != nil {
			t.Fatal(err)
		}
		s.call(t.Context(), "second", ratelimit.Refresh, second)
		s.want("first 200ms", "second 1s")
	})
}

// TestReserve_daysOfTheirOwn_shareOneQueue: a call under a day of its own precedes
// refreshes under the same window.
func TestReserve_daysOfTheirOwn_shareOneQueue(t *testing.T) {
	runScenario(t, func(t *testing.T, s *scenario) {
		host := ratelimit.Limit{Key: "a:host", Calls: 100, Daily: true}
		for _, name := range []string{"r0", "r1", "r2"} {
			s.call(t.Context(), name, ratelimit.Refresh, second)
		}
		s.call(t.Context(), "i0", ratelimit.Interactive, second, host)
		s.call(t.Context(), "i1", ratelimit.Interactive, second, host)
		s.want("r0 0s", "r1 0s", "i0 1s", "i1 1s", "r2 2s")
		s.wantLeft(host, 98)
	})
}

// TestReserve_underLoad_windowsAreExactAndFull keeps a Limiter full for a minute of calls
// with all kinds of deadlines: no window holds too many starts, and none too few.
func TestReserve_underLoad_windowsAreExactAndFull(t *testing.T) {
	runScenario(t, func(t *testing.T, s *scenario) {
		limit := ratelimit.Limit{Key: "a:l", Calls: 20, Window: time.Second}
		var (
			mu     sync.Mutex
			starts []time.Time
			wg     sync.WaitGroup
		)
		for i := range 200 {
			wg.Go(func() {
				for n := 0; time.Since(s.began) < time.Minute; n++ {
					// Some deadlines are far, some near, and some calls are cancelled.
					ctx, cancel := context.WithTimeout(t.Context(), time.Duration(1+(i*7+n*13)%100)*100*time.Millisecond)
					if i%5 == 0 {
						time.AfterFunc(time.Duration(n%7)*300*time.Millisecond, cancel)
					}
					err := ratelimit.Wait(ratelimit.WithPriority(ctx, ratelimit.Priority(i%ratelimit.Priorities)), s.Limiter, []ratelimit.Limit{limit})
					now := time.Now()
					cancel()
					if err == nil {
						mu.Lock()
						starts = append(starts, now)
						mu.Unlock()
					} else {
						time.Sleep(100 * time.Millisecond)
					}
				}
			})
		}
		wg.Wait()
		slices.SortFunc(starts, time.Time.Compare)
		for i := limit.Calls; i < len(starts); i++ {
			if gap := starts[i].Sub(starts[i-limit.Calls]); gap < limit.Span() {
				t.Fatalf("starts %d and %d are %v apart", i-limit.Calls, i, gap)
			}
		}
		full := int(time.Minute/limit.Span()) * limit.Calls
		if n := len(starts); n < full*98/100 {
			t.Errorf("%d starts of %d that the limit allows", n, full)
		}
	})
}

// TestReserve_afterPause_noneFails: a pause, in which no call starts, does not predict
// how long the waiters wait after it.
func TestReserve_afterPause_noneFails(t *testing.T) {
	runScenario(t, func(t *testing.T, s *scenario) {
		l := ratelimit.Limit{Key: "a:l", Calls: 26, Window: time.Second, Guard: -1, Burst: 10}
		begin := func(n int) {
			for i := range n {
				s.call(s.within(5*time.Second), "call"+strconv.Itoa(i), ratelimit.Interactive, l)
			}
		}
		begin(40)
		time.Sleep(1600 * time.Millisecond)
		if err := s.Block(t.Context(), l.Key, time.Now().Add(1900*time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		begin(34)
		time.Sleep(1950 * time.Millisecond)
		begin(20)
		s.wg.Wait()
		for _, note := range s.notes {
			if strings.HasSuffix(note, "failed") {
				t.Error(note)
			}
		}
	})
}

func TestSent_late_delaysTheNext(t *testing.T) {
	runScenario(t, func(t *testing.T, s *scenario) {
		for range 2 {
			g, err := s.Reserve(t.Context(), []ratelimit.Limit{second})
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(100 * time.Millisecond)
			g.Sent()
			synctest.Wait()
		}
		s.call(t.Context(), "third", ratelimit.Interactive, second)
		s.want("third 1.1s")
	})
}

// slowStore takes a while to reply.
type slowStore struct{ ratelimit.Store }

// Take takes a while.
func (s slowStore) Take(ctx context.Context, now time.Time, within time.Duration, limits []ratelimit.Limit) (ratelimit.Decision, error) {
	time.Sleep(100 * time.Millisecond)
	return s.Store.Take(ctx, now, within, limits)
}

func TestHeld_onlyIfQueued(t *testing.T) {
	ratelimit.OneAtATime(t)
	synctest.Test(t, func(t *testing.T) {
		l := ratelimit.NewLimiter(slowStore{&ratelimit.Memory{}}, time.Minute)
		for i, held := range []bool{false, false, true} {
			g, err := l.Reserve(t.Context(), []ratelimit.Limit{second})
			if err != nil || g.Held() != held {
				t.Errorf("call %d: held back %v, %v", i, g.Held(), err)
			}
			g.Sent()
		}
		day := ratelimit.Limit{Key: "a:day", Calls: 2, Daily: true}
		if g, err := l.Reserve(t.Context(), []ratelimit.Limit{day}); err != nil || g.Held() {
			t.Errorf("under a day alone: held back %v, %v", g.Held(), err)
		}
	})
}

func BenchmarkReserve_free(b *testing.B) {
	l := ratelimit.NewLimiter(&ratelimit.Memory{}, time.Minute)
	limits := []ratelimit.Limit{{Key: "a:l", Calls: 1 << 20, Window: time.Millisecond}}
	b.ReportAllocs()
	for b.Loop() {
		if err := ratelimit.Wait(b.Context(), l, limits); err != nil {
			b.Fatal(err)
		}
	}
}
