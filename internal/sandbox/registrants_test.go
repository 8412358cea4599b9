package sandbox

import (
	"fmt"
	"slices"
	"testing"
)

func TestRegistrantLifecycle(t *testing.T) {
	r := newRig(t, Options{})
	for _, c := range []struct {
		why     string
		meeting int64
		auto    bool
		status  string
	}{
		{"approved at once", r.MeetingNumber, false, "approved"},
		{"waits for approval", r.ManualMeeting, false, "pending"},
		{"the caller approves", r.ManualMeeting, true, "approved"},
	} {
		t.Run(c.why, func(t *testing.T) {
			path := fmt.Sprintf("/meetings/%d/registrants", c.meeting)
			email := fmt.Sprintf("someone.%t@example.net", c.auto)
			made := r.do("POST "+path, map[string]any{
				"email": email, "first_name": "Some", "auto_approve": c.auto,
				"custom_questions": []map[string]string{{"title": "Why?", "value": "Because"}},
			}).want(t, 201, 0)
			if (made.str("join_url") != "") != (c.status == "approved") || made.str("registrant_id") == "" || int64(made.num("id")) != c.meeting {
				t.Errorf("made: %s", made.body)
			}
			one := r.get("%s/%s", path, made.str("registrant_id")).want(t, 200, 0)
			if one.str("status") != c.status || one.str("email") != email || one.list("custom_questions")[0]["value"] != "Because" {
				t.Errorf("got: %s", one.body)
			}
			again := r.do("POST "+path, map[string]any{"email": email, "first_name": "Again"}).want(t, 201, 0)
			if again.str("registrant_id") != made.str("registrant_id") {
				t.Error("a second registration got another id")
			}
			r.do("DELETE "+path+"/"+made.str("registrant_id"), nil).want(t, 204, 0)
			r.get("%s/%s", path, made.str("registrant_id")).want(t, 404, 3001)
			r.do("DELETE "+path+"/"+made.str("registrant_id"), nil).want(t, 400, 300)
		})
	}
}

func TestRegistrantStatus(t *testing.T) {
	r := newRig(t, Options{})
	path := fmt.Sprintf("/meetings/%d/registrants", r.ManualMeeting)
	counts := func() [3]int {
		var n [3]int
		for i, status := range []string{"approved", "pending", "denied"} {
			n[i] = r.get("%s?status=%s", path, status).want(t, 200, 0).num("total_records")
		}
		return n
	}
	before := counts()
	if before[0] == 0 || before[1] == 0 || before[2] == 0 {
		t.Fatalf("approved, pending, denied: %v", before)
	}
	change := func(action string, who ...map[string]string) *result {
		return r.do("PUT "+path+"/status", map[string]any{"action": action, "registrants": who})
	}
	pending := r.get("%s?status=pending", path).list("registrants")[0]
	if pending["join_url"] != nil {
		t.Errorf("a pending registrant has a link: %v", pending)
	}
	change("approve", map[string]string{"id": r.PendingRegistrant}).want(t, 204, 0)
	if n := counts(); n[0] != before[0]+1 || n[1] != before[1]-1 {
		t.Errorf("after approve: %v, before %v", n, before)
	}
	if g := r.get("%s/%s", path, r.PendingRegistrant); g.str("join_url") == "" || g.str("status") != "approved" {
		t.Errorf("approved: %s", g.body)
	}
	change("deny", map[string]string{"email": pending["email"].(string)}).want(t, 204, 0)
	if n := counts(); n[0] != before[0] || n[2] != before[2]+1 {
		t.Errorf("after deny: %v, before %v", n, before)
	}
	change("cancel", map[string]string{"id": r.PendingRegistrant}).want(t, 204, 0)
	if n := counts(); n[0]+n[1]+n[2] != before[0]+before[1]+before[2]-1 {
		t.Errorf("after cancel: %v, before %v", n, before)
	}
	change("shout", map[string]string{"id": r.PendingRegistrant}).want(t, 400, 300)
	thirty := make([]map[string]string, 30)
	for i := range thirty {
		thirty[i] = map[string]string{"id": fmt.Sprint("nobody", i)}
	}
	change("approve", thirty...).want(t, 204, 0)
	change("approve", slices.Concat(thirty, thirty[:1])...).want(t, 400, 300)
}

func TestRegistrationErrors(t *testing.T) {
	r := newRig(t, Options{})
	ok := map[string]any{"email": "a@example.net", "first_name": "A"}
	for _, c := range []struct {
		why, call string
		body      any
		status    int
		code      int
	}{
		{"no such meeting to register for", "POST /meetings/123/registrants", ok, 404, 1001},
		{"no such meeting", "GET /meetings/123/registrants", nil, 404, 3001},
		{"nobody registers", fmt.Sprintf("POST /meetings/%d/registrants", r.OpenMeeting), ok, 400, 3000},
		{"no registrants to list", fmt.Sprintf("GET /meetings/%d/registrants", r.OpenMeeting), nil, 400, 300},
		{"no e-mail", fmt.Sprintf("POST /meetings/%d/registrants", r.MeetingNumber), map[string]any{"first_name": "A"}, 400, 300},
		{"no name", fmt.Sprintf("POST /meetings/%d/registrants", r.MeetingNumber), map[string]any{"email": "a@example.net"}, 400, 300},
		{"an unknown date", fmt.Sprintf("POST /meetings/%d/registrants?occurrence_ids=1", r.MeetingNumber), ok, 400, 300},
		{"an unknown status", fmt.Sprintf("GET /meetings/%d/registrants?status=x", r.MeetingNumber), nil, 400, 300},
		{"no such registrant", fmt.Sprintf("GET /meetings/%d/registrants/x", r.MeetingNumber), nil, 404, 3001},
		{"nobody to find", fmt.Sprintf("GET /meetings/%d/registrants/x", r.OpenMeeting), nil, 400, 3000},
		{"nobody to approve", fmt.Sprintf("PUT /meetings/%d/registrants/status", r.OpenMeeting), map[string]any{"action": "approve"}, 400, 3000},
		{"nobody to delete", fmt.Sprintf("DELETE /meetings/%d/registrants/x", r.OpenMeeting), nil, 400, 300},
	} {
		t.Run(c.why, func(t *testing.T) { r.do(c.call, c.body).want(t, c.status, c.code) })
	}
}

func TestRegistration_oneOccurrence(t *testing.T) {
	r := newRig(t, Options{})
	path := fmt.Sprintf("/meetings/%d", r.MeetingNumber)
	ahead := r.get("%s", path).list("occurrences")
	first, second := ahead[0]["occurrence_id"], ahead[1]["occurrence_id"]
	made := r.do(fmt.Sprintf("POST %s/registrants?occurrence_ids=%s", path, first), map[string]any{"email": "one@example.net", "first_name": "One"}).want(t, 201, 0)
	if o := made.list("occurrences"); len(o) != 1 || o[0]["occurrence_id"] != first {
		t.Errorf("made: %s", made.body)
	}
	a := r.get("%s/registrants?occurrence_id=%s", path, first).num("total_records")
	b := r.get("%s/registrants?occurrence_id=%s", path, second).num("total_records")
	if a != b+1 {
		t.Errorf("%d registrants of the first occurrence, %d of the second", a, b)
	}
}

func TestRegistration_meetingFull(t *testing.T) {
	r := newRig(t, Options{Registrants: maxRegistrants})
	res := r.do(fmt.Sprintf("POST /meetings/%d/registrants", r.BigMeeting), map[string]any{"email": "late@example.net", "first_name": "Late"})
	res.want(t, 400, 3043)
}
