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

// webhookReplica is a replica that receives the events of account A by webhooks.
type webhookReplica struct {
	*Liveness
	*testWebhook
	log *written
}

func newWebhookReplica(s Stream) *webhookReplica {
	w := &webhookReplica{testWebhook: newTestWebhook(), log: &written{}}
	w.testWebhook.Stream, w.now = s, nil
	w.Liveness = &Liveness{Account: "A", Sources: []types.EventSource{types.EventSourceWebhook}, Stream: s, Log: slog.New(slog.NewTextHandler(w.log, nil))}
	return w
}

// deliverEvent delivers an event with a name, of an account.
func (w *webhookReplica) deliverEvent(t *testing.T, name, account string) {
	t.Helper()
	secret := map[string]string{"A": "old", "sub": "old", "B": "other"}[account]
	body := `{"event":"` + name + `","event_ts":` + strconv.FormatInt(time.Now().UnixMilli(), 10) + `,"payload":{"account_id":"` + account + `","object":{"id":"1"}}}`
	if got := w.deliver(body, secret, time.Now()); got.Code != 204 {
		t.Fatal(got.Code, got.Body)
	}
}

// livesLonger reports whether an answer to an operation that was read age ago is fresh after its
// ordinary lifetime.
func (w *webhookReplica) livesLonger(pattern string, age time.Duration) bool {
	now := time.Now()
	v := zoom.Validity{Stored: now.Add(-age), Expires: now, Extended: now.Add(time.Hour), Kinds: w.Kinds(zoom.Lookup(pattern))}
	return v.Fresh(now, w.Liveness)
}

const (
	aMeeting = "GET /meetings/{meetingId}"
	aUser    = "GET /users/{userId}"
	aRole    = "GET /roles/{roleId}"
)

// TestLiveness expects lifetimes to be long while events arrive, and short while they do not.
func TestLiveness(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWebhookReplica(&stream.Memory{})
		ctx, end := context.WithCancel(t.Context())
		defer end()
		go w.Keep(ctx)
		time.Sleep(time.Minute)
		if alive, last, _ := w.Status(time.Now()); alive || !last.IsZero() || w.livesLonger(aMeeting, 0) {
			t.Errorf("before all events: alive %v, last %v", alive, last)
		}
		w.deliverEvent(t, "meeting.started", "A")
		came := time.Now()
		time.Sleep(refreshEvery + time.Second)
		if alive, last, _ := w.Status(time.Now()); !alive || !last.Equal(came) {
			t.Errorf("after an event: alive %v, last %v, want %v", alive, last, came)
		}
		if w.livesLonger(aMeeting, 0) {
			t.Error("an answer that was read with the first event lives longer")
		}
		time.Sleep(time.Minute)
		if !w.livesLonger(aMeeting, time.Second) || w.livesLonger(aMeeting, time.Minute) {
			t.Error("answers that were read before and after the first event live equally long")
		}
		if w.livesLonger(aUser, 0) || w.livesLonger(aRole, 0) {
			t.Error("answers of another kind of events, or of none, live longer")
		}
		w.deliverEvent(t, "user.signed_in", "A")
		time.Sleep(refreshEvery + settling + time.Second)
		if !w.livesLonger(aUser, 0) || !w.livesLonger(aMeeting, time.Minute) || w.livesLonger(aUser, time.Minute) {
			t.Error("the lifetimes of one kind of events depend on another kind")
		}
		time.Sleep(AliveFor)
		if alive, last, _ := w.Status(time.Now()); alive || last.IsZero() || w.livesLonger(aMeeting, 0) || w.livesLonger(aUser, 0) {
			t.Errorf("after %v without events: alive %v, last %v", AliveFor, alive, last)
		}
		w.deliverEvent(t, "meeting.started", "sub") // of a sub account, by the same subscription
		time.Sleep(refreshEvery + settling + time.Minute)
		if alive, _, _ := w.Status(time.Now()); !alive || !w.livesLonger(aMeeting, 0) || w.livesLonger(aMeeting, 20*time.Minute) {
			t.Error("an answer that was read while no events arrived lives longer, or a later one does not")
		}
		for range 24 * 6 { // a day with no event of a kind
			w.deliverEvent(t, "user.signed_in", "A")
			time.Sleep(10 * time.Minute)
		}
		if w.livesLonger(aMeeting, 0) || !w.livesLonger(aUser, 0) {
			t.Error("answers of a kind without events for a day live longer")
		}
		want := []string{"events come", "no events arrive", "events come"}
		if lines := strings.Split(strings.TrimSpace(w.log.String()), "\n"); len(lines) != len(want) {
			t.Errorf("the log is %s", w.log)
		} else {
			for i := range want {
				if !strings.Contains(lines[i], want[i]) {
					t.Errorf("line %d of the log is %s, want %s", i, lines[i], want[i])
				}
			}
		}
	})
}

// TestLiveness_others expects events of other accounts not to count.
func TestLiveness_others(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWebhookReplica(&stream.Memory{})
		w.deliverEvent(t, "meeting.started", "B")
		w.refresh(t.Context())
		if alive, _, _ := w.Status(time.Now()); alive {
			t.Error("events of another account count as its own")
		}
		w.deliverEvent(t, "meeting.started", "sub")
		w.refresh(t.Context())
		if alive, _, _ := w.Status(time.Now()); !alive || !w.Since(kindsOf("meeting"), time.Now()).IsZero() {
			t.Error("events of a sub account do not show that events arrive, or count as a kind of the account itself")
		}
	})
}

// broken is a stream whose Note fails while it is down.
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

// TestLiveness_withoutRedis expects short lifetimes ten seconds after the last reply of Redis,
// since evictions of other replicas are not received then. Answers that were read before that, or
// before a time in which no replica ran, do not live longer afterwards.
func TestLiveness_withoutRedis(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &broken{Memory: &stream.Memory{}}
		w := newWebhookReplica(s)
		ctx, end := context.WithCancel(t.Context())
		go w.Keep(ctx)
		w.deliverEvent(t, "meeting.started", "A")
		time.Sleep(5 * time.Minute)
		if !w.livesLonger(aMeeting, time.Minute) {
			t.Fatal("events do not arrive")
		}
		s.down.Store(true)
		time.Sleep(lostAfter + refreshEvery)
		if alive, _, _ := w.Status(time.Now()); alive || w.livesLonger(aMeeting, time.Minute) {
			t.Error("without Redis, events count as arriving")
		}
		s.down.Store(false)
		time.Sleep(refreshEvery + settling + time.Second)
		if alive, _, _ := w.Status(time.Now()); !alive || !w.livesLonger(aMeeting, 0) || w.livesLonger(aMeeting, time.Minute) {
			t.Error("when Redis is back, answers that were read before and after live equally long")
		}
		end()
		time.Sleep(2 * lostAfter)
		ctx, end = context.WithCancel(t.Context())
		defer end()
		go w.Keep(ctx)
		time.Sleep(settling + refreshEvery)
		if !w.livesLonger(aMeeting, 0) || w.livesLonger(aMeeting, time.Minute) {
			t.Error("answers that were read before and after all replicas were down live equally long")
		}
	})
}

// TestLiveness_shared expects events that one replica has accepted to count on another.
func TestLiveness_shared(t *testing.T) {
	client := redistest.Start(t).Client()
	first, other := newWebhookReplica(stream.NewRedis(client, "events")), newWebhookReplica(stream.NewRedis(client, "events"))
	other.refresh(t.Context())
	if alive, _, _ := other.Status(time.Now()); alive {
		t.Fatal("events count as arriving before the first one")
	}
	first.deliverEvent(t, "user.updated", "A")
	other.refresh(t.Context())
	alive, last, _ := other.Status(time.Now())
	if !alive || time.Since(last) > time.Minute || other.Since(kindsOf("user"), time.Now()).IsZero() || !other.Since(kindsOf("meeting"), time.Now()).IsZero() {
		t.Errorf("alive %v, last %v", alive, last)
	}
}
