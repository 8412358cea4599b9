package ratelimit

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// second allows two calls a second, exactly.
var second = Limit{Key: "a:second", Calls: 2, Window: time.Second, Guard: -1}

// wait reserves a call that leaves at once.
func wait(ctx context.Context, l *Limiter, limits []Limit) error {
	g, err := l.Reserve(ctx, limits)
	if err == nil {
		g.Sent()
	}
	return err
}

// A scene is a Limiter in a bubble of time, and a diary of who started when.
type scene struct {
	*Limiter
	t     *testing.T
	began time.Time
	mu    sync.Mutex
	diary []string
	wg    sync.WaitGroup
}

// oneAtATime keeps a bubble from firing two timers at once until the end of the
// test: under -race, that crashes the process (golang/go#78156).
func oneAtATime(t *testing.T) {
	before := runtime.GOMAXPROCS(1)
	t.Cleanup(func() { runtime.GOMAXPROCS(before) })
}

func play(t *testing.T, f func(t *testing.T, s *scene)) {
	oneAtATime(t)
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Hour) // bubbles begin at midnight, where days change
		s := &scene{Limiter: NewLimiter(&Memory{}, time.Minute), t: t, began: time.Now()}
		f(t, s)
		s.wg.Wait()
		synctest.Wait()
		if n := s.waiting.Load(); n != 0 || len(s.queues) != 0 {
			t.Errorf("%d still wait in %d queues", n, len(s.queues))
		}
	})
}

// call lets someone wait, in line before whoever calls next.
func (s *scene) call(ctx context.Context, who string, prio Priority, limits ...Limit) {
	s.wg.Go(func() {
		err := wait(WithPriority(ctx, prio), s.Limiter, limits)
		s.mu.Lock()
		defer s.mu.Unlock()
		note := who + " " + time.Since(s.began).String()
		if err != nil {
			note += " failed"
		}
		s.diary = append(s.diary, note)
	})
	synctest.Wait()
}

func (s *scene) within(d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(s.t.Context(), d)
	s.t.Cleanup(cancel)
	return ctx
}

func (s *scene) want(notes ...string) {
	s.t.Helper()
	s.wg.Wait()
	slices.Sort(notes)
	slices.Sort(s.diary)
	if !slices.Equal(s.diary, notes) {
		s.t.Errorf("got  %q\nwant %q", s.diary, notes)
	}
}

func TestWaitInOrder(t *testing.T) {
	play(t, func(t *testing.T, s *scene) {
		for i := range 5 {
			s.call(t.Context(), strconv.Itoa(i), Interactive, second)
		}
		s.want("0 0s", "1 0s", "2 1s", "3 1s", "4 2s")
	})
}

func TestInteractiveGoesFirst(t *testing.T) {
	play(t, func(t *testing.T, s *scene) {
		for _, who := range []string{"b0", "b1", "b2", "b3", "b4"} {
			s.call(t.Context(), who, Refresh, second)
		}
		time.Sleep(time.Millisecond)
		for _, who := range []string{"i0", "i1", "i2"} {
			s.call(t.Context(), who, Interactive, second)
		}
		s.want("b0 0s", "b1 0s", "i0 1s", "i1 1s", "i2 2s", "b2 2s", "b3 3s", "b4 3s")
	})
}

func TestInteractiveOvertakesInTime(t *testing.T) {
	play(t, func(t *testing.T, s *scene) {
		for _, who := range []string{"b0", "b1", "b2", "b3"} {
			s.call(s.within(1500*time.Millisecond), who, Refresh, second)
		}
		// Its own start would be at 2s; it takes one at 1s. For whom only
		// the start at 2s is left fails at the next look at all who wait.
		s.call(s.within(1200*time.Millisecond), "i0", Interactive, second)
		s.call(s.within(1200*time.Millisecond), "i1", Interactive, second)
		s.call(s.within(1200*time.Millisecond), "i2", Interactive, second) // both starts are taken
		s.want("b0 0s", "b1 0s", "i0 1s", "i1 1s", "b2 50ms failed", "b3 50ms failed", "i2 0s failed")
		if got := left(t, s.store, second); got[0] != 0 {
			t.Errorf("%d left", got[0])
		}
	})
}

func TestRefreshDoesNotOvertake(t *testing.T) {
	play(t, func(t *testing.T, s *scene) {
		for _, who := range []string{"b0", "b1", "b2", "b3"} {
			s.call(t.Context(), who, Refresh, second)
		}
		s.call(s.within(1200*time.Millisecond), "late", Refresh, second)
		s.want("b0 0s", "b1 0s", "b2 1s", "b3 1s", "late 0s failed")
	})
}

func TestWhatCannotBeInTimeFailsAtOnce(t *testing.T) {
	play(t, func(t *testing.T, s *scene) {
		daily := Limit{Key: "a:day", Calls: 1, Daily: true}
		for range 4 {
			s.call(t.Context(), "ok", Interactive, second)
		}
		err := wait(s.within(1999*time.Millisecond), s.Limiter, []Limit{second, daily})
		var e *Error
		if !errors.Is(err, ErrLimited) || !errors.As(err, &e) {
			t.Fatal(err)
		}
		if e.Key != second.Key || e.Daily || e.RetryAt.Sub(s.began) != 2*time.Second || time.Since(s.began) != 0 {
			t.Errorf("got %+v after %v", e, time.Since(s.began))
		}
		if err := wait(s.within(2001*time.Millisecond), s.Limiter, []Limit{second, daily}); err != nil {
			t.Error("just in time, and it was not spent:", err)
		}
		err = wait(t.Context(), s.Limiter, []Limit{daily})
		if !errors.As(err, &e) || e.Key != daily.Key || !e.Daily || !e.RetryAt.Equal(time.Now().Truncate(day).Add(day+2*time.Second)) {
			t.Errorf("got %v", err)
		}
	})
}

func TestNobodyWaitsLongerThanMaxWait(t *testing.T) {
	play(t, func(t *testing.T, s *scene) {
		s.Block(t.Context(), second.Key, time.Now().Add(time.Minute+time.Second))
		s.call(t.Context(), "x", Interactive, second)
		s.want("x 0s failed")
	})
}

func TestWhoLeavesMakesRoom(t *testing.T) {
	play(t, func(t *testing.T, s *scene) {
		s.call(t.Context(), "0", Interactive, second)
		s.call(t.Context(), "1", Interactive, second)
		ctx, leave := context.WithCancel(t.Context())
		s.call(ctx, "gone", Interactive, second)
		s.call(t.Context(), "2", Interactive, second)
		s.call(t.Context(), "3", Interactive, second)
		time.Sleep(500 * time.Millisecond)
		leave()
		s.want("0 0s", "1 0s", "gone 500ms failed", "2 1s", "3 1s")
		s.call(t.Context(), "4", Interactive, second)
		s.call(t.Context(), "5", Interactive, second)
		s.want("0 0s", "1 0s", "gone 500ms failed", "2 1s", "3 1s", "4 2s", "5 2s")
	})
}

func TestGoneBeforeIsNotCounted(t *testing.T) {
	play(t, func(t *testing.T, s *scene) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := wait(ctx, s.Limiter, []Limit{second}); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		if err := wait(t.Context(), s.Limiter, nil); err != nil {
			t.Error(err)
		}
		if got := left(t, s.store, second); got[0] != 2 {
			t.Errorf("%d left", got[0])
		}
	})
}

func TestBlockReachesWhoWaits(t *testing.T) {
	play(t, func(t *testing.T, s *scene) {
		other := Limit{Key: "a:other", Calls: 1, Window: time.Second, Guard: -1}
		s.call(t.Context(), "0", Interactive, second)
		s.call(t.Context(), "1", Interactive, second)
		s.call(t.Context(), "2", Interactive, second)
		s.call(t.Context(), "3", Interactive, second)
		s.call(s.within(3*time.Second), "hurried", Interactive, second)
		s.call(t.Context(), "other", Interactive, other)
		s.call(t.Context(), "other", Interactive, other)
		time.Sleep(500 * time.Millisecond)
		s.Block(t.Context(), second.Key, s.began.Add(5*time.Second))
		s.want("0 0s", "1 0s", "hurried 500ms failed", "2 5s", "3 5s", "other 0s", "other 1s")
	})
}

func TestBlockFreesOtherLimits(t *testing.T) {
	play(t, func(t *testing.T, s *scene) {
		other := Limit{Key: "a:other", Calls: 10, Window: time.Second, Guard: -1}
		s.call(t.Context(), "0", Interactive, second)
		s.call(t.Context(), "1", Interactive, second)
		s.call(t.Context(), "both", Interactive, second, other)
		s.Block(t.Context(), other.Key, s.began.Add(5*time.Second))
		synctest.Wait()
		s.call(t.Context(), "2", Interactive, second)
		s.call(t.Context(), "3", Interactive, second)
		s.want("0 0s", "1 0s", "both 5s", "2 1s", "3 1s")
	})
}

// TestNobodySlipsIn: when another replica gives a start back, it is found out in
// a moment, and those in line have it before who comes.
func TestNobodySlipsIn(t *testing.T) {
	play(t, func(t *testing.T, s *scene) {
		theirs := take(t, s.store, 0, second)
		take(t, s.store, 0, second)
		s.call(t.Context(), "first", Refresh, second)
		s.store.Cancel(t.Context(), theirs, []Limit{second})
		s.call(t.Context(), "second", Refresh, second)
		s.want("first 200ms", "second 1s")
	})
}

// TestPrioritiesShareWindowsNotDays: a call under a day of its own is not
// behind all background calls under the same window.
func TestPrioritiesShareWindowsNotDays(t *testing.T) {
	play(t, func(t *testing.T, s *scene) {
		host := Limit{Key: "a:host", Calls: 100, Daily: true}
		for _, who := range []string{"b0", "b1", "b2"} {
			s.call(t.Context(), who, Refresh, second)
		}
		s.call(t.Context(), "i", Interactive, second, host)
		s.call(t.Context(), "j", Interactive, second, host)
		s.want("b0 0s", "b1 0s", "i 1s", "j 1s", "b2 2s")
		if got := left(t, s.store, host); got[0] != 98 {
			t.Errorf("%d left", got[0])
		}
	})
}

// TestLimiterUnderLoad keeps a Limiter full for a minute of all kinds of
// callers: no window holds too many starts, and none too few.
func TestLimiterUnderLoad(t *testing.T) {
	oneAtATime(t)
	synctest.Test(t, func(t *testing.T) {
		l := NewLimiter(&Memory{}, 10*time.Second)
		limit := Limit{Key: "a:l", Calls: 20, Window: time.Second}
		var (
			mu     sync.Mutex
			starts []time.Time
			wg     sync.WaitGroup
		)
		began := time.Now()
		for i := range 200 {
			wg.Go(func() {
				for n := 0; time.Since(began) < time.Minute; n++ {
					// Some wait long, some leave, some cannot be served.
					ctx, cancel := context.WithTimeout(t.Context(), time.Duration(1+(i*7+n*13)%100)*100*time.Millisecond)
					if i%5 == 0 {
						time.AfterFunc(time.Duration(n%7)*300*time.Millisecond, cancel)
					}
					err := wait(WithPriority(ctx, Priority(i%int(priorities))), l, []Limit{limit})
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
		synctest.Wait()
		slices.SortFunc(starts, time.Time.Compare)
		for i := limit.Calls; i < len(starts); i++ {
			if gap := starts[i].Sub(starts[i-limit.Calls]); gap < limit.Span() {
				t.Fatalf("starts %d and %d are %v apart", i-limit.Calls, i, gap)
			}
		}
		full := int(time.Minute/limit.Span()) * limit.Calls
		if n := len(starts); n < full*98/100 {
			t.Errorf("%d starts, %d were to be had", n, full)
		}
		if l.waiting.Load() != 0 || len(l.queues) != 0 {
			t.Error("someone still waits")
		}
	})
}

func BenchmarkWaitFree(b *testing.B) {
	l := NewLimiter(&Memory{}, time.Minute)
	limits := []Limit{{Key: "a:l", Calls: 1 << 20, Window: time.Millisecond}}
	b.ReportAllocs()
	for b.Loop() {
		wait(b.Context(), l, limits)
	}
}

// TestAPauseIsNoMeasure: after a pause, in which nobody's calls started, those who
// wait are not held for hopeless.
func TestAPauseIsNoMeasure(t *testing.T) {
	play(t, func(t *testing.T, s *scene) {
		l := Limit{Key: "a:l", Calls: 26, Window: time.Second, Guard: -1, Burst: 10}
		begin := func(n int) {
			for i := range n {
				s.call(s.within(5*time.Second), "call"+strconv.Itoa(i), Interactive, l)
			}
		}
		begin(40)
		time.Sleep(1600 * time.Millisecond)
		_ = s.Block(t.Context(), l.Key, time.Now().Add(1900*time.Millisecond))
		begin(34)
		time.Sleep(1950 * time.Millisecond)
		begin(20)
		s.wg.Wait()
		for _, note := range s.diary {
			if strings.HasSuffix(note, "failed") {
				t.Error(note)
			}
		}
	})
}

// TestNoStartIsKeptForNobody: who cannot be in time leaves, and the start that was
// reserved for him is given back in the same look.
func TestNoStartIsKeptForNobody(t *testing.T) {
	now := time.Now()
	l := NewLimiter(&Memory{}, hour)
	q := &queue{key: second.Key, windows: []Limit{second}, changed: true, next: now}
	q.insert(&start{d: Decision{Start: now.Add(hour)}, timer: time.NewTimer(hour)})
	w := &waiter{deadline: now, q: q, ready: make(chan struct{})}
	q.waiters.push(w)
	l.queues[q.key] = q
	l.waiting.Add(1)
	if got := l.plan(q); !got.done || len(got.surplus) != 1 || w.err == nil || len(l.queues) != 0 {
		t.Errorf("got %+v; the one who waits: %v; %d queues", got, w.err, len(l.queues))
	}
}

// TestWhoSendsLateDelaysTheNext: what counts is when a call leaves.
func TestWhoSendsLateDelaysTheNext(t *testing.T) {
	play(t, func(t *testing.T, s *scene) {
		for range 2 {
			g, err := s.Reserve(t.Context(), []Limit{second})
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(100 * time.Millisecond)
			g.Sent()
			synctest.Wait()
		}
		s.call(t.Context(), "third", Interactive, second)
		s.wg.Wait()
		s.want("third 1.1s")
	})
}

// slowStore is a store that is far away.
type slowStore struct{ Store }

func (s slowStore) Take(ctx context.Context, now time.Time, within time.Duration, limits []Limit) (Decision, error) {
	time.Sleep(100 * time.Millisecond)
	return s.Store.Take(ctx, now, within, limits)
}

// Who was let go at once was not held back, however long it took to ask.
func TestHeld(t *testing.T) {
	oneAtATime(t)
	synctest.Test(t, func(t *testing.T) {
		l := NewLimiter(slowStore{&Memory{}}, time.Minute)
		for i, held := range []bool{false, false, true} {
			g, err := l.Reserve(t.Context(), []Limit{second})
			if err != nil || g.Held() != held {
				t.Errorf("call %d: held back %v, %v", i, g.Held(), err)
			}
			g.Sent()
		}
		day := Limit{Key: "a:day", Calls: 2}
		if g, err := l.Reserve(t.Context(), []Limit{day}); err != nil || g.Held() {
			t.Errorf("under a day alone: held back %v, %v", g.Held(), err)
		}
	})
}
