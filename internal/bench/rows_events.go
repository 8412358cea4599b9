package main

import (
	"context"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"zoomql/internal/lab/proc"
	"zoomql/internal/lab/table"
	"zoomql/internal/sandbox"
)

// eventsPerSecond is the rate of the events that arrive during hot queries.
const eventsPerSecond = 50

// hotBesideEvents repeats the hot queries while the gateway accepts events about other
// meetings. The static servers that it is compared with are measured without events. A last
// row adds changes of users, each of which makes the account's lists of users stale, and
// with them the answers whose users were found there.
func (b *bench) hotBesideEvents(ctx context.Context) error {
	if err := b.enter(ctx, office); err != nil {
		return err
	}
	const secret = "webhook-secret"
	gateway, err := b.gateway().start(ctx, "ZOOM_WEBHOOK_SECRETS="+secret)
	if err != nil {
		return err
	}
	defer gateway.Stop()
	source := newEventSource(gateway, secret)
	small, large := userQuery(b.marks.HostID), crowdQuery(b.marks.BigMeeting, listedFields)
	if err := b.measureHot(ctx, "hot small query beside events", gateway, small, []*hotLoad{
		{name: "64 connections", server: gateway, bodies: requests(small), entries: 1, target: 0.9, beside: source.send},
	}); err != nil {
		return err
	}
	if err := b.measureHot(ctx, "hot large query beside events", gateway, large, []*hotLoad{
		{name: "64 connections", server: gateway, bodies: requests(large), entries: 1, target: 0.9, beside: source.send},
		{name: "20 different ones by turns", server: gateway, bodies: requests(named(large, 20)...), entries: 20, target: 0.9, beside: source.send},
	}); err != nil {
		return err
	}
	sent, accepted := source.sent.Load(), source.accepted.Load()
	perSecond := float64(sent) / source.sending.Seconds()
	ok := sent > 0 && accepted == sent && perSecond >= 0.9*eventsPerSecond
	b.add(table.Row{
		Work: "the events beside them", Bound: "–", Target: fmt.Sprintf("all accepted; %d a second", eventsPerSecond), OK: &ok,
		Measured: fmt.Sprintf("%d of %d accepted, %.0f a second", accepted, sent, perSecond),
		Values:   map[string]float64{"sent": float64(sent), "accepted": float64(accepted), "per_second": perSecond},
	})
	source.users = true
	return b.measureHot(ctx, "hot large query beside events, one a second about a user", gateway, large, []*hotLoad{
		{name: "64 connections", server: gateway, bodies: requests(large), entries: 1, beside: source.send},
	})
}

// eventSource sends events to a gateway as Zoom does.
type eventSource struct {
	delivery       sandbox.Delivery
	number         int64 // of the last event
	users          bool  // one event a second is about a user
	sending        time.Duration
	sent, accepted atomic.Int64
}

func newEventSource(gateway *proc.Process, secret string) *eventSource {
	s := &eventSource{}
	s.delivery = sandbox.Delivery{
		URL: "http://" + gateway.Addr + "/webhooks/zoom", Secret: secret, Speed: 1,
		HTTP: &http.Client{Transport: roundTripper(func(req *http.Request) (*http.Response, error) {
			resp, err := http.DefaultTransport.RoundTrip(req)
			if err == nil && resp.StatusCode == http.StatusNoContent {
				s.accepted.Add(1)
			}
			return resp, err
		})},
	}
	return s
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// send sends events until ctx ends, and then waits for the answers.
func (s *eventSource) send(ctx context.Context) {
	began := time.Now()
	ticker := time.NewTicker(time.Second / eventsPerSecond)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			s.sent.Add(1)
			s.delivery.Send(context.WithoutCancel(ctx), s.next())
		case <-ctx.Done():
			s.sending += time.Since(began)
			s.delivery.Wait()
			return
		}
	}
}

// next returns an event about a meeting or a user that no query of the bench reads. One in
// eight changes a meeting, the others are about its participants, as in an account where
// meetings are being held.
func (s *eventSource) next() sandbox.Event {
	s.number++
	now := time.Now()
	var name, object string
	switch at := now.UTC().Format(time.RFC3339); {
	case s.users && s.number%eventsPerSecond == 0:
		name, object = "user.updated", fmt.Sprintf(`{"id":"other-user-%d","dept":"Sales"}`, s.number)
	case s.number%8 == 0:
		name, object = "meeting.updated", fmt.Sprintf(`{"id":%d,"topic":"Moved","host_id":"other-user-%d"}`, 70_000_000_000+s.number, s.number)
	default:
		name = "meeting.participant_joined"
		object = fmt.Sprintf(`{"id":"%d","uuid":"other-%[1]d==","host_id":"other-user-1","participant":{"participant_uuid":"P%d","user_name":"Ada","join_time":%q}}`, 70_000_000_000+s.number/600, s.number, at)
	}
	return sandbox.Event{Name: name, At: now, Body: fmt.Appendf(nil, `{"event":%q,"event_ts":%d,"payload":{"account_id":%q,"object":%s}}`, name, now.UnixMilli(), sandbox.AccountID, object)}
}
