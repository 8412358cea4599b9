package gateway

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/coder/websocket"

	"zoomql/cache/redistest"
	"zoomql/internal/sandbox"
)

// onSandbox is a sandbox of its own, and settings of gateways that ask it and take its
// events.
func onSandbox(t *testing.T) (box *process, settings []string) {
	t.Helper()
	box = start(t, []string{"sandbox", "--speed", "1000", "--unruly", "0"})
	return box, []string{
		"ZOOM_API_URL=" + box.url + "/v2", "ZOOM_OAUTH_URL=" + box.url, "ZOOM_PLAN=business", "ZOOM_WEBHOOK_SECRETS=secret",
		"ZOOM_ACCOUNT_ID=" + sandbox.AccountID, "ZOOM_CLIENT_ID=" + sandbox.ClientID, "ZOOM_CLIENT_SECRET=" + sandbox.ClientSecret,
	}
}

// hostedMeeting returns the number of a meeting of the sandbox.
func (p *process) hostedMeeting(t testing.TB) string {
	t.Helper()
	_, answer := p.ask(t, `{ account { users(first: 10) { nodes { meetings(first: 1) { nodes { number } } } } } }`)
	var said struct {
		Account struct {
			Users struct {
				Nodes []struct {
					Meetings struct{ Nodes []struct{ Number string } }
				}
			}
		}
	}
	if err := json.Unmarshal([]byte(toJSON(t, answer["data"])), &said); err != nil {
		t.Fatal(err, answer)
	}
	for _, user := range said.Account.Users.Nodes {
		if len(user.Meetings.Nodes) > 0 {
			return user.Meetings.Nodes[0].Number
		}
	}
	t.Fatal("the sandbox has no meeting")
	return ""
}

// cursor returns the cursor of what has happened so far.
func (p *process) cursor(t *testing.T, number string) string {
	t.Helper()
	c := openSocket(t, p, "{}")
	defer c.conn.CloseNow()
	c.subscribe("1", `subscription { participants(meeting: {number: "`+number+`"}) { cursor } }`)
	var said struct{ Participants struct{ Cursor string } }
	if err := json.Unmarshal([]byte(c.data()), &said); err != nil || said.Participants.Cursor == "" {
		t.Fatal(err, said)
	}
	return said.Participants.Cursor
}

// sent delivers an event of a meeting, as Zoom does.
func (p *process) sent(t *testing.T, name, number string, more string) {
	t.Helper()
	p.sentAt(t, name, number, more, time.Now())
}

func (p *process) sentAt(t *testing.T, name, number string, more string, at time.Time) {
	t.Helper()
	body := fmt.Sprintf(`{"event":%q,"event_ts":%d,"payload":{"account_id":%q,"object":{"id":%q,"uuid":"run==","host_id":"h"%s}}}`, name, at.UnixMilli(), sandbox.AccountID, number, more)
	if status := deliver(t, p.url, body, "secret"); status != http.StatusNoContent {
		t.Fatalf("%s: %d", name, status)
	}
}

// person is the participant of an event.
func person(id, name, times string, at time.Time) string {
	return fmt.Sprintf(`,"participant":{"user_id":%q,"user_name":%q,"email":"%s@example.com","participant_uuid":"u-%s",%q:%q}`, id, name, id, id, times, at.UTC().Format(time.RFC3339))
}

// socket is a client that speaks graphql-transport-ws.
type wsClient struct {
	t    *testing.T
	conn *websocket.Conn
}

// wsMessage is a message of the protocol.
type wsMessage struct {
	ID      string          `json:"id"`
	Type    string          `json:"type"`
	Payload json.RawMessage `json:"payload"`
}

func dialSocket(t *testing.T, p *process, header http.Header) *wsClient {
	t.Helper()
	conn, resp, err := websocket.Dial(t.Context(), p.url+"/graphql", &websocket.DialOptions{Subprotocols: []string{"graphql-transport-ws"}, HTTPHeader: header})
	if err != nil {
		t.Fatal(err, resp)
	}
	conn.SetReadLimit(1 << 20)
	t.Cleanup(func() { conn.CloseNow() })
	return &wsClient{t, conn}
}

// openSocket is dialSocket up to the acknowledgement.
func openSocket(t *testing.T, p *process, params string) *wsClient {
	t.Helper()
	c := dialSocket(t, p, nil)
	c.send(`{"type":"connection_init","payload":` + params + `}`)
	if m := c.next(); m.Type != "connection_ack" {
		t.Fatalf("%+v", m)
	}
	return c
}

func (c *wsClient) send(text string) {
	c.t.Helper()
	if err := c.conn.Write(c.t.Context(), websocket.MessageText, []byte(text)); err != nil {
		c.t.Fatal(err)
	}
}

func (c *wsClient) subscribe(id, query string) {
	c.t.Helper()
	c.send(fmt.Sprintf(`{"id":%q,"type":"subscribe","payload":{"query":%s}}`, id, toJSON(c.t, query)))
}

// next returns the next message that is no ping.
func (c *wsClient) next() wsMessage {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), patience)
	defer cancel()
	for {
		_, text, err := c.conn.Read(ctx)
		if err != nil {
			c.t.Fatal(err)
		}
		var m wsMessage
		if err := json.Unmarshal(text, &m); err != nil {
			c.t.Fatal(err)
		}
		if m.Type != "ping" {
			return m
		}
	}
}

// data returns the data of the next message, without what it cost.
func (c *wsClient) data() string {
	c.t.Helper()
	m := c.next()
	var answer struct {
		Data   json.RawMessage
		Errors json.RawMessage
	}
	if err := json.Unmarshal(m.Payload, &answer); m.Type != "next" || err != nil || answer.Errors != nil {
		c.t.Fatalf("%s %s", m.Type, m.Payload)
	}
	return string(answer.Data)
}

// closed waits until the connection is closed, and returns the code.
func (c *wsClient) closed() websocket.StatusCode {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), patience)
	defer cancel()
	for {
		if _, _, err := c.conn.Read(ctx); err != nil {
			return websocket.CloseStatus(err)
		}
	}
}

// TestWebSocket_protocol sends what clients may send, and what they may not: each has the
// answer, or the code, of the protocol.
func TestWebSocket_protocol(t *testing.T) {
	p := start(t, nil)
	t.Run("a query", func(t *testing.T) {
		c := openSocket(t, p, "null")
		c.subscribe("1", `{ __typename }`)
		if got := c.data(); got != `{"__typename":"Query"}` {
			t.Error(got)
		}
		if m := c.next(); m.Type != "complete" || m.ID != "1" {
			t.Errorf("%+v", m)
		}
		c.send(`{"type":"ping","payload":{"a":1}}`)
		if m := c.next(); m.Type != "pong" || string(m.Payload) != `{"a":1}` {
			t.Errorf("%+v", m)
		}
	})
	t.Run("what cannot be executed", func(t *testing.T) {
		c := openSocket(t, p, "{}")
		for query, code := range map[string]string{
			`{ nothing }`: "GRAPHQL_VALIDATION_FAILED",
			`{`:           "GRAPHQL_PARSE_FAILED",
			`subscription { meetingChanged(meeting: {number: "1"}) { cursor } }`:               "NOT_ENABLED",
			`subscription { a: rateLimitChanged { waiting } b: rateLimitChanged { waiting } }`: "GRAPHQL_VALIDATION_FAILED",
		} {
			c.subscribe("1", query)
			m := c.next()
			var errs []struct{ Extensions struct{ Code string } }
			if err := json.Unmarshal(m.Payload, &errs); m.Type != "error" || err != nil || len(errs) == 0 || errs[0].Extensions.Code != code {
				t.Errorf("%s: %s %s", query, m.Type, m.Payload)
			}
		}
	})
	for name, messages := range map[websocket.StatusCode][]string{
		4400: {`{"type":"connection_init"}`, `{"type":"dance"}`},
		4401: {`{"id":"1","type":"subscribe","payload":{"query":"{ __typename }"}}`},
		4409: {`{"type":"connection_init"}`, `{"id":"1","type":"subscribe","payload":{"query":"subscription { rateLimitChanged { waiting } }"}}`, `{"id":"1","type":"subscribe","payload":{"query":"{ __typename }"}}`},
		4429: {`{"type":"connection_init"}`, `{"type":"connection_init"}`},
	} {
		t.Run(strconv.Itoa(int(name)), func(t *testing.T) {
			c := dialSocket(t, p, nil)
			for _, m := range messages {
				c.send(m)
			}
			if got := c.closed(); got != name {
				t.Errorf("it is closed by %d", got)
			}
		})
	}
	for _, garbage := range []string{"", "{", "[]", `{"type":1}`, `{"id":"1","type":"subscribe"}`, `{"type":"subscribe","payload":{"query":"{ __typename }"}}`} {
		c := openSocket(t, p, "{}")
		c.send(garbage)
		if got := c.closed(); got != 4400 {
			t.Errorf("%q is closed by %d", garbage, got)
		}
	}
	t.Run("another subprotocol", func(t *testing.T) {
		conn, _, err := websocket.Dial(t.Context(), p.url+"/graphql", &websocket.DialOptions{Subprotocols: []string{"graphql-ws"}})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.CloseNow()
		if got := (&wsClient{t, conn}).closed(); got != 4406 {
			t.Errorf("it is closed by %d", got)
		}
	})
}

// TestWebSocket_access opens connections with keys and without, and from pages.
func TestWebSocket_access(t *testing.T) {
	const hash = "2c70e12b7a0646f92279f427c7b38e7334d8e5389cff167a1dc30e73f826b683" // printf %s key | sha256sum
	p := start(t, nil, "API_KEYS=app:"+hash, "MAX_CONNECTIONS=2", "MAX_SUBSCRIPTIONS=2", "ALLOWED_ORIGINS=https://app.example.com")
	first := openSocket(t, p, `{"Authorization":"Bearer key"}`)
	for _, params := range []string{`{"headers":{"authorization":"Bearer key"}}`} {
		c := openSocket(t, p, params)
		c.subscribe("1", `subscription { rateLimitChanged { waiting } }`)
		c.data()
		c.subscribe("2", `subscription { rateLimitChanged { waiting } }`)
		c.data()
		first.subscribe("1", `subscription { rateLimitChanged { waiting } }`)
		if m := first.next(); m.Type != "error" || !strings.Contains(string(m.Payload), "LIMIT_EXCEEDED") {
			t.Errorf("one subscription too many: %s %s", m.Type, m.Payload)
		}
		c.send(`{"id":"2","type":"complete"}`)
		for end := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) { // the place is given back a moment later
			first.subscribe("1", `subscription { rateLimitChanged { waiting } }`)
			if m := first.next(); m.Type == "next" {
				break
			} else if time.Now().After(end) {
				t.Fatalf("the place is not given back: %s", m.Payload)
			}
		}
	}
	third := dialSocket(t, p, nil)
	third.send(`{"type":"connection_init","payload":{"Authorization":"Bearer key"}}`)
	if got := third.closed(); got != 4429 {
		t.Errorf("one connection too many is closed by %d", got)
	}
	for name, params := range map[string]string{"no key": `{}`, "another key": `{"Authorization":"Bearer kez"}`, "no object": `"Bearer key"`} {
		c := dialSocket(t, p, nil)
		c.send(`{"type":"connection_init","payload":` + params + `}`)
		if got := c.closed(); got != 4401 {
			t.Errorf("%s: it is closed by %d", name, got)
		}
	}
	header := dialSocket(t, p, http.Header{"Authorization": {"Bearer wrong"}})
	header.send(`{"type":"connection_init"}`)
	if got := header.closed(); got != 4401 {
		t.Errorf("a wrong key in the header: %d", got)
	}
	for origin, want := range map[string]int{
		"https://app.example.com": http.StatusSwitchingProtocols, p.url: http.StatusSwitchingProtocols,
		"https://evil.example.com": http.StatusForbidden, "http://127.0.0.1:1": http.StatusForbidden, "null": http.StatusForbidden,
	} {
		conn, resp, err := websocket.Dial(t.Context(), p.url+"/graphql", &websocket.DialOptions{Subprotocols: []string{"graphql-transport-ws"}, HTTPHeader: http.Header{"Origin": {origin}}})
		if resp == nil || resp.StatusCode != want {
			t.Errorf("%s: %v %v", origin, resp, err)
		}
		if err == nil {
			conn.CloseNow()
		}
	}
}

// TestWebSocket_drained ends the gateway: connections are told to go, and it does not wait
// for them.
func TestWebSocket_drained(t *testing.T) {
	p := start(t, nil)
	c := openSocket(t, p, "{}")
	c.subscribe("1", `subscription { rateLimitChanged { waiting } }`)
	c.data()
	events := p.stream(t, "text/event-stream", `subscription { rateLimitChanged { waiting } }`)
	events.until(t, "\n\n")
	parts := p.stream(t, "multipart/mixed;subscriptionSpec=1.0", `subscription { rateLimitChanged { waiting } }`)
	parts.until(t, `"payload":{`)
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if got := c.closed(); got != websocket.StatusGoingAway {
		t.Errorf("it is closed by %d", got)
	}
	if rest, err := io.ReadAll(events.Reader); err != nil || strings.Contains(string(rest), "complete") {
		t.Errorf("events end with %q, %v: their client would not come again", rest, err)
	}
	if rest, err := io.ReadAll(parts.Reader); err != nil || !strings.Contains(string(rest), `"payload":null`) || !strings.HasSuffix(string(rest), "\r\n-----\r\n") {
		t.Errorf("parts end with %q, %v", rest, err)
	}
	if err := p.cmd.Wait(); err != nil {
		t.Errorf("it ends by %v", err)
	}
}

// streamed is the answer to a subscription over HTTP.
type streamedAnswer struct {
	*bufio.Reader
	header http.Header
	status int
}

func (p *process) stream(t *testing.T, accept, query string) *streamedAnswer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.url+"/graphql", strings.NewReader(toJSON(t, map[string]string{"query": query})))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", accept)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	return &streamedAnswer{bufio.NewReader(resp.Body), resp.Header, resp.StatusCode}
}

// until reads up to a text, and returns what came with it.
func (s *streamedAnswer) until(t *testing.T, text string) string {
	t.Helper()
	var all strings.Builder
	for !strings.HasSuffix(all.String(), text) {
		b, err := s.ReadByte()
		if err != nil {
			t.Fatalf("%v after %q", err, all.String())
		}
		all.WriteByte(b)
	}
	return all.String()
}

// TestParticipants_liveRoster follows a meeting from its start to its end: late and doubled
// events change nothing, and once it is seeded it costs no call.
func TestParticipants_liveRoster(t *testing.T) {
	box, settings := onSandbox(t)
	p := start(t, nil, settings...)
	number := p.hostedMeeting(t)
	c := openSocket(t, p, "{}")
	c.subscribe("1", `subscription { participants(meeting: {number: "`+number+`"}) { live count waiting complete source missing joined { name } left { name } participants { name email inWaitingRoom } } }`)
	if got := c.data(); got != `{"participants":{"live":false,"count":0,"waiting":0,"complete":true,"source":"EVENTS","missing":[],"joined":[],"left":[],"participants":[]}}` {
		t.Errorf("before it begins: %s", got)
	}
	at := time.Now().Truncate(time.Second)
	for _, step := range []struct {
		event, more string
		want        string // "" where nothing changes
	}{
		{"meeting.started", "", `"live":true,"count":0,"waiting":0,"complete":true,"source":"EVENTS","missing":[],"joined":[],"left":[],"participants":[]`},
		{"meeting.participant_joined_waiting_room", person("1", "Ada", "date_time", at), `"live":true,"count":0,"waiting":1,"complete":true,"source":"EVENTS","missing":[],"joined":[{"name":"Ada"}],"left":[],"participants":[{"name":"Ada","email":"1@example.com","inWaitingRoom":true}]`},
		{"meeting.participant_admitted", person("1", "Ada", "date_time", at.Add(time.Second)), `"live":true,"count":0,"waiting":0,"complete":true,"source":"EVENTS","missing":[],"joined":[],"left":[{"name":"Ada"}],"participants":[]`},
		{"meeting.participant_joined", person("2", "Ada", "join_time", at.Add(time.Second)), `"live":true,"count":1,"waiting":0,"complete":true,"source":"EVENTS","missing":[],"joined":[{"name":"Ada"}],"left":[],"participants":[{"name":"Ada","email":"2@example.com","inWaitingRoom":false}]`},
		{"meeting.participant_left", person("2", "Ada", "leave_time", at.Add(2*time.Second)), `"live":true,"count":0,"waiting":0,"complete":true,"source":"EVENTS","missing":[],"joined":[],"left":[{"name":"Ada"}],"participants":[]`},
		{"meeting.participant_joined", person("3", "Bob", "join_time", at.Add(time.Second)), `"live":true,"count":1,"waiting":0,"complete":true,"source":"EVENTS","missing":[],"joined":[{"name":"Bob"}],"left":[],"participants":[{"name":"Bob","email":"3@example.com","inWaitingRoom":false}]`},
		{"meeting.ended", "", `"live":false,"count":0,"waiting":0,"complete":true,"source":"EVENTS","missing":[],"joined":[],"left":[{"name":"Bob"}],"participants":[]`},
	} {
		p.sent(t, step.event, number, step.more)
		if got, want := c.data(), `{"participants":{`+step.want+`}}`; got != want {
			t.Errorf("%s: %s, want %s", step.event, got, want)
		}
	}
	// Whoever comes later is told the same, of what the stream has.
	late := openSocket(t, p, "{}")
	late.subscribe("1", `subscription { participants(meeting: {number: "`+number+`"}) { live count complete } }`)
	if got := late.data(); got != `{"participants":{"live":false,"count":0,"complete":true}}` {
		t.Errorf("later: %s", got)
	}
	_ = box
}

// TestParticipants_seeded follows a meeting that goes on, of whose start no event tells: the
// dashboard does.
func TestParticipants_seeded(t *testing.T) {
	box, settings := onSandbox(t)
	p := start(t, nil, settings...)
	resp, err := http.Post(box.url+"/sandbox/hold?meeting=all-hands", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var held struct{ Number string }
	if err := json.NewDecoder(resp.Body).Decode(&held); err != nil {
		t.Fatal(err)
	}
	c := openSocket(t, p, "{}")
	c.subscribe("1", `subscription { participants(meeting: {number: "`+held.Number+`"}) { live source complete } }`)
	if got := c.data(); got != `{"participants":{"live":true,"source":"DASHBOARD","complete":true}}` && got != `{"participants":{"live":false,"source":"EVENTS","complete":true}}` {
		t.Error(got)
	}
}

// TestEvents_resumed follows events on one replica, and goes on behind one of them on
// another, by every transport.
func TestEvents_resumed(t *testing.T) {
	server := redistest.Start(t)
	_, settings := onSandbox(t)
	settings = append(settings, "REDIS_URL="+server.URL(), "CACHE_KEYS=1:"+strings.Repeat("A", 43)+"=")
	p, other := start(t, nil, settings...), start(t, nil, settings...)
	number := p.hostedMeeting(t)
	query := func(after string) string {
		return `subscription { events(names: ["meeting.participant_joined"], meeting: {number: "` + number + `"}` + after + `) { name cursor skipped participant { name } meeting { number } } }`
	}
	type item struct {
		Events struct {
			Name, Cursor string
			Skipped      int
			Participant  struct{ Name string }
			Meeting      struct{ Number string }
		}
	}
	read := func(text string) (i item) {
		t.Helper()
		if err := json.Unmarshal([]byte(text), &i); err != nil || i.Events.Cursor == "" || i.Events.Meeting.Number != number {
			t.Fatal(err, text)
		}
		return i
	}
	c := openSocket(t, other, "{}")
	c.subscribe("1", query(`, after: "`+p.cursor(t, number)+`"`))
	at := time.Now()
	for i, name := range []string{"Ada", "Bob", "Cleo"} {
		p.sentAt(t, "meeting.participant_left", number, person(strconv.Itoa(i), name, "leave_time", at), at.Add(time.Duration(i)*time.Second))
		p.sentAt(t, "meeting.participant_joined", number, person(strconv.Itoa(i), name, "join_time", at), at.Add(time.Duration(i)*time.Second))
	}
	first := read(c.data())
	for i, name := range []string{"Ada", "Bob", "Cleo"} {
		got := first
		if i > 0 {
			got = read(c.data())
		}
		if got.Events.Participant.Name != name || got.Events.Name != "meeting.participant_joined" {
			t.Errorf("item %d is %+v", i, got)
		}
	}
	after := `, after: "` + first.Events.Cursor + `"`
	again := openSocket(t, p, "{}")
	again.subscribe("1", query(after))
	if got := read(again.data()); got.Events.Participant.Name != "Bob" {
		t.Errorf("over a WebSocket it goes on with %+v", got)
	}
	events := p.stream(t, "text/event-stream", query(after))
	if got := events.until(t, "\n\n"); events.header.Get("Content-Type") != "text/event-stream; charset=utf-8" || !strings.HasPrefix(got, "event: next\ndata: {\"data\":") || !strings.Contains(got, `"Bob"`) {
		t.Errorf("as events it goes on with %q", got)
	}
	parts := p.stream(t, `multipart/mixed;boundary="-";subscriptionSpec=1.0,application/json`, query(after))
	if got := parts.until(t, "}\r\n---"); parts.header.Get("Content-Type") != `multipart/mixed;boundary="-";subscriptionSpec=1.0` || !strings.Contains(got, "\r\n---\r\nContent-Type: application/json; charset=utf-8\r\n\r\n{\"payload\":{\"data\":") || !strings.Contains(got, `"Bob"`) {
		t.Errorf("as parts it goes on with %q", got)
	}
	// A cursor of long ago, and what is none.
	for _, cursor := range []string{"ZXZlbnQ6MS0w", "bm9uZQ", "…"} { // the first is of 1970
		again.subscribe("9", query(`, after: "`+cursor+`"`))
		for {
			m := again.next()
			if m.ID != "9" {
				continue // Cleo
			}
			if m.Type != "error" || !strings.Contains(string(m.Payload), "CURSOR_EXPIRED") {
				t.Errorf("%s: %s %s", cursor, m.Type, m.Payload)
			}
			break
		}
	}
	if status := p.stream(t, "application/json", query("")).status; status != http.StatusNotAcceptable {
		t.Errorf("without a stream: %d", status)
	}
}

// TestMeetingChanged_readsAnew changes a meeting behind the gateway's back: on both replicas
// the item has it as it is then.
func TestMeetingChanged_readsAnew(t *testing.T) {
	server := redistest.Start(t)
	box, settings := onSandbox(t)
	settings = append(settings, "REDIS_URL="+server.URL())
	p, other := start(t, nil, settings...), start(t, nil, settings...)
	number := p.hostedMeeting(t)
	var clients []*wsClient
	for _, replica := range []*process{p, other} {
		if _, answer := replica.ask(t, `{ meeting(by: {number: "`+number+`"}) { topic } }`); answer["errors"] != nil {
			t.Fatal(answer)
		}
		c := openSocket(t, replica, "{}")
		c.subscribe("1", `subscription { meetingChanged(meeting: {number: "`+number+`"}, after: "`+p.cursor(t, number)+`") { event meeting { topic } } }`)
		clients = append(clients, c)
	}
	deadline := time.Now().Add(patience)
	for round := 0; ; round++ {
		topic := fmt.Sprint("Topic ", round)
		retitle(t, box.url, number, topic)
		p.sentAt(t, "meeting.updated", number, "", time.Now())
		got := make(chan string, len(clients))
		for _, c := range clients {
			go func() {
				ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
				defer cancel()
				_, text, err := c.conn.Read(ctx)
				got <- fmt.Sprint(string(text), err)
			}()
		}
		fine := true
		for range clients {
			if text := <-got; !strings.Contains(text, `{"meetingChanged":{"event":"meeting.updated","meeting":{"topic":"`+topic+`"}}}`) {
				fine = false
				t.Errorf("round %d: %s", round, text)
			}
		}
		if !fine || round == 3 || time.Now().After(deadline) {
			return
		}
	}
}

// retitle changes a meeting's topic at Zoom.
func retitle(t *testing.T, base, number, topic string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPatch, base+"/v2/meetings/"+number, strings.NewReader(fmt.Sprintf(`{"topic":%q}`, topic)))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+sandboxToken(t, base))
	req.Header.Set("Content-Type", "application/json")
	fetch(t, req, http.StatusNoContent, nil)
}

// TestSubscription_refusedLikeAQuery asks for what is not there, or not to be seen.
func TestSubscription_refusedLikeAQuery(t *testing.T) {
	_, settings := onSandbox(t)
	p := start(t, nil, settings...)
	c := openSocket(t, p, "{}")
	code := func(errs []any) string {
		if len(errs) == 0 {
			return ""
		}
		e, _ := errs[0].(map[string]any)
		extensions, _ := e["extensions"].(map[string]any)
		text, _ := extensions["code"].(string)
		return text
	}
	for _, field := range []string{`meetingChanged(meeting: {number: "99999999999"}) { cursor }`, `participants(meeting: {number: "99999999999"}) { cursor }`, `events(meeting: {number: "99999999999"}) { cursor }`} {
		c.subscribe("1", "subscription { "+field+" }")
		m := c.next()
		var errs []any
		if err := json.Unmarshal(m.Payload, &errs); err != nil || m.Type != "error" || code(errs) != "NOT_FOUND" {
			t.Errorf("%s: %s %s", field, m.Type, m.Payload)
		}
	}
	c.subscribe("1", `subscription { events(names: ["meeting.danced"]) { cursor } }`)
	if m := c.next(); m.Type != "error" || !strings.Contains(string(m.Payload), "BAD_USER_INPUT") {
		t.Errorf("%s %s", m.Type, m.Payload)
	}
}

// TestSingleConnection_protocol reserves a stream, reads it, and has operations answered in
// it.
func TestSingleConnection_protocol(t *testing.T) {
	p := start(t, nil)
	do := func(method, url, token, body string) *http.Response {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, p.url+url, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if token != "" {
			req.Header.Set("X-GraphQL-Event-Stream-Token", token)
		}
		req.Header.Set("Content-Type", "application/json")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { resp.Body.Close() })
		return resp
	}
	wants := func(what string, resp *http.Response, status int) {
		t.Helper()
		if resp.StatusCode != status {
			t.Errorf("%s: %s, want %d", what, resp.Status, status)
		}
	}
	ask := func(id, query string) string {
		return toJSON(t, map[string]any{"query": query, "extensions": map[string]string{"operationId": id}})
	}
	reserved := do(http.MethodPut, "/graphql", "", "")
	wants("a reservation", reserved, http.StatusCreated)
	text, err := io.ReadAll(reserved.Body)
	if err != nil {
		t.Fatal(err)
	}
	token := string(text)
	wants("before it is read", do(http.MethodPost, "/graphql", token, ask("1", `{ __typename }`)), http.StatusNotFound)
	wants("another stream", do(http.MethodGet, "/graphql?token=none", "", ""), http.StatusNotFound)
	open := do(http.MethodGet, "/graphql?token="+token, "", "")
	wants("the stream", open, http.StatusOK)
	stream := &streamedAnswer{Reader: bufio.NewReader(open.Body)}
	wants("the stream twice", do(http.MethodGet, "/graphql", token, ""), http.StatusConflict)
	wants("a query", do(http.MethodPost, "/graphql", token, ask("1", `{ __typename }`)), http.StatusAccepted)
	if got := stream.until(t, "\n\n"); !strings.HasPrefix(got, `event: next`+"\n"+`data: {"id":"1","payload":{"data":{"__typename":"Query"}`) {
		t.Error(got)
	}
	if got := stream.until(t, "\n\n"); got != "event: complete\ndata: {\"id\":\"1\"}\n\n" {
		t.Error(got)
	}
	wants("what cannot be executed", do(http.MethodPost, "/graphql", token, ask("2", `{ nothing }`)), http.StatusAccepted)
	if got := stream.until(t, "\n\n"); !strings.Contains(got, `"id":"2","payload":{"errors":`) {
		t.Error(got)
	}
	stream.until(t, "\n\n")
	wants("no id", do(http.MethodPost, "/graphql", token, `{"query":"{ __typename }"}`), http.StatusBadRequest)
	const follow = `subscription { rateLimitChanged { waiting } }`
	wants("a subscription", do(http.MethodPost, "/graphql", token, ask("3", follow)), http.StatusAccepted)
	if got := stream.until(t, "\n\n"); !strings.Contains(got, `"id":"3","payload":{"data":{"rateLimitChanged"`) {
		t.Error(got)
	}
	wants("an id that is taken", do(http.MethodPost, "/graphql", token, ask("3", follow)), http.StatusConflict)
	wants("an end without an id", do(http.MethodDelete, "/graphql", token, ""), http.StatusBadRequest)
	wants("an end", do(http.MethodDelete, "/graphql?operationId=3", token, ""), http.StatusOK)
	wants("the id again", do(http.MethodPost, "/graphql", token, ask("3", follow)), http.StatusAccepted)
	if got := stream.until(t, "\n\n"); !strings.Contains(got, `"id":"3"`) {
		t.Error(got)
	}
}
