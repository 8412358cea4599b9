package graph

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"zoomql/internal/negotiation"
	"zoomql/internal/sandbox"
	"zoomql/internal/zoom"
)

// audits returns the new lines of the audit log, without the members that differ in each run.
func (r *rig) audits() (lines []map[string]any) {
	r.t.Helper()
	for text := range strings.Lines(r.log.String()) {
		var line map[string]any
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			r.t.Fatal(err)
		}
		if line["msg"] == "audit" {
			for _, key := range []string{"time", "msg", "level", "request"} {
				if line[key] == "" || line[key] == nil {
					r.t.Errorf("the line has no %s: %s", key, text)
				}
				delete(line, key)
			}
			lines = append(lines, line)
		}
	}
	r.log.reset()
	return lines
}

// line is a line of the audit log.
type line = map[string]any

func TestAuditLog_eachMutationField(t *testing.T) {
	t.Parallel()
	inRig(t, setup{}, func(r *rig) {
		meeting := r.id("Meeting", r.value("MeetingNumber"))
		for _, c := range []struct {
			why, query string
			want       []line
		}{
			{"a query", `{ account { zoomId } }`, nil},
			{
				"what is changed, by number, under an alias",
				`mutation { deleteMeeting: updateMeeting(input: {meeting: {number: "${MeetingNumber}"}, patch: {topic: "canary"}}) { meeting { topic } userErrors { code } } }`,
				[]line{{"field": "updateMeeting", "kind": "Meeting", "id": meeting, "outcome": "ok"}},
			},
			{
				"by id, and nothing of it asked",
				`mutation { updateMeeting(input: {meeting: {id: "${Meeting MeetingNumber}"}, patch: {topic: "canary"}}) { __typename } }`,
				[]line{{"field": "updateMeeting", "kind": "Meeting", "id": meeting, "outcome": "ok"}},
			},
			{
				"what is refused, two at once",
				`mutation { a: endMeeting(input: {meeting: {number: "1"}}) { userErrors { code } } b: endMeeting(input: {meeting: {number: "2"}}) { userErrors { code } } }`,
				[]line{
					{"field": "endMeeting", "kind": "Meeting", "id": r.id("Meeting", "1"), "outcome": "NOT_FOUND"},
					{"field": "endMeeting", "kind": "Meeting", "id": r.id("Meeting", "2"), "outcome": "NOT_FOUND"},
				},
			},
			{
				"a user who is named by an address",
				`mutation { createMeeting(input: {host: {email: "nobody@example.com"}, meeting: {topic: "canary"}}) { userErrors { code } } }`,
				[]line{{"field": "createMeeting", "kind": "User", "outcome": "NOT_FOUND"}},
			},
			{
				"an address in the place of an id",
				`mutation { updateUser(input: {user: {zoomId: "nobody@example.com"}, patch: {firstName: "canary"}}) { userErrors { code } } }`,
				[]line{{"field": "updateUser", "kind": "User", "outcome": "NOT_FOUND"}},
			},
			{
				"the global id of a user without one of Zoom's, which holds an address",
				`mutation { createMeeting(input: {host: {id: "${User PendingUserEmail}"}, meeting: {topic: "canary"}}) { __typename } }`,
				[]line{{"field": "createMeeting", "kind": "User", "outcome": "NOT_ENABLED"}},
			},
			{
				"an id without end, for which nothing is run",
				`mutation { updateRole(input: {role: {zoomId: "` + strings.Repeat("canary", 100) + `"}, patch: {name: "x"}}) { userErrors { code } } }`,
				nil,
			},
			{
				"a part of a meeting",
				`mutation { deletePoll(input: {meeting: {number: "${MeetingNumber}"}, poll: {zoomId: "x"}}) { userErrors { code } } }`,
				[]line{{"field": "deletePoll", "kind": "Poll", "id": r.id("Poll", r.value("MeetingNumber")+"/x"), "outcome": "NOT_FOUND"}},
			},
			{
				"one that goes",
				`mutation { deletePoll(input: {meeting: {number: "${MeetingNumber}"}, poll: {zoomId: "${PollID}"}}) { userErrors { code } } }`,
				[]line{{"field": "deletePoll", "kind": "Poll", "id": r.id("Poll", r.value("MeetingNumber")+"/"+r.value("PollID")), "outcome": "ok"}},
			},
			{
				"the own account",
				`mutation { updateWebinarRegistrationSettings(input: {patch: {approveType: AUTOMATIC}}) { userErrors { code } } }`,
				[]line{{"field": "updateWebinarRegistrationSettings", "kind": "Account", "id": r.id("Account", sandbox.AccountID), "outcome": "ok"}},
			},
			{
				"what is sent by hand",
				`mutation { zoomRequest(input: {operation: "DELETE /meetings/{meetingId}", path: {meetingId: "1"}}) { userErrors { code } } }`,
				[]line{{"field": "zoomRequest", "operation": "DELETE /meetings/{meetingId}", "outcome": "NOT_FOUND"}},
			},
			{
				"by an operation that there is not",
				`mutation { zoomRequest(input: {operation: "DELETE canary"}) { userErrors { code } } }`,
				[]line{{"field": "zoomRequest", "outcome": "INVALID"}},
			},
		} {
			a := r.ask(c.query, nil)
			if diff := cmp.Diff(c.want, r.audits()); diff != "" {
				t.Errorf("%s: -want +got\n%s\n%s", c.why, diff, a.body)
			}
		}
	})
}

func TestAuditLog_namesTheNewObject(t *testing.T) {
	t.Parallel()
	inRig(t, setup{}, func(r *rig) {
		for _, c := range []struct{ query, kind string }{
			{`createMeeting(input: {host: {email: "${HostEmail}"}, meeting: {topic: "a"}}) { it: meeting { id } }`, "Meeting"},
			// Zoom tells no id of a new role; the list of roles does.
			{`createRole(input: {role: {name: "a", description: "b"}}) { it: role { id } }`, "Role"},
			{`createGroup(input: {group: {name: "a"}}) { it: group { id } }`, "Group"},
			{`createUser(input: {action: AUTO_CREATE, user: {email: "new.one@example.net", type: BASIC}}) { it: user { zoomId } }`, "User"},
			{`addRegistrant(input: {meeting: {number: "${MeetingNumber}"}, registrant: {email: "a@example.net", firstName: "A"}}) { it: registrant { registrantId } }`, "Registrant"},
		} {
			a := r.ask("mutation { field: "+c.query+" }", nil)
			var made struct {
				Field struct {
					It struct{ ID, ZoomID, RegistrantID string }
				}
			}
			if err := json.Unmarshal(a.Data, &made); err != nil {
				t.Fatal(err)
			}
			it := made.Field.It
			want := it.ID
			switch {
			case it.ZoomID != "":
				want = r.id(c.kind, it.ZoomID)
			case it.RegistrantID != "":
				want = r.id(c.kind, r.value("MeetingNumber")+"/"+it.RegistrantID)
			}
			field, _, _ := strings.Cut(c.query, "(")
			line := line{"field": field, "kind": c.kind, "id": want, "outcome": "ok"}
			if diff := cmp.Diff([]map[string]any{line}, r.audits()); diff != "" || want == "" {
				t.Errorf("%s: -want +got\n%s\n%s", c.query, diff, a.body)
			}
		}
	})
}

// Each operation that writes has one line in the audit log, with the type of the object.
func TestAuditLog_eachOperationThatWrites(t *testing.T) {
	t.Parallel()
	inRig(t, setup{throttles: true}, func(r *rig) {
		for _, s := range zoom.Specs() {
			if s.Reads() {
				continue
			}
			a := r.askFor(s)
			lines := r.audits()
			if len(lines) != 1 || lines[0]["kind"] == nil || lines[0]["kind"] == "" {
				t.Errorf("%s: %v\n%s", s.Pattern, lines, a.body)
			}
		}
	})
}

func TestAuditLog_namesTheRequest(t *testing.T) {
	t.Parallel()
	const mutation = `{"query":"mutation { endMeeting(input: {meeting: {number: \"1\"}}) { __typename } }"}`
	ours := regexp.MustCompile(`^[A-Z2-7]{26}$`)
	for _, remote := range []bool{false, true} {
		inRig(t, setup{remote: remote}, func(r *rig) {
			for given, kept := range map[string]bool{
				"7f21c.a_b-C": true, strings.Repeat("a", 64): true,
				"": false, strings.Repeat("a", 65): false, "a b": false, `a"b`: false, "a@example.com": false, "é": false,
			} {
				req, err := http.NewRequest(http.MethodPost, "http://gateway.test/graphql", strings.NewReader(mutation))
				if err != nil {
					t.Fatal(err)
				}
				req.Header.Set("Content-Type", negotiation.JSON)
				if given != "" {
					req.Header.Set("X-Request-Id", given)
				}
				a := r.send(req)
				id := a.header.Get("X-Request-Id")
				if kept && id != given || !kept && !ours.MatchString(id) {
					t.Errorf("%q is called %q", given, id)
				}
				log := r.log.String()
				if !strings.Contains(log, `"request":"`+id+`"`) {
					t.Errorf("%q: the log says %s", given, log)
				}
				if strings.Contains(log, `"remote":"`) != remote {
					t.Errorf("remote %v: the log says %s", remote, log)
				}
				r.log.reset()
			}
		})
	}
}

func TestAuditLog_panic(t *testing.T) {
	t.Parallel()
	inRig(t, setup{store: badStore{}}, func(r *rig) {
		r.ask(`mutation { createMeeting(input: {host: {email: "${HostEmail}"}, meeting: {topic: "canary"}}) { userErrors { code } } }`, nil)
		var found bool
		for text := range strings.Lines(r.log.String()) {
			found = found || strings.Contains(text, `"msg":"audit","field":"createMeeting"`) && strings.Contains(text, `"outcome":"INTERNAL"`)
		}
		if !found {
			t.Errorf("the log says %s", r.log)
		}
		r.log.reset() // it holds the canary, as it should
	})
}
