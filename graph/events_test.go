package graph

import (
	"testing"
	"time"

	"zoomql/cache"
	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

// arriving is a source that has received events of all kinds since a time; the zero time means
// that it receives none.
type arriving struct{ since time.Time }

// Kinds implements [zoom.Coverage].
func (*arriving) Kinds(*zoom.Spec) zoom.EventKinds { return 1 }

// Since implements [zoom.Coverage].
func (a *arriving) Since(zoom.EventKinds, time.Time) time.Time { return a.since }

// Missed implements [zoom.Coverage].
func (*arriving) Missed(zoom.EventKinds) {}

// Status implements [EventStatus].
func (a *arriving) Status(time.Time) (alive bool, last time.Time, source types.EventSource) {
	if a.since.IsZero() {
		return false, a.since, types.EventSourceWebhook
	}
	return true, a.since, types.EventSourceWebsocket
}

// TestEvents queries whether events arrive, which is current each time and needs no call. It is
// null if the gateway receives no events, and for a sub account.
func TestEvents(t *testing.T) {
	t.Parallel()
	const query = `{ viewer { account { events { alive lastEventAt source } } } }`
	want := func(t *testing.T, a *answer, data string) {
		t.Helper()
		if string(a.Data) != data || len(a.Errors) > 0 {
			t.Errorf("%s, want %s", a.body, data)
		}
	}
	inRig(t, setup{}, func(r *rig) {
		want(t, r.ask(query, nil), `{"viewer":{"account":{"events":null}}}`)
		r.spends(0)
	})
	events := &arriving{}
	inRig(t, setup{events: events, coverage: events}, func(r *rig) {
		for range 2 {
			events.since = time.Time{}
			want(t, r.ask(query, nil), `{"viewer":{"account":{"events":{"alive":false,"lastEventAt":null,"source":"WEBHOOK"}}}}`)
			events.since = monday
			want(t, r.ask(query, nil), `{"viewer":{"account":{"events":{"alive":true,"lastEventAt":"2026-03-16T09:10:00Z","source":"WEBSOCKET"}}}}`)
		}
		r.spends(0)
		want(t, r.ask(`{ account(by: {zoomId: "${SubAccountID}"}) { events { alive } users { __typename } } }`, nil), `{"account":{"events":null,"users":{"__typename":"UserConnection"}}}`)
	})
}

// TestAnswer_cachedWhileEventsArrive serves a whole answer from the cache for an hour while events
// arrive. After that, it is read again at once.
func TestAnswer_cachedWhileEventsArrive(t *testing.T) {
	t.Parallel()
	near := cache.NewMemory(1 << 20)
	for name, s := range map[string]setup{
		"one tier":  {},
		"two tiers": {shared: cache.NewTiered(near, l2{cache.NewMemory(1 << 20)}), answers: near},
	} {
		t.Run(name, func(t *testing.T) {
			events := &arriving{}
			s.coverage = events
			inRig(t, s, func(r *rig) {
				events.since = monday.Add(-time.Hour)
				r.ask(meetingQuery, nil)
				r.spends(2)
				r.gives(0)
				for range 4 {
					time.Sleep(14 * time.Minute)
					r.ask(meetingQuery, nil)
					r.spends(0)
					r.gives(1)
				}
				time.Sleep(4 * time.Minute)
				r.ask(meetingQuery, nil)
				r.spends(2)
				r.gives(0)
				time.Sleep(10 * time.Minute)
				events.since = time.Time{}
				r.ask(meetingQuery, nil)
				r.spends(2)
				r.gives(0)
				r.ask(meetingQuery, nil)
				r.gives(1)
				time.Sleep(time.Minute)
				events.since = time.Now() // what was read before is not kept right
				r.ask(meetingQuery, nil)
				r.gives(0)
				r.spends(1)
			})
		})
	}
}
