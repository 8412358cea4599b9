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

// through is what becomes of something that comes through a door.
type through string

const (
	taken  through = "taken"  // it has evicted, and is stored
	known  through = "known"  // it is stored, and makes nothing stale
	again  through = "again"  // it was taken before, and changes nothing
	left   through = "left"   // it changes nothing
	missed through = "missed" // it is no event, so one may be missed: only over the WebSocket
	closed through = "closed" // it ends the connection
)

// TestBadInput sends what no Zoom should send through both doors: nothing is believed that
// was not proven, nothing proven is lost, and what comes after it is taken.
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
		socket  through
	}{
		"no body":                   {``, 400, missed},
		"no JSON":                   {`<html>`, 400, missed},
		"half of it":                {event("meeting.updated", `{"id":1`)[:60], 400, missed},
		"two of it":                 {event("meeting.updated", `{"id":1}`) + event("meeting.updated", `{"id":2}`), 400, missed},
		"a list":                    {`[` + event("meeting.updated", `{"id":1}`) + `]`, 400, missed},
		"null":                      {`null`, 400, missed},
		"no event of Zoom's":        {`{"type":"push"}`, 400, missed},
		"no name":                   {`{"event":"","event_ts":1,"payload":{"account_id":"A"}}`, 400, missed},
		"no time":                   {`{"event":"meeting.updated","payload":{"account_id":"A"}}`, 204, taken},
		"no time, but null":         {`{"event":"meeting.updated","event_ts":null,"payload":{"account_id":"A"}}`, 204, taken},
		"a time that is a text":     {`{"event":"meeting.updated","event_ts":"soon","payload":{"account_id":"A"}}`, 204, taken},
		"a time before all":         {`{"event":"meeting.updated","event_ts":-1,"payload":{"account_id":"A"}}`, 204, taken},
		"a time after all":          {`{"event":"meeting.updated","event_ts":9223372036854775807,"payload":{"account_id":"A"}}`, 204, taken},
		"no account":                {`{"event":"meeting.updated","event_ts":1,"payload":{}}`, 400, missed},
		"a payload that is a text":  {`{"event":"meeting.updated","event_ts":1,"payload":"A"}`, 400, missed},
		"an unknown account":        {strings.Replace(event("meeting.updated", `{"id":1}`), `"A"`, `"unknown"`, 1), 204, taken},
		"another app's account":     {strings.Replace(event("meeting.updated", `{"id":1}`), `"A"`, `"B"`, 1), 401, left},
		"an account that is 7":      {strings.Replace(event("meeting.updated", `{"id":1}`), `"A"`, `7`, 1), 204, taken},
		"an unknown event":          {event("meeting.danced", `{"id":1}`), 204, known},
		"a long name":               {event(strings.Repeat("x", 300), `{"id":1}`), 400, missed},
		"a name of a newer Zoom":    {event(`meeting.<b>\n`, `{"id":1}`), 204, known},
		"an id that is a number":    {event("meeting.updated", `{"id":86217261711}`), 204, taken},
		"an id that is a text":      {event("meeting.updated", `{"id":"86217261711"}`), 204, taken},
		"an id that is null":        {event("meeting.updated", `{"id":null}`), 204, taken}, // all lists
		"an id that is an object":   {event("meeting.updated", `{"id":{}}`), 204, taken},
		"an id that is long":        {event("meeting.updated", `{"id":"`+strings.Repeat("1", 5000)+`"}`), 204, taken},
		"no object":                 {`{"event":"meeting.updated","event_ts":` + now + `,"payload":{"account_id":"A"}}`, 204, taken},
		"an object that is a list":  {event("meeting.updated", `[1]`), 204, taken},
		"deep":                      {event("meeting.updated", strings.Repeat(`{"settings":`, 9000)+`1`+strings.Repeat(`}`, 9000)), 204, taken},
		"too deep":                  {event("meeting.updated", strings.Repeat(`{"settings":`, 11000)+`1`+strings.Repeat(`}`, 11000)), 400, missed},
		"names that stand twice":    {event("meeting.updated", `{"id":1,"id":2}`), 204, taken},
		"broken runes":              {event("meeting.updated", `{"id":1,"topic":"`+"\xff"+`"}`), 204, taken},
		"no participant":            {participant(`null`), 204, taken},
		"a participant that is 7":   {participant(`7`), 204, taken},
		"a participant without ids": {participant(`{}`), 204, taken},
		"an empty time":             {participant(`{"user_id":"1","leave_time":""}`), 204, taken},
		"a null time":               {participant(`{"user_id":"1","leave_time":null}`), 204, taken},
		"a time that is none":       {participant(`{"user_id":"1","leave_time":"soon"}`), 204, taken},
		"leave before join":         {participant(`{"user_id":"1","join_time":"2026-03-01T12:00:00Z","leave_time":"2026-03-01T11:00:00Z"}`), 204, taken},
		"leave without join":        {participant(`{"user_id":"1","leave_time":"2026-03-01T12:00:00Z"}`), 204, taken},
		"join without leave":        {strings.Replace(participant(`{"user_id":"1","join_time":"2026-03-01T12:00:00Z"}`), "_left", "_joined", 1), 204, taken},
		"too many members":          {event("group.member_added", `{"id":"g","members":[`+strings.Repeat(`{"id":"u"},`, 5000)+`{"id":"u"}]}`), 204, taken},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := &line{}
				p := plug(&stream.Memory{}, l)
				defer p.keep(t.Context())()
				time.Sleep(2 * time.Minute)
				if w := p.deliver(c.body, "old", time.Now()); w.Code != c.webhook {
					t.Errorf("the webhook is answered %d %s, want %d", w.Code, w.Body, c.webhook)
				}
				if got := p.outcome(func() { l.tell(c.body) }); got != c.socket {
					t.Errorf("over the WebSocket it is %s, want %s: %s", got, c.socket, p.door.log.String())
				}
				p.goesOn(t)
			})
		})
	}
}

// TestBadInput_atTheDoors sends what the doors themselves are to refuse: what is not signed,
// and what is no frame.
func TestBadInput_atTheDoors(t *testing.T) {
	header := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	synctest.Test(t, func(t *testing.T) {
		l := &line{}
		p := plug(&stream.Memory{}, l)
		defer p.keep(t.Context())()
		time.Sleep(2 * time.Minute)
		event := updatedIn("A", "1")
		for name, c := range map[string]struct {
			secret string
			age    time.Duration
			change func(*http.Request)
			status int
			want   through
		}{
			"another secret":     {"wrong", 0, nil, 401, left},
			"no secret":          {"", 0, nil, 401, left},
			"no signature":       {"old", 0, header(signatureHeader, ""), 401, left},
			"half of one":        {"old", 0, header(signatureHeader, "v0=12"), 401, left},
			"another version":    {"old", 0, header(signatureHeader, "v1="+strings.Repeat("0", 64)), 401, left},
			"no time":            {"old", 0, header(timestampHeader, ""), 401, left},
			"a time that is odd": {"old", 0, header(timestampHeader, "1e9"), 401, left},
			"a time below 0":     {"old", 0, header(timestampHeader, "-1"), 401, left},
			"old":                {"old", 3 * time.Hour, nil, 401, left},
			"of the future":      {"old", -time.Hour, nil, 401, left},
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
		for _, want := range []through{taken, again, again} { // a replay
			if got := p.outcome(func() { p.deliver(event, "old", time.Now().Add(-time.Minute)) }); got != want {
				t.Errorf("delivered again, it is %s, want %s", got, want)
			}
		}
		p.goesOn(t)
		for name, message := range map[string]string{
			"no JSON": `x`, "a list": `[]`, "null": `null`, "no module": `{}`, "a module that is 7": `{"module":[7]}`,
			"success false": `{"module":"build_connection","success":false}`, "a heartbeat refused": `{"module":"heartbeat","success":false}`,
			"too long": "", // the line says so
		} {
			var frame []byte
			if message != "" {
				frame = []byte(message)
			}
			if got := p.outcome(func() { l.say(frame) }); got != closed {
				t.Errorf("%s: it is %s, want %s", name, got, closed)
			}
			p.goesOn(t)
		}
		dials := l.dialled()
		l.deaf.Store(true) // silent
		time.Sleep(silentFor + heartbeatEvery)
		l.deaf.Store(false)
		if time.Sleep(10 * time.Second); l.dialled() == dials {
			t.Error("a silent connection is kept")
		}
		p.goesOn(t)
	})
}

// outcome tells what becomes of something.
func (p *plugged) outcome(do func()) through {
	synctest.Wait()
	evicted, lines, dials := p.evictions(), strings.Count(p.door.log.String(), "msg=event "), p.line.dialled()
	came, misses := strings.Count(p.door.log.String(), "event again"), strings.Count(p.door.log.String(), "counts as missed")
	do()
	synctest.Wait()
	log := p.door.log.String()
	switch {
	case p.evictions() > evicted:
		return taken
	case strings.Count(log, "msg=event ") > lines:
		return known
	case strings.Count(log, "event again") > came:
		return again
	case strings.Count(log, "counts as missed") > misses:
		return missed
	}
	time.Sleep(10 * time.Second)
	synctest.Wait()
	if p.line.dialled() > dials {
		return closed
	}
	return left
}

// goesOn holds that both doors take what comes then.
func (p *plugged) goesOn(t *testing.T) {
	t.Helper()
	time.Sleep(time.Minute)
	for _, do := range []func(event string){
		func(event string) { p.deliver(event, "old", time.Now()) },
		func(event string) { p.line.tell(event) },
	} {
		event := updatedIn("A", strconv.FormatInt(time.Now().UnixNano(), 10))
		if got := p.outcome(func() { do(event) }); got != taken {
			t.Errorf("what comes then is %s", got)
		}
		time.Sleep(time.Second)
	}
}
