package graph

import (
	"testing"
	"time"

	"zoomql/cache"
	"zoomql/internal/zoom"
)

// arriving are events of all kinds that have come since some time; the zero time means that
// they do not come.
type arriving struct{ since time.Time }

// Kinds implements [zoom.Coverage].
func (*arriving) Kinds(*zoom.Spec) zoom.EventKinds { return 1 }

// Since implements [zoom.Coverage].
func (a *arriving) Since(zoom.EventKinds, time.Time) time.Time { return a.since }

// Status implements [EventStatus].
func (a *arriving) Status(time.Time) (alive bool, last time.Time) { return !a.since.IsZero(), a.since }

// TestEvents tells whether events come: each time anew, at no call. Where the gateway takes
// none, and for a sub account, that is null.
func TestEvents(t *testing.T) {
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
			want(t, r.ask(query, nil), `{"viewer":{"account":{"events":{"alive":true,"lastEventAt":"2026-03-16T09:10:00Z","source":"WEBHOOK"}}}}`)
		}
		r.spends(0)
		want(t, r.ask(`{ account(by: {zoomId: "${SubAccountID}"}) { events { alive } users { __typename } } }`, nil), `{"account":{"events":null,"users":{"__typename":"UserConnection"}}}`)
	})
}

// TestAnswerKept_whileEventsCome gives a whole answer for an hour while events come. When
// they have ended, it is made anew at once.
func TestAnswerKept_whileEventsCome(t *testing.T) {
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
