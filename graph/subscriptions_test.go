package graph

import (
	"bufio"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"zoomql/cache"
	"zoomql/internal/events"
	"zoomql/internal/identity"
	"zoomql/internal/sandbox"
	"zoomql/internal/stream"
)

// live is a rig whose gateway receives events.
type live struct {
	*rig
	webhook *events.Webhook
}

// inLive runs a test in a synctest bubble, as inRig does.
func inLive(t *testing.T, s setup, test func(*live)) {
	t.Helper()
	own := &stream.Memory{}
	s.bus = &events.Bus{Stream: own, Log: slog.New(slog.DiscardHandler)}
	inRig(t, s, func(r *rig) {
		client, _ := r.client()
		l := &live{r, &events.Webhook{Inbox: &events.Inbox{Stream: own, Names: !s.nameless, Log: slog.New(slog.DiscardHandler), Accounts: map[string]events.Account{sandbox.AccountID: {
			Secrets: []string{"secret"},
			Evict: func(ctx context.Context, accountID string, tags ...cache.Tag) bool {
				return client.In(accountID).Evict(ctx, tags...)
			},
		}}}}}
		ctx, cancel := context.WithCancel(r.t.Context())
		var running sync.WaitGroup
		running.Go(func() { s.bus.Run(ctx) })
		test(l)
		cancel()
		running.Wait()
	})
}

// event delivers an event of the rig's meeting. more are members of its object.
func (l *live) event(name, more string) {
	l.t.Helper()
	l.eventOf(l.MeetingNumber, name, more)
}

// eventOf is event for another meeting or webinar.
func (l *live) eventOf(number int64, name, more string) {
	l.t.Helper()
	l.tellOf(number, name, more)
	time.Sleep(time.Second) // else the next one may have the same key, and is dropped
}

// tell is event without a pause.
func (l *live) tell(name, more string) {
	l.t.Helper()
	l.tellOf(l.MeetingNumber, name, more)
}

func (l *live) tellOf(number int64, name, more string) {
	l.t.Helper()
	l.deliver(fmt.Sprintf(`{"event":%q,"event_ts":%d,"payload":{"account_id":%q,"object":{"id":"%d","uuid":"run==","host_id":"h"%s}}}`, name, time.Now().UnixMilli(), sandbox.AccountID, number, more))
}

// deliver delivers an event as Zoom does.
func (l *live) deliver(body string) {
	l.t.Helper()
	req := httptest.NewRequest(http.MethodPost, "/webhooks/zoom", strings.NewReader(body))
	at := strconv.FormatInt(time.Now().Unix(), 10)
	h := hmac.New(sha256.New, []byte("secret"))
	h.Write([]byte("v0:" + at + ":" + body))
	req.Header.Set("X-Zm-Request-Timestamp", at)
	req.Header.Set("X-Zm-Signature", "v0="+hex.EncodeToString(h.Sum(nil)))
	w := httptest.NewRecorder()
	l.webhook.ServeHTTP(w, req)
	if w.Code != http.StatusNoContent {
		l.t.Fatal(w.Code, w.Body)
	}
}

// gap appends a gap to the stream, as the WebSocket client does.
func (l *live) gap(kind string) {
	l.t.Helper()
	now := time.Now()
	body := fmt.Sprintf(`{"gap":%q,"time":%d,"account":%q,"served":%[3]q}`, kind, now.UnixMilli(), sandbox.AccountID)
	if err := l.webhook.Stream.Append(l.t.Context(), &stream.Message{Key: "gap" + now.String(), Body: []byte(body)}); err != nil {
		l.t.Fatal(err)
	}
	time.Sleep(time.Second)
}

// followed is a subscription that the test reads.
type followed struct {
	*rig
	from  *bufio.Reader
	close func()
}

// follow subscribes over server-sent events.
func (l *live) follow(query string) *followed {
	l.t.Helper()
	return l.followWith(query, nil)
}

// followWith is follow with variables.
func (l *live) followWith(query string, variables map[string]any) *followed {
	l.t.Helper()
	body, err := json.Marshal(map[string]any{"query": l.fill(query), "variables": variables})
	if err != nil {
		l.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(l.t.Context())
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://gateway.test/graphql", strings.NewReader(string(body)))
	if err != nil {
		l.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "text/event-stream")
	resp, err := l.http.Do(req)
	if err != nil {
		l.t.Fatal(err)
	}
	if resp.StatusCode != http.StatusOK {
		l.t.Fatal(resp.Status)
	}
	return &followed{l.rig, bufio.NewReader(resp.Body), func() {
		cancel()
		_ = resp.Body.Close()
	}}
}

// next returns the data and the errors of the next item.
func (f *followed) next() (data string, errs []answerError) {
	f.t.Helper()
	for {
		line, err := f.from.ReadString('\n')
		if err != nil {
			f.t.Fatal(err)
		}
		text, ok := strings.CutPrefix(line, "data: ")
		if !ok {
			continue
		}
		var a answer
		if err := json.Unmarshal([]byte(text), &a); err != nil {
			f.t.Fatal(err, text)
		}
		return string(a.Data), a.Errors
	}
}

func (f *followed) wants(want string) {
	f.t.Helper()
	if got, errs := f.next(); got != want || len(errs) > 0 {
		f.t.Errorf("%s %v, want %s", got, errs, want)
	}
}

// TestSubscription_itemsAreExecutedAnew reads the meeting again for each change, and unchanged
// objects from the cache. A second subscription with the same operation needs no further call.
func TestSubscription_itemsAreExecutedAnew(t *testing.T) {
	t.Parallel()
	const query = `subscription { meetingChanged(meeting: {number: "${MeetingNumber}"}) { event skipped meeting { number host { email } } } }`
	inLive(t, setup{}, func(l *live) {
		first, second := l.follow(query), l.follow(query)
		defer first.close()
		defer second.close()
		l.spends(1) // whether the caller may read the meeting
		want := l.fill(`{"meetingChanged":{"event":"meeting.updated","skipped":0,"meeting":{"number":"${MeetingNumber}","host":{"email":"${HostEmail}"}}}}`)
		for i, calls := range []int{2, 1, 1} {
			l.event("meeting.updated", "")
			first.wants(want)
			second.wants(want)
			if l.spends(calls); t.Failed() {
				t.Fatal("item ", i)
			}
		}
		l.event("meeting.registration_created", "") // changes other things
		l.event("meeting.started", "")
		if got, _ := first.next(); !strings.Contains(got, `"meeting.started"`) {
			t.Error(got)
		}
	})
}

// TestMeetingChanged_gap reads the meeting again at the end of a gap, once for all subscriptions and
// although it is cached: no event says what has changed. The beginning of a gap makes no item.
func TestMeetingChanged_gap(t *testing.T) {
	t.Parallel()
	const query = `subscription { meetingChanged(meeting: {number: "${MeetingNumber}"}) { event skipped cursor meeting { topic } } }`
	inLive(t, setup{}, func(l *live) {
		read := func(f *followed) (event, cursor string) {
			t.Helper()
			data, errs := f.next()
			var said struct {
				MeetingChanged struct {
					Event, Cursor string
					Skipped       int
					Meeting       struct{ Topic string }
				}
			}
			if err := json.Unmarshal([]byte(data), &said); err != nil || said.MeetingChanged.Meeting.Topic == "" || said.MeetingChanged.Skipped != 0 || len(errs) > 0 {
				t.Fatal(data, errs)
			}
			return said.MeetingChanged.Event, said.MeetingChanged.Cursor
		}
		first, second := l.follow(query), l.follow(query)
		defer first.close()
		defer second.close()
		l.event("meeting.updated", "")
		_, before := read(first)
		read(second)
		l.spent()
		l.gap("began")
		l.gap("ended")
		for _, f := range []*followed{first, second} {
			if event, _ := read(f); event != "" {
				t.Errorf("of the gap, the event is %s", event)
			}
		}
		l.spends(1)
		resumed := l.follow(strings.Replace(query, "meeting:", "after: "+strconv.Quote(before)+", meeting:", 1))
		defer resumed.close()
		if event, _ := read(resumed); event != "" {
			t.Errorf("resumed, the first is %s", event)
		}
	})
}

// TestEvents_gap has an item for each gap, whatever the filter.
func TestEvents_gap(t *testing.T) {
	t.Parallel()
	inLive(t, setup{}, func(l *live) {
		f := l.follow(`subscription { events(meeting: {number: "${MeetingNumber}"}, names: ["meeting.ended"]) { name gap skipped ids participant { name } meeting { topic } account { zoomId } } }`)
		defer f.close()
		time.Sleep(time.Second)
		l.spent()
		for _, kind := range []string{"began", "ended"} {
			l.gap(kind)
			f.wants(fmt.Sprintf(`{"events":{"name":null,"gap":%q,"skipped":0,"ids":[],"participant":null,"meeting":null,"account":{"zoomId":%q}}}`, strings.ToUpper(kind), sandbox.AccountID))
		}
		l.event("meeting.ended", "")
		if got, errs := f.next(); !strings.HasPrefix(got, `{"events":{"name":"meeting.ended","gap":null,`) || len(errs) > 0 {
			t.Error(got, errs)
		}
	})
}

// TestSubscription_badInput refuses invalid arguments, expired cursors, and objects that do not exist or
// that the caller may not read, with the error of a query.
func TestSubscription_badInput(t *testing.T) {
	t.Parallel()
	inLive(t, setup{}, func(l *live) {
		first := l.follow(`subscription { events(meeting: {number: "${MeetingNumber}"}) { cursor } }`)
		defer first.close()
		l.event("meeting.updated", "")
		data, _ := first.next()
		var said struct{ Events struct{ Cursor string } }
		if err := json.Unmarshal([]byte(data), &said); err != nil || said.Events.Cursor == "" {
			t.Fatal(data, err)
		}
		first.drain()
		l.event("meeting.updated", "")
		time.Sleep(2 * time.Hour)
		l.event("meeting.updated", "") // the stream drops older ones
		for field, code := range map[string]string{
			`events(meeting: {number: "99999999999"}) { cursor }`:                                                                "NOT_FOUND",
			`events(webinar: {number: "99999999999"}) { cursor }`:                                                                "NOT_FOUND",
			`events(user: {zoomId: "nobody"}) { cursor }`:                                                                        "NOT_FOUND",
			`events(names: ["meeting.danced"]) { cursor }`:                                                                       "BAD_USER_INPUT",
			`events(meeting: {id: "garbage"}) { cursor }`:                                                                        "BAD_USER_INPUT",
			`events(after: "garbage") { cursor }`:                                                                                "CURSOR_EXPIRED",
			`events(after: "") { cursor }`:                                                                                       "CURSOR_EXPIRED",
			`events(after: ` + strconv.Quote(said.Events.Cursor) + `) { cursor }`:                                                "CURSOR_EXPIRED",
			`meetingChanged(meeting: {number: "99999999999"}) { cursor }`:                                                        "NOT_FOUND",
			`meetingChanged(meeting: {number: "${MeetingNumber}"}, after: ` + strconv.Quote(said.Events.Cursor) + `) { cursor }`: "CURSOR_EXPIRED",
			`participants(meeting: {number: "99999999999"}) { cursor }`:                                                          "NOT_FOUND",
			`attendance(instance: {latestOf: "99999999999"}) { complete }`:                                                       "NOT_FOUND",
			`attendance(instance: {uuid: "none=="}) { complete }`:                                                                "NOT_FOUND",
			`attendance(instance: {latestOf: "${MeetingNumber}"}, rules: {lateAfterSeconds: -1}) { complete }`:                   "BAD_USER_INPUT",
		} {
			f := l.follow("subscription { " + field + " }")
			if data, errs := f.next(); len(errs) != 1 || errs[0].code() != code {
				t.Errorf("%s: %s %v, want %s", field, data, errs, code)
			}
			f.close()
		}
	})
	// Values take more memory than their text.
	inLive(t, setup{}, func(l *live) {
		for _, numbers := range []int{300, 500} {
			f := l.followWith(`subscription { rateLimitChanged { waiting } }`, map[string]any{"unused": make([]int, numbers)})
			if _, errs := f.next(); len(errs) > 0 != (numbers == 500) || len(errs) > 0 && errs[0].code() != "LIMIT_EXCEEDED" {
				t.Errorf("with %d numbers: %v", numbers, errs)
			}
			f.close()
		}
	})
	// A caller who may not read all events of the account may follow those of a meeting.
	inLive(t, setup{as: func(tokens identity.Tokens) identity.Source {
		return identity.Always(identity.New(identity.View{Account: sandbox.AccountID, App: "server-to-server:" + sandbox.ClientID, Scopes: []string{"meeting:read:meeting:admin"}}, tokens))
	}}, func(l *live) {
		f := l.follow(`subscription { events { cursor } }`)
		defer f.close()
		if data, errs := f.next(); len(errs) != 1 || errs[0].code() != "FORBIDDEN" {
			t.Errorf("%s %v", data, errs)
		}
		one := l.follow(`subscription { events(meeting: {number: "${MeetingNumber}"}) { name } }`)
		defer one.close()
		time.Sleep(time.Second)
		l.event("meeting.updated", "")
		one.wants(`{"events":{"name":"meeting.updated"}}`)
	})
}

// usersOf returns the ids of users of a rig's account.
func usersOf(t *testing.T, n int) (ids []string) {
	t.Helper()
	inRig(t, setup{}, func(r *rig) {
		var said struct {
			Account struct {
				Users struct{ Nodes []struct{ ZoomID string } }
			}
		}
		if err := json.Unmarshal(r.ask(fmt.Sprintf(`{ account { users(first: %d) { nodes { zoomId } } } }`, n), nil).Data, &said); err != nil {
			t.Fatal(err)
		}
		for _, user := range said.Account.Users.Nodes {
			ids = append(ids, user.ZoomID)
		}
	})
	return ids
}

// TestSubscription_levelsAreBatches loads the fields below an item level by level, as for a query.
func TestSubscription_levelsAreBatches(t *testing.T) {
	t.Parallel()
	ids := usersOf(t, 30)
	inLive(t, setup{}, func(l *live) {
		f := l.follow(`subscription { participants(meeting: {number: "${MeetingNumber}"}) { count } }`)
		defer f.close()
		f.next()
		l.event("meeting.started", "")
		f.next()
		for i, id := range ids {
			l.event("meeting.participant_joined", fmt.Sprintf(`,"participant":{"user_id":"%d","user_name":"N","participant_user_id":%q,"join_time":%q}`, i, id, time.Now().UTC().Format(time.RFC3339)))
			f.wants(fmt.Sprintf(`{"participants":{"count":%d}}`, i+1))
		}
		l.spent()
		users := l.follow(`subscription { participants(meeting: {number: "${MeetingNumber}"}) { participants { user { email } } } }`)
		defer users.close()
		if got, errs := users.next(); strings.Count(got, `"email"`) != len(ids) || len(errs) > 0 {
			t.Error(got, errs)
		}
		l.spends(2) // the meeting, which the start has changed, and one list for all of them
	})
}

// TestSubscription_errorsHavePaths reports a failed field by its whole path, with the rest of the
// item.
func TestSubscription_errorsHavePaths(t *testing.T) {
	t.Parallel()
	fails := false
	before := func(w http.ResponseWriter, r *http.Request) bool {
		if !fails || !strings.HasPrefix(r.URL.Path, "/v2/users/") {
			return false
		}
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, `{"code":200,"message":"no permission"}`)
		return true
	}
	inLive(t, setup{before: before}, func(l *live) {
		f := l.follow(`subscription { changed: meetingChanged(meeting: {number: "${MeetingNumber}"}) { event meeting { host { department } } } }`)
		defer f.close()
		time.Sleep(time.Second)
		fails = true
		l.event("meeting.updated", "")
		got, errs := f.next()
		if got != `{"changed":{"event":"meeting.updated","meeting":{"host":null}}}` || len(errs) != 1 || fmt.Sprint(errs[0].Path) != "[changed meeting host]" {
			t.Error(got, errs)
		}
	})
}
