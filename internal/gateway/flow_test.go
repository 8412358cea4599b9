package gateway

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"zoomql/internal/sandbox"
)

// TestRegistrationFlow goes the whole way, through the gateway and a sandbox of its own: a
// meeting for which one has to register, three people with a link each, the meeting held, and
// who attended: one came twice, one did not come, and one is no user of the account.
func TestRegistrationFlow(t *testing.T) {
	box := start(t, []string{"sandbox", "--speed", "600", "--unruly", "0.3", "--secret", "hush"})
	p := start(
		t, nil, "ZOOM_API_URL="+box.url+"/v2", "ZOOM_OAUTH_URL="+box.url, "ZOOM_PLAN=business", "ZOOM_WEBHOOK_SECRETS=hush",
		"ZOOM_ACCOUNT_ID="+sandbox.AccountID, "ZOOM_CLIENT_ID="+sandbox.ClientID, "ZOOM_CLIENT_SECRET="+sandbox.ClientSecret,
	)
	ask := func(query string, into any) {
		t.Helper()
		_, answer := p.ask(t, query)
		if answer["errors"] != nil {
			t.Fatalf("%s\n%v", query, answer["errors"])
		}
		text, err := json.Marshal(answer["data"])
		if err == nil {
			err = json.Unmarshal(text, into)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	var users struct {
		Account struct {
			Users struct {
				Nodes []struct{ Email, Status string }
			}
		}
	}
	ask(`{ account { users(first: 10) { nodes { email status } } } }`, &users)
	host, member := users.Account.Users.Nodes[0].Email, users.Account.Users.Nodes[2].Email
	var made struct {
		CreateMeeting struct{ Meeting struct{ Number string } }
	}
	ask(fmt.Sprintf(`mutation { createMeeting(input: { host: { email: %q }, meeting: { topic: "Launch", startTime: "2031-09-20T14:00:00Z", durationMinutes: 40, settings: { approvalType: AUTOMATIC } } }) { meeting { number } } }`, host), &made)
	number := made.CreateMeeting.Meeting.Number
	links := map[string]bool{}
	for _, email := range []string{member, "guest@elsewhere.example", "absent@elsewhere.example"} {
		var one struct {
			AddRegistrant struct{ Registrant struct{ JoinURL string } }
		}
		ask(fmt.Sprintf(`mutation { addRegistrant(input: { meeting: { number: %q }, registrant: { email: %q, firstName: "Some", lastName: "Body" } }) { registrant { joinUrl } userErrors { message } } }`, number, email), &one)
		links[one.AddRegistrant.Registrant.JoinURL] = true
	}
	if len(links) != 3 || links[""] {
		t.Errorf("three people have %d links", len(links))
	}
	resp, err := http.Post(box.url+"/sandbox/hold?"+url.Values{"meeting": {number}, "webhooks": {p.url + "/webhooks/zoom"}}.Encode(), "", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var held struct{ End time.Time }
	if err := json.NewDecoder(resp.Body).Decode(&held); err != nil || resp.StatusCode != http.StatusOK {
		t.Fatal(resp.Status, err)
	}
	box.waitFor(t, `event name=meeting.ended`)
	// What is asked for before the reports are made is kept for a minute.
	time.Sleep(time.Until(held.End.Add(sandbox.ReportLag/600 + 2*time.Second)))

	type person struct {
		Email      string
		Attended   bool
		Evidence   string
		Stays      []struct{ JoinTime time.Time }
		Registrant *struct{ Email string }
		User       *struct{ Email string }
	}
	var told struct {
		Meeting struct {
			LatestInstance *struct {
				Attendance *struct {
					ReportState string
					Attendees   struct{ Nodes []person }
					Absentees   *struct{ Nodes []struct{ Email string } }
					Totals      struct{ Attendees, Attended, Stays int }
				}
			}
		}
	}
	question := fmt.Sprintf(`{ meeting(by: { number: %q }) { latestInstance { attendance {
		reportState
		totals { attendees attended stays }
		attendees { nodes { email attended evidence stays { joinTime } registrant { email } user { email } } }
		absentees { nodes { email } }
	} } } }`, number)
	for deadline := time.Now().Add(patience); ; time.Sleep(200 * time.Millisecond) {
		ask(question, &told)
		if i := told.Meeting.LatestInstance; i != nil && i.Attendance != nil && i.Attendance.ReportState == "READY" {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("no attendance: %+v", told)
		}
	}
	a := told.Meeting.LatestInstance.Attendance
	byEmail := map[string]person{}
	for _, one := range a.Attendees.Nodes {
		byEmail[one.Email] = one
	}
	if a.Totals.Attendees != 3 || a.Totals.Attended != 3 || a.Totals.Stays != 4 || len(byEmail) != 3 {
		t.Errorf("want the host and two who registered, with four stays: %+v", a)
	}
	stays := []int{len(byEmail[member].Stays), len(byEmail["guest@elsewhere.example"].Stays)}
	if slices.Sort(stays); !slices.Equal(stays, []int{1, 2}) {
		t.Errorf("one of them comes twice: %v", stays)
	}
	for email, one := range byEmail {
		if email == host {
			continue
		}
		if one.Registrant == nil || one.Registrant.Email != email || one.Evidence != "REGISTRANT_ID" || (one.User != nil) != (email == member) {
			t.Errorf("%s: %+v", email, one)
		}
	}
	if a.Absentees == nil || len(a.Absentees.Nodes) != 1 || !strings.HasPrefix(a.Absentees.Nodes[0].Email, "absent@") {
		t.Errorf("absent: %+v", a.Absentees)
	}
}
