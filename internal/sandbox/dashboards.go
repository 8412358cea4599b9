package sandbox

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

func init() {
	handle("GET /metrics/meetings", listDashboard(false), business)
	handle("GET /metrics/webinars", listDashboard(true), business)
	for _, path := range []string{"/metrics/meetings/{meetingId}", "/metrics/webinars/{webinarId}"} {
		handle("GET "+path, getOnDashboard, business)
		handle("GET "+path+"/participants", listDashboardParticipants, business)
		handle("GET "+path+"/participants/qos", listDashboardQos, business)
		handle("GET "+path+"/participants/{participantId}/qos", getParticipantQos, business)
		handle("GET "+path+"/participants/satisfaction", listDashboardFeedback, business)
		handle("GET "+path+"/participants/sharing", listDashboardSharing, business)
	}
}

// shownHosts is how many hosts the dashboard's lists cover: reading the meetings of 10,000
// users would take seconds.
const shownHosts = 200

// liveInstance returns the instance of a meeting in progress, or nil. Its future is computed
// already; the dashboard does not show participants who have not joined yet.
func (w *world) liveInstance(m *meeting) *instance {
	if m == nil || m.running.IsZero() {
		return nil
	}
	if m.held != nil {
		return m.held
	}
	return &instance{m: m, k: 255 - m.endedCount, start: m.running, end: m.running.Add(time.Duration(max(m.Duration, 60)) * 4 * time.Minute)}
}

// dashboardCall is a call to the dashboard, which covers live instances or past ones.
type dashboardCall struct {
	*call
	kind    string // live, past or pastOne
	webinar bool
}

func (c *call) dashboardCall() (*dashboardCall, error) {
	kind, err := c.choice("type", "live", "past", "pastOne")
	return &dashboardCall{c, kind, strings.Contains(c.pattern(), "/webinars")}, err
}

func (r *dashboardCall) live() bool { return r.kind == "live" }

func (r *dashboardCall) meeting(n uint64) *meeting {
	if r.webinar {
		return r.world.webinar(n)
	}
	return r.world.anyMeeting(n)
}

// of returns the instances of a meeting, the latest first.
func (r *dashboardCall) of(m *meeting) []*instance {
	switch i := r.world.liveInstance(m); {
	case m == nil || r.live() && i == nil:
		return nil
	case r.live():
		return []*instance{i}
	}
	all := r.world.instances
	if r.webinar {
		all = func(m *meeting) []*instance { return r.world.webinarInstances(m.n) }
	}
	return slices.DeleteFunc(all(m), func(i *instance) bool {
		return !i.ready(r.call) || r.kind == "pastOne" && persons(r.world.stays(i)) > 1
	})
}

// find returns the instance that a path names by its UUID, encoded twice if that is required,
// or the latest one of a meeting number.
func (r *dashboardCall) find() (*instance, error) {
	id := r.path("meetingId") + r.path("webinarId")
	missing := notFound(3001, "Meeting does not exist: "+id+".")
	uuid, _ := decodedUUID(id)
	number, errNumber := strconv.ParseInt(id, 10, 64)
	n, ok := r.world.nth(number)
	if v, sealed := openUUID(r.world.seed, uuid); errNumber != nil {
		n, ok = v>>24, sealed && v>>24 < numberPrime
	}
	if !ok {
		return nil, missing
	}
	for _, i := range r.of(r.meeting(n)) {
		switch {
		case errNumber != nil && r.world.uuid(i.m.n, i.k) != uuid:
		case i.start.Before(r.now.AddDate(-1, 0, 0)):
			return nil, tooOld()
		default:
			return i, nil
		}
	}
	return nil, missing
}

// stays returns the stays of an instance: of a live one, those that have begun.
func (r *dashboardCall) stays(i *instance) []*stay {
	all := r.world.stays(i)
	if r.live() {
		all = slices.DeleteFunc(all, func(s *stay) bool { return s.join.After(r.now) })
	}
	return all
}

// ended reports whether a stay is over.
func (r *dashboardCall) ended(s *stay) bool { return !r.live() || s.leave.Before(r.now) }

type dashboardCustomKey struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// instanceBasics are the fields of an instance that all dashboard operations have.
type instanceBasics struct {
	UUID                 string               `json:"uuid"`
	ID                   int64                `json:"id"`
	Topic                string               `json:"topic"`
	Host                 string               `json:"host"`
	Email                string               `json:"email"`
	UserType             string               `json:"user_type"`
	Dept                 string               `json:"dept"`
	StartTime            string               `json:"start_time"`
	EndTime              string               `json:"end_time,omitempty"`
	Duration             string               `json:"duration"`
	Participants         int                  `json:"participants"`
	HasPSTN              bool                 `json:"has_pstn"`
	HasVoip              bool                 `json:"has_voip"`
	Has3rdPartyAudio     bool                 `json:"has_3rd_party_audio"`
	HasVideo             bool                 `json:"has_video"`
	HasScreenShare       bool                 `json:"has_screen_share"`
	HasRecording         bool                 `json:"has_recording"`
	HasSIP               bool                 `json:"has_sip"`
	HasArchiving         bool                 `json:"has_archiving"`
	HasManualCaptions    bool                 `json:"has_manual_captions"`
	HasAutomatedCaptions bool                 `json:"has_automated_captions"`
	CustomKeys           []dashboardCustomKey `json:"custom_keys"`
	InRoomParticipants   *int                 `json:"in_room_participants,omitempty"`
}

// instanceMetrics is an instance in a list of the dashboard, or alone. Fields that one of
// the two lacks, or that webinars lack, are nil.
type instanceMetrics struct {
	instanceBasics
	HasPoll            bool             `json:"has_poll"`
	HasSurvey          bool             `json:"has_survey"`
	HasQA              *bool            `json:"has_qa,omitempty"`
	AvgJointimeCost    *float64         `json:"avg_jointime_cost,omitempty"`
	AudioQuality       string           `json:"audio_quality,omitempty"`
	VideoQuality       string           `json:"video_quality,omitempty"`
	ScreenShareQuality string           `json:"screen_share_quality,omitempty"`
	SessionKey         *string          `json:"session_key,omitempty"`
	TrackingFields     *[]reportedField `json:"tracking_fields,omitempty"`
	HasMeetingSummary  *bool            `json:"has_meeting_summary,omitempty"`
	HasAICConversation *bool            `json:"has_aic_conversation,omitempty"`
}

var qualities = []string{"good", "good", "good", "fair", "poor", "bad"}

// hms formats a duration as dashboards do, without hours if there are none.
func hms(d time.Duration) string {
	s := int(d / time.Second)
	if s < 3600 {
		return fmt.Sprintf("%02d:%02d", s/60, s%60)
	}
	return fmt.Sprintf("%02d:%02d:%02d", s/3600, s/60%60, s%60)
}

func (r *dashboardCall) basics(i *instance) instanceBasics {
	w, m := r.world, i.m
	b := instanceBasics{
		UUID: w.uuid(m.n, i.k), ID: w.number(m.n), Topic: m.Topic, Host: w.name(m.host).String(), Email: w.email(m.host),
		UserType: "Licensed", Dept: deref(w.seedUser(m.host).Dept), StartTime: stamp(i.start), Duration: hms(i.end.Sub(i.start)),
		EndTime: stamp(i.end), Participants: persons(r.stays(i)), HasPSTN: persons(r.stays(i)) > 7, HasVoip: true, HasVideo: m.n%7 != 0,
		HasScreenShare: m.n%2 == 0, HasRecording: m.n%5 == 0, HasManualCaptions: m.n%11 == 0, HasAutomatedCaptions: m.n%3 == 0,
		CustomKeys: []dashboardCustomKey{},
	}
	if m.n%6 == 0 {
		b.CustomKeys = append(b.CustomKeys, dashboardCustomKey{"Host Nation", "DE"})
	}
	if r.live() {
		b.EndTime, b.Duration = "", hms(r.now.Sub(i.start))
	}
	return b
}

// metrics returns an instance as an item of a list, or alone.
func (r *dashboardCall) metrics(i *instance, alone bool) *instanceMetrics {
	d := r.world.rng("metrics", instanceKey(i.m.n, i.k))
	x := &instanceMetrics{instanceBasics: r.basics(i), HasPoll: d.chance(30), HasSurvey: d.chance(20)}
	audio, video, share := pick(&d, qualities), pick(&d, qualities), pick(&d, qualities)
	if alone {
		x.HasMeetingSummary, x.HasAICConversation = new(i.m.n%3 == 0), new(i.m.n%4 == 0)
	}
	if !alone || r.webinar {
		x.AudioQuality, x.VideoQuality, x.ScreenShareQuality = audio, video, share
	}
	if r.webinar {
		return x
	}
	x.HasQA, x.AvgJointimeCost = new(d.chance(10)), new(float64(100+d.n(600))/100)
	if alone {
		x.InRoomParticipants = new(d.n(3))
		return x
	}
	x.SessionKey = new("")
	if r.query.Get("include_fields") == "tracking_fields" {
		x.TrackingFields = &[]reportedField{}
		for _, f := range i.m.TrackingFields {
			*x.TrackingFields = append(*x.TrackingFields, reportedField{f.Field, f.Value})
		}
	}
	return x
}

// listDashboard lists instances, the latest first.
func listDashboard(webinar bool) handler {
	return func(c *call) (any, error) {
		r, err := c.dashboardCall()
		if err != nil {
			return nil, err
		}
		if _, err := c.choice("include_fields", "", "tracking_fields"); err != nil {
			return nil, err
		}
		by, err := c.choice("query_date_type", "start_time", "end_time")
		if err != nil {
			return nil, err
		}
		from, to, err := c.days()
		if err != nil {
			return nil, err
		}
		var all []*instance
		for _, user := range c.world.byStatus()["active"][:min(shownHosts, len(c.world.byStatus()["active"]))] {
			for _, m := range r.hosted(user) {
				all = append(all, r.of(m)...)
			}
		}
		all = slices.DeleteFunc(all, func(i *instance) bool {
			at := i.start
			if by == "end_time" {
				at = i.end
			}
			alone := persons(c.world.stays(i)) < 2
			return !r.live() && (!within(at, from, to) || alone != (r.kind == "pastOne")) || !r.inGroups(i)
		})
		slices.SortStableFunc(all, func(a, b *instance) int { return b.start.Compare(a.start) })
		return c.page(len(all), func(k int) any { return r.metrics(all[k], false) },
			field{"from", from.Format(time.DateOnly)}, field{"to", to.Format(time.DateOnly)})
	}
}

func (r *dashboardCall) hosted(user int) []*meeting {
	if r.webinar {
		return r.world.allWebinars(user)
	}
	return r.world.heldMeetings(user)
}

// inGroups reports whether the host is in one of the groups of the query or, if a parameter
// requests that, any participant.
func (r *dashboardCall) inGroups(i *instance) bool {
	if r.query.Get("group_id") == "" {
		return true
	}
	wanted := strings.Split(r.query.Get("group_id"), ",")
	in := func(user int) bool {
		return user >= 0 && slices.ContainsFunc(r.world.groupsOf(user), func(id string) bool { return slices.Contains(wanted, id) })
	}
	return in(i.m.host) || r.query.Get("group_include_participant") == "true" &&
		slices.ContainsFunc(r.stays(i), func(s *stay) bool { return in(s.user) })
}

func getOnDashboard(c *call) (any, error) {
	r, err := c.dashboardCall()
	if err != nil {
		return nil, err
	}
	i, err := r.find()
	if err != nil {
		return nil, err
	}
	return r.metrics(i, true), nil
}
