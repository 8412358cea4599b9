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

// inWords returns the stored gaps and events of account A: a word for each gap, and the meetings
// of each event.
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

// TestSocket_gapsAreInTheStream expects the beginning and the end of gaps in the stream, between
// the events before and after.
func TestSocket_gapsAreInTheStream(t *testing.T) {
	for name, c := range map[string]struct {
		end  func(*zoomServer, *stuck)
		want string
	}{
		"nothing":    {func(*zoomServer, *stuck) {}, "ended 1 2"},
		"cut":        {func(l *zoomServer, _ *stuck) { l.cut() }, "ended 1 began ended 2"},
		"unreadable": {func(l *zoomServer, _ *stuck) { l.sendEvent(`{`) }, "ended 1 ended 2"},
		"Redis does not reply when it is cut": {func(l *zoomServer, s *stuck) {
			s.append.Store(true)
			l.cut()
			time.Sleep(time.Minute)
			s.append.Store(false)
		}, "ended 1 ended 2"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l, s := &zoomServer{}, &stuck{Memory: &stream.Memory{}}
				p := newSocketReplica(s, l)
				end := p.start(t.Context())
				time.Sleep(time.Minute)
				l.sendEvent(updatedIn("A", "1"))
				time.Sleep(time.Minute)
				c.end(l, s)
				time.Sleep(time.Minute)
				l.sendEvent(updatedIn("A", "2"))
				time.Sleep(time.Minute)
				if got := inWords(t, s); got != c.want {
					t.Errorf("the stream has %q, want %q", got, c.want)
				}
				end()
				if got := inWords(t, s); got != c.want+" began" {
					t.Errorf("after the end of the replica, the stream has %q", got)
				}
			})
		})
	}
}

// TestBus_gaps expects gaps to be delivered to the subscriptions whose filters select them,
// whatever else these select, and to no others.
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

// TestInbox_otherAccounts expects events of accounts that are not configured to be accepted, and
// those over a WebSocket that are of an account with another app to be ignored. Each kind is
// counted in a line of the log a minute.
func TestInbox_otherAccounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &zoomServer{}
		p := newSocketReplica(&stream.Memory{}, l)
		defer p.start(t.Context())()
		time.Sleep(time.Minute)
		lines := func(what string) (all []string) {
			for text := range strings.Lines(p.testWebhook.log.String()) {
				if strings.Contains(text, what) {
					all = append(all, text[strings.LastIndex(text, " n=")+1:])
				}
			}
			return all
		}
		for i := range 30 {
			if i%10 == 0 {
				p.deliverEvent(t, "meeting.updated", "A")
			}
			p.deliverEvent(t, "meeting.updated", "sub")
			l.sendEvent(updatedIn("B", "1"))
			time.Sleep(7 * time.Second) // so that no event coincides with a line
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
