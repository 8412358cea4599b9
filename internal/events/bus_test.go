package events

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"zoomql/internal/stream"
)

// runBus runs a bus until the test ends.
func runBus(t *testing.T, b *Bus) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { b.Run(ctx) })
	t.Cleanup(func() {
		cancel()
		running.Wait()
	})
}

// inBus runs a test with a bus over a stream of this process. add appends an event.
func inBus(t *testing.T, test func(t *testing.T, b *Bus, add func(served, name, meeting string))) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := &stream.Memory{}
		b := &Bus{Stream: s, Log: slog.New(slog.DiscardHandler)}
		runBus(t, b)
		at := 0
		test(t, b, func(served, name, meeting string) {
			at++
			e, err := Parse([]byte(fmt.Sprintf(`{"event":%q,"event_ts":%d,"payload":{"account_id":%q,"object":{"id":%q,"uuid":"u","host_id":"h"}}}`, name, 1772366400000+at, served, meeting)), time.UnixMilli(1772366400000+int64(at)))
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Append(t.Context(), &stream.Message{Key: e.Key, Body: e.record(served, true)}); err != nil {
				t.Fatal(err)
			}
		})
	})
}

// names returns the meetings of the next n events, with the number of skipped events before each.
func names(t *testing.T, s *Subscription, n int) string {
	t.Helper()
	var all strings.Builder
	for range n {
		e, skipped, err := s.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&all, "%s/%d ", e.Meetings()[0], skipped)
	}
	return all.String()
}

func mustFollow(t *testing.T, b *Bus, f Filter, after string, room int) *Subscription {
	t.Helper()
	s, err := b.Follow(t.Context(), f, after, room)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// TestBus_filters expects each subscription to get the events that its filter selects.
func TestBus_filters(t *testing.T) {
	inBus(t, func(t *testing.T, b *Bus, add func(served, name, meeting string)) {
		all := mustFollow(t, b, Filter{Served: "A"}, "", 10)
		one := mustFollow(t, b, Filter{Served: "A", Meeting: "2"}, "", 10)
		ended := mustFollow(t, b, Filter{Served: "A", Names: []string{"meeting.ended"}}, "", 10)
		host := mustFollow(t, b, Filter{Served: "A", User: "h", Meeting: "3"}, "", 10)
		nobody := mustFollow(t, b, Filter{Served: "A", User: "x"}, "", 10)
		for i, served := range []string{"A", "A", "B", "A"} {
			name := "meeting.started"
			if i == 3 {
				name = "meeting.ended"
			}
			add(served, name, strconv.Itoa(i))
		}
		add("A", "meeting.started", "2")
		if got := names(t, all, 4); got != "0/0 1/0 3/0 2/0 " {
			t.Error(got)
		}
		if got := names(t, one, 1) + names(t, ended, 1) + names(t, host, 1); got != "2/0 3/0 3/0 " {
			t.Error(got)
		}
		synctest.Wait()
		if e, _, _ := nobody.pop(); e != nil {
			t.Errorf("%+v", e)
		}
	})
}

// TestFollow_slow expects the oldest events to be skipped, and counted.
func TestFollow_slow(t *testing.T) {
	inBus(t, func(t *testing.T, b *Bus, add func(served, name, meeting string)) {
		s := mustFollow(t, b, Filter{Served: "A"}, "", 3)
		for i := range 10 {
			add("A", "meeting.started", strconv.Itoa(i))
		}
		synctest.Wait()
		if got := names(t, s, 3); got != "7/7 8/0 9/0 " {
			t.Error(got)
		}
	})
}

// TestFollow_after subscribes after an event: it expects all stored events, and then the new
// ones, each once.
func TestFollow_after(t *testing.T) {
	inBus(t, func(t *testing.T, b *Bus, add func(served, name, meeting string)) {
		first := mustFollow(t, b, Filter{Served: "A"}, "", 2000)
		for i := range 1200 { // several reads
			add("A", "meeting.started", strconv.Itoa(i))
		}
		e, _, err := first.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		later := mustFollow(t, b, Filter{Served: "A"}, e.Cursor, 3)
		for i := 1; i < 1300; i++ {
			if i >= 1200 || i == 600 { // one event is added during the replay
				add("A", "meeting.started", strconv.Itoa(map[bool]int{true: i, false: 9999}[i >= 1200]))
			}
			e, skipped, err := later.Next(t.Context())
			want := strconv.Itoa(i)
			if i == 1200 {
				want = "9999"
			} else if i > 1200 {
				want = strconv.Itoa(i - 1)
			}
			if err != nil || skipped > 0 || e.Meetings()[0] != want {
				t.Fatalf("event %d is of %v, want %s; %d skipped, %v", i, e.Meetings(), want, skipped, err)
			}
		}
		if _, err := b.Follow(t.Context(), Filter{Served: "A"}, "1-0", 3); !errors.Is(err, stream.ErrExpired) {
			t.Error(err)
		}
	})
}

// TestBus_idle expects the bus to stop reading without subscriptions, and to begin again.
func TestBus_idle(t *testing.T) {
	inBus(t, func(t *testing.T, b *Bus, add func(served, name, meeting string)) {
		s, err := b.Follow(t.Context(), Filter{Served: "A"}, "", 3)
		if err != nil {
			t.Fatal(err)
		}
		s.Close()
		time.Sleep(10 * time.Minute)
		b.mu.Lock()
		at := b.at
		b.mu.Unlock()
		if at != "" || len(b.topics) > 0 {
			t.Errorf("the bus still reads at %q, %d topics", at, len(b.topics))
		}
		add("A", "meeting.started", "1") // without a subscription
		again := mustFollow(t, b, Filter{Served: "A"}, "", 3)
		add("A", "meeting.started", "2")
		if got := names(t, again, 1); got != "2/0 " {
			t.Error(got)
		}
	})
}

// unreadable is a stream that cannot be read until a time.
type unreadable struct {
	stream.Memory
	until   time.Time
	atStart bool // Now fails too
}

func (b *unreadable) Wait(ctx context.Context, cursor string) ([]stream.Entry, error) {
	if time.Now().Before(b.until) {
		return nil, errors.New("broken")
	}
	return b.Memory.Wait(ctx, cursor)
}

func (b *unreadable) Now(ctx context.Context) (string, error) {
	if b.atStart && time.Now().Before(b.until) {
		return "", errors.New("broken")
	}
	return b.Memory.Now(ctx)
}

// TestBus_unreadableAtStart expects one line when the stream cannot be read at first, and one when
// it can.
func TestBus_unreadableAtStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log written
		b := &Bus{Stream: &unreadable{until: time.Now().Add(time.Minute), atStart: true}, Log: slog.New(slog.NewTextHandler(&log, nil))}
		runBus(t, b)
		mustFollow(t, b, Filter{Served: "A"}, "", 3)
		if got := log.String(); strings.Count(got, "cannot be read") != 1 || strings.Count(got, "read again") != 1 {
			t.Errorf("the log is %q", got)
		}
	})
}

// TestBus_lost expects subscriptions to fail if the stream could not be read for so long that
// events may have been dropped, and not after a short time.
func TestBus_lost(t *testing.T) {
	for gap, want := range map[time.Duration]error{time.Minute: nil, time.Hour: ErrLost} {
		synctest.Test(t, func(t *testing.T) {
			s := &unreadable{until: time.Now().Add(gap)}
			b := &Bus{Stream: s, Log: slog.New(slog.DiscardHandler)}
			runBus(t, b)
			sub := mustFollow(t, b, Filter{Served: "A"}, "", 3)
			var lost bool
			w, _, err := b.Watch(t.Context(), Filter{Served: "A"}, func(e *Stored) { lost = e == nil })
			if err != nil {
				t.Fatal(err)
			}
			defer w.Close()
			time.Sleep(gap + time.Minute)
			synctest.Wait()
			if _, _, err := sub.pop(); !errors.Is(err, want) || lost != (want != nil) {
				t.Errorf("after %s: %v, %v", gap, err, lost)
			}
		})
	}
}

// renewing is a stream whose cursors are renewed as Redis does it.
type renewing struct{ stream.Memory }

func (*renewing) Renew(context.Context, string) (string, error) {
	return fmt.Sprintf("@%d", time.Now().UnixMilli()), nil
}

func (s *renewing) Wait(ctx context.Context, cursor string) ([]stream.Entry, error) {
	if strings.HasPrefix(cursor, "@") {
		cursor, _ = s.Now(ctx)
	}
	return s.Memory.Wait(ctx, cursor)
}

// TestBus_quiet expects subscriptions to get a cursor that is at most renewAfter old, however long ago
// the last event was.
func TestBus_quiet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &Bus{Stream: &renewing{}, Log: slog.New(slog.DiscardHandler)}
		runBus(t, b)
		mustFollow(t, b, Filter{Served: "A"}, "", 3)
		for range 3 {
			time.Sleep(3 * time.Hour)
			s, at, err := b.Watch(t.Context(), Filter{Served: "A"}, func(*Stored) {})
			if err != nil {
				t.Fatal(err)
			}
			s.Close()
			ms, _ := strconv.ParseInt(strings.TrimPrefix(at, "@"), 10, 64)
			if age := time.Since(time.UnixMilli(ms)); age > renewAfter+time.Minute {
				t.Errorf("the cursor is %s, %s old", at, age)
			}
		}
	})
}
