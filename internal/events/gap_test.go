package events

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"zoomql/internal/stream"
)

// inWords returns what the stream has of account A, a word for each: its gaps, and the
// meetings of its events.
func inWords(t *testing.T, s Reader) string {
	t.Helper()
	var words []string
	b := &Bus{Stream: s}
	if err := b.Past(t.Context(), Filter{Served: "A", Gaps: AllGaps}, func(e *Stored) {
		words = append(words, string(e.Gap)+strings.Join(e.Meetings(), ","))
	}); err != nil {
		t.Fatal(err)
	}
	return strings.Join(words, " ")
}

// TestSocket_gapsAreInTheStream stores when events are missed, and when they come again, where
// they are between the events of before and after.
func TestSocket_gapsAreInTheStream(t *testing.T) {
	for name, c := range map[string]struct {
		end  func(*line, *stuck)
		want string
	}{
		"nothing":    {func(*line, *stuck) {}, "ended 1 2"},
		"cut":        {func(l *line, _ *stuck) { l.cut() }, "ended 1 began ended 2"},
		"unreadable": {func(l *line, _ *stuck) { l.tell(`{`) }, "ended 1 ended 2"},
		"Redis does not reply when it is cut": {func(l *line, s *stuck) {
			s.append.Store(true)
			l.cut()
			time.Sleep(time.Minute)
			s.append.Store(false)
		}, "ended 1 ended 2"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l, s := &line{}, &stuck{Memory: &stream.Memory{}}
				p := plug(s, l)
				end := p.keep(t.Context())
				time.Sleep(time.Minute)
				l.tell(updatedIn("A", "1"))
				time.Sleep(time.Minute)
				c.end(l, s)
				time.Sleep(time.Minute)
				l.tell(updatedIn("A", "2"))
				time.Sleep(time.Minute)
				if got := inWords(t, s); got != c.want {
					t.Errorf("the stream has %q, want %q", got, c.want)
				}
				end()
				if got := inWords(t, s); got != c.want+" began" {
					t.Errorf("when the replica has ended, it has %q", got)
				}
			})
		})
	}
}

// TestBus_gaps hands gaps to who wants them, whatever else they follow, and to nobody else.
func TestBus_gaps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &stream.Memory{}
		b := &Bus{Stream: s, Log: slog.New(slog.DiscardHandler)}
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { b.Run(ctx) })
		defer running.Wait()
		defer cancel()
		got := map[string]int{}
		for name, f := range map[string]Filter{
			"of a meeting": {Served: "A", Meeting: "1", Names: OfMeetings, Gaps: AllGaps}, "of a user": {Served: "A", Account: "sub", User: "u", Gaps: []Gap{GapBegan}},
			"of another account": {Served: "B", Gaps: AllGaps}, "of another kind": {Served: "A", Gaps: []Gap{GapEnded}}, "unasked": {Served: "A"},
		} {
			w, _, err := b.Watch(ctx, f, func(e *Stored) {
				if e.Gap == GapBegan {
					got[name]++
				}
			})
			if err != nil {
				t.Fatal(err)
			}
			defer w.Close() //nolint:gocritic // there are five
		}
		if err := s.Append(ctx, GapBegan.message("A"), GapBegan.message("A")); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		b.mu.Lock()
		defer b.mu.Unlock()
		if len(got) != 2 || got["of a meeting"] != 2 || got["of a user"] != 2 {
			t.Error(got)
		}
		past := 0
		if err := b.Past(ctx, Filter{Served: "A", Meeting: "1", Gaps: AllGaps}, func(*Stored) { past++ }); err != nil || past != 2 {
			t.Error(past, err)
		}
	})
}

// TestInbox_otherAccounts takes events of accounts that are not configured, counted apart by a
// line a minute, and so counts those over a WebSocket that are another app's.
func TestInbox_otherAccounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &line{}
		p := plug(&stream.Memory{}, l)
		defer p.keep(t.Context())()
		time.Sleep(time.Minute)
		lines := func(what string) (all []string) {
			for text := range strings.Lines(p.door.log.String()) {
				if strings.Contains(text, what) {
					all = append(all, text[strings.LastIndex(text, " n=")+1:])
				}
			}
			return all
		}
		for i := range 30 {
			if i%10 == 0 {
				p.come(t, "meeting.updated", "A")
			}
			p.come(t, "meeting.updated", "sub")
			l.tell(updatedIn("B", "1"))
			time.Sleep(7 * time.Second) // never when a line is due
		}
		time.Sleep(5 * time.Minute)
		for _, what := range []string{"not configured", "another app"} {
			if got := strings.Join(lines(what), ""); got != "n=1\nn=8\nn=9\nn=8\nn=4\n" {
				t.Errorf("%s: %q", what, got)
			}
		}
		if len(p.evictedOf("sub")) == 0 {
			t.Error("an event of another account has evicted nothing")
		}
	})
}
