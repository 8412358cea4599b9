package sandbox

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// randomEvent has the fields of an event that the test reads.
type randomEvent struct {
	Event   string
	TS      int64 `json:"event_ts"`
	Payload struct {
		Object struct {
			UUID      string
			Type      int
			HostEmail string `json:"host_email"`
			RoomUUID  string `json:"breakout_room_uuid"`
			EndTime   string `json:"end_time"`

			Participant struct {
				UserID      string `json:"user_id"`
				ParentID    string `json:"parent_user_id"`
				UUID        string `json:"participant_uuid"`
				CustomerKey string `json:"customer_key"`
				Phone       string `json:"phone_number"`
				Registrant  string `json:"registrant_id"`
				User        string `json:"participant_user_id"`
			}
		}
	}
}

// held holds a meeting with a seed, until its end.
func (d *direct) held(number int64, seed uint64) (*Held, []randomEvent) {
	d.Helper()
	held, err := d.HoldRandom(number, 60, seed)
	if err != nil {
		d.Fatal(err)
	}
	var events []randomEvent
	held.Run(d.Context(), func(e Event) {
		var read randomEvent
		if err := json.Unmarshal(e.Body, &read); err != nil || read.Event != e.Name {
			d.Errorf("%v: %s", err, e.Body)
		}
		events = append(events, read)
	})
	return held, events
}

// TestHoldRandom holds meetings with many seeds: each participant who joins leaves, enters
// breakout rooms in between alone, rows and events have the same connections, and all
// behaviors occur.
func TestHoldRandom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDirect(t)
		habits, bodies := map[string]int{}, map[string]bool{}
		for seed := uint64(1); seed <= 20; seed++ {
			number := d.Landmarks().OpenMeeting // without registrants
			if seed%4 == 0 {
				number = d.Landmarks().MeetingNumber
			}
			held, events := d.held(number, seed)
			in, visits := map[string]string{}, map[string]int{} // the place of each connection
			session := map[string]string{}                      // its id in the meeting
			for i, e := range events {
				p := e.Payload.Object.Participant
				_, what, _ := strings.Cut(e.Event, ".")
				if e.Payload.Object.UUID != held.UUID || i > 0 && what != "ended" && e.TS < events[i-1].TS {
					t.Fatalf("seed %d: event %d is %+v", seed, i, e)
				}
				habits[what]++
				before := in[p.UUID]
				id := p.UserID
				if strings.HasSuffix(what, "breakout_room") {
					id = p.ParentID
				}
				if what == "participant_joined" {
					session[p.UUID] = id
				} else if strings.HasPrefix(what, "participant_") && !strings.HasSuffix(what, "waiting_room") && what != "participant_admitted" && id != session[p.UUID] {
					t.Errorf("seed %d: %s of %s by %s, who joined as %s", seed, what, p.UUID, id, session[p.UUID])
				}
				switch what {
				case "participant_joined":
					in[p.UUID] = "meeting"
					visits[p.User+p.CustomerKey+p.Registrant]++
				case "participant_joined_breakout_room":
					in[p.UUID] = "room " + e.Payload.Object.RoomUUID
				case "participant_left_breakout_room":
					if before != "room "+e.Payload.Object.RoomUUID || e.Payload.Object.RoomUUID == "" {
						t.Errorf("seed %d: %s leaves a breakout room, but was in %q", seed, p.UUID, before)
					}
					in[p.UUID] = "meeting"
					continue
				case "participant_left":
					if before != "meeting" {
						t.Errorf("seed %d: %s leaves, but was in %q", seed, p.UUID, before)
					}
					delete(in, p.UUID)
					continue
				default:
					continue
				}
				if want := map[bool]string{true: "", false: "meeting"}[what == "participant_joined"]; before != want {
					t.Errorf("seed %d: %s enters %q from %q", seed, p.UUID, in[p.UUID], before)
				}
				if p.CustomerKey != "" {
					habits["by an app"]++
				}
				if p.Phone != "" {
					habits["by telephone"]++
				}
				if p.User == "" && p.CustomerKey == "" && p.Phone == "" && p.Registrant == "" {
					habits["guest"]++
				}
			}
			if len(in) > 0 || events[0].Event != "meeting.started" || events[len(events)-1].Event != "meeting.ended" {
				t.Errorf("seed %d: connections at the end: %v", seed, in)
			}
			for who, n := range visits {
				if n > 1 && who != "" {
					habits["again, or by another device"]++
				}
			}
			bodies[fmt.Sprint(len(events), habits)] = true
			time.Sleep(time.Hour)
			var report struct {
				Participants []struct {
					UserID string `json:"user_id"`
					Room   string `json:"bo_mtg_id"`
				}
			}
			d.do(http.MethodGet, "/report/meetings/"+url.PathEscape(url.PathEscape(held.UUID))+"/participants?page_size=300", "", &report)
			rooms := slices.DeleteFunc(slices.Clone(report.Participants), func(p struct {
				UserID string `json:"user_id"`
				Room   string `json:"bo_mtg_id"`
			},
			) bool {
				return p.Room == ""
			})
			told := 0
			for _, e := range events {
				if strings.HasSuffix(e.Event, ".participant_joined_breakout_room") {
					told++
				}
			}
			if len(report.Participants) == 0 || len(rooms) != told {
				t.Errorf("seed %d: %d rows, %d in breakout rooms, and %d events of breakout rooms", seed, len(report.Participants), len(rooms), told)
			}
		}
		for _, habit := range []string{
			"participant_joined_waiting_room", "participant_admitted", "participant_left_waiting_room", "participant_joined_breakout_room",
			"by an app", "by telephone", "guest", "again, or by another device",
		} {
			if habits[habit] == 0 {
				t.Errorf("never: %s (%v)", habit, habits)
			}
		}
		if len(bodies) < 18 {
			t.Errorf("20 seeds make %d meetings", len(bodies))
		}
	})
}

// The same seed yields the same meeting.
func TestHoldRandom_sameSeed(t *testing.T) {
	told := func(seed uint64) (text string) {
		synctest.Test(t, func(t *testing.T) {
			d := newDirect(t)
			_, events := d.held(d.Landmarks().OpenMeeting, seed)
			b, _ := json.Marshal(events)
			text = string(b)
		})
		return text
	}
	if once, again := told(7), told(7); once != again || once == told(8) {
		t.Error("the seed does not determine the meeting")
	}
}

// TestHold_webinar holds a webinar: it has a webinar's events, the dashboard shows it as live,
// and then it is among the webinar's instances.
func TestHold_webinar(t *testing.T) {
	for name, hold := range map[string]func(d *direct, number int64) (*Held, error){
		"as always": func(d *direct, number int64) (*Held, error) { return d.Hold(number, 60) },
		"by a seed": func(d *direct, number int64) (*Held, error) { return d.HoldRandom(number, 60, 3) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newDirect(t)
				number := d.Landmarks().WebinarNumber
				var before, after struct{ Webinars []struct{ UUID string } }
				instances := fmt.Sprintf("/past_webinars/%d/instances", number)
				d.do(http.MethodGet, instances, "", &before)
				held, err := hold(d, number)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := d.Hold(number, 60); err == nil {
					t.Error("it is held twice")
				}
				var live struct{ Participants []struct{ Role string } }
				done := make(chan []randomEvent)
				go func() {
					var events []randomEvent
					held.Run(t.Context(), func(e Event) {
						var read randomEvent
						_ = json.Unmarshal(e.Body, &read)
						events = append(events, read)
					})
					done <- events
				}()
				time.Sleep(held.End.Sub(held.Start) / 2)
				d.do(http.MethodGet, fmt.Sprintf("/metrics/webinars/%d/participants?type=live", number), "", &live)
				if len(live.Participants) == 0 {
					t.Error("the dashboard shows no participants of the live webinar")
				}
				events := <-done
				joined := 0
				for _, e := range events {
					if !strings.HasPrefix(e.Event, "webinar.") || e.Payload.Object.Type != 9 || strings.Contains(e.Event, "room") {
						t.Errorf("%+v", e)
					}
					if e.Event == "webinar.participant_joined" {
						joined++
					}
				}
				first, last := events[0], events[len(events)-1]
				if first.Event != "webinar.started" || first.Payload.Object.HostEmail == "" || last.Event != "webinar.ended" || last.Payload.Object.EndTime == "" {
					t.Errorf("%+v … %+v", first, last)
				}
				time.Sleep(time.Hour)
				d.do(http.MethodGet, instances, "", &after)
				if len(after.Webinars) != len(before.Webinars)+1 || after.Webinars[0].UUID != held.UUID {
					t.Errorf("the instances are %+v, before %+v", after, before)
				}
				var past struct {
					Participants []struct {
						Duration int
						Status   string
					}
				}
				d.do(http.MethodGet, "/past_webinars/"+url.PathEscape(url.PathEscape(held.UUID))+"/participants?page_size=300", "", &past)
				there := 0
				for _, p := range past.Participants {
					if p.Status == "in_meeting" {
						there++
					}
					if p.Duration == 0 {
						t.Errorf("%+v", p)
					}
				}
				if there != joined || joined < 2 {
					t.Errorf("%d rows, and %d joined events", there, joined)
				}
				var absent struct{ Registrants []struct{ ID string } }
				d.do(http.MethodGet, "/past_webinars/"+url.PathEscape(url.PathEscape(held.UUID))+"/absentees?page_size=300", "", &absent)
				if len(absent.Registrants) == 0 {
					t.Error("no registrant was absent")
				}
			})
		})
	}
}

// TestHold_bodies compares the events of meetings and webinars with Zoom's documents.
func TestHold_bodies(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join(shapes, "webhooks.json"))
	if err != nil {
		t.Skip("Zoom's documents are not here (../shared/zoom/shapes): events are not compared with them")
	}
	var file struct {
		Events map[string]struct{ Payload *shape }
	}
	if err := json.Unmarshal(raw, &file); err != nil || len(file.Events) == 0 {
		t.Fatal(err, len(file.Events))
	}
	synctest.Test(t, func(t *testing.T) {
		d := newDirect(t)
		wrong := map[string]bool{}
		for seed := uint64(1); seed <= 10; seed++ {
			for _, number := range []int64{d.Landmarks().OpenMeeting, d.Landmarks().MeetingNumber, d.Landmarks().WebinarNumber} {
				held, err := d.HoldRandom(number, 60, seed)
				if err != nil {
					t.Fatal(err)
				}
				held.Run(t.Context(), func(e Event) {
					var body any
					_ = json.Unmarshal(e.Body, &body)
					documented := file.Events[e.Name].Payload
					if documented == nil {
						wrong[e.Name+" is not documented"] = true
						return
					}
					for _, why := range documented.differ(e.Name, body) {
						wrong[why] = true
					}
				})
			}
		}
		for why := range wrong {
			t.Error(why)
		}
	})
}
