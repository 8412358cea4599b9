package zoom

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"

	"zoomql/internal/zoom/types"
)

// twice makes the same request two times to a server that always sends the same answer, and
// returns the last error and the number of calls.
func twice(t *testing.T, ask func(context.Context, *Client) error, status int, body string, headers ...string) (calls int, err error) {
	t.Helper()
	c := newTestClient(func(*http.Request) *http.Response { calls++; return answer(status, body, headers...) })
	for range 2 {
		err = ask(t.Context(), c)
	}
	return calls, err
}

// requests holds one of each kind: for an object, for a list, for settings, for a
// write with an answer, and for a write without.
var requests = map[string]func(context.Context, *Client) error{
	"object": func(ctx context.Context, c *Client) error {
		_, err := GetMeeting.Do(ctx, c, MeetingQuery{MeetingID: 7})
		return err
	},
	"list": func(ctx context.Context, c *Client) error {
		_, err := ListUsers.Page(ctx, c, UserFilter{}, Paging{})
		return err
	},
	"whole list": func(ctx context.Context, c *Client) error { _, err := ListRoles.Do(ctx, c, RoleFilter{}); return err },
	"list of days": func(ctx context.Context, c *Client) error {
		_, err := GetCrcPorts.Do(ctx, c, Days{From: day("2026-01-01"), To: day("2026-01-31")})
		return err
	},
	"settings": func(ctx context.Context, c *Client) error {
		_, err := GetSettings.Do(ctx, c, SettingsKey{})
		return err
	},
	"locked settings": func(ctx context.Context, c *Client) error {
		_, err := GetLockedSettings.Do(ctx, c, SettingsKey{})
		return err
	},
	"token": func(ctx context.Context, c *Client) error {
		_, err := GetMeetingToken.Do(ctx, c, MeetingKey{MeetingID: 7})
		return err
	},
	"create": func(ctx context.Context, c *Client) error {
		_, err := CreateMeeting.Do(ctx, c, NewMeeting{UserID: "u", Meeting: &types.NewMeeting{}})
		return err
	},
	"change": func(ctx context.Context, c *Client) error {
		_, err := UpdateRole.Do(ctx, c, RolePatch{RoleID: "r", Patch: &types.RolePatch{Name: new("n")}})
		return err
	},
	"raw": func(ctx context.Context, c *Client) error {
		_, err := Raw{Operation: ListUsers.Pattern}.Do(ctx, c)
		return err
	},
}

// A refusal under HTTP 200 has the same kind as under 400, is not stored, and leaves the
// outcome of a write known.
func TestReceived_refusalUnderHTTP200(t *testing.T) {
	for _, c := range []struct {
		why, body string
		kind      error
	}{
		{"a plan", `{"code":200,"message":"Only available for paid account: abc."}`, ErrPlanRequired},
		{"a permission", `{"code":200,"message":"No permission."}`, ErrForbidden},
		{"a code as a text", `{"code":"200","message":"No permission."}`, ErrForbidden},
		{"an empty list beside it", `{"code":200,"message":"No permission.","users":[],"roles":[],"total_records":0}`, ErrForbidden},
		{"a scope", `{"code":4711,"message":"Invalid access token, does not contain scopes."}`, ErrMissingScope},
		{"none of it", `{"code":1001,"message":"User does not exist."}`, ErrNotFound},
		{"a field", `{"code":300,"message":"Validation Failed.","errors":[{"field":"x","message":"Invalid field."}]}`, ErrInvalid},
		{"no recording", `{"code":3301,"message":"There is no recording for this meeting."}`, ErrNotFound},
		{"a status for the code", `{"code":404,"message":"Meeting poll not found."}`, ErrNotFound},
		{"a setting of the account", `{"code":2305,"message":"Access to meeting summaries is restricted by account settings."}`, ErrForbidden},
		{"the other meaning of the code", `{"code":2305,"message":"Meeting summary not found."}`, ErrNotFound},
		{"a permission of another code", `{"code":6720,"message":"You don't have the permissions to access survey."}`, ErrForbidden},
		{"as XML", `<error><code>1001</code><message>User does not exist.</message></error>`, ErrNotFound},
	} {
		for name, ask := range requests {
			for _, status := range []int{200, 201} {
				calls, err := twice(t, ask, status, c.body)
				e := asError(t, err)
				if !errors.Is(e.Kind, c.kind) || e.Status != status || e.Code == 0 || e.Message == "" || OutcomeUnknown(err) {
					t.Errorf("%s, %s: HTTP %d is %+v", name, c.why, status, e)
				}
				want := 2
				if name == "list of days" && errors.Is(c.kind, ErrPlanRequired) {
					want = 1 // a report on the account is not asked for again at once
				}
				if calls != want {
					t.Errorf("%s, %s: %d calls", name, c.why, calls)
				}
			}
		}
	}
}

// A body without the requested object or list is an error; for a write, its outcome is
// unknown.
func TestReceived_requiredFieldMissing(t *testing.T) {
	for _, body := range []string{``, ` `, `{}`, `null`, `[]`, `{"status":"ok"}`, `{"from":"2026-01-01","to":"2026-01-31"}`, `{"users":{},"id":{},"roles":"r","token":"","total_records":3}`, `{"id":"","uuid":null,"total_records":2,"users":null}`} {
		for name, ask := range requests {
			calls, err := twice(t, ask, 200, body)
			switch {
			case name == "raw", name == "locked settings" && body == `{}`, name == "change" && strings.HasPrefix(strings.TrimSpace(body)+"{", "{"):
				if err != nil {
					t.Errorf("%s: %q is %v", name, body, err)
				}
			case !errors.Is(err, ErrBadAnswer) || calls != 2 || OutcomeUnknown(err) != (name == "create" || name == "change"):
				t.Errorf("%s: %q is %v after %d calls, unknown: %v", name, body, err, calls, OutcomeUnknown(err))
			}
		}
	}
}

// The answer to a write that returns no object may report a failure in an undocumented
// form: the outcome is unknown then.
func TestReceived_writeWithoutSuccess(t *testing.T) {
	for _, body := range []string{
		`{"error":"No permission."}`, `{"error":{"code":200,"message":"No permission."}}`, `{"errors":[{"field":"name","message":"Invalid field."}]}`,
		`{"code":"PERMISSION_DENIED","message":"No permission."}`, `{"code":3001}`, `{"errorCode":"3001"}`, `{"code":0,"errorMessage":"No permission."}`,
		`{"status":false}`, `{"success":false,"code":0,"message":"Not allowed"}`, `{"result":"error"}`, `{"status":"Failed"}`, `{"message":"Not allowed"}`,
	} {
		if _, err := twice(t, requests["change"], 200, body); !errors.Is(err, ErrBadAnswer) || !OutcomeUnknown(err) {
			t.Errorf("%s is %v, unknown: %v", body, err, OutcomeUnknown(err))
		}
		if _, err := twice(t, requests["raw"], 200, body); err != nil {
			t.Errorf("as a raw call, %s is %v", body, err)
		}
	}
}

// A byte order mark before an answer, or before a refusal, is skipped.
func TestReceived_byteOrderMark(t *testing.T) {
	const mark = "\ufeff"
	if _, err := twice(t, requests["object"], 200, mark+`{"id":7}`); err != nil {
		t.Error(err)
	}
	if _, err := twice(t, requests["object"], 200, mark); !errors.Is(err, ErrBadAnswer) {
		t.Errorf("the mark alone is %v", err)
	}
	for _, status := range []int{200, 404} {
		if _, err := twice(t, requests["object"], status, mark+`{"code":3001,"message":"Meeting does not exist."}`); !errors.Is(err, ErrNotFound) {
			t.Errorf("a refusal under HTTP %d is %v", status, err)
		}
	}
	if words, refused := Refusal([]byte(mark + `{"code":3332,"message":"The recording is gone."}`)); !refused || words != "The recording is gone. (code 3332)" {
		t.Errorf("in the place of a file: %q, %v", words, refused)
	}
}

// Unusual bodies that are answers.
func TestReceived_accepts(t *testing.T) {
	for name, bodies := range map[string][]string{
		"list": {
			`{"users":[]}`, `{"users":null}`, `{"total_records":0}`, `{"total_records":"0"}`,
			`{"users":[{"id":"u","phone_numbers":[{"code":"+1","number":"5"}]}],"message":"x","code":7}`,
		},
		"object":          {`{"id":7}`, `{"uuid":"a=="}`, `{"id":"7","code":3,"message":"a field like others"}`},
		"locked settings": {`{}`},
		"settings":        {`{"in_meeting":null}`, `{"in_meeting":{}}`, `{"feature":{"meeting_capacity":100},"code":1,"message":"x"}`},
		"change": {
			``, `{}`, `{"code":0,"message":"done"}`, `{"id":"r"}`, `{"status":true,"message":"done"}`, `{"result":"success","message":"done"}`,
			`{"success":true,"error":null,"errors":[],"errorCode":"0","errorMessage":""}`, `{"error":false}`,
		},
		"create": {`{"id":7}`},
	} {
		for _, body := range bodies {
			if _, err := twice(t, requests[name], 200, body); err != nil {
				t.Errorf("%s: %q is %v", name, body, err)
			}
		}
	}
}

// A created meeting without a number cannot be addressed: the outcome is unknown.
func TestReceived_createdMeetingWithoutNumber(t *testing.T) {
	if _, err := twice(t, requests["create"], 201, `{"id":"","uuid":"a==","topic":"T"}`); !errors.Is(err, ErrBadAnswer) || !OutcomeUnknown(err) {
		t.Errorf("%v, unknown: %v", err, OutcomeUnknown(err))
	}
}

// An answer that is not from Zoom's API is neither a refusal nor "not found".
func TestReceived_notZoom(t *testing.T) {
	const page, text = `<!DOCTYPE html><html><body><code>1001</code><p>Blocked</p></body></html>`, "upstream connect error"
	for _, body := range []string{page, text, `<Error><Code>NoSuchKey</Code><Message>No.</Message></Error>`} {
		for _, status := range []int{200, 201, 400, 401, 403, 404, 409} {
			for name, ask := range requests {
				calls, err := twice(t, ask, status, body, "Content-Type", "text/html; charset=utf-8")
				e := asError(t, err)
				if !errors.Is(e.Kind, ErrNotZoom) || calls != 2 || e.AnsweredBy() != "HTTP "+strconv.Itoa(status)+", text/html" || e.Message != "" {
					t.Errorf("%s: HTTP %d is %+v after %d calls", name, status, e, calls)
				}
				if writes := name == "create" || name == "change"; OutcomeUnknown(err) != (writes && status < 300) {
					t.Errorf("%s: HTTP %d: the outcome is unknown: %v", name, status, OutcomeUnknown(err))
				}
			}
		}
		if _, err := twice(t, requests["object"], 503, body); !errors.Is(err, ErrUnavailable) {
			t.Errorf("an outage is %v", err)
		}
	}
}

// Unusable answers are not cached, so each request calls again: they count as failures.
func TestBreakers_unusableAnswersOpen(t *testing.T) {
	for _, c := range []struct {
		why    string
		status int
		body   string
		open   bool
	}{
		{"a refusal under 200", 200, `{"code":200,"message":"No permission."}`, true},
		{"an answer without its list", 200, `{}`, true},
		{"a page of a firewall", 403, `<html>`, true},
		{"a refusal under 400", 400, `{"code":200,"message":"No permission."}`, false},
		{"an answer", 200, `{"users":[]}`, false},
	} {
		synctest.Test(t, func(t *testing.T) {
			calls := 0
			client := newTestClient(func(*http.Request) *http.Response { calls++; return answer(c.status, c.body) }, func(cfg *Config) { cfg.Store = nil })
			var err error
			for range 20 {
				_, err = ListUsers.Page(t.Context(), client, UserFilter{}, Paging{})
			}
			if open := errors.Is(err, errOpen); open != c.open || (calls == 10) != c.open {
				t.Errorf("%s: open %v after %d calls", c.why, open, calls)
			}
		})
	}
}

// A failed read has no unknown outcome.
func TestOutcomeUnknown_onlyOfWrites(t *testing.T) {
	for _, status := range []int{302, 408, 499, 500, 502, 504} {
		synctest.Test(t, func(t *testing.T) {
			for name, ask := range requests {
				_, err := twice(t, ask, status, ``)
				if writes := name == "create" || name == "change"; OutcomeUnknown(err) != writes {
					t.Errorf("%s: HTTP %d: unknown %v", name, status, !writes)
				}
			}
		})
	}
}

// Every row has required fields, or no answer.
func TestRequired_everyRow(t *testing.T) {
	for _, s := range Specs() {
		need := s.required
		if s.answer.NumField() == 0 {
			if len(need.names) > 0 {
				t.Errorf("%s has no answer and must have %v", s.Pattern, need.names)
			}
			continue
		}
		if len(need.names) == 0 && s != CreateRole.Spec { // for which no document has an answer
			t.Errorf("%s may have any answer", s.Pattern)
		}
		if _, page := reflect.TypeAssert[interface{ filled() bool }](reflect.New(s.answer)); !page && len(need.fields) != len(need.names) {
			t.Errorf("%s: %v are not all fields of %s", s.Pattern, need.names, s.answer)
		}
	}
}

// exampleOf returns a value of a documented schema; more selects among its alternatives.
func exampleOf(s *schema, more int) any {
	if s == nil {
		return nil
	}
	if alternatives := slices.Concat(s.OneOf, s.AnyOf); len(alternatives) > 0 && len(s.Properties) == 0 {
		return exampleOf(alternatives[more%len(alternatives)], more)
	}
	if s.Items != nil {
		return []any{exampleOf(s.Items, more)}
	}
	object := map[string]any{}
	for _, part := range s.AllOf {
		if fields, ok := exampleOf(part, more).(map[string]any); ok {
			maps.Copy(object, fields)
		}
	}
	for name, p := range s.Properties {
		object[name] = exampleOf(p, more)
	}
	switch {
	case len(object) > 0:
		return object
	case s.Example != nil:
		return s.Example
	case len(s.Enum) > 0:
		return s.Enum[0]
	}
	return map[string]any{"string": "x", "integer": 1, "number": 1, "boolean": true, "array": []any{}, "object": map[string]any{}}[str(s.Type)]
}

func str(v any) string { s, _ := v.(string); return s }

// receive reads an answer as the transport does.
func (s *Spec) receive(status int, body []byte) error {
	req := &Request{Spec: s, decode: func(body []byte, odd *types.Oddities) (any, error) {
		out := reflect.New(s.answer).Interface()
		return out, decodeAnswer(s, body, out, odd)
	}}
	_, err := received(req, answer(status, ""), body, &types.Oddities{})
	return err
}

// Every documented answer is accepted, and every documented refusal under HTTP 200 is an
// error.
func TestReceived_documentedAnswers(t *testing.T) {
	docs := openAPIs(t)
	code := regexp.MustCompile("Error Code:\\** *`(\\d+)`")
	answers, refusals := 0, 0
	for _, s := range Specs() {
		for status, resp := range docs.Paths[s.Path()][strings.ToLower(s.Method())].Responses {
			if status[0] != '2' {
				continue
			}
			bodies := [][]byte{}
			for _, content := range resp.Content {
				for more := range 8 {
					body, err := json.Marshal(exampleOf(content.Schema, more))
					if err != nil {
						t.Fatal(err)
					}
					bodies = append(bodies, body)
				}
			}
			for _, body := range bodies {
				answers++
				if err := s.receive(200, body); err != nil {
					t.Errorf("%s: %v: %.300s", s.Pattern, err, body)
				}
			}
			if code.MatchString(resp.Description) || strings.Contains(resp.Description, "nly available for") {
				refusals++
				err := s.receive(200, []byte(`{"code":200,"message":"Only available for paid accounts."}`))
				if e := asError(t, err); !errors.Is(e.Kind, ErrPlanRequired) || e.outcomeUnknown {
					t.Errorf("%s: a refusal under 200 is %v", s.Pattern, err)
				}
			}
		}
	}
	if answers < 500 || refusals < 20 {
		t.Errorf("only %d answers and %d refusals were tried", answers, refusals)
	}
}
