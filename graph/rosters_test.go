package graph

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"zoomql/cache"
	"zoomql/graph/rosters"
	"zoomql/internal/events"
	"zoomql/internal/sandbox"
	"zoomql/internal/stream"
	"zoomql/internal/zoom/types"
)

// someone is the participant of an event of who came or left now.
func someone(id, when string) string {
	return fmt.Sprintf(`,"participant":{"user_id":%q,"user_name":"N","participant_uuid":"u-%s",%q:%q}`, id, id, when, time.Now().UTC().Format(time.RFC3339))
}

// untilText reads items until one has a text.
func (f *followed) untilText(text string) {
	f.t.Helper()
	for range 100 {
		data, errs := f.next()
		if len(errs) > 0 {
			f.t.Fatal(errs)
		}
		if strings.Contains(data, text) {
			return
		}
	}
	f.t.Fatalf("no item has %s", text)
}

// drain has all that comes read.
func (f *followed) drain() { go io.Copy(io.Discard, f.from) }

// TestParticipants_compared follows a meeting of which events are lost: somebody who never was
// there by the dashboard leaves, and those come whom it has, within five minutes. It costs one
// call each time, however many follow, and none when nobody does.
func TestParticipants_compared(t *testing.T) {
	t.Parallel()
	const all = `subscription { participants(meeting: {number: "${MeetingNumber}"}) { left { inMeetingId } comparedAt } }`
	inLive(t, setup{}, func(l *live) {
		if _, err := l.Hold(l.MeetingNumber, 1); err != nil {
			t.Fatal(err)
		}
		l.event("meeting.started", "")
		l.event("meeting.participant_joined", someone("ghost", "join_time"))
		time.Sleep(2 * time.Minute)
		followers := []*followed{
			l.follow(`subscription { participants(meeting: {number: "${MeetingNumber}"}) { complete comparedAt participants { inMeetingId } } }`), l.follow(all), l.follow(all),
		}
		followers[0].wants(`{"participants":{"complete":true,"comparedAt":null,"participants":[{"inMeetingId":"ghost"}]}}`)
		l.spends(1) // whether the meeting is theirs to see
		began := time.Now()
		followers[0].drain() // who does not read is cut off
		followers[1].drain()
		followers[2].untilText(`"left":[{"inMeetingId":"ghost"}],"comparedAt":"2026`)
		if took := time.Since(began); took > rosters.CompareEvery+time.Second {
			t.Errorf("it has taken %v", took)
		}
		wantsCompared := func(why string, n int) {
			t.Helper()
			calls := l.spent()
			for _, c := range calls {
				if c.Pattern != "GET /metrics/meetings/{meetingId}/participants" {
					t.Errorf("%s: %s", why, c.Pattern)
				}
			}
			if len(calls) != n {
				t.Errorf("%s: %d calls, want %d", why, len(calls), n)
			}
		}
		wantsCompared("once", 1)
		followers[2].drain()
		time.Sleep(3 * rosters.CompareEvery)
		wantsCompared("three times", 3)
		for _, f := range followers {
			f.close()
		}
		time.Sleep(rosters.Idle + 3*rosters.CompareEvery)
		if calls := l.spent(); len(calls) > 1 {
			t.Errorf("when nobody follows, %d calls are made", len(calls))
		}
	})
}

// leasing is a second tier that processes share, with leases as Redis has them.
type leasing struct {
	l2
	mu   sync.Mutex
	held map[string]chan struct{} // closed when the answer is stored
}

// leaseLife is how long a lease of leasing lasts.
const leaseLife = 10 * time.Second

func (s *leasing) GetOrLease(ctx context.Context, key string, want cache.Want, tags ...cache.Tag) (*cache.Entry, cache.Ticket, *cache.Lease) {
	for ctx.Err() == nil {
		e, ticket, _ := s.l2.GetOrLease(ctx, key, want, tags...)
		s.mu.Lock()
		stored := s.held[key]
		if e == nil && stored == nil {
			s.held[key] = make(chan struct{})
		}
		s.mu.Unlock()
		if e != nil || stored == nil {
			return e, ticket, nil
		}
		select {
		case <-stored:
		case <-time.After(leaseLife):
			s.release(key)
		case <-ctx.Done():
		}
	}
	return nil, cache.Ticket{}, nil
}

func (s *leasing) Set(ctx context.Context, key string, ticket cache.Ticket, e *cache.Entry) {
	defer s.release(key)
	s.l2.Set(ctx, key, ticket, e)
}

func (s *leasing) release(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if stored := s.held[key]; stored != nil {
		close(stored)
		delete(s.held, key)
	}
}

// TestParticipants_replicasCompareTogether has two replicas compare the roster of one meeting: each
// call is made once for both, while the meeting goes on and after it.
func TestParticipants_replicasCompareTogether(t *testing.T) {
	t.Parallel()
	far := &leasing{l2: l2{cache.NewMemory(1 << 20)}, held: map[string]chan struct{}{}}
	tiers := func() cache.Shared { return cache.NewTiered(cache.NewMemory(1<<20), far) }
	near := tiers()
	inLive(t, setup{shared: near, answers: near.L1()}, func(l *live) {
		held, err := l.Hold(l.MeetingNumber, 1)
		if err != nil {
			t.Fatal(err)
		}
		own, _ := l.webhook.Stream.(*stream.Memory)
		bus := &events.Bus{Stream: own, Log: slog.New(slog.DiscardHandler)}
		ctx, cancel := context.WithCancel(l.t.Context())
		var running sync.WaitGroup
		running.Go(func() { bus.Run(ctx) })
		defer running.Wait()
		defer cancel()
		other := l.replica(tiers(), bus)
		defer other.front.close()
		l.event("meeting.started", "")
		l.event("meeting.participant_joined", someone("ghost", "join_time"))
		for _, r := range []*rig{l.rig, other} {
			f := (&live{r, l.webhook}).follow(`subscription { participants(meeting: {number: "${MeetingNumber}"}) { live comparedAt } }`)
			defer f.close() //nolint:gocritic // there are two
			f.wants(`{"participants":{"live":true,"comparedAt":null}}`)
			f.drain()
		}
		l.spent()
		const times = 3
		makes := func(pattern string) {
			t.Helper()
			time.Sleep(times * rosters.CompareEvery)
			calls := patterns(l.spent())
			if n := len(slices.DeleteFunc(slices.Clone(calls), func(c string) bool { return c != pattern })); n != times || len(calls) != times {
				t.Errorf("compared %d times by two replicas, these calls are made: %v", times, calls)
			}
		}
		makes("GET /metrics/meetings/{meetingId}/participants")
		held.Finish()
		l.event("meeting.ended", "")
		makes("GET /meetings/{meetingId}")
	})
}

// TestParticipants_comparedWithoutDashboard follows a meeting whose end is lost, where the plan
// has no dashboard: the meeting itself tells that it does not go on.
func TestParticipants_comparedWithoutDashboard(t *testing.T) {
	t.Parallel()
	inLive(t, setup{Options: sandbox.Options{Plan: sandbox.PlanPro}}, func(l *live) {
		l.event("meeting.started", "")
		l.event("meeting.participant_joined", someone("1", "join_time"))
		f := l.follow(`subscription { participants(meeting: {number: "${MeetingNumber}"}) { live count comparedAt } }`)
		defer f.close()
		f.wants(`{"participants":{"live":true,"count":1,"comparedAt":null}}`)
		began := time.Now()
		f.wants(`{"participants":{"live":false,"count":0,"comparedAt":null}}`)
		if took := time.Since(began); took < rosters.CompareEvery-time.Minute || took > 2*rosters.CompareEvery+time.Minute {
			t.Errorf("it has taken %v", took)
		}
		for _, c := range l.spent()[1:] {
			if c.Pattern != "GET /meetings/{meetingId}" && c.Pattern != "GET /metrics/meetings/{meetingId}/participants" {
				t.Error(c.Pattern)
			}
		}
	})
}

// TestParticipants_gap follows a meeting over a gap in the events: the roster is not complete
// until the dashboard was read, at once.
func TestParticipants_gap(t *testing.T) {
	t.Parallel()
	inLive(t, setup{}, func(l *live) {
		if _, err := l.Hold(l.MeetingNumber, 1); err != nil {
			t.Fatal(err)
		}
		l.event("meeting.started", "")
		l.event("meeting.participant_joined", someone("ghost", "join_time"))
		time.Sleep(2 * time.Minute)
		f := l.follow(`subscription { participants(meeting: {number: "${MeetingNumber}"}) { complete left { inMeetingId } } }`)
		defer f.close()
		f.wants(`{"participants":{"complete":true,"left":[]}}`)
		key := rosters.Key{Account: sandbox.AccountID, Number: types.MeetingNumber(l.MeetingNumber)}
		if left := time.Until(key.NextMoment(time.Now(), rosters.CompareEvery)); left < 10*time.Second {
			t.Fatalf("it is compared in %v anyway: begin at another time", left)
		}
		l.gap("began")
		f.wants(`{"participants":{"complete":false,"left":[]}}`)
		began := time.Now()
		l.gap("ended")
		f.untilText(`"complete":true,"left":[{"inMeetingId":"ghost"}]`)
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("it has taken %v", took)
		}
		// Who begins to follow reads the gap again.
		l.event("meeting.participant_joined", someone("2", "join_time"))
		other := l.follow(`subscription { participants(meeting: {number: "${MeetingNumber}"}) { complete } }`)
		defer other.close()
		other.wants(`{"participants":{"complete":true}}`)
	})
}

// TestEvents_ofAWebinar follows the events of one webinar.
func TestEvents_ofAWebinar(t *testing.T) {
	t.Parallel()
	inLive(t, setup{}, func(l *live) {
		f := l.follow(`subscription { events(webinar: {number: "${WebinarNumber}"}) { name webinar { number } } }`)
		defer f.close()
		time.Sleep(time.Second)
		l.event("meeting.started", "")
		l.eventOf(l.WebinarNumber+1, "webinar.started", "")
		l.eventOf(l.WebinarNumber, "webinar.started", "")
		f.wants(l.fill(`{"events":{"name":"webinar.started","webinar":{"number":"${WebinarNumber}"}}}`))
		for query, code := range map[string]string{
			`webinar: {number: "${WebinarNumber}"}, meeting: {number: "${MeetingNumber}"}`: "BAD_USER_INPUT",
			`webinar: {number: "99"}`: "NOT_FOUND",
		} {
			f := l.follow(`subscription { events(` + query + `) { name } }`)
			if _, errs := f.next(); len(errs) != 1 || errs[0].code() != code {
				t.Errorf("%s: %v, want %s", query, errs, code)
			}
			f.close()
		}
	})
}

// TestParticipants_withoutEventsAndDashboard follows a meeting that may be in progress, and of which
// there is neither an event nor a list: the empty roster is sent once, and then each change.
func TestParticipants_withoutEventsAndDashboard(t *testing.T) {
	t.Parallel()
	inLive(t, setup{Options: sandbox.Options{Plan: sandbox.PlanPro}}, func(l *live) {
		if _, err := l.Hold(l.MeetingNumber, 1); err != nil {
			t.Fatal(err)
		}
		f := l.follow(`subscription { participants(meeting: {number: "${MeetingNumber}"}) { live count joined { inMeetingId } } }`)
		defer f.close()
		f.wants(`{"participants":{"live":null,"count":0,"joined":[]}}`)
		time.Sleep(time.Second)
		l.event("meeting.participant_joined", someone("1", "join_time"))
		f.wants(`{"participants":{"live":true,"count":1,"joined":[{"inMeetingId":"1"}]}}`)
	})
}

// TestEvents_webinarObjects reads what an event of a webinar names: each of its ids is that of a node.
func TestEvents_webinarObjects(t *testing.T) {
	t.Parallel()
	inLive(t, setup{}, func(l *live) {
		f := l.follow(`subscription { events(webinar: {number: "${WebinarNumber}"}) { ids } }`)
		defer f.close()
		time.Sleep(time.Second)
		l.deliver(fmt.Sprintf(`{"event":"webinar.started","event_ts":%d,"payload":{"account_id":%q,"object":{"id":"%d","uuid":%q,"host_id":""}}}`, time.Now().UnixMilli(), sandbox.AccountID, l.WebinarNumber, l.WebinarInstance))
		data, errs := f.next()
		var said struct {
			Events struct{ IDs []string }
		}
		if err := json.Unmarshal([]byte(data), &said); err != nil || len(errs) > 0 {
			t.Error(data, errs, err)
		}
		kinds := map[string]bool{}
		for _, id := range said.Events.IDs {
			a := l.ask(`query ($id: ID!) { node(id: $id) { __typename id } }`, map[string]any{"id": id})
			var read struct {
				Node struct {
					Typename string `json:"__typename"`
				}
			}
			if err := json.Unmarshal(a.Data, &read); err != nil || len(a.Errors) > 0 {
				t.Error(id, string(a.Data), a.Errors, err)
			}
			kinds[read.Node.Typename] = true
		}
		if len(kinds) != 2 || !kinds["Webinar"] || !kinds["WebinarReport"] {
			t.Error("the ids are of", kinds)
		}
	})
}
