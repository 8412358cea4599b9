package types

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

const reportRow = `{
	"uuid": "/a//b==", "id": 86753098765, "topic": "Weekly", "type": 8, "user_name": "Ann", "user_email": "ann@example.com",
	"start_time": "2026-01-31T09:30:00Z", "end_time": "2026-01-31T10:30:00Z", "duration": 60, "participants_count": 2,
	"dept": "R&D", "source": "Zoom", "host_name": "Ann", "has_chat": true,
	"tracking_fields": [{"field": "a", "value": "b"}]
}`

func TestPastMeeting_instanceAndReport(t *testing.T) {
	var p PastMeeting
	if err := Unmarshal([]byte(reportRow), &p); err != nil {
		t.Fatal(err)
	}
	Originate(&p, Origin{Op: "GET /report/users/{userId}/meetings"})
	if p.Instance.UUID != "/a//b==" || p.Instance.HostName != "Ann" || p.Report.HostName != "Ann" || p.Report.TrackingFields[0].Value != "b" {
		t.Errorf("got %+v", p)
	}
	if p.Instance.Row != &p.Report {
		t.Error("the instance has no pointer to its row of the report")
	}
	if p.Instance.Op != p.Report.Op || p.Report.Op != "GET /report/users/{userId}/meetings" {
		t.Errorf("they come from %q and %q", p.Instance.Op, p.Report.Op)
	}
}

func TestPastMeeting_roundTrip(t *testing.T) {
	var p, back PastMeeting
	if err := Unmarshal([]byte(reportRow), &p); err != nil {
		t.Fatal(err)
	}
	body, err := Marshal(&p)
	if err != nil {
		t.Fatal(err)
	}
	if err := Unmarshal(body, &back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(p, back, exported, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("-before +after\n%s", diff)
	}
	if back.Instance.Row != &back.Report {
		t.Error("the decoded instance has no pointer to its row")
	}
}

func TestPastMeeting_malformed(t *testing.T) {
	for _, body := range []string{`[]`, `"x"`, `{"uuid":`} {
		if err := Unmarshal([]byte(body), new(PastMeeting)); err == nil {
			t.Errorf("%s was read", body)
		}
	}
}

func TestOrigin_notInJSON(t *testing.T) {
	var u User
	u.Op = "GET /users"
	if u.Op != "GET /users" {
		t.Errorf("it comes from %q", u.Op)
	}
	body, err := Marshal(&u)
	if err != nil || string(body) != "{}" {
		t.Errorf("an origin is no part of the object: %s, %v", body, err)
	}
}
