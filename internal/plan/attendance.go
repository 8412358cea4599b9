package plan

import (
	"zoomql/internal/selection"
	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

const (
	// MaxStays is how many rows of an instance are read to tell who attended. A webinar of
	// Zoom's has some thousand places.
	MaxStays = 30_000
	// MaxRuns is how many instances of a meeting are looked at for who attended these.
	MaxRuns = 100
)

// WaysToAttendees and WaysToStays lead from an attendance, or from a connection to its
// attendees, to these and to their stays.
var (
	WaysToAttendees = []string{"nodes", "edges.node", "attendees.nodes", "attendees.edges.node"}
	WaysToStays     = []string{"nodes.stays", "edges.node.stays", "attendees.nodes.stays", "attendees.edges.node.stays"}
)

// AttendanceSources are where stays may be read to tell who attended, in the order in which
// they are tried, by [ParticipantSource]'s rule: the cheapest that tells what is selected of
// attendees and of their stays, and then those that the plan may include where it does not
// include that one.
func AttendanceSources(wish *types.AttendanceSource, webinar, sub bool, attendee map[string]bool, stays *selection.Needs) []types.AttendanceSource {
	cheap := []types.AttendanceSource{types.AttendanceSourcePastMeeting}
	if sub {
		cheap = nil // of sub accounts Zoom has no past meetings
	}
	switch {
	case wish != nil:
		return []types.AttendanceSource{*wish}
	case webinar:
		return []types.AttendanceSource{types.AttendanceSourcePastWebinar}
	case attendee["phones"] || attendee["devices"]:
		return append([]types.AttendanceSource{types.AttendanceSourceDashboard, types.AttendanceSourceReport}, cheap...)
	case sub, attendee["customerKey"], stays.NeverIn(zoom.ListPastParticipants.Pattern):
		return append([]types.AttendanceSource{types.AttendanceSourceReport}, cheap...)
	}
	return cheap
}

// attended is who attended an instance, as a list of attendees or as an attendance.
func (w *walk) attended(e *edge) {
	attendee := w.index.Needs(w.opCtx, e.field.Selections, "Attendee", WaysToAttendees...).Names
	stays := w.index.Needs(w.opCtx, e.field.Selections, "Participant", WaysToStays...)
	var wish *types.AttendanceSource
	if text, ok := e.args["source"].(string); ok {
		wish = (*types.AttendanceSource)(&text)
	}
	webinar := e.def.Name == "WebinarReport"
	at := w.below(e, e.target())
	w.stays(e, &at, AttendanceSources(wish, webinar, e.isSub(), attendee, stays), webinar, 1, 1)
	if e.field.Definition.Arguments.ForName("first") != nil {
		w.cut(e, &at)
		return
	}
	w.objects(&at, e.field.Selections)
}

// attendedAll is who attended the instances of a meeting.
func (w *walk) attendedAll(e *edge) {
	at := w.below(e, e.target())
	at.under = w.step(e.place, zoom.ListInstances.Spec, e.path, e.most, e.likely, each(e.most, "the instances of the meeting"))
	at.trips++
	w.stays(e, &at, AttendanceSources(nil, false, e.isSub(), nil, &selection.Needs{}), false, MaxRuns, Listed)
	if isList(e.field.Definition.Type) {
		at = w.many(at)
	}
	w.objects(&at, e.field.Selections)
}

// stays notes the reading of so many instances for each object, and of what names these and
// their schedule.
func (w *walk) stays(e *edge, at *place, sources []types.AttendanceSource, webinar bool, runs, likely int) {
	for i, source := range sources {
		op, why := stayOps(source, webinar), "who was there"
		if i > 0 {
			likely, why = 0, "where the plan does not include the source above"
		}
		pages := ceil(MaxStays, max(op.MaxPage, 1)) + 1
		s := w.step(at, op, e.path, w.times(e.most, runs*pages), w.times(e.likely, likely), why)
		if i == 0 {
			at.under, at.read = s, op.Pattern
			at.trips++
		}
	}
	own := zoom.GetPastMeeting.Pattern
	if webinar {
		own = zoom.GetWebinarReport.Pattern
	}
	schedule := zoom.GetMeeting.Pattern
	if webinar {
		schedule = zoom.GetWebinar.Pattern
	}
	for _, name := range []string{own, schedule} {
		w.step(e.place, w.in(e.account, name), e.path, w.times(e.most, runs), 0, "which meeting it was, and when it was planned, where that is selected")
	}
}

// stayOps is the operation that reads a source.
func stayOps(source types.AttendanceSource, webinar bool) *zoom.Spec {
	switch source {
	case types.AttendanceSourcePastWebinar:
		return zoom.ListWebinarParticipants.Spec
	case types.AttendanceSourceReport:
		return zoom.ListReportParticipants.Spec
	case types.AttendanceSourceDashboard:
		return zoom.RunsOf(webinar).Participants.Spec
	}
	return zoom.ListPastParticipants.Spec
}

// cutOut is a page of attendees that are at hand.
func (w *walk) cutOut(e *edge) {
	at := *e.place
	w.cut(e, &at)
}

// cut goes on with the items of a page that is cut out of what was read.
func (w *walk) cut(e *edge, at *place) {
	first, refused := e.first()
	if refused {
		return
	}
	items := *at
	items.path, items.of, items.row, items.asked = e.path, e.most, "", nil
	items.most, items.likely = w.times(e.most, first), w.times(e.likely, first)
	w.page(e, at, &items)
}

// absent is a page of registrants who did not attend: all of them are read.
func (w *walk) absent(e *edge) {
	first, refused := e.first()
	if refused {
		return
	}
	at := *e.place
	at.path = e.path
	for _, name := range []string{zoom.GetPastMeeting.Pattern, zoom.GetWebinarReport.Pattern} {
		w.step(e.place, w.in(e.account, name), e.path, e.most, 0, "which meeting it was")
	}
	for i, op := range []*zoom.Spec{zoom.ListRegistrants.Spec, zoom.ListWebinarRegistrants.Spec} {
		pages := ceil(MaxStays, op.MaxPage) + 1
		items := at
		likely := e.likely
		if i > 0 {
			likely = 0 // of meetings mostly
		}
		items.under = w.step(&at, op, e.path, w.times(e.most, pages), likely, "who had registered")
		items.read, items.row, items.of, items.trips = op.Pattern, op.Pattern, e.most, e.trips+1
		items.most, items.likely = w.times(e.most, first), w.times(likely, first)
		w.connection(e, op, &items)
	}
}
