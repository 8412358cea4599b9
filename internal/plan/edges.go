package plan

import (
	"slices"

	"zoomql/internal/zoom"
)

// What the schema says of a field, by @zoom and @source, is what most fields cost. The
// tables here have what it does not say: what an object is read by, which lists can be
// completed, and which of several calls a field leads to.

// target is a type that edges lead to.
type target struct {
	// one is the operation that reads an object by itself.
	one string
	// keyed says that an object of which nothing but edges is selected is not read.
	keyed bool
}

var targets = map[string]target{
	"Account":           {one: zoom.GetAccount.Pattern},
	"DashboardMeeting":  {zoom.GetDashboardMeeting.Pattern, true},
	"DashboardWebinar":  {zoom.GetDashboardWebinar.Pattern, true},
	"DashboardZoomRoom": {zoom.GetZoomRoom.Pattern, true},
	"Meeting":           {zoom.GetMeeting.Pattern, true},
	"MeetingInstance":   {zoom.GetPastMeeting.Pattern, true},
	"Role":              {zoom.GetRole.Pattern, true},
	"Survey":            {zoom.GetSurvey.Pattern, true},
	"User":              {one: zoom.GetUser.Pattern},
	"Webinar":           {zoom.GetWebinar.Pattern, true},
	"WebinarReport":     {zoom.GetWebinarReport.Pattern, true},
}

// latest are the edges that may name an object by the number of what was run, so that its
// own key is to be read.
var latest = setOf(
	"Meeting.latestInstance", "Query.meetingInstance", "Account.meetingInstance", "Query.node", "Query.nodes",
	"Dashboard.meeting", "Dashboard.webinar", "Meeting.dashboard", "MeetingInstance.dashboard", "MeetingInstance.webinarDashboard",
	"AccountReports.webinar", "Webinar.report",
)

// wholes are the operations that complete the items of lists, by the list's.
var wholes = map[string]string{
	zoom.GetZoomRoom.Pattern:            zoom.GetDashboardMeeting.Pattern, // of the meetings in it
	zoom.ListDashboardMeetings.Pattern:  zoom.GetDashboardMeeting.Pattern,
	zoom.ListDashboardWebinars.Pattern:  zoom.GetDashboardWebinar.Pattern,
	zoom.ListInstances.Pattern:          zoom.GetPastMeeting.Pattern,
	zoom.ListMeetings.Pattern:           zoom.GetMeeting.Pattern,
	zoom.ListPastMeetings.Pattern:       zoom.GetPastMeeting.Pattern,
	zoom.ListRoles.Pattern:              zoom.GetRole.Pattern,
	zoom.ListSubAccounts.Pattern:        zoom.GetAccount.Pattern,
	zoom.ListSurveys.Pattern:            zoom.GetSurvey.Pattern,
	zoom.ListUsers.Pattern:              zoom.GetUser.Pattern,
	zoom.ListWebinarInstances.Pattern:   zoom.GetWebinarReport.Pattern,
	zoom.ListWebinarRegistrants.Pattern: zoom.GetWebinarRegistrant.Pattern,
	zoom.ListWebinars.Pattern:           zoom.GetWebinar.Pattern,
	zoom.ListZoomRooms.Pattern:          zoom.GetZoomRoom.Pattern,
	zoom.MeetingRuns.QosList.Pattern:    zoom.MeetingRuns.Qos.Pattern,
}

// leans are operations that edges ask by which the schema does not name: those that read
// the object that the edge is of, where it is known by key alone.
var leans = map[string][]string{
	"Account.owner":                   {zoom.GetAccount.Pattern},
	"Meeting.host":                    {zoom.GetMeeting.Pattern},
	"MeetingInstance.host":            {zoom.GetPastMeeting.Pattern},
	"MeetingInstance.meeting":         {zoom.GetPastMeeting.Pattern},
	"MeetingInstance.polls":           {zoom.GetPastMeeting.Pattern},
	"MeetingInstance.qa":              {zoom.GetPastMeeting.Pattern},
	"MeetingInstance.summary":         {zoom.GetPastMeeting.Pattern},
	"MeetingInstance.survey":          {zoom.GetPastMeeting.Pattern},
	"Participant.registrant":          {zoom.GetPastMeeting.Pattern, zoom.GetWebinarReport.Pattern},
	"Attendee.registrant":             {zoom.GetPastMeeting.Pattern, zoom.GetWebinarReport.Pattern},
	"MeetingAttendee.registrant":      {zoom.GetPastMeeting.Pattern},
	"Webinar.host":                    {zoom.GetWebinar.Pattern},
	"DashboardMeeting.meeting":        {zoom.GetPastMeeting.Pattern, zoom.GetDashboardMeeting.Pattern},
	"DashboardWebinar.webinar":        {zoom.GetDashboardWebinar.Pattern},
	"DashboardParticipant.registrant": {zoom.GetPastMeeting.Pattern, zoom.GetDashboardMeeting.Pattern, zoom.GetDashboardWebinar.Pattern},
}

// ofRun are the edges that hang on the instance whose list their objects are in.
var ofRun = setOf("Participant.registrant", "DashboardParticipant.registrant")

// keyed are the edges that cannot be followed by the key of their object.
var keyed = setOf(
	"Account.owner", "Meeting.host", "Webinar.host", "MeetingInstance.host", "MeetingInstance.meeting",
	"MeetingInstance.summary", "DashboardMeeting.meeting", "DashboardMeeting.host", "DashboardMeeting.instance",
	"DashboardWebinar.webinar", "DashboardWebinar.host", "WebinarReport.host", "WebinarReport.webinar", "User.role",
)

func isKeyed(e *edge) bool { return keyed[e.def.Name+"."+e.field.Name] }

// tells reports whether what was read of the objects tells what the edge hangs on: all
// operations do, but for lists of instances, which have no hosts.
func (e *edge) tells() bool {
	ofInstances := e.read == zoom.ListInstances.Pattern || e.read == zoom.ListWebinarInstances.Pattern
	return isKeyed(e) && e.read != "" && (!ofInstances || e.field.Name != "host")
}

// monthly are the operations that are asked about a range of days month by month.
var monthly = setOf(
	zoom.GetClientSatisfaction.Pattern, zoom.GetCrcPorts.Pattern, zoom.GetZoomRoom.Pattern, zoom.ListActivities.Pattern,
	zoom.ListClientFeedback.Pattern, zoom.ListCloudRecordingUsage.Pattern, zoom.ListDashboardMeetings.Pattern,
	zoom.ListDashboardWebinars.Pattern, zoom.ListHostActivity.Pattern, zoom.ListOperationLogs.Pattern,
	zoom.ListPastMeetings.Pattern, zoom.ListPhoneRecordings.Pattern, zoom.ListTelephoneCalls.Pattern,
	zoom.ListUpcomingEvents.Pattern, zoom.ListZoomRoomIssueEvents.Pattern,
)

// ofHosts are the lists of what a user hosts.
var ofHosts = setOf(zoom.ListMeetings.Pattern, zoom.ListWebinars.Pattern)

func setOf(names ...string) map[string]bool {
	set := make(map[string]bool, len(names))
	for _, name := range names {
		set[name] = true
	}
	return set
}

// windows returns how many listings an edge costs by its range of days; 0 where it is
// refused, or asks for nothing.
func (w *walk) windows(e *edge, op *zoom.Spec) int {
	if !monthly[op.Pattern] || e.field.Definition.Arguments.ForName("from") == nil {
		return 1
	}
	if kind, ok := e.args["type"].(string); ok && kind == "LIVE" {
		return 1 // what goes on has no range of the caller's
	}
	return windows(op, Span{dayOf(e.args["from"]), dayOf(e.args["to"])}, w.Now.UTC().Truncate(day))
}

// pair is an object's own operation, and a list that many of its kind are found in.
type pair struct{ one, list *zoom.Spec }

var pairs = map[string]pair{
	zoom.GetUser.Pattern:              {zoom.GetUser.Spec, zoom.ListUsers.Spec},
	zoom.GetRegistrant.Pattern:        {zoom.GetRegistrant.Spec, zoom.ListRegistrants.Spec},
	zoom.GetWebinarRegistrant.Pattern: {zoom.GetWebinarRegistrant.Spec, zoom.ListWebinarRegistrants.Spec},
	zoom.GetRole.Pattern:              {zoom.GetRole.Spec, zoom.ListRoles.Spec},
	zoom.MeetingRuns.Qos.Pattern:      {zoom.MeetingRuns.Qos.Spec, zoom.MeetingRuns.QosList.Spec},
	zoom.WebinarRuns.Qos.Pattern:      {zoom.WebinarRuns.Qos.Spec, zoom.WebinarRuns.QosList.Spec},
}

// isListOf reports whether an operation is the list of another one's kind, which is shared
// by all places (see share).
func isListOf(all []string, name string) bool {
	return slices.ContainsFunc(all, func(one string) bool { p, ok := pairs[one]; return ok && p.list.Pattern == name })
}
