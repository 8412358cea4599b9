package events

import (
	"context"
	"errors"
	"log/slog"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"zoomql/cache/redistest"
	"zoomql/internal/stream"
	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

// watched is a liveness of account A with a door through which its events come.
type watched struct {
	*Liveness
	*door
	log *written
}

func newWatched(s Stream) *watched {
	w := &watched{door: newDoor(), log: &written{}}
	w.door.Stream, w.now = s, nil
	w.Liveness = &Liveness{Account: "A", Sources: []types.EventSource{types.EventSourceWebhook}, Stream: s, Log: slog.New(slog.NewTextHandler(w.log, nil))}
	return w
}

// come delivers an event of a name and an account.
func (w *watched) come(t *testing.T, name, account string) {
	t.Helper()
	secret := map[string]string{"A": "old", "sub": "old", "B": "other"}[account]
	body := `{"event":"` + name + `","event_ts":` + strconv.FormatInt(time.Now().UnixMilli(), 10) + `,"payload":{"account_id":"` + account + `","object":{"id":"1"}}}`
	if got := w.deliver(body, secret, time.Now()); got.Code != 204 {
		t.Fatal(got.Code, got.Body)
	}
}

// longer reports whether an answer to an operation lives longer that was read so long ago.
func (w *watched) longer(pattern string, age time.Duration) bool {
	now := time.Now()
	v := zoom.Validity{Stored: now.Add(-age), Expires: now, Extended: now.Add(time.Hour), Kinds: w.Kinds(zoom.Lookup(pattern))}
	return v.Fresh(now, w.Liveness)
}

const (
	aMeeting = "GET /meetings/{meetingId}"
	aUser    = "GET /users/{userId}"
	aRole    = "GET /roles/{roleId}"
)

// TestLiveness follows events as they come and stop, by the clock.
func TestLiveness(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWatched(&stream.Memory{})
		ctx, end := context.WithCancel(t.Context())
		defer end()
		go w.Keep(ctx)
		time.Sleep(time.Minute)
		if alive, last, _ := w.Status(time.Now()); alive || !last.IsZero() || w.longer(aMeeting, 0) {
			t.Errorf("before all events: alive %v, last %v", alive, last)
		}
		w.come(t, "meeting.started", "A")
		came := time.Now()
		time.Sleep(lookEvery + time.Second)
		if alive, last, _ := w.Status(time.Now()); !alive || !last.Equal(came) {
			t.Errorf("after an event: alive %v, last %v, want %v", alive, last, came)
		}
		if w.longer(aMeeting, 0) {
			t.Error("what was read as the first event came lives longer")
		}
		time.Sleep(time.Minute)
		if !w.longer(aMeeting, time.Second) || w.longer(aMeeting, time.Minute) {
			t.Error("what was read after it is not told from what was read before")
		}
		if w.longer(aUser, 0) || w.longer(aRole, 0) {
			t.Error("what other events tell of, or none, lives longer")
		}
		w.come(t, "user.signed_in", "A")
		time.Sleep(lookEvery + settling + time.Second)
		if !w.longer(aUser, 0) || !w.longer(aMeeting, time.Minute) || w.longer(aUser, time.Minute) {
			t.Error("the events of a kind are told from those of another")
		}
		time.Sleep(AliveFor)
		if alive, last, _ := w.Status(time.Now()); alive || last.IsZero() || w.longer(aMeeting, 0) || w.longer(aUser, 0) {
			t.Errorf("after %v without events: alive %v, last %v", AliveFor, alive, last)
		}
		w.come(t, "meeting.started", "sub") // a sub account's: by the same subscription
		time.Sleep(lookEvery + settling + time.Minute)
		if alive, _, _ := w.Status(time.Now()); !alive || !w.longer(aMeeting, 0) || w.longer(aMeeting, 20*time.Minute) {
			t.Error("what was read while none came lives longer, or what came after does not")
		}
		for range 24 * 6 { // a day with no event of a kind
			w.come(t, "user.signed_in", "A")
			time.Sleep(10 * time.Minute)
		}
		if w.longer(aMeeting, 0) || !w.longer(aUser, 0) {
			t.Error("a kind of events that stays away for a day is not missed")
		}
		want := []string{"events come", "events do not come", "events come"}
		if lines := strings.Split(strings.TrimSpace(w.log.String()), "\n"); len(lines) != len(want) {
			t.Errorf("the log says %s", w.log)
		} else {
			for i := range want {
				if !strings.Contains(lines[i], want[i]) {
					t.Errorf("line %d of the log is %s, want %s", i, lines[i], want[i])
				}
			}
		}
	})
}

// TestLiveness_others does not take another account's events for those of this one.
func TestLiveness_others(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWatched(&stream.Memory{})
		w.come(t, "meeting.started", "B")
		w.look(t.Context())
		if alive, _, _ := w.Status(time.Now()); alive {
			t.Error("events of another account are taken for its own")
		}
		w.come(t, "meeting.started", "sub")
		w.look(t.Context())
		if alive, _, _ := w.Status(time.Now()); !alive || !w.Since(kindsOf("meeting"), time.Now()).IsZero() {
			t.Error("a sub account's events are no sign of the subscription, or tell of the kinds of the own one's")
		}
	})
}

// broken is a stream that does not reply from some time on.
type broken struct {
	*stream.Memory
	down atomic.Bool
}

// Note implements [Stream].
func (b *broken) Note(ctx context.Context, mark stream.Mark, names ...string) ([]stream.Span, error) {
	if b.down.Load() {
		return nil, errors.New("down")
	}
	return b.Memory.Note(ctx, mark, names...)
}

// TestLiveness_withoutRedis has lifetimes short again ten seconds after Redis has stopped to
// reply: what other replicas evict is not learned then. After it, and after a time in which
// no replica ran, what was read before lives no longer.
func TestLiveness_withoutRedis(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &broken{Memory: &stream.Memory{}}
		w := newWatched(s)
		ctx, end := context.WithCancel(t.Context())
		go w.Keep(ctx)
		w.come(t, "meeting.started", "A")
		time.Sleep(5 * time.Minute)
		if !w.longer(aMeeting, time.Minute) {
			t.Fatal("events do not come")
		}
		s.down.Store(true)
		time.Sleep(lostAfter + lookEvery)
		if alive, _, _ := w.Status(time.Now()); alive || w.longer(aMeeting, time.Minute) {
			t.Error("without Redis, events are taken to come")
		}
		s.down.Store(false)
		time.Sleep(lookEvery + settling + time.Second)
		if alive, _, _ := w.Status(time.Now()); !alive || !w.longer(aMeeting, 0) || w.longer(aMeeting, time.Minute) {
			t.Error("when Redis is back, what was read before is not told from what was read after")
		}
		end()
		time.Sleep(2 * lostAfter)
		ctx, end = context.WithCancel(t.Context())
		defer end()
		go w.Keep(ctx)
		time.Sleep(settling + lookEvery)
		if !w.longer(aMeeting, 0) || w.longer(aMeeting, time.Minute) {
			t.Error("what was read before all replicas were down is not told from what was read after")
		}
	})
}

// TestLiveness_shared has a replica know of the events that another one has taken.
func TestLiveness_shared(t *testing.T) {
	client := redistest.Start(t).Client()
	first, other := newWatched(stream.NewRedis(client, "events")), newWatched(stream.NewRedis(client, "events"))
	other.look(t.Context())
	if alive, _, _ := other.Status(time.Now()); alive {
		t.Fatal("events come before any has")
	}
	first.come(t, "user.updated", "A")
	other.look(t.Context())
	alive, last, _ := other.Status(time.Now())
	if !alive || time.Since(last) > time.Minute || other.Since(kindsOf("user"), time.Now()).IsZero() || !other.Since(kindsOf("meeting"), time.Now()).IsZero() {
		t.Errorf("alive %v, last %v", alive, last)
	}
}
