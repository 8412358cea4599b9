package plan

import (
	"slices"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"zoomql/internal/selection"
	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

const (
	// MaxStays is the largest number of rows of an instance that are read for its attendance. A
	// webinar at Zoom has some thousand seats.
	MaxStays = 30_000
	// MaxRuns is the largest number of instances of a meeting that are read for their attendance.
	MaxRuns = 100
)

// WaysToAttendees and WaysToStays are the paths from an attendance, or from a connection to its
// attendees, to the attendees and to their stays.
var (
	WaysToAttendees = []string{"nodes", "edges.node", "attendees.nodes", "attendees.edges.node"}
	WaysToStays     = []string{"nodes.stays", "edges.node.stays", "attendees.nodes.stays", "attendees.edges.node.stays"}
)

// AttendanceSources returns the sources of an instance's stays, in the order in which they are
// tried: the one that the caller chose, if it is not nil; otherwise the cheapest that has the
// selected fields of attendees and of their stays, followed by those that are read if the account's
// plan does not include it. sub reports that the instance is of a sub account.
func AttendanceSources(chosen *types.AttendanceSource, webinar, sub bool, attendee map[string]bool, stays *selection.Needs) []types.AttendanceSource {
	past, cheap := zoom.ListPastParticipants.Pattern, []types.AttendanceSource{types.AttendanceSourcePastMeeting}
	if webinar {
		past, cheap = zoom.ListWebinarParticipants.Pattern, []types.AttendanceSource{types.AttendanceSourcePastWebinar}
	}
	if sub {
		cheap = nil // Zoom has no past meetings of sub accounts
	}
	switch {
	case chosen != nil:
		return []types.AttendanceSource{*chosen}
	case attendee["phones"] || attendee["devices"]:
		return append([]types.AttendanceSource{types.AttendanceSourceDashboard, types.AttendanceSourceReport}, cheap...)
	case sub, attendee["customerKey"], stays.NeverIn(past):
		return append([]types.AttendanceSource{types.AttendanceSourceReport}, cheap...)
	}
	return cheap
}

// attended adds the steps of the attendance of an instance, or of a connection to its attendees.
func (w *walk) attended(e *edge) {
	attendee := w.index.Needs(w.opCtx, e.field.Selections, "Attendee", WaysToAttendees...).Names
	stays := w.index.Needs(w.opCtx, e.field.Selections, "Participant", WaysToStays...)
	var chosen *types.AttendanceSource
	if text, ok := e.args["source"].(string); ok {
		chosen = (*types.AttendanceSource)(&text)
	}
	followed := e.def == w.index.Subscription()
	webinar := e.def.Name == "WebinarReport" || followed && e.args["webinar"] != nil
	at := w.below(e, e.target())
	sources := AttendanceSources(chosen, webinar, e.isSub(), attendee, stays)
	switch {
	case followed: // from events, unless the argument names a past instance
		if past := at; !webinar {
			w.stays(e, &past, sources, webinar, 1, 0)
		}
		at.read = zoom.ListReportParticipants.Pattern
	case sources[0] == types.AttendanceSourceEvents: // events cost no call
		at.read = zoom.ListReportParticipants.Pattern
	default:
		w.stays(e, &at, sources, webinar, 1, 1)[0].requiredFor(e)
	}
	roles := w.fieldPaths(e, WaysToAttendees, "role")
	if likely := e.likely; webinar && roles != nil {
		if sources[0] == types.AttendanceSourceDashboard {
			likely = 0 // the dashboard has the role
		}
		s := w.step(&at, zoom.ListPanelists.Spec, e.path, e.most, likely, each(e.most, "the panelists, for the role"))
		if s.Listed = true; likely > 0 {
			s.Fields = roles
		}
	}
	late := slices.Concat(w.fieldPaths(e, WaysToAttendees, "late", "leftEarly"), w.fieldPaths(e, []string{"totals"}, "late", "leftEarly"), w.fieldPaths(e, []string{""}, "scheduledStart", "scheduledEnd", "absentees"))
	if !webinar || sources[0] == types.AttendanceSourceDashboard {
		roles = nil
	}
	numbered := followed || e.read != "" && e.read != zoom.ListInstances.Pattern && e.read != zoom.ListWebinarInstances.Pattern
	w.schedule(e, numbered, webinar, 1, 1, late, roles)
	if numbered || len(late)+len(roles) > 0 {
		at.noted = []string{w.patternIn(e.account, instanceOp(webinar))}
	}
	if e.field.Definition.Arguments.ForName("first") != nil {
		w.pageOf(e, &at)
		return
	}
	w.objects(&at, e.field.Selections)
}

// attendedAll adds the steps of the attendance of all instances of a meeting or webinar. A
// registrant that was not read from a list may be of either.
func (w *walk) attendedAll(e *edge) {
	if e.def.Name == "Registrant" && e.row != "" { // those of a list are of one meeting
		of := *e.place
		of.most, of.likely = e.parents, min(e.likely, e.parents)
		shared := *e
		shared.place = &of
		e = &shared
	}
	at := w.below(e, e.target())
	ofWebinar := e.def.Name == "Webinar" || e.row == zoom.ListWebinarRegistrants.Pattern || e.row == zoom.ListAbsentees.Pattern
	kinds := []bool{ofWebinar}
	if e.def.Name == "Registrant" && e.row == "" {
		kinds = []bool{false, true}
	}
	late := w.fieldPaths(e, []string{"attendees.nodes.presences", "attendees.edges.node.presences"}, "late", "leftEarly")
	if e.def.Name == "Registrant" {
		late = w.fieldPaths(e, []string{""}, "late", "leftEarly")
	}
	var steps []*Step
	for i, webinar := range kinds {
		op, one := zoom.ListInstances.Spec, *e
		if webinar {
			op = zoom.ListWebinarInstances.Spec
		}
		own := *e.place
		if one.place = &own; i > 0 {
			own.likely = 0 // most are of meetings
		}
		below, list := at, w.step(&own, op, e.path, e.most, own.likely, each(e.most, "the instances"))
		below.step = list
		below.trips++
		who := w.stays(&one, &below, AttendanceSources(nil, webinar, e.isSub(), nil, &selection.Needs{}), webinar, MaxRuns, Listed)
		steps = append(steps, list, who[0])
		w.schedule(&one, true, webinar, MaxRuns, 1, late, nil)
		if i == 0 {
			at = below
		}
	}
	w.requiredForEither(e, steps)
	if isList(e.field.Definition.Type) {
		at = w.asLists(at)
	}
	w.objects(&at, e.field.Selections)
}

// userInstance adds the steps of the instance that a row of the report on a user is about. The row
// does not have its host.
func (w *walk) userInstance(e *edge) {
	want := w.index.Needs(w.opCtx, e.field.Selections, "MeetingInstance")
	if want.Lacks(zoom.ListPastMeetings.Pattern) || want.Names["hostName"] || want.Names["hostEmail"] {
		w.one(e)
		return
	}
	at := w.below(e, "MeetingInstance")
	at.read = ""
	w.objects(&at, e.field.Selections)
}

// userPresence adds the steps of a user's presence in an instance of a meeting or webinar: its stays
// are read.
func (w *walk) userPresence(e *edge) {
	at := w.below(e, e.target())
	late := w.fieldPaths(e, []string{""}, "late", "leftEarly")
	var steps []*Step
	for i, webinar := range []bool{false, true} {
		one, own, below := *e, *e.place, at
		if one.place = &own; i > 0 {
			own.likely = 0 // most are of meetings
		}
		steps = append(steps, w.stays(&one, &below, AttendanceSources(nil, webinar, e.isSub(), nil, &selection.Needs{}), webinar, 1, 1)[0])
		w.schedule(&one, true, webinar, 1, 1, late, nil)
		if i == 0 {
			at = below
		}
	}
	w.requiredForEither(e, steps)
	w.objects(&at, e.field.Selections)
}

// instances adds the steps of a page of the instances of a meeting or webinar, which Zoom returns in
// one answer.
func (w *walk) instances(e *edge) {
	first, refused := e.first()
	if refused {
		return
	}
	op := w.firstOp(e)
	items := *e.place
	items.path, items.noted, items.parents, items.trips = e.path, nil, e.most, e.trips+1
	items.step = w.step(e.place, op, e.path, e.most, e.likely, each(e.most, "the list has no pages"))
	items.read, items.row = op.Pattern, op.Pattern
	items.most, items.likely = w.times(e.most, first), w.times(e.likely, first)
	w.connection(e, op, &items)
}

// webinarAbsentees adds the steps of Zoom's list of the registrants who were absent from an instance
// of a webinar.
func (w *walk) webinarAbsentees(e *edge) {
	at := *e.place
	w.parentCall(e, &at, zoom.GetWebinarReport.Spec, false)
	w.list(e, zoom.ListAbsentees.Spec)
}

// absentPanelists adds the steps of the panelists who did not attend: all panelists are read.
func (w *walk) absentPanelists(e *edge) {
	if !ofWebinars[e.read] {
		return // meetings have no panelists
	}
	w.meetingOf(e)
	w.items(e, zoom.ListPanelists.Spec)
}

// meetingOf adds, once for all edges, the call that returns the number of an instance's meeting or
// webinar.
func (w *walk) meetingOf(e *edge) {
	own := w.opIn(e.account, instanceOp(ofWebinars[e.read]))
	if slices.Contains(e.noted, own.Pattern) {
		return
	}
	e.noted = append(e.noted, own.Pattern)
	w.step(e.place, own, e.path, e.most, e.likely, "the number of its meeting or webinar")
	e.trips++
}

// stays adds the reading of the stays of instances: for each object, instances at most, of which
// likely are expected. It returns the steps of the sources, in the order in which they are tried.
func (w *walk) stays(e *edge, at *place, sources []types.AttendanceSource, webinar bool, instances, likely int) []*Step {
	steps := make([]*Step, len(sources))
	for i, source := range sources {
		op, why := staysOp(source, webinar), "the stays"
		if i > 0 {
			likely, why = 0, "if the plan does not include the source above"
		}
		pages := ceil(MaxStays, max(op.MaxPage, 1)) + 1
		steps[i] = w.step(at, op, e.path, w.times(e.most, instances*pages), w.times(e.likely, likely), why)
		if i > 0 {
			steps[i-1].Instead = op
		}
	}
	at.step, at.read = steps[0], steps[0].Op.Pattern
	at.trips++
	return steps
}

// schedule adds the calls for the scheduled times of instances, and for the meetings that they are
// of. late are the paths of the fields that need the schedule, and roles those of the fields that
// need the host of a webinar. numbered reports that the number of the meeting or webinar is known.
func (w *walk) schedule(e *edge, numbered, webinar bool, instances, likely int, late, roles []string) {
	op, fields := zoom.GetMeeting.Spec, slices.Concat(late, roles)
	if webinar {
		op = zoom.GetWebinar.Spec
	}
	most, number := w.times(e.most, instances), w.times(e.likely, likely)
	if numbered || fields == nil {
		number = 0
	}
	w.step(e.place, w.opIn(e.account, instanceOp(webinar)), e.path, most, number, "the number of its meeting, and why nobody is listed")
	if fields == nil {
		return
	}
	s := w.step(e.place, w.opIn(e.account, op.Pattern), e.path, most, w.times(e.likely, likely), "when it was scheduled, and whether people register for single dates")
	s.Fields, s.Listed = fields, true
	if w.noteTrips(e.trips + 2); number > 0 {
		w.noteTrips(e.trips + 3)
	}
}

// instanceOp returns the pattern of the operation that returns one instance.
func instanceOp(webinar bool) string {
	if webinar {
		return zoom.GetWebinarReport.Pattern
	}
	return zoom.GetPastMeeting.Pattern
}

// fieldPaths returns the paths in the answer of the selected fields with these names, along ways from
// the selection of an edge; "" is the selection itself.
func (w *walk) fieldPaths(e *edge, ways []string, names ...string) (paths []string) {
	for _, way := range ways {
		var steps []string
		if way != "" {
			steps = strings.Split(way, ".")
		}
		paths = append(paths, w.fieldPathsIn(e.field.Selections, e.path, steps, names)...)
	}
	return paths
}

func (w *walk) fieldPathsIn(set ast.SelectionSet, path string, way, names []string) (paths []string) {
	for _, f := range graphql.CollectFields(w.opCtx, set, nil) {
		switch {
		case len(way) == 0 && slices.Contains(names, f.Name):
			paths = append(paths, join(path, f.Alias))
		case len(way) > 0 && f.Name == way[0]:
			paths = append(paths, w.fieldPathsIn(f.Selections, join(path, f.Alias), way[1:], names)...)
		}
	}
	return paths
}

// requiredForEither records that the field of an edge is null without steps. If its objects may be of
// meetings or of webinars, the second half of steps is that of webinars, and either half suffices.
func (w *walk) requiredForEither(e *edge, steps []*Step) {
	half := len(steps) / 2
	for i, s := range steps {
		s.requiredFor(e)
		if e.def.Name != "Registrant" && e.def.Name != "UserAttendance" || e.row != "" && e.def.Name == "Registrant" {
			continue
		}
		s.Or = steps[(i+half)%len(steps)].Op
	}
}

// staysOp returns the operation that reads the stays of a source.
func staysOp(source types.AttendanceSource, webinar bool) *zoom.Spec {
	switch source {
	case types.AttendanceSourcePastWebinar:
		return zoom.ListWebinarParticipants.Spec
	case types.AttendanceSourceReport:
		if webinar {
			return zoom.ListWebinarReportParticipants.Spec
		}
		return zoom.ListReportParticipants.Spec
	case types.AttendanceSourceDashboard:
		return zoom.RunsOf(webinar).Participants.Spec
	}
	return zoom.ListPastParticipants.Spec
}

// attendeePage goes through a page of attendees, who are computed from stays that were read.
func (w *walk) attendeePage(e *edge) {
	at := *e.place
	w.pageOf(e, &at)
}

// pageOf goes through a page of items that were all read.
func (w *walk) pageOf(e *edge, at *place) {
	first, refused := e.first()
	if refused {
		return
	}
	items := *at
	items.path, items.parents, items.row, items.noted = e.path, e.most, "", nil
	items.most, items.likely = w.times(e.most, first), w.times(e.likely, first)
	w.page(e, at, &items)
}

// absentees adds the steps of a page of registrants who did not attend: all registrants are read.
func (w *walk) absentees(e *edge) {
	first, refused := e.first()
	if refused {
		return
	}
	op := zoom.ListRegistrants.Spec
	if ofWebinars[e.read] {
		op = zoom.ListWebinarRegistrants.Spec
	}
	if e.def.Name == "Attendance" { // a MeetingAttendance has the number
		w.meetingOf(e)
	}
	at := *e.place
	at.path = e.path
	items := at
	items.step = w.step(&at, op, e.path, w.times(e.most, ceil(MaxStays, op.MaxPage)+1), e.likely, "the registrants")
	items.step.requiredFor(e)
	items.read, items.row, items.parents, items.trips = op.Pattern, op.Pattern, e.most, at.trips+1
	items.most, items.likely = w.times(e.most, first), w.times(e.likely, first)
	w.connection(e, op, &items)
}

// ofWebinars are the operations that list the participants of a webinar.
var ofWebinars = setOf(zoom.ListWebinarParticipants.Pattern, zoom.ListWebinarReportParticipants.Pattern, zoom.WebinarRuns.Participants.Pattern)
