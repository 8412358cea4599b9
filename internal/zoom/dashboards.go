package zoom

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"zoomql/internal/zoom/types"
)

// DashboardFilter selects instances of meetings or webinars. The range is at most a
// month.
type DashboardFilter struct {
	Type types.DashboardMeetingType `query:"type"`
	Days
	GroupIDs []string `query:"group_id"`
	// WithParticipants applies GroupIDs to participants too.
	WithParticipants bool                    `query:"group_include_participant"`
	DateType         types.DashboardDateType `query:"query_date_type"`
}

// DashboardMeetingFilter selects instances of meetings.
type DashboardMeetingFilter struct {
	DashboardFilter
	// IncludeFields is "tracking_fields" or "".
	IncludeFields string `query:"include_fields"`
}

// RunKey names one instance of a meeting or webinar on the dashboard.
type RunKey struct {
	Run  string                     `path:"meetingId|webinarId"`
	Type types.DashboardMeetingType `query:"type"`
}

// RunParticipants selects the participants of one instance.
type RunParticipants struct {
	RunKey
	// IncludeFields is "registrant_id" or "".
	IncludeFields string `query:"include_fields"`
}

// RunParticipantKey names one participant by the id within the instance.
type RunParticipantKey struct {
	RunKey
	ParticipantID string `path:"participantId"`
}

// ZoomRoomFilter selects the meetings, or the issues, of a Zoom Room.
type ZoomRoomFilter struct {
	RoomID string `path:"zoomroomId"`
	Days
}

// ClientFeedbackFilter selects the participants who gave one answer.
type ClientFeedbackFilter struct {
	FeedbackID string `path:"feedbackId"`
	Days
}

// QualityFilter selects the subject of quality scores.
type QualityFilter struct {
	Days
	Type types.QualitySubject `query:"type"`
}

// The answers of operations without pages.
type (
	// ZoomRoomIssues is Zoom's answer with the issues of rooms.
	ZoomRoomIssues struct {
		Issues []*types.ZoomRoomIssue `json:"issues"`
		AnsweredDays
	}
	// ZoomRoomsWithIssues is Zoom's answer with the rooms that have issues.
	ZoomRoomsWithIssues struct {
		Rooms []*types.ZoomRoomWithIssues `json:"zoom_rooms"`
		AnsweredDays
	}
	// ClientFeedbacks is Zoom's answer with the feedback options that participants selected.
	ClientFeedbacks struct {
		Answers []*types.ClientFeedback `json:"client_feedbacks"`
		AnsweredDays
	}
	// ClientSatisfactions is Zoom's answer with the counts of thumbs up and down.
	ClientSatisfactions struct {
		Days []*types.ClientSatisfaction `json:"client_satisfaction"`
		AnsweredDays
	}
	// ClientVersions is Zoom's answer with the client versions in use.
	ClientVersions struct {
		Versions []*types.ClientVersion `json:"client_versions"`
	}
	// CrcPorts is Zoom's answer with the ports in use.
	CrcPorts struct {
		Days []*types.CrcPortDay `json:"crc_ports_usage"`
		AnsweredDays
	}
)

// ZoomRoom is Zoom's answer with one room, and a page of the meetings held in it.
type ZoomRoom struct {
	types.DashboardZoomRoom
	Past roomPast `json:"past_meetings"`
}

// roomPast is a page of the meetings held in a room.
type roomPast struct {
	Meetings []*types.DashboardMeeting `json:"meetings,omitzero"` // nil if Zoom sent no list
	Next     types.Text                `json:"next_page_token"`
	Total    types.Int                 `json:"total_records"`
	From     types.Time                `json:"from"`
	To       types.Time                `json:"to"`
	LeftOut  int                       `json:"zoomql_left_out,omitzero"` // see Page
	Cut      bool                      `json:"zoomql_cut,omitzero"`
}

// UnmarshalJSONFrom reads the page as [Page] does.
func (r *roomPast) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	if dec.PeekKind() != '{' {
		return dec.SkipValue()
	}
	var p Page[types.DashboardMeeting]
	err := p.decode(&Spec{Array: "meetings"}, dec)
	r.Meetings, r.Next, r.Total, r.From, r.To = p.Items, types.Text(p.Next), p.Total, p.From, p.To
	r.LeftOut, r.Cut = p.LeftOut, p.Cut
	return err
}

// lacksMeetings reports whether the answer lacks the list of the room's meetings.
func (r *ZoomRoom) lacksMeetings() bool {
	return r.Past.Meetings == nil && (!r.Past.Total.Valid || r.Past.Total.N != 0)
}

// keep returns how long the answer may be stored, at most ttl: see [Page.keep].
func (r *ZoomRoom) keep(ttl time.Duration, first bool) time.Duration {
	if r.lacksMeetings() {
		return 0
	}
	return r.pastMeetings().keep(ttl, first)
}

func (r *ZoomRoom) pastMeetings() *Page[types.DashboardMeeting] {
	if r.lacksMeetings() {
		return nil
	}
	return &Page[types.DashboardMeeting]{
		Items: slices.Clone(r.Past.Meetings), Next: string(r.Past.Next), Total: r.Past.Total, From: r.Past.From, To: r.Past.To,
		LeftOut: r.Past.LeftOut, Cut: r.Past.Cut,
	}
}

// dashboardMonths is how many months back the dashboard has data.
//
// Source: GET /metrics/meetings.
const dashboardMonths = 6

// dashboardRead returns the classic scopes of a part of the dashboard, and the prefix of a
// granular one.
func dashboardRead(part string) string {
	return "dashboard_" + part + ":read:admin dashboard:read:admin dashboard:read:"
}

// dashboardLife returns the life of an instance's figures. A meeting number names the latest
// instance, which changes with the next one.
func dashboardLife(req *Request, _ any) Life {
	if asks(req, "type") == types.DashboardMeetingTypeLive.Code() {
		return Live
	}
	if _, err := types.ParseMeetingNumber(cmp.Or(req.Vars["meetingId"], req.Vars["webinarId"])); err == nil {
		return Scheduled
	}
	return Closed
}

// dashboardRangeLife is rangeLife, except for live instances.
func dashboardRangeLife(req *Request, answer any) Life {
	if asks(req, "type") == types.DashboardMeetingTypeLive.Code() {
		return Live
	}
	return rangeLife(req, answer)
}

// RunOps are the operations on one instance of a meeting, or of a webinar: both have the
// same.
type RunOps struct {
	Participants ListOp[RunParticipants, types.DashboardParticipant]
	QosList      ListOp[RunKey, types.ParticipantQos]
	Qos          Op[RunParticipantKey, types.ParticipantQos]
	Feedback     ListOp[RunKey, types.ParticipantFeedback]
	Sharing      ListOp[RunKey, types.ParticipantSharing]
}

func runOps(path string, webinar bool) RunOps {
	kind := "meeting"
	if webinar {
		kind = "webinar"
	}
	row := func(below, scope string, largest int) Spec {
		s := Spec{
			Pattern: "GET " + path + "/participants" + below, Rate: Heavy, Life: Closed, LifeOf: dashboardLife, AcceptsUUID: true,
			Scopes: dashboardRead(kind+"s") + strings.ReplaceAll(scope, "RUN", kind) + ":admin",
			Tags:   runTags(kind),
		}
		if largest > 0 {
			s.Array, s.MaxPage = "participants", largest
		}
		return s
	}
	run := func(in RunKey) types.DashboardRun {
		return types.DashboardRun{Name: in.Run, Kind: in.Type, Webinar: webinar}
	}
	return RunOps{
		Participants: list(row("", "list_RUN_participants", 300), func(in RunParticipants, p *types.DashboardParticipant) { p.Run = run(in.RunKey) }),
		QosList:      list(row("/qos", "list_RUN_participants_qos", 10), func(in RunKey, q *types.ParticipantQos) { q.Run = run(in) }),
		Qos:          op(row("/{participantId}/qos", "RUN_participant_qos", 0), func(in RunParticipantKey, q *types.ParticipantQos) { q.Run = run(in.RunKey) }),
		Feedback:     list[RunKey, types.ParticipantFeedback](row("/satisfaction", "post_RUN_feedback", 300)),
		Sharing:      list[RunKey, types.ParticipantSharing](row("/sharing", "RUN_sharing", 300)),
	}
}

// RunsOf returns the operations on an instance of a webinar, or of a meeting.
func RunsOf(webinar bool) *RunOps {
	if webinar {
		return &WebinarRuns
	}
	return &MeetingRuns
}

// FindQos returns the QoS figures of stays by their ids within the instance, in the order
// of the ids, at the least cost: ten per call, or one by one. whole requests the fields
// that only the call for one stay returns.
func FindQos(ctx context.Context, c *Client, run RunKey, webinar bool, ids []string, whole bool) []Found[types.ParticipantQos] {
	ops := RunsOf(webinar)
	d := directory[types.ParticipantQos]{
		one: ops.Qos.Spec, list: ops.QosList.Spec,
		keys: func(q *types.ParticipantQos) []string { return []string{string(q.InMeetingID)} },
		get: func(ctx context.Context, c *Client, id string) (*types.ParticipantQos, error) {
			return ops.Qos.Do(ctx, c, RunParticipantKey{run, id})
		},
		known: func(ctx context.Context, c *Client, id string) (Found[types.ParticipantQos], bool) {
			q, ok, err := ops.Qos.Known(ctx, c, RunParticipantKey{run, id})
			return Found[types.ParticipantQos]{q, err}, ok
		},
	}
	if !whole {
		d.listings = []*listing[types.ParticipantQos]{listingOf("qos "+run.Run, ops.QosList, run)}
	}
	return d.find(ctx, c, ids, nil)
}

// FindStays returns stays by their ids within the instance, in the order of the ids.
// Zoom has no operation for one stay, so the list is read until all are found.
func FindStays(ctx context.Context, c *Client, filter RunParticipants, webinar bool, ids []string) []Found[types.DashboardParticipant] {
	return findOnPages(ctx, c, RunsOf(webinar).Participants, filter, ids, func(p *types.DashboardParticipant) string { return string(p.InMeetingID) })
}

// ZoomRoomOn returns a room with the meetings held in it on some days: the first page of
// their list.
func ZoomRoomOn(ctx context.Context, c *Client, id string, days Days) (*ZoomRoom, error) {
	return GetZoomRoom.Do(ctx, c, listInput[ZoomRoomFilter]{Filter: ZoomRoomFilter{id, days}, Paging: Paging{Size: 30}})
}

// runTags are the tags of an instance's figures: they are evicted when the instance ends,
// and when a participant joins or leaves.
func runTags(kind string) []string {
	id := "{" + kind + "Id}"
	return []string{"instance:" + id, kind + ":" + id + ":instances", kind + ":" + id + ":dashboard"}
}

// The operations on the dashboard.
var (
	ListDashboardMeetings = list(Spec{
		Pattern: "GET /metrics/meetings", Rate: ResourceIntensive, Life: Closed, LifeOf: dashboardRangeLife, Months: dashboardMonths, Array: "meetings", MaxPage: 300,
		Scopes: dashboardRead("meetings") + "list_meetings:admin",
		Tags:   []string{"dashboard:meetings"},
	}, func(in DashboardMeetingFilter, m *types.DashboardMeeting) {
		m.Run = types.DashboardRun{Name: string(m.UUID), Kind: in.Type}
	})
	GetDashboardMeeting = op(Spec{
		Pattern: "GET /metrics/meetings/{meetingId}", Rate: Heavy, Life: Closed, LifeOf: dashboardLife, AcceptsUUID: true,
		Scopes: dashboardRead("meetings") + "meeting:admin",
		Tags:   runTags("meeting"),
	}, func(in RunKey, m *types.DashboardMeeting) { m.Run = types.DashboardRun{Name: in.Run, Kind: in.Type} })
	ListDashboardWebinars = list(Spec{
		Pattern: "GET /metrics/webinars", Rate: ResourceIntensive, Life: Closed, LifeOf: dashboardRangeLife, Months: dashboardMonths, Array: "webinars", MaxPage: 300,
		Scopes: dashboardRead("webinars") + "list_webinars:admin",
		Tags:   []string{"dashboard:webinars"},
	}, func(in DashboardFilter, w *types.DashboardWebinar) {
		w.Run = types.DashboardRun{Name: string(w.UUID), Kind: in.Type, Webinar: true}
	})
	GetDashboardWebinar = op(Spec{
		Pattern: "GET /metrics/webinars/{webinarId}", Rate: Heavy, Life: Closed, LifeOf: dashboardLife, AcceptsUUID: true,
		Scopes: dashboardRead("webinars") + "webinar:admin",
		Tags:   runTags("webinar"),
	}, func(in RunKey, w *types.DashboardWebinar) {
		w.Run = types.DashboardRun{Name: in.Run, Kind: in.Type, Webinar: true}
	})
	MeetingRuns = runOps("/metrics/meetings/{meetingId}", false)
	WebinarRuns = runOps("/metrics/webinars/{webinarId}", true)

	ListZoomRooms = list[struct{}, types.DashboardZoomRoom](Spec{
		Pattern: "GET /metrics/zoomrooms", Rate: ResourceIntensive, Life: Scheduled, Array: "zoom_rooms", MaxPage: 300,
		Scopes: dashboardRead("zr") + "list_zoomrooms:admin",
		Tags:   []string{"dashboard:zoomrooms"},
	})
	GetZoomRoom = op(Spec{
		Pattern: "GET /metrics/zoomrooms/{zoomroomId}", Rate: Heavy, Life: Scheduled, Months: dashboardMonths, Array: "past_meetings.meetings", MaxPage: 300,
		Scopes: dashboardRead("zr") + "zoomroom:admin",
		Tags:   []string{"dashboard:zoomrooms"},
	}, func(_ listInput[ZoomRoomFilter], r *ZoomRoom) {
		for _, m := range r.Past.Meetings {
			m.Run = types.DashboardRun{Name: string(m.UUID), Kind: types.DashboardMeetingTypePast}
		}
		if m := r.LiveMeeting; m != nil {
			m.Run = types.DashboardRun{Name: string(m.UUID), Kind: types.DashboardMeetingTypeLive}
		}
	})
	ListZoomRoomMeetings = within(GetZoomRoom, (*ZoomRoom).pastMeetings)
	GetZoomRoomIssues    = op[Days, ZoomRoomIssues](Spec{
		Pattern: "GET /metrics/zoomrooms/issues", Rate: Heavy, Life: Closed, LifeOf: dashboardRangeLife, Months: dashboardMonths,
		Scopes: dashboardRead("zr") + "issues_zoomroom:admin",
		Tags:   []string{"dashboard:zoomrooms"},
	})
	GetZoomRoomsWithIssues = op[Days, ZoomRoomsWithIssues](Spec{
		Pattern: "GET /metrics/issues/zoomrooms", Rate: Heavy, Life: Closed, LifeOf: dashboardRangeLife, Months: dashboardMonths,
		Scopes: dashboardRead("home") + "list_zoomrooms:admin",
		Tags:   []string{"dashboard:zoomrooms"},
	})
	ListZoomRoomIssueEvents = list[ZoomRoomFilter, types.ZoomRoomIssueEvent](Spec{
		Pattern: "GET /metrics/issues/zoomrooms/{zoomroomId}", Rate: Heavy, Life: Closed, LifeOf: dashboardRangeLife, Months: dashboardMonths, Array: "issue_details", MaxPage: 300,
		Scopes: dashboardRead("home") + "issues_zoomroom:admin",
		Tags:   []string{"dashboard:zoomrooms"},
	})

	ListChatUsage = list[Days, types.ChatUsage](Spec{
		Pattern: "GET /metrics/chat", Rate: ResourceIntensive, Life: Closed, LifeOf: dashboardRangeLife, Months: dashboardMonths, Array: "users", MaxPage: 300,
		Scopes: dashboardRead("im") + "chat:admin",
		Tags:   []string{"dashboard:chat"},
	})
	GetClientFeedback = op(Spec{
		Pattern: "GET /metrics/client/feedback", Rate: Heavy, Life: Closed, LifeOf: dashboardRangeLife, Months: dashboardMonths,
		Scopes: dashboardRead("home") + "list_meetings_feedback:admin",
		Tags:   []string{"dashboard:feedback"},
	}, func(in Days, out *ClientFeedbacks) {
		if named := out.Answered(); !named.From.IsZero() {
			in = named // the figures are about this range, which may differ from the requested one
		}
		for _, f := range out.Answers {
			f.From, f.To = in.From, in.To
		}
	})
	// ListClientFeedback has no documented largest page; its answers name 300.
	ListClientFeedback = list[ClientFeedbackFilter, types.ClientFeedbackEntry](Spec{
		Pattern: "GET /metrics/client/feedback/{feedbackId}", Rate: Heavy, Life: Closed, LifeOf: dashboardRangeLife, Months: dashboardMonths, Array: "client_feedback_details", MaxPage: 300,
		Scopes: dashboardRead("home") + "meeting_feedback:admin",
		Tags:   []string{"dashboard:feedback"},
	})
	GetClientSatisfaction = op[Days, ClientSatisfactions](Spec{
		Pattern: "GET /metrics/client/satisfaction", Rate: Heavy, Life: Closed, LifeOf: dashboardRangeLife, Months: dashboardMonths,
		Scopes: dashboardRead("home") + "meeting_survey:admin",
		Tags:   []string{"dashboard:feedback"},
	})
	GetClientVersions = op[struct{}, ClientVersions](Spec{
		Pattern: "GET /metrics/client_versions", Rate: Heavy, Life: Slow,
		Scopes: dashboardRead("home") + "client_versions:admin",
		Tags:   []string{"dashboard:client_versions"},
	})
	GetCrcPorts = op[Days, CrcPorts](Spec{
		Pattern: "GET /metrics/crc", Rate: Heavy, Life: Closed, LifeOf: dashboardRangeLife, Months: dashboardMonths,
		Scopes: dashboardRead("crc") + "crc_port_usage:admin",
		Tags:   []string{"dashboard:crc"},
	})
	GetQuality = op[QualityFilter, types.QualityScores](Spec{
		Pattern: "GET /metrics/quality", Rate: Heavy, Life: Closed, LifeOf: dashboardRangeLife, Months: dashboardMonths, Key: []string{"quality"},
		Scopes: dashboardRead("home") + "meeting_quality_score:admin",
		Tags:   []string{"dashboard:quality"},
	})
)
