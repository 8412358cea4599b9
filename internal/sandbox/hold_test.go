package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// direct calls a sandbox without a network, so that its clock can be virtual.
type direct struct {
	*testing.T
	*Sandbox
	token string
}

func newDirect(t *testing.T) *direct {
	t.Helper()
	s, err := New(Options{Plan: PlanNone, TokenTTL: 24 * time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	d := &direct{T: t, Sandbox: s}
	req := httptest.NewRequest(http.MethodPost, "/oauth/token", strings.NewReader("grant_type=account_credentials&account_id="+AccountID))
	req.SetBasicAuth(ClientID, ClientSecret)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	s.ServeHTTP(w, req)
	var token struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.Unmarshal(w.Body.Bytes(), &token); err != nil || token.AccessToken == "" {
		t.Fatal(w.Body.String())
	}
	d.token = token.AccessToken
	return d
}

// do makes a call and decodes its answer into v.
func (d *direct) do(method, path, body string, v any) int {
	d.Helper()
	req := httptest.NewRequest(method, "/v2"+path, strings.NewReader(body))
	req.Header.Set("Authorization", "Bearer "+d.token)
	req.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	d.ServeHTTP(w, req)
	if v != nil {
		if err := json.Unmarshal(w.Body.Bytes(), v); err != nil || w.Code >= 300 {
			d.Fatalf("%s %s: %d %s", method, path, w.Code, w.Body)
		}
	}
	return w.Code
}

// heldEvent has the fields of an event that the tests read.
type heldEvent struct {
	Event   string
	TS      int64 `json:"event_ts"`
	Payload struct {
		Account string `json:"account_id"`
		Object  struct {
			ID, UUID    string
			EndTime     string `json:"end_time"`
			Participant struct {
				RegistrantID  string `json:"registrant_id"`
				ParticipantID string `json:"participant_user_id"`
				JoinTime      string `json:"join_time"`
				LeaveTime     string `json:"leave_time"`
				Email         string
			}
		}
	}
}

// TestHold holds a meeting with three registrants: the dashboard shows it as live, and the
// reports and the events contain the same participants.
func TestHold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDirect(t)
		var made struct{ ID int64 }
		d.do(http.MethodPost, "/users/"+d.Landmarks().HostID+"/meetings", `{"topic":"x","type":2,"start_time":"2030-01-01T10:00:00Z","duration":60,"settings":{"approval_type":0}}`, &made)
		ids := make([]string, 3)
		for i, email := range []string{d.world.email(3), "guest@elsewhere.example", "absent@elsewhere.example"} {
			var r struct {
				ID string `json:"registrant_id"`
			}
			d.do(http.MethodPost, fmt.Sprintf("/meetings/%d/registrants", made.ID), fmt.Sprintf(`{"email":%q,"first_name":"A","last_name":"B"}`, email), &r)
			ids[i] = r.ID
		}
		held, err := d.Hold(made.ID, 60)
		if err != nil || held.End.Sub(held.Start) != time.Minute {
			t.Fatalf("%+v, %v", held, err)
		}
		if _, err := d.Hold(made.ID, 60); err == nil {
			t.Error("it is held twice")
		}
		var events []heldEvent
		var run sync.WaitGroup
		run.Go(func() {
			held.Run(t.Context(), func(e Event) {
				var read heldEvent
				if err := json.Unmarshal(e.Body, &read); err != nil || read.Event != e.Name || read.TS != e.At.UnixMilli() || time.Now().Before(e.At) {
					t.Errorf("%v: %s at %s", err, e.Body, time.Now())
				}
				events = append(events, read)
			})
		})
		time.Sleep(30 * time.Second)
		var now struct {
			Status       string
			Participants []struct{ Email string }
		}
		d.do(http.MethodGet, fmt.Sprintf("/meetings/%d", made.ID), "", &now)
		d.do(http.MethodGet, fmt.Sprintf("/metrics/meetings/%d/participants?type=live", made.ID), "", &now)
		if now.Status != "started" || len(now.Participants) < 3 {
			t.Errorf("live: %+v", now)
		}
		run.Wait()
		time.Sleep(time.Hour)
		var past struct {
			Participants []struct {
				RegistrantID string `json:"registrant_id"`
				JoinTime     string `json:"join_time"`
				LeaveTime    string `json:"leave_time"`
				UserEmail    string `json:"user_email"`
				Duration     int
			}
		}
		d.do(http.MethodGet, "/past_meetings/"+url.PathEscape(url.PathEscape(held.UUID))+"/participants", "", &past)
		var came, joined []string
		for _, p := range past.Participants {
			came = append(came, p.RegistrantID+" "+p.JoinTime)
			if p.Duration == 0 {
				t.Errorf("a row has no duration: %+v", p)
			}
		}
		for _, e := range events {
			if e.Event == "meeting.participant_joined" {
				joined = append(joined, e.Payload.Object.Participant.RegistrantID+" "+e.Payload.Object.Participant.JoinTime)
			}
			if e.Payload.Account != AccountID || e.Payload.Object.UUID != held.UUID || e.Payload.Object.ID != strconv.FormatInt(made.ID, 10) {
				t.Errorf("an event of another meeting: %+v", e)
			}
		}
		if slices.Sort(came); !slices.Equal(came, slices.Sorted(slices.Values(joined))) {
			t.Errorf("rows %q, events %q", came, joined)
		}
		times := func(id string) int {
			return strings.Count(strings.Join(came, "\n"), id)
		}
		if times(ids[0])+times(ids[1]) != 3 || times(ids[2]) != 0 || len(came) != 4 {
			t.Errorf("want the host, two registrants, of whom one joins twice, and not the third: %q", came)
		}
		if events[0].Event != "meeting.started" || events[len(events)-1].Event != "meeting.ended" {
			t.Errorf("%s … %s", events[0].Event, events[len(events)-1].Event)
		}
	})
}

// A call may end a held meeting: its participants leave at that time.
func TestHold_endedByACall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDirect(t)
		number := d.Landmarks().BigMeeting
		held, err := d.Hold(number, 1)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		var run sync.WaitGroup
		run.Go(func() { held.Run(t.Context(), func(e Event) { names = append(names, e.Name) }) })
		time.Sleep(20 * time.Minute)
		if code := d.do(http.MethodPut, fmt.Sprintf("/meetings/%d/status", number), `{"action":"end"}`, nil); code != http.StatusNoContent {
			t.Fatal(code)
		}
		began := time.Now()
		run.Wait()
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("the event of the end came after %s", took)
		}
		if last := names[len(names)-1]; last != "meeting.ended" {
			t.Errorf("the last event is %s", last)
		}
		time.Sleep(time.Hour)
		var past struct {
			Participants []struct {
				LeaveTime time.Time `json:"leave_time"`
			}
		}
		d.do(http.MethodGet, "/past_meetings/"+url.PathEscape(url.PathEscape(held.UUID))+"/participants", "", &past)
		for _, p := range past.Participants {
			if p.LeaveTime.After(held.Start.Add(20 * time.Minute)) {
				t.Errorf("a participant left at %s", p.LeaveTime)
			}
		}
		if len(past.Participants) < 2 {
			t.Errorf("%d rows", len(past.Participants))
		}
	})
}

func TestHold_refuses(t *testing.T) {
	d := newDirect(t)
	for _, c := range []struct {
		number int64
		speed  float64
	}{{d.Landmarks().BigMeeting, 0}, {d.Landmarks().BigMeeting, -1}, {d.Landmarks().BigMeeting, maxSpeed + 1}, {1, 1}, {d.Landmarks().LiveMeeting, 1}} {
		if held, err := d.Hold(c.number, c.speed); err == nil {
			t.Errorf("hold %+v: no error, %+v", c, held)
		}
	}
	for name, want := range map[string]int64{"all-hands": d.Landmarks().BigMeeting, "123 4567": 1234567} {
		if got, err := d.MeetingNamed(name); err != nil || got != want {
			t.Errorf("%s: %d, %v", name, got, err)
		}
	}
	if _, err := d.MeetingNamed("picnic"); err == nil {
		t.Error("a picnic is a meeting")
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestDelivery sends events to a failing receiver again after 5, 20 and 60 minutes, some
// twice, and none after an answer below 500.
func TestDelivery(t *testing.T) {
	for _, c := range []struct {
		why    string
		status []int // of the tries; 0 is no answer
		unruly float64
		want   []time.Duration
	}{
		{"taken", []int{204}, 0, []time.Duration{0}},
		{"refused", []int{401}, 0, []time.Duration{0}},
		{"not taken at first", []int{503, 0, 204}, 0, []time.Duration{0, 5 * time.Minute, 25 * time.Minute}},
		{"never taken", []int{503, 503, 503, 503, 503}, 0, []time.Duration{0, 5 * time.Minute, 25 * time.Minute, 85 * time.Minute}},
		{"twice", []int{204, 204}, 1, []time.Duration{-1, -1}},
	} {
		synctest.Test(t, func(t *testing.T) {
			began := time.Now()
			var mu sync.Mutex
			var at []time.Duration
			d := &Delivery{URL: "http://gateway.test/webhooks/zoom", Secret: "s", Unruly: c.unruly, HTTP: &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
				mu.Lock()
				defer mu.Unlock()
				status := c.status[len(at)]
				at = append(at, time.Since(began))
				body, _ := io.ReadAll(r.Body)
				if string(body) != `{"event":"x"}` || !strings.HasPrefix(r.Header.Get("X-Zm-Signature"), "v0=") {
					t.Errorf("%s %v", body, r.Header)
				}
				if status == 0 {
					return nil, errors.New("no answer")
				}
				return &http.Response{StatusCode: status, Body: http.NoBody}, nil
			})}}
			d.Send(context.WithoutCancel(t.Context()), Event{Name: "x", Body: []byte(`{"event":"x"}`)})
			d.Wait()
			if len(at) != len(c.want) || c.want[0] == 0 && !slices.Equal(at, c.want) || c.want[0] < 0 && at[0] == 0 {
				t.Errorf("%s: it was sent after %s, want %s", c.why, at, c.want)
			}
		})
	}
}
