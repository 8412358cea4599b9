package events_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"zoomql/internal/events"
	"zoomql/internal/zoom/types"
)

// TestPayload parses an event of each kind in Zoom's documentation, with a value in each field. It
// expects the values of the fields that Payload has, and each field of Payload to be documented.
func TestPayload(t *testing.T) {
	documented := map[string]bool{}
	for name, schema := range documentedEvents(t) {
		body, err := json.Marshal(schema.example(name, ""))
		if err != nil {
			t.Fatal(err)
		}
		e, err := events.Parse(body, time.Now())
		if err != nil {
			t.Errorf("%s: %v\n%s", name, err, body)
			continue
		}
		if e.Name != name || e.AccountID == "" || e.Time.IsZero() || e.At().IsZero() {
			t.Errorf("%s is read as %+v", name, e)
		}
		var told struct{ Payload map[string]any }
		if err := json.Unmarshal(body, &told); err != nil {
			t.Fatal(err)
		}
		got := toMap(t, e.Payload())
		compare(t, name, "payload", reflect.TypeFor[events.Payload](), told.Payload, got, documented)
		object, _ := told.Payload["object"].(map[string]any)
		if has := object["participant"] != nil; has != (e.Participant() != nil) {
			t.Errorf("%s: has a participant %v", name, has)
		}
		if has := object["registrant"] != nil; has != (e.Registrant() != nil) {
			t.Errorf("%s: has a registrant %v", name, has)
		}
	}
	for _, field := range fieldsOf("payload", reflect.TypeFor[events.Payload]()) {
		// Only the UUIDs of these are documented, but Zoom's answers identify meetings in other
		// ways, too.
		if !documented[field] && !strings.HasPrefix(field, "payload.object.meetings.") {
			t.Errorf("no event has %s", field)
		}
	}
}

// toMap returns the JSON of a payload.
func toMap(t *testing.T, p *events.Payload) map[string]any {
	t.Helper()
	raw, err := types.Marshal(p)
	var m map[string]any
	if err == nil {
		err = json.Unmarshal(raw, &m)
	}
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// compare compares the fields of a type in an event with those in the parsed payload.
func compare(t *testing.T, event, path string, of reflect.Type, told, got map[string]any, seen map[string]bool) {
	t.Helper()
	for name, field := range jsonFields(of) {
		path := path + "." + name
		value, there := told[name]
		if !there {
			continue
		}
		seen[path] = true
		switch below := structOf(field); inner := value.(type) {
		case map[string]any:
			if of, ok := got[name].(map[string]any); ok && below != nil {
				compare(t, event, path, below, inner, of, seen)
				continue
			}
			t.Errorf("%s: %s is not read", event, path)
		case []any:
			list, _ := got[name].([]any)
			if len(list) != len(inner) {
				t.Errorf("%s: %s: %d items are read of %d", event, path, len(list), len(inner))
				continue
			}
			for i, item := range inner {
				if object, ok := item.(map[string]any); ok && below != nil {
					compare(t, event, path, below, object, list[i].(map[string]any), seen)
				}
			}
		default:
			if written(got[name]) != written(value) {
				t.Errorf("%s: %s is %v, read as %v", event, path, value, got[name])
			}
		}
	}
}

// written returns a value as text, since Zoom sends ids as strings or numbers.
func written(v any) string {
	if f, ok := v.(float64); ok {
		return fmt.Sprintf("%.0f", f)
	}
	if text, ok := v.(string); ok {
		if at, err := time.Parse(time.RFC3339, text); err == nil {
			return at.UTC().String()
		}
	}
	return fmt.Sprint(v)
}

// jsonFields returns the fields of a struct, including embedded ones, by their names in JSON.
func jsonFields(of reflect.Type) map[string]reflect.Type {
	fields := map[string]reflect.Type{}
	for f := range of.Fields() {
		if f.Anonymous {
			maps.Copy(fields, jsonFields(f.Type))
			continue
		}
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		fields[name] = f.Type
	}
	return fields
}

// structOf returns the struct type of a field, or of the items of a list; nil for other types.
func structOf(field reflect.Type) reflect.Type {
	for field.Kind() == reflect.Pointer || field.Kind() == reflect.Slice {
		field = field.Elem()
	}
	if field.Kind() == reflect.Struct && field.PkgPath() == reflect.TypeFor[events.Payload]().PkgPath() {
		return field
	}
	return nil
}

func fieldsOf(path string, of reflect.Type) []string {
	var all []string
	for name, field := range jsonFields(of) {
		path := path + "." + name
		if below := structOf(field); below != nil {
			all = append(all, fieldsOf(path, below)...)
			continue
		}
		all = append(all, path)
	}
	return all
}

// schema is a schema in Zoom's documentation of events.
type schema struct {
	Ref        string `json:"$ref"`
	Type       string
	Format     string
	Pattern    string
	Properties properties
	Items      *schema
}

// properties are those of an object. Some in the documentation are strings, which are no schemas.
type properties map[string]*schema

// UnmarshalJSON omits properties that are no schemas.
func (p *properties) UnmarshalJSON(text []byte) error {
	var all map[string]json.RawMessage
	if err := json.Unmarshal(text, &all); err != nil {
		return err
	}
	*p = properties{}
	for name, raw := range all {
		if raw[0] != '{' {
			continue
		}
		(*p)[name] = &schema{}
		if err := json.Unmarshal(raw, (*p)[name]); err != nil {
			return err
		}
	}
	return nil
}

// example returns a value of the documented form. A string is named after its field, unless it is a
// time.
func (s *schema) example(event, name string) any {
	switch {
	case name == "event":
		return event
	case name == "event_ts":
		return 1774242000123
	case s.Type == "object":
		o := map[string]any{}
		for name, p := range s.Properties {
			o[name] = p.example(event, name)
		}
		return o
	case s.Type == "array" && s.Items != nil:
		return []any{s.Items.example(event, name), s.Items.example(event, name)}
	case s.Type == "array":
		return []any{}
	case s.Type == "integer" || s.Type == "number":
		return 7
	case s.Type == "boolean":
		return true
	case s.Format == "date-time" || strings.Contains(s.Pattern, "T\\d"), strings.HasSuffix(name, "_time"):
		return "2026-03-23T05:00:00Z"
	}
	return "a-" + name
}

// documentedEvents returns the schemas of the bodies of all events, by name.
func documentedEvents(t *testing.T) map[string]*schema {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", "..", "..", "shared", "zoom", "openapi", "webhooks.*.json"))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Skip("Zoom's documents are not here")
	}
	all := map[string]*schema{}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var document struct {
			Webhooks map[string]struct {
				Post struct {
					RequestBody struct {
						Content map[string]struct{ Schema *schema }
					}
				}
			}
		}
		if err := json.Unmarshal(raw, &document); err != nil {
			t.Fatal(err)
		}
		for name, e := range document.Webhooks {
			if all[name] = e.Post.RequestBody.Content["application/json"].Schema; all[name] == nil {
				t.Errorf("%s has no body", name)
				continue
			}
			payload := all[name].Properties["payload"]
			if old := payload.Properties["old_object"]; old != nil && old.Ref != "" {
				payload.Properties["old_object"] = payload.Properties["object"]
			}
		}
	}
	if len(all) < 136 {
		t.Fatalf("there are %d events", len(all))
	}
	return all
}

// TestEvent_times expects At to be the time in the payload, such as that of joining, or else that
// of the event.
func TestEvent_times(t *testing.T) {
	const noon, later = "2026-03-01T12:00:00Z", "2026-03-01T12:30:00Z"
	for name, c := range map[string]struct{ event, object, want string }{
		"joined":          {"meeting.participant_joined", `"participant":{"join_time":"` + later + `"}`, later},
		"left":            {"meeting.participant_left", `"participant":{"join_time":"` + noon + `","leave_time":"` + later + `"}`, later},
		"waits":           {"meeting.participant_joined_waiting_room", `"participant":{"date_time":"` + later + `"}`, later},
		"began":           {"meeting.started", `"start_time":"` + later + `"`, later},
		"ended":           {"meeting.ended", `"start_time":"` + noon + `","end_time":"` + later + `"`, later},
		"signed in":       {"user.signed_in", `"date_time":"` + later + `"`, later},
		"no time":         {"meeting.participant_joined", `"participant":{"join_time":""}`, noon},
		"null":            {"meeting.participant_left", `"participant":{"leave_time":null}`, noon},
		"far ahead":       {"meeting.participant_joined", `"participant":{"join_time":"9999-01-01T00:00:00Z"}`, noon},
		"a start of what": {"meeting.updated", `"start_time":"` + later + `"`, noon},
	} {
		e, err := events.Parse([]byte(`{"event":"`+c.event+`","event_ts":1772366400000,"payload":{"account_id":"A","object":{`+c.object+`}}}`), time.Now())
		if err != nil {
			t.Fatal(name, err)
		}
		if got := e.At().UTC().Format(time.RFC3339); got != c.want {
			t.Errorf("%s: it happened at %s, want %s", name, got, c.want)
		}
	}
}

// TestEvent_names expects the ids that an event names, in whichever fields they are.
func TestEvent_names(t *testing.T) {
	for name, c := range map[string]struct{ event, object, meeting, instance, host, user string }{
		"a text":    {"meeting.started", `"id":"123","uuid":"u==","host_id":"h"`, "123", "u==", "h", ""},
		"a number":  {"meeting.created", `"id":123,"host_id":"h"`, "123", "", "h", ""},
		"a summary": {"meeting.summary_completed", `"meeting_id":123,"meeting_uuid":"u==","meeting_host_id":"h"`, "123", "u==", "h", ""},
		"several":   {"recording.batch_deleted", `"meetings":[{"meeting_id":"1","meeting_uuid":"a"},{"meeting_id":"2","meeting_uuid":"b"}]`, "1", "a", "", ""},
		"a user":    {"user.updated", `"id":"u"`, "", "", "", "u"},
		"a group":   {"group.member_added", `"id":"g","members":[{"id":"u"}]`, "", "", "", "u"},
	} {
		e, err := events.Parse([]byte(`{"event":"`+c.event+`","event_ts":1,"payload":{"account_id":"A","object":{`+c.object+`}}}`), time.Now())
		if err != nil {
			t.Fatal(name, err)
		}
		got, want := []string{}, []string{c.meeting, c.instance, c.host, c.user}
		for _, ids := range [][]string{e.Meetings(), e.Instances(), e.Hosts(), e.Users()} {
			first := ""
			if len(ids) > 0 {
				first = ids[0]
			}
			got = append(got, first)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

// TestParticipant_user expects the newer of Zoom's two fields for the id of a user.
func TestParticipant_user(t *testing.T) {
	for _, c := range []struct {
		p    events.Participant
		want string
	}{{events.Participant{ID: "old", UserID: "new"}, "new"}, {events.Participant{ID: "old"}, "old"}, {events.Participant{}, ""}} {
		if got := c.p.User(); got != c.want {
			t.Errorf("%+v is user %q, want %q", c.p, got, c.want)
		}
	}
}
