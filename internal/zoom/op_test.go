package zoom

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"zoomql/internal/zoom/types"
)

// callOf returns an operation's HTTP request as text.
func callOf[In, Out any](t *testing.T, o Op[In, Out], in In) string {
	t.Helper()
	req, err := o.request(anyone, in, nil)
	if err != nil {
		t.Fatalf("%s %+v: %v", o.Pattern, in, err)
	}
	call := o.Method() + " " + req.Path
	if req.Query != "" {
		call += "?" + req.Query
	}
	if req.Body != nil {
		call += " " + string(req.Body)
	}
	return call
}

func pageOf[In, T any](t *testing.T, o ListOp[In, T], in In, p Paging) string {
	t.Helper()
	return callOf(t, o.Op, o.input(in, p))
}

func TestOp_requestOnTheWire(t *testing.T) {
	yes, no := true, false
	for _, c := range []struct{ why, got, want string }{
		{"an id", callOf(t, GetUser, UserKey{"KDcuGIm1QgePTO8WbOqwIQ"}), "GET /users/KDcuGIm1QgePTO8WbOqwIQ"},
		{"me", callOf(t, GetUser, UserKey{"me"}), "GET /users/me"},
		{"an address", callOf(t, GetUser, UserKey{"Jo+x@example.com"}), "GET /users/Jo%2Bx%40example.com"},
		{"an id of another script, with what paths are made of", callOf(t, GetUser, UserKey{"日/本?"}), "GET /users/%E6%97%A5%2F%E6%9C%AC%3F"},
		{"a name of a variable in braces is no variable", callOf(t, GetRegistrant, RegistrantKey{7, "{meetingId}"}), "GET /meetings/7/registrants/%7BmeetingId%7D"},
		{"only {meetingId} may be a UUID", callOf(t, GetRegistrant, RegistrantKey{7, "/a"}), "GET /meetings/7/registrants/%2Fa"},
		{"a UUID", callOf(t, GetPastMeeting, InstanceKey{"/a//b+c=="}), "GET /past_meetings/%252Fa%252F%252Fb%252Bc%253D%253D"},
		{"the latest instance of a number", callOf(t, GetPastMeeting, InstanceKey{"86753098765"}), "GET /past_meetings/86753098765"},
		{"zero values are left out", pageOf(t, ListUsers, UserFilter{}, Paging{}), "GET /users"},
		{
			"a query is sorted, so that equal requests have one cache key",
			pageOf(t, ListUsers, UserFilter{Status: types.UserStatusActive, RoleID: "a&b=c"}, Paging{Size: 300, Token: "x y+z"}),
			"GET /users?next_page_token=x+y%2Bz&page_size=300&role_id=a%26b%3Dc&status=active",
		},
		{
			"enums are written as Zoom does, days as days",
			pageOf(t, ListMeetings, MeetingFilter{UserID: "u", Type: types.MeetingListTypeUpcomingMeetings, From: day("2026-01-01"), To: day("2026-01-31"), Timezone: "Europe/Berlin"}, Paging{}),
			"GET /users/u/meetings?from=2026-01-01&timezone=Europe%2FBerlin&to=2026-01-31&type=upcoming_meetings",
		},
		{"numbers", callOf(t, GetDailyReport, MonthKey{2026, 2}), "GET /report/daily?month=2&year=2026"},
		{"no month is the current one", callOf(t, GetDailyReport, MonthKey{}), "GET /report/daily"},
		{"a switch that is off is not left out", callOf(t, DeleteMeeting, MeetingRemoval{MeetingID: 7, ScheduleForReminder: &no, CancelMeetingReminder: &yes}), "DELETE /meetings/7?cancel_meeting_reminder=true&schedule_for_reminder=false"},
		{"an unset switch is", callOf(t, DeleteMeeting, MeetingRemoval{MeetingID: 7}), "DELETE /meetings/7"},
		{
			"a list is one parameter, and a body is JSON without what is not set",
			callOf(t, AddRegistrant, NewRegistrant{MeetingID: 7, OccurrenceIDs: []string{"1", "2"}, Registrant: &types.NewRegistrant{Email: "a@example.com", FirstName: "A"}}),
			`POST /meetings/7/registrants?occurrence_ids=1%2C2 {"email":"a@example.com","first_name":"A"}`,
		},
		{
			"a list without items is no parameter",
			callOf(t, AddRegistrant, NewRegistrant{MeetingID: 7, OccurrenceIDs: []string{}, Registrant: &types.NewRegistrant{Email: "a@example.com", FirstName: "A"}}),
			`POST /meetings/7/registrants {"email":"a@example.com","first_name":"A"}`,
		},
		{
			"codes in a body are numbers where Zoom's are",
			callOf(t, CreateMeeting, NewMeeting{UserID: "u", Meeting: &types.NewMeeting{
				Topic: new("T"), Type: new(types.MeetingTypeInputScheduled), Password: new(types.Secret("hush")),
				Settings: &types.MeetingSettingsInput{ApprovalType: new(types.ApprovalTypeAutomatic), WaitingRoom: new(false)},
			}}),
			`POST /users/u/meetings {"topic":"T","type":2,"password":"hush","settings":{"waiting_room":false,"approval_type":0}}`,
		},
		{"a patch of one occurrence", callOf(t, UpdateMeeting, MeetingPatch{MeetingID: 7, OccurrenceID: "1", Patch: &types.MeetingPatch{Agenda: new("")}}), `PATCH /meetings/7?occurrence_id=1 {"agenda":""}`},
		{"an action", callOf(t, UpdateMeetingStatus, MeetingAction{7, MeetingActionBody{"end"}}), `PUT /meetings/7/status {"action":"end"}`},
		{
			"a status change",
			callOf(t, UpdateRegistrantStatus, RegistrantStatusPatch{MeetingID: 7, Body: RegistrantStatusBody{types.RegistrantActionApprove, []RegistrantName{{"r", "a@example.com"}, {ID: "s"}}}}),
			`PUT /meetings/7/registrants/status {"action":"approve","registrants":[{"id":"r","email":"a@example.com"},{"id":"s"}]}`,
		},
		{"a removal", callOf(t, DeleteRegistrant, RegistrantRemoval{7, "r", "1"}), "DELETE /meetings/7/registrants/r?occurrence_id=1"},
	} {
		if diff := cmp.Diff(c.want, c.got); diff != "" {
			t.Errorf("%s: -want +got\n%s", c.why, diff)
		}
	}
}

func TestOp_invalidInput(t *testing.T) {
	var calls log
	c := newTestClient(logged(&calls, func(*http.Request) *http.Response { return answer(200, "{}") }))
	for _, q := range []struct {
		why  string
		kind error
		ask  func() error
	}{
		{"no id", ErrNoID, func() error { _, err := GetUser.Do(t.Context(), c, UserKey{}); return err }},
		{"the list instead of the user", ErrInvalid, func() error { _, err := GetUser.Do(t.Context(), c, UserKey{"."}); return err }},
		{"another operation", ErrInvalid, func() error { _, err := GetUser.Do(t.Context(), c, UserKey{".."}); return err }},
		{"another operation, by the meeting's id", ErrInvalid, func() error { _, err := GetPastMeeting.Do(t.Context(), c, InstanceKey{".."}); return err }},
		{"the meeting number 0", ErrNoID, func() error { _, err := GetMeeting.Do(t.Context(), c, MeetingQuery{}); return err }},
		{"the same number where a UUID may stand", ErrNoID, func() error { _, err := GetPastMeeting.Do(t.Context(), c, InstanceKey{"0"}); return err }},
		{"a registrant of no meeting", ErrNoID, func() error { _, err := GetRegistrant.Do(t.Context(), c, RegistrantKey{0, "r"}); return err }},
		{"a page of meetings without a user", ErrNoID, func() error { _, err := ListMeetings.Page(t.Context(), c, MeetingFilter{}, Paging{}); return err }},
		{"a write", ErrInvalid, func() error {
			_, err := DeleteRegistrant.Do(t.Context(), c, RegistrantRemoval{7, "..", ""})
			return err
		}},
		{"a list with a comma in an item", ErrInvalid, func() error {
			_, err := DeleteVirtualBackgrounds.Do(t.Context(), c, VirtualBackgroundRemoval{IDs: []string{"1,2"}})
			return err
		}},
		{"a list with an empty item", ErrInvalid, func() error {
			_, err := DeleteVirtualBackgrounds.Do(t.Context(), c, VirtualBackgroundRemoval{IDs: []string{"1", ""}})
			return err
		}},
		{"a change that changes nothing", ErrInvalid, func() error {
			_, err := UpdateMeeting.Do(t.Context(), c, MeetingPatch{MeetingID: 7, Patch: &types.MeetingPatch{Settings: &types.MeetingSettingsInput{}}})
			return err
		}},
	} {
		if e := asError(t, q.ask()); !errors.Is(e.Kind, q.kind) || e.Status != 0 || e.Op == "" {
			t.Errorf("%s: got %v", q.why, e)
		}
	}
	if out, ok, err := GetUser.Known(t.Context(), c, UserKey{".."}); out != nil || !errors.Is(err, ErrInvalid) || !ok {
		t.Errorf("Known returns the error of an invalid input: got %v, %v, %v", out, err, ok)
	}
	calls.want(t, "nothing is sent")
}

// A daily quota is counted for the registrant in the body.
func TestQuotaVariables(t *testing.T) {
	add := func(email types.Text) *Request {
		req, err := AddRegistrant.request(anyone, NewRegistrant{MeetingID: 7, Registrant: &types.NewRegistrant{Email: string(email), FirstName: "A"}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		return req
	}
	if diff := cmp.Diff(map[string]string{"meetingId": "7", "email": "ann@example.com"}, add("Ann@Example.com").Vars); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	q := AddRegistrant.Quotas[0]
	if q.keys("a", add("Ann@Example.com"), nil)[0] != q.keys("a", add("ann@example.com"), nil)[0] {
		t.Error("one address in two spellings is counted as two")
	}
	if q.keys("a", add("ann@example.com"), nil)[0] == q.keys("a", add("bob@example.com"), nil)[0] || q.keys("a", add("ann@example.com"), nil)[0] == q.keys("b", add("ann@example.com"), nil)[0] {
		t.Error("two are counted as one")
	}
	if key := q.keys("a", add("ann@example.com"), nil)[0]; strings.Contains(key, "@") || !strings.HasPrefix(key, "a:") {
		t.Errorf("the key %q begins with the account and holds no address", key)
	}
	// The body's fields are not in Vars unless a quota counts by them.
	req, err := CreateMeeting.request(anyone, NewMeeting{UserID: "u", Meeting: &types.NewMeeting{Topic: new("email")}}, nil)
	if diff := cmp.Diff(map[string]string{"userId": "u"}, req.Vars); diff != "" || err != nil {
		t.Errorf("%v -want +got\n%s", err, diff)
	}
}

func TestOp_decodes(t *testing.T) {
	for _, c := range []struct {
		why, body string
		want      *types.User // nil if the body is no answer
	}{
		{"an object", `{"id":"u","type":2,"new":1}`, &types.User{ZoomID: "u", Type: types.UserTypeLicensed}},
		{"an object without fields", `{}`, nil},
		{"an object without a key", `{"type":2,"id":""}`, nil},
		{"a user without an id yet", `{"email":"jo@example.com"}`, &types.User{Email: "jo@example.com"}},
		{"an unknown code", `{"id":"u","type":77,"login_types":[]}`, &types.User{ZoomID: "u", Type: unknownType, LoginTypesRead: []types.LoginType{}}},
		{"nothing", ``, nil},
		{"null", ` null `, nil},
		{"half an object", `{"id":"u`, nil},
		{"two objects", `{"id":"u"}{}`, nil},
		{"an array", `[{"id":"u"}]`, nil},
		{"a string", `"u"`, nil},
	} {
		t.Run(c.why, func(t *testing.T) {
			client := newTestClient(func(*http.Request) *http.Response {
				return answer(200, c.body, "x-zm-trackingid", "WEB_1")
			})
			got, err := GetUser.Do(t.Context(), client, UserKey{"u"})
			if c.want == nil {
				if e := asError(t, err); !errors.Is(e, ErrBadAnswer) || e.Op != GetUser.Pattern || e.Status != 200 || e.TrackingID != "WEB_1" {
					t.Errorf("got %v", e)
				}
				if strings.Contains(err.Error(), c.body) && c.body != "" {
					t.Errorf("the answer is quoted: %v", err)
				}
				return
			}
			c.want.Op = GetUser.Pattern
			if diff := cmp.Diff(c.want, got, exported); diff != "" || err != nil {
				t.Errorf("%v -want +got\n%s", err, diff)
			}
		})
	}
}

func TestOp_writeWithoutBody(t *testing.T) {
	for _, resp := range []*http.Response{answer(204, ""), answer(200, ""), answer(200, "{}"), answer(202, `{"any":"thing"}`)} {
		c := newTestClient(func(*http.Request) *http.Response { return resp })
		if out, err := UpdateMeetingStatus.Do(t.Context(), c, MeetingAction{7, MeetingActionBody{"end"}}); out == nil || err != nil {
			t.Errorf("HTTP %d: got %v, %v", resp.StatusCode, out, err)
		}
	}
}

// Answers have values of the input, and their origin.
func TestOp_adopts(t *testing.T) {
	bodies := map[string]string{
		"/v2/meetings/7/registrants/r":                   `{"id":"r"}`,
		"/v2/meetings/7/registrants":                     `{"registrants":[{"id":"r"},{"id":"s"}]}`,
		"/v2/past_meetings/7/instances":                  `{"meetings":[null,{"uuid":"a=="}]}`,
		"/v2/past_meetings/a%3D%3D/participants":         `{"participants":[{"user_id":"1"}]}`,
		"/v2/report/meetings/a%3D%3D/participants":       `{"participants":[{"user_id":"1"}]}`,
		"/v2/report/users/u/meetings":                    `{"meetings":[{"uuid":"a=="}]}`,
		"/v2/users":                                      `{"users":[{"id":"u"}]}`,
		"/v2/report/users/nobody/meetings":               `{"meetings":[]}`,
		"/v2/past_meetings/%252Fslash%253D/participants": `{"participants":[{"user_id":"1"}]}`,
	}
	c := newTestClient(func(r *http.Request) *http.Response { return answer(200, bodies[r.URL.EscapedPath()]) })
	ctx := t.Context()

	reg, err := GetRegistrant.Do(ctx, c, RegistrantKey{7, "r"})
	if err != nil || reg.Meeting != 7 {
		t.Errorf("a registrant: %+v, %v", reg, err)
	}
	regs, err := ListRegistrants.Page(ctx, c, RegistrantFilter{MeetingID: 7}, Paging{})
	if err != nil || regs.Items[0].Meeting != 7 || regs.Items[1].Meeting != 7 {
		t.Errorf("registrants: %+v, %v", regs, err)
	}
	runs, err := ListInstances.Page(ctx, c, InstanceFilter{MeetingID: 7}, Paging{})
	if err != nil || len(runs.Items) != 1 || runs.Items[0].MeetingNumber != 7 || runs.Items[0].Op != ListInstances.Pattern {
		t.Errorf("runs: %+v, %v", runs, err)
	}
	for _, uuid := range []string{"a==", "/slash="} {
		stays, err := ListPastParticipants.Page(ctx, c, InstanceKey{uuid}, Paging{})
		if err != nil || stays.Items[0].Run != uuid {
			t.Errorf("participants of %s: %+v, %v", uuid, stays, err)
		}
	}
	rows, err := ListReportParticipants.Page(ctx, c, ParticipantReportFilter{MeetingID: "a=="}, Paging{})
	if err != nil || rows.Items[0].Run != "a==" {
		t.Errorf("participants of the report: %+v, %v", rows, err)
	}
	past, err := ListPastMeetings.Page(ctx, c, PastMeetingFilter{UserID: "u"}, Paging{})
	if err != nil || past.Items[0].Instance.Op != ListPastMeetings.Pattern || past.Items[0].Report.Op != ListPastMeetings.Pattern {
		t.Errorf("past meetings: %+v, %v", past, err)
	}
	users, err := ListUsers.Page(ctx, c, UserFilter{}, Paging{})
	if err != nil || users.Items[0].Op != ListUsers.Pattern {
		t.Errorf("users: %+v, %v", users, err)
	}
}

// Mistakes in the table panic when the program starts.
func TestOp_invalidRows(t *testing.T) {
	type pathless struct{ Name string }
	type wrong struct {
		Name string `path:"other"`
	}
	for _, c := range []struct {
		why string
		row func()
	}{
		{"the same pattern twice", func() { register(&Spec{Pattern: GetUser.Pattern}) }},
		{"a variable that nothing fills", func() { op[pathless, types.User](Spec{Pattern: "GET /test/{name}"}) }},
		{"a field that fills no variable", func() { op[wrong, types.User](Spec{Pattern: "GET /test2/{name}"}) }},
	} {
		t.Run(c.why, func(t *testing.T) {
			before := len(specs)
			defer func() {
				if recover() == nil {
					t.Error("it was registered")
				}
				for p := range specs {
					if strings.Contains(p, "/test") {
						delete(specs, p)
					}
				}
				if len(specs) != before {
					t.Errorf("the table has %d rows, not %d", len(specs), before)
				}
			}()
			c.row()
		})
	}
}
