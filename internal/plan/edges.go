package plan

import (
	"slices"

	"zoomql/internal/zoom"
)

// The directives @zoom and @source name the calls of most fields. The tables here have the rest:
// the operation that returns an object, the one that returns what the items of a list lack, and
// which of several operations a field calls.

// target is how the objects of a type are read that edges lead to.
type target struct {
	// one is the pattern of the operation that returns one object.
	one string
	// keyed reports that an object is not read if only its key and edges are selected.
	keyed bool
}

var targets = map[string]target{
	"Account":           {one: zoom.GetAccount.Pattern},
	"DashboardMeeting":  {zoom.GetDashboardMeeting.Pattern, true},
	"DashboardWebinar":  {zoom.GetDashboardWebinar.Pattern, true},
	"DashboardZoomRoom": {zoom.GetZoomRoom.Pattern, true},
	"Group":             {zoom.GetGroup.Pattern, true},
	"Meeting":           {zoom.GetMeeting.Pattern, true},
	"MeetingInstance":   {zoom.GetPastMeeting.Pattern, true},
	"Role":              {zoom.GetRole.Pattern, true},
	"Survey":            {zoom.GetSurvey.Pattern, true},
	"User":              {one: zoom.GetUser.Pattern},
	"Webinar":           {zoom.GetWebinar.Pattern, true},
	"WebinarReport":     {zoom.GetWebinarReport.Pattern, true},
}

// byNumber are the edges that may name an instance by the number of its meeting or webinar: it may
// have to be read for its own key.
var byNumber = setOf(
	"Meeting.latestInstance", "Query.meetingInstance", "Account.meetingInstance", "Query.node", "Query.nodes",
	"Dashboard.meeting", "Dashboard.webinar", "Meeting.dashboard", "MeetingInstance.dashboard", "MeetingInstance.webinarDashboard",
	"AccountReports.webinar", "Webinar.report",
)

// detailOps are the operations that return what the items of a list lack, by the list's operation.
var detailOps = map[string]string{
	zoom.GetZoomRoom.Pattern:            zoom.GetDashboardMeeting.Pattern, // of the meetings in the room
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

// parentOps are the operations that edges call besides those of their @zoom: they return the object
// that the edge is a field of, if only its key is known.
var parentOps = map[string][]string{
	"Account.owner":                       {zoom.GetAccount.Pattern},
	"Meeting.host":                        {zoom.GetMeeting.Pattern},
	"MeetingInstance.host":                {zoom.GetPastMeeting.Pattern},
	"MeetingInstance.meeting":             {zoom.GetPastMeeting.Pattern},
	"MeetingInstance.polls":               {zoom.GetPastMeeting.Pattern},
	"MeetingInstance.qa":                  {zoom.GetPastMeeting.Pattern},
	"MeetingInstance.summary":             {zoom.GetPastMeeting.Pattern},
	"MeetingInstance.survey":              {zoom.GetPastMeeting.Pattern},
	"Participant.registrant":              {zoom.GetPastMeeting.Pattern, zoom.GetWebinarReport.Pattern},
	"Attendee.registrant":                 {zoom.GetPastMeeting.Pattern, zoom.GetWebinarReport.Pattern},
	"MeetingAttendee.registrant":          {zoom.GetPastMeeting.Pattern},
	"Webinar.host":                        {zoom.GetWebinar.Pattern},
	"DashboardMeeting.meeting":            {zoom.GetPastMeeting.Pattern, zoom.GetDashboardMeeting.Pattern},
	"DashboardWebinar.webinar":            {zoom.GetDashboardWebinar.Pattern},
	"WebinarReportParticipant.registrant": {zoom.GetWebinarReport.Pattern},
	"DashboardParticipant.registrant":     {zoom.GetPastMeeting.Pattern, zoom.GetDashboardMeeting.Pattern, zoom.GetDashboardWebinar.Pattern},
}

// ofInstance are the edges whose parentOps are called for the instance that their objects are
// listed in: once for each list, not for each object.
var ofInstance = setOf("Participant.registrant", "WebinarReportParticipant.registrant", "DashboardParticipant.registrant")

// parentEdges are the edges that need a field of their object besides its key.
var parentEdges = setOf(
	"Account.owner", "Meeting.host", "Webinar.host", "MeetingInstance.host", "MeetingInstance.meeting",
	"MeetingInstance.summary", "DashboardMeeting.meeting", "DashboardMeeting.host", "DashboardMeeting.instance",
	"DashboardWebinar.webinar", "DashboardWebinar.host", "WebinarReport.host", "WebinarReport.webinar", "User.groups", "User.role",
)

func needsParent(e *edge) bool { return parentEdges[e.name()] }

// parentSuffices reports whether the objects were read by an operation that returns what the edge
// needs of them: all do, except for the lists of instances, which lack the host.
func (e *edge) parentSuffices() bool {
	ofInstances := e.read == zoom.ListInstances.Pattern || e.read == zoom.ListWebinarInstances.Pattern
	return needsParent(e) && e.read != "" && (!ofInstances || e.field.Name != "host")
}

// monthly are the operations that are called for each month of a range of days.
var monthly = setOf(
	zoom.GetClientSatisfaction.Pattern, zoom.GetCrcPorts.Pattern, zoom.GetZoomRoom.Pattern, zoom.ListActivities.Pattern,
	zoom.ListClientFeedback.Pattern, zoom.ListCloudRecordingUsage.Pattern, zoom.ListDashboardMeetings.Pattern,
	zoom.ListDashboardWebinars.Pattern, zoom.ListHostActivity.Pattern, zoom.ListOperationLogs.Pattern,
	zoom.ListPastMeetings.Pattern, zoom.ListPhoneRecordings.Pattern, zoom.ListTelephoneCalls.Pattern,
	zoom.ListUpcomingEvents.Pattern, zoom.ListZoomRoomIssueEvents.Pattern,
)

// ofHosts are the lists of the meetings and webinars that a user hosts.
var ofHosts = setOf(zoom.ListMeetings.Pattern, zoom.ListWebinars.Pattern)

func setOf(names ...string) map[string]bool {
	set := make(map[string]bool, len(names))
	for _, name := range names {
		set[name] = true
	}
	return set
}

// windows returns the number of listings that the range of days of an edge is cut into; 0 if the
// range is rejected or nothing of it is read.
func (w *walk) windows(e *edge, op *zoom.Spec) int {
	if !monthly[op.Pattern] || e.field.Definition.Arguments.ForName("from") == nil {
		return 1
	}
	if kind, ok := e.args["type"].(string); ok && kind == "LIVE" {
		return 1 // the range does not apply to live meetings
	}
	return windows(op, Span{dayOf(e.args["from"]), dayOf(e.args["to"])}, w.Now.UTC().Truncate(day))
}

// pair is the operation that returns one object, and the one that lists objects of its kind.
type pair struct {
	one, list *zoom.Spec
	limit     int // the maximum number of objects in the list; 0 if it is unknown
}

var pairs = map[string]pair{
	zoom.GetUser.Pattern:              {one: zoom.GetUser.Spec, list: zoom.ListUsers.Spec},
	zoom.GetRegistrant.Pattern:        {one: zoom.GetRegistrant.Spec, list: zoom.ListRegistrants.Spec},
	zoom.GetWebinarRegistrant.Pattern: {one: zoom.GetWebinarRegistrant.Spec, list: zoom.ListWebinarRegistrants.Spec},
	zoom.GetRole.Pattern:              {one: zoom.GetRole.Spec, list: zoom.ListRoles.Spec},
	zoom.GetGroup.Pattern:             {zoom.GetGroup.Spec, zoom.ListGroups.Spec, zoom.MaxGroups},
	zoom.MeetingRuns.Qos.Pattern:      {one: zoom.MeetingRuns.Qos.Spec, list: zoom.MeetingRuns.QosList.Spec},
	zoom.WebinarRuns.Qos.Pattern:      {one: zoom.WebinarRuns.Qos.Spec, list: zoom.WebinarRuns.QosList.Spec},
}

// isListOf reports whether an operation lists the objects that one of all returns. Such a list is
// shared by all places (see addPoolLists).
func isListOf(all []string, name string) bool {
	return slices.ContainsFunc(all, func(one string) bool { p, ok := pairs[one]; return ok && p.list.Pattern == name })
}
