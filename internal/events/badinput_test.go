package events

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"zoomql/internal/stream"
)

// outcome is the effect of a delivery or a message.
type outcome string

const (
	accepted     outcome = "accepted"     // tags are evicted, and the event is stored
	stored       outcome = "stored"       // the event is stored, and evicts nothing
	duplicate    outcome = "duplicate"    // the event was accepted before, and changes nothing
	ignored      outcome = "ignored"      // nothing changes
	gap          outcome = "gap"          // not an event, so one may have been missed: only over the WebSocket
	disconnected outcome = "disconnected" // the connection ends
)

// TestBadInput sends events that Zoom should not send, by a webhook and over the WebSocket. It
// expects each outcome, and that the next events are accepted.
func TestBadInput(t *testing.T) {
	now := strconv.FormatInt(time.Date(2000, 1, 1, 0, 1, 0, 0, time.UTC).UnixMilli(), 10) // in a bubble
	event := func(name, object string) string {
		return `{"event":"` + name + `","event_ts":` + now + `,"payload":{"account_id":"A","object":` + object + `}}`
	}
	participant := func(fields string) string {
		return event("meeting.participant_left", `{"id":"1","uuid":"u","participant":`+fields+`}`)
	}
	for name, c := range map[string]struct {
		body    string
		webhook int // its status
		socket  outcome
	}{
		"no body":                   {``, 400, gap},
		"no JSON":                   {`<html>`, 400, gap},
		"half of it":                {event("meeting.updated", `{"id":1`)[:60], 400, gap},
		"two of it":                 {event("meeting.updated", `{"id":1}`) + event("meeting.updated", `{"id":2}`), 400, gap},
		"a list":                    {`[` + event("meeting.updated", `{"id":1}`) + `]`, 400, gap},
		"null":                      {`null`, 400, gap},
		"no event of Zoom's":        {`{"type":"push"}`, 400, gap},
		"no name":                   {`{"event":"","event_ts":1,"payload":{"account_id":"A"}}`, 400, gap},
		"no time":                   {`{"event":"meeting.updated","payload":{"account_id":"A"}}`, 204, accepted},
		"no time, but null":         {`{"event":"meeting.updated","event_ts":null,"payload":{"account_id":"A"}}`, 204, accepted},
		"a time that is a text":     {`{"event":"meeting.updated","event_ts":"soon","payload":{"account_id":"A"}}`, 204, accepted},
		"a time before all":         {`{"event":"meeting.updated","event_ts":-1,"payload":{"account_id":"A"}}`, 204, accepted},
		"a time after all":          {`{"event":"meeting.updated","event_ts":9223372036854775807,"payload":{"account_id":"A"}}`, 204, accepted},
		"no account":                {`{"event":"meeting.updated","event_ts":1,"payload":{}}`, 400, gap},
		"a payload that is a text":  {`{"event":"meeting.updated","event_ts":1,"payload":"A"}`, 400, gap},
		"an unknown account":        {strings.Replace(event("meeting.updated", `{"id":1}`), `"A"`, `"unknown"`, 1), 204, accepted},
		"another app's account":     {strings.Replace(event("meeting.updated", `{"id":1}`), `"A"`, `"B"`, 1), 401, ignored},
		"an account that is 7":      {strings.Replace(event("meeting.updated", `{"id":1}`), `"A"`, `7`, 1), 204, accepted},
		"an unknown event":          {event("meeting.danced", `{"id":1}`), 204, stored},
		"a long name":               {event(strings.Repeat("x", 300), `{"id":1}`), 400, gap},
		"a name of a newer Zoom":    {event(`meeting.<b>\n`, `{"id":1}`), 204, stored},
		"an id that is a number":    {event("meeting.updated", `{"id":86217261711}`), 204, accepted},
		"an id that is a text":      {event("meeting.updated", `{"id":"86217261711"}`), 204, accepted},
		"an id that is null":        {event("meeting.updated", `{"id":null}`), 204, accepted}, // all lists
		"an id that is an object":   {event("meeting.updated", `{"id":{}}`), 204, accepted},
		"an id that is long":        {event("meeting.updated", `{"id":"`+strings.Repeat("1", 5000)+`"}`), 204, accepted},
		"no object":                 {`{"event":"meeting.updated","event_ts":` + now + `,"payload":{"account_id":"A"}}`, 204, accepted},
		"an object that is a list":  {event("meeting.updated", `[1]`), 204, accepted},
		"deep":                      {event("meeting.updated", strings.Repeat(`{"settings":`, 9000)+`1`+strings.Repeat(`}`, 9000)), 204, accepted},
		"too deep":                  {event("meeting.updated", strings.Repeat(`{"settings":`, 11000)+`1`+strings.Repeat(`}`, 11000)), 400, gap},
		"names that stand twice":    {event("meeting.updated", `{"id":1,"id":2}`), 204, accepted},
		"broken runes":              {event("meeting.updated", `{"id":1,"topic":"`+"\xff"+`"}`), 204, accepted},
		"no participant":            {participant(`null`), 204, accepted},
		"a participant that is 7":   {participant(`7`), 204, accepted},
		"a participant without ids": {participant(`{}`), 204, accepted},
		"an empty time":             {participant(`{"user_id":"1","leave_time":""}`), 204, accepted},
		"a null time":               {participant(`{"user_id":"1","leave_time":null}`), 204, accepted},
		"a time that is none":       {participant(`{"user_id":"1","leave_time":"soon"}`), 204, accepted},
		"leave before join":         {participant(`{"user_id":"1","join_time":"2026-03-01T12:00:00Z","leave_time":"2026-03-01T11:00:00Z"}`), 204, accepted},
		"leave without join":        {participant(`{"user_id":"1","leave_time":"2026-03-01T12:00:00Z"}`), 204, accepted},
		"join without leave":        {strings.Replace(participant(`{"user_id":"1","join_time":"2026-03-01T12:00:00Z"}`), "_left", "_joined", 1), 204, accepted},
		"too many members":          {event("group.member_added", `{"id":"g","members":[`+strings.Repeat(`{"id":"u"},`, 5000)+`{"id":"u"}]}`), 204, accepted},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := &zoomServer{}
				p := newSocketReplica(&stream.Memory{}, l)
				defer p.start(t.Context())()
				time.Sleep(2 * time.Minute)
				if w := p.deliver(c.body, "old", time.Now()); w.Code != c.webhook {
					t.Errorf("the webhook is answered %d %s, want %d", w.Code, w.Body, c.webhook)
				}
				if got := p.outcome(func() { l.sendEvent(c.body) }); got != c.socket {
					t.Errorf("over the WebSocket it is %s, want %s: %s", got, c.socket, p.testWebhook.log.String())
				}
				p.accepts(t)
			})
		})
	}
}

// TestBadInput_transport sends deliveries that are not signed properly, and messages that are not
// in Zoom's format.
func TestBadInput_transport(t *testing.T) {
	header := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	synctest.Test(t, func(t *testing.T) {
		l := &zoomServer{}
		p := newSocketReplica(&stream.Memory{}, l)
		defer p.start(t.Context())()
		time.Sleep(2 * time.Minute)
		event := updatedIn("A", "1")
		for name, c := range map[string]struct {
			secret string
			age    time.Duration
			change func(*http.Request)
			status int
			want   outcome
		}{
			"another secret":     {"wrong", 0, nil, 401, ignored},
			"no secret":          {"", 0, nil, 401, ignored},
			"no signature":       {"old", 0, header(signatureHeader, ""), 401, ignored},
			"half of one":        {"old", 0, header(signatureHeader, "v0=12"), 401, ignored},
			"another version":    {"old", 0, header(signatureHeader, "v1="+strings.Repeat("0", 64)), 401, ignored},
			"no time":            {"old", 0, header(timestampHeader, ""), 401, ignored},
			"a time that is odd": {"old", 0, header(timestampHeader, "1e9"), 401, ignored},
			"a time below 0":     {"old", 0, header(timestampHeader, "-1"), 401, ignored},
			"old":                {"old", 3 * time.Hour, nil, 401, ignored},
			"of the future":      {"old", -time.Hour, nil, 401, ignored},
		} {
			got := p.outcome(func() {
				var change []func(*http.Request)
				if c.change != nil {
					change = append(change, c.change)
				}
				if w := p.deliver(event, c.secret, time.Now().Add(-c.age), change...); w.Code != c.status {
					t.Errorf("%s: %d, want %d", name, w.Code, c.status)
				}
			})
			if got != c.want {
				t.Errorf("%s: it is %s, want %s", name, got, c.want)
			}
		}
		for _, want := range []outcome{accepted, duplicate, duplicate} { // a replay
			if got := p.outcome(func() { p.deliver(event, "old", time.Now().Add(-time.Minute)) }); got != want {
				t.Errorf("delivered again, it is %s, want %s", got, want)
			}
		}
		p.accepts(t)
		for name, message := range map[string]string{
			"no JSON": `x`, "a list": `[]`, "null": `null`, "no module": `{}`, "a module that is 7": `{"module":[7]}`,
			"success false": `{"module":"build_connection","success":false}`, "a heartbeat refused": `{"module":"heartbeat","success":false}`,
			"too long": "", // sent as nil: see [serverConn.Read]
		} {
			var frame []byte
			if message != "" {
				frame = []byte(message)
			}
			if got := p.outcome(func() { l.send(frame) }); got != disconnected {
				t.Errorf("%s: it is %s, want %s", name, got, disconnected)
			}
			p.accepts(t)
		}
		dials := l.dialCount()
		l.ignoresHeartbeats.Store(true) // silent
		time.Sleep(silentFor + heartbeatEvery)
		l.ignoresHeartbeats.Store(false)
		if time.Sleep(10 * time.Second); l.dialCount() == dials {
			t.Error("a silent connection is kept")
		}
		p.accepts(t)
	})
}

// outcome returns the outcome of do, which delivers or sends something.
func (p *socketReplica) outcome(do func()) outcome {
	synctest.Wait()
	evicted, lines, dials := p.evictions(), strings.Count(p.testWebhook.log.String(), "msg=event "), p.server.dialCount()
	came, misses := strings.Count(p.testWebhook.log.String(), "event again"), strings.Count(p.testWebhook.log.String(), "counts as missed")
	do()
	synctest.Wait()
	log := p.testWebhook.log.String()
	switch {
	case p.evictions() > evicted:
		return accepted
	case strings.Count(log, "msg=event ") > lines:
		return stored
	case strings.Count(log, "event again") > came:
		return duplicate
	case strings.Count(log, "counts as missed") > misses:
		return gap
	}
	time.Sleep(10 * time.Second)
	synctest.Wait()
	if p.server.dialCount() > dials {
		return disconnected
	}
	return ignored
}

// accepts expects the next events to be accepted, from both sources.
func (p *socketReplica) accepts(t *testing.T) {
	t.Helper()
	time.Sleep(time.Minute)
	for _, do := range []func(event string){
		func(event string) { p.deliver(event, "old", time.Now()) },
		func(event string) { p.server.sendEvent(event) },
	} {
		event := updatedIn("A", strconv.FormatInt(time.Now().UnixNano(), 10))
		if got := p.outcome(func() { do(event) }); got != accepted {
			t.Errorf("the next event is %s, want %s", got, accepted)
		}
		time.Sleep(time.Second)
	}
}
