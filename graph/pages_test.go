package graph

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vektah/gqlparser/v2/ast"

	"zoomql/graph/generated"
	"zoomql/graph/list"
	"zoomql/internal/sandbox"
)

// connections has a query for every connection of the schema, with PAGE in place of the page's
// arguments. The last day is in the future.
var connections = map[string]string{
	"Account.subAccounts":                `{ account { it: subAccounts(PAGE) CURSORS } }`,
	"Account.users":                      `{ account { it: users(PAGE) CURSORS } }`,
	"Account.informationBarrierPolicies": `{ account { it: informationBarrierPolicies(PAGE) CURSORS } }`,
	"Account.surveys":                    `{ account { it: surveys(PAGE) CURSORS } }`,
	"Account.channelSurveyInstances":     `{ account { it: channelSurveyInstances(channelZoomId: "${SurveyChannel}", PAGE) CURSORS } }`,
	"Survey.instances":                   `{ account { survey(by: {zoomId: "${SurveyID}"}) { it: instances(PAGE) CURSORS } } }`,
	"Survey.answers":                     `{ account { survey(by: {zoomId: "${SurveyID}"}) { it: answers(PAGE) CURSORS } } }`,
	"SurveyInstance.answers":             `{ account { survey(by: {zoomId: "${SurveyID}"}) { instances { nodes { it: answers(PAGE) CURSORS } } } } }`,
	"User.chatChannels":                  `{ user(by: {zoomId: "${HostID}"}) { it: chatChannels(PAGE) CURSORS } }`,
	"User.chatMessages":                  `{ user(by: {zoomId: "${HostID}"}) { it: chatMessages(with: {channel: "${ChannelID}"}, filter: {date: "2026-03-15"}, PAGE) CURSORS } }`,
	"ChatChannel.messages":               `{ user(by: {zoomId: "${HostID}"}) { chatChannels { nodes { it: messages(filter: {date: "2026-03-15"}, PAGE) CURSORS } } } }`,
	"User.phoneRecordings":               `{ user(by: {zoomId: "${HostID}"}) { it: phoneRecordings(from: "2026-01-15", to: "2026-12-31", PAGE) CURSORS } }`,
	"User.meetings":                      `{ user(by: {zoomId: "${HostID}"}) { it: meetings(PAGE) CURSORS } }`,
	"User.pastMeetings":                  `{ user(by: {zoomId: "${HostID}"}) { it: pastMeetings(from: "2026-01-15", to: "2026-12-31", PAGE) CURSORS } }`,
	"User.webinars":                      `{ user(by: {zoomId: "${HostID}"}) { it: webinars(PAGE) CURSORS } }`,
	"Webinar.registrants":                `{ webinar(by: {number: "${WebinarNumber}"}) { it: registrants(PAGE) CURSORS } }`,
	"Webinar.participants":               `{ webinar(by: {number: "${WebinarNumber}"}) { it: participants(PAGE) CURSORS } }`,
	"WebinarReport.participants":         `{ account { reports { webinar(by: {uuid: "${WebinarInstance}"}) { it: participants(PAGE) CURSORS } } } }`,
	"WebinarReport.absentees":            `{ account { reports { webinar(by: {uuid: "${WebinarInstance}"}) { it: absentees(PAGE) CURSORS } } } }`,
	"Webinar.instances":                  `{ webinar(by: {number: "${WebinarNumber}"}) { it: instances(PAGE) CURSORS } }`,
	"Meeting.instances":                  `{ meeting(by: {number: "${MeetingNumber}"}) { it: instances(PAGE) CURSORS } }`,
	"User.attended":                      `{ user(by: {zoomId: "${HostID}"}) { it: attended(from: "2026-01-15", to: "2026-12-31", PAGE) CURSORS } }`,
	"Meeting.registrants":                `{ meeting(by: {number: "${MeetingNumber}"}) { it: registrants(PAGE) CURSORS } }`,
	"MeetingInstance.participants":       `{ meetingInstance(by: {uuid: "${BigInstance}"}) { it: participants(PAGE) CURSORS } }`,
	"MeetingInstance.attendees":          `{ meetingInstance(by: {uuid: "${BigInstance}"}) { it: attendees(PAGE) CURSORS } }`,
	"WebinarReport.attendees":            `{ account { reports { webinar(by: {uuid: "${WebinarInstance}"}) { it: attendees(PAGE) CURSORS } } } }`,
	"Attendance.attendees":               `{ meetingInstance(by: {uuid: "${BigInstance}"}) { attendance { it: attendees(PAGE) CURSORS } } }`,
	"Attendance.absentees":               `{ meetingInstance(by: {uuid: "${UUIDPlain}"}) { attendance { it: absentees(PAGE) CURSORS } } }`,
	"MeetingAttendance.attendees":        `{ meeting(by: {number: "${MeetingNumber}"}) { attendance(from: "2026-02-20", to: "2026-03-10") { it: attendees(PAGE) CURSORS } } }`,
	"MeetingAttendance.absentees":        `{ meeting(by: {number: "${MeetingNumber}"}) { attendance(from: "2026-02-20", to: "2026-03-10") { it: absentees(PAGE) CURSORS } } }`,
	"Account.groups":                     `{ account { it: groups(PAGE) CURSORS } }`,
	"Group.members":                      `{ account { groups(first: 1) { nodes { it: members(PAGE) CURSORS } } } }`,
	"Role.members":                       `{ account { role(by: {zoomId: "2"}) { it: members(PAGE) CURSORS } } }`,
	"AccountReports.signInActivities":    `{ account { reports { it: signInActivities(from: "2026-01-15", to: "2026-12-31", PAGE) CURSORS } } }`,
	"AccountReports.hosts":               `{ account { reports { it: hosts(from: "2026-01-15", to: "2026-12-31", PAGE) CURSORS } } }`,
	"AccountReports.operationLogs":       `{ account { reports { it: operationLogs(from: "2026-01-15", to: "2026-12-31", PAGE) CURSORS } } }`,
	"AccountReports.telephoneCalls":      `{ account { reports { it: telephoneCalls(from: "2026-01-15", to: "2026-12-31", PAGE) CURSORS } } }`,
	"AccountReports.upcomingEvents":      `{ account { reports { it: upcomingEvents(from: "2026-03-16", to: "2026-04-20", PAGE) CURSORS } } }`,
	"AccountReports.cloudRecording":      `{ account { reports { it: cloudRecording(from: "2026-01-15", to: "2026-12-31", PAGE) CURSORS } } }`,
	"Dashboard.meetings":                 `{ account { dashboard { it: meetings(type: PAST, from: "2026-01-15", to: "2026-12-31", PAGE) CURSORS } } }`,
	"Dashboard.webinars":                 `{ account { dashboard { it: webinars(type: PAST, from: "2026-01-15", to: "2026-12-31", PAGE) CURSORS } } }`,
	"Dashboard.zoomRooms":                `{ account { dashboard { it: zoomRooms(PAGE) CURSORS } } }`,
	"Dashboard.chat":                     `{ account { dashboard { it: chat(from: "2026-03-01", to: "2026-03-31", PAGE) CURSORS } } }`,
	"Dashboard.clientFeedbackEntries":    `{ account { dashboard { it: clientFeedbackEntries(feedbackZoomId: "${FeedbackID}", from: "2026-01-15", to: "2026-12-31", PAGE) CURSORS } } }`,
	"ClientFeedback.entries":             `{ account { dashboard { clientFeedback(from: "2026-03-01", to: "2026-03-16") { it: entries(PAGE) CURSORS } } } }`,
	"DashboardMeeting.participants":      `{ account { dashboard { meeting(by: {uuid: "${BigInstance}"}, type: PAST) { it: participants(PAGE) CURSORS } } } }`,
	"DashboardMeeting.participantsQos":   `{ account { dashboard { meeting(by: {uuid: "${BigInstance}"}, type: PAST) { it: participantsQos(PAGE) CURSORS } } } }`,
	"DashboardMeeting.feedback":          `{ account { dashboard { meeting(by: {uuid: "${BigInstance}"}, type: PAST) { it: feedback(PAGE) CURSORS } } } }`,
	"DashboardMeeting.sharing":           `{ account { dashboard { meeting(by: {uuid: "${BigInstance}"}, type: PAST) { it: sharing(PAGE) CURSORS } } } }`,
	"DashboardWebinar.participants":      `{ account { dashboard { webinar(by: {uuid: "${WebinarInstance}"}, type: PAST) { it: participants(PAGE) CURSORS } } } }`,
	"DashboardWebinar.participantsQos":   `{ account { dashboard { webinar(by: {uuid: "${WebinarInstance}"}, type: PAST) { it: participantsQos(PAGE) CURSORS } } } }`,
	"DashboardWebinar.feedback":          `{ account { dashboard { webinar(by: {uuid: "${WebinarInstance}"}, type: PAST) { it: feedback(PAGE) CURSORS } } } }`,
	"DashboardWebinar.sharing":           `{ account { dashboard { webinar(by: {uuid: "${WebinarInstance}"}, type: PAST) { it: sharing(PAGE) CURSORS } } } }`,
	"DashboardZoomRoom.pastMeetings":     `{ account { dashboard { zoomRoom(zoomId: "${ZoomRoomID}") { it: pastMeetings(from: "2026-01-15", to: "2026-12-31", PAGE) CURSORS } } } }`,
	"DashboardZoomRoom.issueEvents":      `{ account { dashboard { zoomRoom(zoomId: "${ZoomRoomID}") { it: issueEvents(from: "2026-01-15", to: "2026-12-31", PAGE) CURSORS } } } }`,
}

// TestEveryConnectionIsPaged reads every connection of the schema item by item and at once, and
// expects the same items; then it starts at the end of a month and continues in the next.
func TestEveryConnectionIsPaged(t *testing.T) {
	t.Parallel()
	schema := generated.NewExecutableSchema(generated.Config{}).Schema()
	var missing []string
	for _, name := range slices.Sorted(maps.Keys(schema.Types)) {
		if schema.Types[name].Kind != ast.Object || schema.Types[name] == schema.Subscription {
			continue
		}
		for _, fd := range schema.Types[name].Fields {
			if at := name + "." + fd.Name; fd.Arguments.ForName("after") != nil && connections[at] == "" {
				missing = append(missing, at)
			}
		}
	}
	if missing != nil {
		t.Errorf("connections without a question here: %v", missing)
	}
	for _, name := range slices.Sorted(maps.Keys(connections)) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inRig(t, setup{}, func(r *rig) {
				question := r.pages(connections[name])
				all := question(3, "").cursors
				twice := 0
				for range 2 { // the second time reads nothing that the first has cached
					after := ""
					for i := range min(len(all), 3) {
						page := question(1, after)
						if len(page.cursors) != 1 || page.cursors[0] != all[i] {
							t.Fatalf("item %d is at %v, want %v", i, page.cursors, all[i])
						}
						after = page.cursors[0]
						twice++
					}
				}
				if twice == 0 {
					t.Error("the sandbox has nothing to page")
				}
				time.Sleep(time.Until(time.Date(2026, 3, 31, 23, 59, 30, 0, time.UTC)))
				before := question(3, "")
				if len(before.cursors) == 0 {
					return
				}
				time.Sleep(time.Minute)
				page := question(2, before.cursors[0])
				if want := before.marks()[1:]; !slices.Equal(page.marks(), want) {
					t.Errorf("after midnight the list goes on with %v, want %v", page.marks(), want)
				}
			})
		})
	}
}

// TestPagesGrow goes through a list in small steps: the first page is requested anew in larger sizes,
// instead of a call for each step or two.
func TestPagesGrow(t *testing.T) {
	t.Parallel()
	inRig(t, setup{Options: sandbox.Options{Users: 500}}, func(r *rig) {
		users := r.pages(`{ account { it: users(PAGE) CURSORS } }`)
		whole := users(2000, "")
		client, _ := r.client()
		client.Evict(t.Context(), "users")
		r.spent()
		marks, after := []uint32{}, ""
		for {
			page := users(20, after)
			if marks = append(marks, page.marks()...); len(page.cursors) < 20 {
				break
			}
			after = page.cursors[len(page.cursors)-1]
		}
		if !slices.Equal(marks, whole.marks()) {
			t.Errorf("%d items in small steps, %d at once", len(marks), len(whole.cursors))
		}
		r.spends(4) // of 30, 100, 300 and 1000
	})
}

// TestPagesOfSecrets goes through a list whose pages are not cached: none is requested twice.
func TestPagesOfSecrets(t *testing.T) {
	t.Parallel()
	inRig(t, setup{Options: sandbox.Options{Registrants: 700}}, func(r *rig) {
		const query = `query ($after: String) { meeting(by: {number: "${BigMeeting}"}) { registrants(first: 300, after: $after) { nodes { email joinUrl } pageInfo { endCursor } } } }`
		var after any
		rows := 0
		r.spent()
		for range 3 {
			a := r.ask(query, map[string]any{"after": after})
			rows += strings.Count(a.body, `"joinUrl"`)
			after = a.at(t, "meeting.registrants.pageInfo.endCursor")
		}
		if rows != 700 {
			t.Errorf("there are %d rows", rows)
		}
		r.spends(3)
	})
}

// page is one page of a connection.
type page struct{ cursors []string }

// marks returns values that distinguish the items.
func (p *page) marks() []uint32 {
	var marks []uint32
	for _, cursor := range p.cursors {
		at, _, _ := list.ReadPlace(cursor)
		marks = append(marks, at.Mark)
	}
	return marks
}

// pages returns a function that requests a page of a connection.
func (r *rig) pages(question string) func(first int, after string) *page {
	text := strings.Replace(strings.Replace(question, "PAGE", "first: $first, after: $after", 1), "CURSORS", "{ edges { cursor } }", 1)
	if strings.Contains(text, "${FeedbackID}") {
		a := r.ask(`{ account { dashboard { clientFeedback(from: "2026-03-01", to: "2026-03-16") { zoomId } } } }`, nil)
		text = strings.Replace(text, "${FeedbackID}", a.at(r.t, "account.dashboard.clientFeedback.0.zoomId"), 1)
	}
	return func(first int, after string) *page {
		r.t.Helper()
		variables := map[string]any{"first": first}
		if after != "" {
			variables["after"] = after
		}
		a := r.ask("query ($first: Int!, $after: String) "+text, variables)
		for _, e := range a.Errors {
			beside := slices.ContainsFunc(e.Path, func(step any) bool { n, ok := step.(float64); return ok && n > 0 }) // another list of the same kind
			if e.code() != "NOT_READY" && e.code() != "EXPIRED" && !beside {                                           // which stand beside the data
				r.t.Fatalf("%s: %s", text, a.body)
			}
		}
		var data any
		if err := json.Unmarshal(a.Data, &data); err != nil {
			r.t.Fatal(err)
		}
		found := &page{}
		edges, _ := firstNamed(data, "it").(map[string]any)["edges"].([]any)
		for _, edge := range edges {
			found.cursors = append(found.cursors, edge.(map[string]any)["cursor"].(string))
		}
		return found
	}
}

// firstNamed returns the first value with a name in JSON.
func firstNamed(v any, name string) any {
	switch v := v.(type) {
	case map[string]any:
		if found := v[name]; found != nil {
			return found
		}
		for _, key := range slices.Sorted(maps.Keys(v)) {
			if found := firstNamed(v[key], name); found != nil {
				return found
			}
		}
	case []any:
		for _, item := range v {
			if found := firstNamed(item, name); found != nil {
				return found
			}
		}
	}
	return nil
}
