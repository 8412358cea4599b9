package sandbox

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"
)

// askForAttachments sends requests for the polls, surveys, forms and the like of meetings, and
// for settings of users.
func (r *rig) askForAttachments(ask func(pattern, path string, body any)) {
	meeting, live := fmt.Sprintf("/meetings/%d", r.MeetingNumber), fmt.Sprintf("/meetings/%d", r.LiveMeeting)
	user := "/users/" + r.HostID
	questions := []map[string]any{{"name": "Well?", "type": "single", "answers": []string{"Yes", "No"}}}
	poll := map[string]any{"title": "x", "questions": questions}
	ask("GET /meetings/{meetingId}/polls", meeting+"/polls", nil)
	ask("GET /meetings/{meetingId}/polls", meeting+"/polls?anonymous=true", nil)
	ask("POST /meetings/{meetingId}/polls", meeting+"/polls", poll)
	ask("GET /meetings/{meetingId}/polls/{pollId}", meeting+"/polls/"+r.PollID, nil)
	ask("PUT /meetings/{meetingId}/polls/{pollId}", meeting+"/polls/"+r.PollID, poll)
	ask("DELETE /meetings/{meetingId}/polls/{pollId}", meeting+"/polls/"+r.PollID, nil)
	for _, m := range r.world.meetingsOf(host, monday) {
		ask("GET /meetings/{meetingId}/survey", fmt.Sprintf("/meetings/%d/survey", r.world.number(m.n)), nil)
	}
	ask("PATCH /meetings/{meetingId}/survey", meeting+"/survey", map[string]any{"custom_survey": map[string]any{"title": "x", "questions": questions}})
	ask("DELETE /meetings/{meetingId}/survey", meeting+"/survey", nil)
	ask("GET /meetings/{meetingId}/registrants/questions", meeting+"/registrants/questions", nil)
	ask("PATCH /meetings/{meetingId}/registrants/questions", meeting+"/registrants/questions", map[string]any{"questions": []any{}})
	ask("GET /meetings/{meetingId}/livestream", meeting+"/livestream", nil)
	ask("GET /meetings/{meetingId}/livestream", fmt.Sprintf("/meetings/%d/livestream", r.OpenMeeting), nil)
	ask("PATCH /meetings/{meetingId}/livestream", meeting+"/livestream", map[string]any{"page_url": "https://example.com/x", "stream_url": "rtmp://example.com", "stream_key": "k"})
	ask("PATCH /meetings/{meetingId}/livestream/status", live+"/livestream/status", map[string]any{"action": "start"})
	ask("GET /meetings/{meetingId}/invitation", meeting+"/invitation", nil)
	ask("GET /meetings/{meetingId}/token", meeting+"/token", nil)
	ask("POST /meetings/{meetingId}/sip_dialing", meeting+"/sip_dialing", map[string]any{"passcode": "123"})
	ask("GET /users/{userId}/pac", user+"/pac", nil)
	ask("GET /users/{userId}/meeting_templates", user+"/meeting_templates", nil)
	ask("POST /users/{userId}/meeting_templates", user+"/meeting_templates", map[string]any{"meeting_id": r.MeetingNumber})
	ask("GET /users/{userId}/upcoming_meetings", user+"/upcoming_meetings", nil)
	for _, id := range []string{strconv.FormatInt(r.MeetingNumber, 10), twice(r.BigInstance)} {
		ask("GET /meetings/{meetingId}/recordings", "/meetings/"+id+"/recordings?include_fields=download_access_token", nil)
	}
	ask("GET /meetings/{meetingId}/meeting_summary", "/meetings/"+twice(r.BigInstance)+"/meeting_summary", nil)
	ask("GET /phone/users/{userId}/recordings", "/phone"+user+"/recordings?page_size=100", nil)
	ask("GET /phone/users/{userId}/recordings", "/phone"+user+"/recordings?page_size=100&from=2026-01-01&to=2026-01-31", nil)
	ask("GET /chat/users/{userId}/channels", "/chat"+user+"/channels", nil)
	messages := "/chat" + user + "/messages?page_size=50&to_channel=" + r.ChannelID
	ask("GET /chat/users/{userId}/messages", messages, nil)
	yesterday := monday.AddDate(0, 0, -1).Format(time.DateOnly)
	ask("GET /chat/users/{userId}/messages", messages+"&include_deleted_and_edited_message=true&date="+yesterday, nil)
	ask("GET /chat/users/{userId}/messages", "/chat"+user+"/messages?to_contact="+r.OwnerEmail+"&from="+yesterday+"T00:00:00Z&to="+yesterday+"T23:00:00Z", nil)
}

// Zoom Phone has its own rate limits.
func TestPhoneLimits(t *testing.T) {
	r := newRig(t, Options{Plan: PlanPro})
	phone := func() *result { return r.get("/phone/users/%s/recordings", r.HostID) }
	for range 10 {
		phone().want(t, 200, 0)
	}
	phone().want(t, 429, 429)
	for range 20 {
		r.get("/users").want(t, 200, 0)
	}
	r.get("/users").want(t, 429, 429)
	r.clock.pass(time.Second)
	phone().want(t, 200, 0)
}

// A file needs a token, which yields a redirect to a second address.
func TestFiles(t *testing.T) {
	r := newRig(t, Options{})
	file := r.get("/meetings/%s/recordings", twice(r.BigInstance)).want(t, 200, 0).list("recording_files")[3]
	at, _ := file["download_url"].(string)
	ask := func(at, token, bytes string) *result {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, at, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+token)
		req.Header.Set("Range", bytes)
		return r.send(req)
	}
	ask(at, "wrong", "").want(t, 401, 0)
	ask(strings.Replace(at, "/rec/", "/chat/", 1), r.token, "").want(t, 404, 0)
	whole := ask(at, r.token, "").want(t, 200, 0)
	if size, _ := file["file_size"].(float64); len(whole.body) != int(size) {
		t.Errorf("got %d bytes of %v", len(whole.body), size)
	}
	if part := ask(at, r.token, "bytes=100-180").want(t, 206, 0); part.body != whole.body[100:181] {
		t.Errorf("the range is %q", part.body)
	}
}
