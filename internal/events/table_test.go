package events_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"zoomql/cache"
	"zoomql/internal/events"
	"zoomql/internal/zoom"
)

var variables = regexp.MustCompile(`\{[A-Za-z]+\}`)

// TestRows_tagsAreThoseOfOperations expects each tag of the table to be one of an operation: others
// evict nothing.
func TestRows_tagsAreThoseOfOperations(t *testing.T) {
	used := map[string]bool{}
	for _, spec := range zoom.Specs() {
		for _, tag := range spec.Tags {
			used[variables.ReplaceAllString(tag, "{}")] = true
		}
	}
	for _, row := range events.Rows {
		for _, tag := range row.Tags {
			for way := range strings.SplitSeq(tag, "|") {
				if !used[variables.ReplaceAllString(way, "{}")] {
					t.Errorf("%s: no operation has the tag %s", row.Events[0], way)
				}
			}
		}
		if len(row.Tags) == 0 && row.Why == "" {
			t.Errorf("%s: neither tags nor a reason", row.Events[0])
		}
	}
}

// TestWrite expects events with their tags or reasons, and the operations of Kept and NotKept.
func TestWrite(t *testing.T) {
	var out strings.Builder
	if err := events.Write(&out, zoom.Specs()); err != nil {
		t.Fatal(err)
	}
	for event, want := range map[string][]string{
		"answers that live for 1h0m0s while events come":     {"user                 GET /users, GET /users/{userId}\n", "meeting, recording   GET /meetings/{meetingId}/recordings\n"},
		"answers with tags that change without an event too": {"GET /roles                                       roles have no event\n"},
		"user.settings_updated":                              {"tags        user:{user} or every-user, users\n", "GET /users/{userId}"},
		"meeting.created":                                    {"user:{host}:meetings or meetings", "GET /users/{userId}/meetings"},
		"meeting.device_tested":                              {"note        nothing that the graph reads"},
	} {
		_, rest, found := strings.Cut("\n"+out.String(), "\n"+event+"\n")
		paragraph, _, _ := strings.Cut(rest, "\n\n")
		for _, text := range want {
			if !found || !strings.Contains(paragraph, text) {
				t.Errorf("%s: %s\nwant %s", event, paragraph, text)
			}
		}
	}
}

// uncovered are the tags that no event evicts.
var uncovered = []string{
	"role:{}",                                                // Zoom has no events of roles
	"surveys",                                                // nor of surveys,
	"meeting:{}:survey",                                      // nor of the survey of a meeting,
	"meeting:{}:polls",                                       // nor of polls
	"user:{}:channels", "user:{}:messages", "dashboard:chat", // chat has event subscriptions of its own
	"report:billing", "report:operationlogs", "report:telephone", "user:{}:phone_recordings",
	"dashboard:zoomrooms", "dashboard:client_versions", "dashboard:crc",
	"user:{}:templates",
}

// TestRows_coverEveryTag expects each tag of an operation to be in the table, or in uncovered:
// answers with those have their lifetimes alone.
func TestRows_coverEveryTag(t *testing.T) {
	covered := map[string]bool{}
	for _, row := range events.Rows {
		if slices.Contains(row.Events, "user.deleted") { // evicts everything of the user
			continue
		}
		for _, tag := range row.Tags {
			for way := range strings.SplitSeq(tag, "|") {
				covered[variables.ReplaceAllString(way, "{}")] = true
			}
		}
	}
	for _, tag := range uncovered {
		if covered[tag] {
			t.Errorf("an event evicts %s", tag)
		}
	}
	for _, spec := range zoom.Specs() {
		for _, tag := range spec.Tags {
			if tag = variables.ReplaceAllString(tag, "{}"); !covered[tag] && !slices.Contains(uncovered, tag) {
				t.Errorf("%s has the tag %s, which no event evicts", spec.Pattern, tag)
			}
		}
	}
}

// TestRows_areZoomsEvents compares the table with Zoom's documentation, both ways: it has each event
// once, and an example of each can be parsed.
func TestRows_areZoomsEvents(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join("..", "..", "..", "shared", "zoom", "shapes", "webhooks.json"))
	if err != nil {
		t.Skip("Zoom's documentation is not here: ", err)
	}
	var documented struct {
		Events map[string]struct{ Payload node }
	}
	if err := json.Unmarshal(raw, &documented); err != nil || len(documented.Events) < 100 {
		t.Fatal(len(documented.Events), err)
	}
	known := map[string]int{}
	for _, row := range events.Rows {
		for _, name := range row.Events {
			known[name]++
			if _, ok := documented.Events[name]; !ok {
				t.Errorf("Zoom has no event %s", name)
			}
		}
	}
	for name, e := range documented.Events {
		if known[name] != 1 {
			t.Errorf("%s is in %d rows", name, known[name])
		}
		body, err := json.Marshal(e.Payload.example(name, ""))
		if err != nil {
			t.Fatal(err)
		}
		got, err := events.Parse(body, time.Now())
		if err != nil || got.Name != name || !got.Known() {
			t.Errorf("%s: %v\n%s", name, err, body)
			continue
		}
		for _, row := range events.Rows {
			if slices.Contains(row.Events, name) && len(row.Tags) > 0 && len(got.Stale()) == 0 {
				t.Errorf("%s evicts nothing\n%s", name, body)
			}
		}
	}
}

// node is a node of the documented shapes.
type node struct {
	Type       string
	Properties map[string]node
	Items      *node
}

// example returns a value of a shape. A string has the name of its field.
func (n node) example(event, name string) any {
	switch name {
	case "event":
		return event
	case "event_ts":
		return 1774242000123
	}
	switch n.Type {
	case "object":
		o := map[string]any{}
		for name, p := range n.Properties {
			o[name] = p.example(event, name)
		}
		return o
	case "array":
		if n.Items == nil {
			return []any{}
		}
		return []any{n.Items.example(event, name)}
	case "integer", "number":
		return 7
	case "boolean":
		return true
	}
	return "a-" + name
}

func TestStale(t *testing.T) {
	for name, c := range map[string]struct {
		body string
		want []cache.Tag
	}{
		"an id as a text":   {`{"event":"meeting.started","event_ts":1,"payload":{"account_id":"A","object":{"id":"123","uuid":"/u==","host_id":"h"}}}`, []cache.Tag{"dashboard:meetings", "meeting:/u==:dashboard", "meeting:123", "meeting:123:dashboard", "report:upcoming_events", "user:h:meetings"}},
		"an id as a number": {`{"event":"meeting.created","event_ts":1,"payload":{"account_id":"A","object":{"id":123,"host_id":"h"}}}`, []cache.Tag{"meeting:123", "report:upcoming_events", "user:h:meetings"}},
		"another host": {`{"event":"meeting.updated","event_ts":1,"payload":{"account_id":"A","object":{"id":123,"host_id":"h"},"old_object":{"id":123,"host_id":"g"}}}`,
			[]cache.Tag{"meeting:123", "meeting:123:livestream", "meeting:123:questions", "report:upcoming_events", "user:g:meetings", "user:h:meetings"}},
		"no host":          {`{"event":"meeting.created","event_ts":1,"payload":{"account_id":"A","object":{"id":123}}}`, []cache.Tag{"meeting:123", "meetings", "report:upcoming_events"}},
		"an escaped slash": {`{"event":"meeting.summary_shared","event_ts":1,"payload":{"account_id":"A","object":{"meeting_uuid":"a\/\u002fb=="}}}`, []cache.Tag{"instance:a//b=="}},
		"an odd item":      {`{"event":"recording.batch_deleted","event_ts":1,"payload":{"account_id":"A","object":{"meetings":[7,null,{"meeting_uuid":"a"}]}}}`, []cache.Tag{"instance:a", "recordings"}},
		"several":          {`{"event":"recording.batch_trashed","event_ts":1,"payload":{"account_id":"A","object":{"meeting_uuids":["a","b"]}}}`, []cache.Tag{"instance:a", "instance:b", "recordings"}},
		"members":          {`{"event":"group.member_added","event_ts":1,"payload":{"account_id":"A","object":{"id":"g","members":[{"id":"u"},{"id":"v"},{"id":null}]}}}`, []cache.Tag{"group:g", "groups", "user:u", "user:v", "users"}},
		"an odd part":      {`{"event":"user.updated","event_ts":1,"payload":{"account_id":"A","object":{"id":"u","participant":"x","members":7},"old_object":[]}}`, []cache.Tag{"group-members", "role-members", "roles", "user:u", "users"}},
		"an odd object":    {`{"event":"meeting.created","event_ts":1,"payload":{"account_id":"A","object":[1]}}`, []cache.Tag{"meetings", "report:upcoming_events"}},
		"a long id":        {`{"event":"user.settings_updated","event_ts":1,"payload":{"account_id":"A","object":{"id":"` + strings.Repeat("x", 300) + `"}}}`, []cache.Tag{"every-user", "users"}},
		"too many members": {`{"event":"group.member_added","event_ts":1,"payload":{"account_id":"A","object":{"id":"g","members":[{"id":"u"}` + strings.Repeat(`,{"id":"u"}`, 1000) + `]}}}`, []cache.Tag{"every-user", "group:g", "groups", "users"}},
		"a group":          {`{"event":"group.updated","event_ts":1,"payload":{"account_id":"A","object":{"id":"g","name":"N"},"old_object":{"id":"g","name":"M"}}}`, []cache.Tag{"group:g", "groups"}},
		"no group":         {`{"event":"group.created","event_ts":1,"payload":{"account_id":"A","object":{"name":"N"}}}`, []cache.Tag{"every-group", "groups"}},
		"settings":         {`{"event":"user.settings_updated","event_ts":1,"payload":{"account_id":"A","object":{"id":"u"}}}`, []cache.Tag{"user:u", "users"}},
		"an unknown one":   {`{"event":"meeting.danced","event_ts":1,"payload":{"account_id":"A","object":{"id":"u"}}}`, nil},
		"an id of a kind":  {`{"event":"account.updated","event_ts":1,"payload":{"account_id":"A","object":{"id":"u"}}}`, []cache.Tag{"account", "accounts"}},
	} {
		e, err := events.Parse([]byte(c.body), time.Now())
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if got := e.Stale(); !slices.Equal(got, c.want) {
			t.Errorf("%s evicts %q, want %q", name, got, c.want)
		}
	}
}

func TestParse_noEvents(t *testing.T) {
	for _, body := range []string{
		``, `[]`, `7`, `"x"`, `{}`, `<html>`, `{"event":"meeting.ended"}`, `{"event":"meeting.ended","event_ts":1,"payload":{}}`,
		`{"event":"","event_ts":1,"payload":{"account_id":"A"}}`, `{"event":7,"event_ts":1,"payload":{"account_id":"A"}}`,
		`{"event":"meeting.ended","event_ts":1,"payload":{"account_id":"A"}} {}`, `{"event":"` + strings.Repeat("x", 300) + `","event_ts":1,"payload":{"account_id":"A"}}`,
	} {
		if e, err := events.Parse([]byte(body), time.Now()); err == nil {
			t.Errorf("%s is an event: %+v", body, e)
		} else if strings.Contains(err.Error(), "meeting") {
			t.Errorf("the error quotes the body: %v", err)
		}
	}
}

// TestKey expects deliveries of one event to have one key, and other events to have others.
func TestKey(t *testing.T) {
	keyOf := func(body string) string {
		e, err := events.Parse([]byte(body), time.Now())
		if err != nil {
			t.Fatal(err)
		}
		return e.Key
	}
	const joined = `{"event":"meeting.participant_joined","event_ts":5,"payload":{"account_id":"A","object":{"id":"1","uuid":"u","participant":{"user_id":"7","participant_uuid":"p"}}}}`
	if keyOf(joined) != keyOf(strings.Replace(joined, `{"event"`, `{ "event"`, 1)) {
		t.Error("one event has two keys")
	}
	for _, change := range [][2]string{{`:5`, `:6`}, {`joined`, `left`}, {`"A"`, `"B"`}, {`"p"`, `"q"`}, {`"7"`, `"8"`}, {`"u"`, `"v"`}} {
		if keyOf(joined) == keyOf(strings.Replace(joined, change[0], change[1], 1)) {
			t.Errorf("%s and %s have one key", change[0], change[1])
		}
	}
}

// TestStale_pastInstances expects the end of an instance to evict each answer about it that is read
// by its UUID.
func TestStale_pastInstances(t *testing.T) {
	for kind, variable := range map[string]string{"meeting": "{meetingId}", "webinar": "{webinarId}"} {
		e, err := events.Parse([]byte(`{"event":"`+kind+`.ended","event_ts":1,"payload":{"account_id":"A","object":{"id":"7","uuid":"u","host_id":"h"}}}`), time.Now())
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, spec := range zoom.Specs() {
			past := strings.HasPrefix(spec.Pattern, "GET /past_"+kind+"s/"+variable) || strings.HasPrefix(spec.Pattern, "GET /report/"+kind+"s/"+variable)
			if !past || !spec.AcceptsUUID || len(spec.Tags) == 0 {
				continue
			}
			n++
			if !slices.ContainsFunc(spec.Tags, func(tag string) bool {
				return slices.Contains(e.Stale(), cache.Tag(strings.ReplaceAll(tag, variable, "u")))
			}) {
				t.Errorf("%s.ended does not evict %s of a UUID, which has the tags %q", kind, spec.Pattern, spec.Tags)
			}
		}
		if n < 3 {
			t.Errorf("only %d operations are about past %ss", n, kind)
		}
		if !slices.Contains(e.Stale(), "user:h:past_meetings") {
			t.Errorf("%s.ended does not evict what its host has attended", kind)
		}
	}
}
