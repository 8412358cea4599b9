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
	past, cheap := zoom.ListPastParticipants.Pattern, []types.AttendanceSource{types.AttendanceSourcePastMeeting}
	if webinar {
		past, cheap = zoom.ListWebinarParticipants.Pattern, []types.AttendanceSource{types.AttendanceSourcePastWebinar}
	}
	if sub {
		cheap = nil // of sub accounts Zoom has no past meetings
	}
	switch {
	case wish != nil:
		return []types.AttendanceSource{*wish}
	case attendee["phones"] || attendee["devices"]:
		return append([]types.AttendanceSource{types.AttendanceSourceDashboard, types.AttendanceSourceReport}, cheap...)
	case sub, attendee["customerKey"], stays.NeverIn(past):
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
	followed := e.def == w.index.Subscription()
	webinar := e.def.Name == "WebinarReport" || followed && e.args["webinar"] != nil
	at := w.below(e, e.target())
	sources := AttendanceSources(wish, webinar, e.isSub(), attendee, stays)
	switch {
	case followed: // by events, unless a run is named that has ended
		if past := at; !webinar {
			w.stays(e, &past, sources, webinar, 1, 0)
		}
		at.read = zoom.ListReportParticipants.Pattern
	case sources[0] == types.AttendanceSourceEvents: // they cost no call
		at.read = zoom.ListReportParticipants.Pattern
	default:
		w.stays(e, &at, sources, webinar, 1, 1)[0].holds(e)
	}
	roles := w.named(e, WaysToAttendees, "role")
	if likely := e.likely; webinar && roles != nil {
		if sources[0] == types.AttendanceSourceDashboard {
			likely = 0 // which tells it
		}
		s := w.step(&at, zoom.ListPanelists.Spec, e.path, e.most, likely, each(e.most, "who is to speak"))
		if s.Listed = true; likely > 0 {
			s.Fields = roles
		}
	}
	late := slices.Concat(w.named(e, WaysToAttendees, "late", "leftEarly"), w.named(e, []string{"totals"}, "late", "leftEarly"), w.named(e, []string{""}, "scheduledStart", "scheduledEnd"))
	if !webinar || sources[0] == types.AttendanceSourceDashboard {
		roles = nil
	}
	numbered := followed || e.read != "" && e.read != zoom.ListInstances.Pattern && e.read != zoom.ListWebinarInstances.Pattern
	w.schedule(e, numbered, webinar, 1, 1, late, roles)
	if numbered || len(late)+len(roles) > 0 {
		at.asked = []string{w.pattern(e.account, ownOf(webinar))}
	}
	if e.field.Definition.Arguments.ForName("first") != nil {
		w.cut(e, &at)
		return
	}
	w.objects(&at, e.field.Selections)
}

// attendedAll is who attended the instances of a meeting or webinar. A registrant is one of
// either.
func (w *walk) attendedAll(e *edge) {
	at := w.below(e, e.target())
	ofWebinar := e.def.Name == "Webinar" || e.row == zoom.ListWebinarRegistrants.Pattern || e.row == zoom.ListAbsentees.Pattern
	kinds := []bool{ofWebinar}
	if e.def.Name == "Registrant" && e.row == "" {
		kinds = []bool{false, true}
	}
	late := w.named(e, []string{"attendees.nodes.presences", "attendees.edges.node.presences"}, "late", "leftEarly")
	if e.def.Name == "Registrant" {
		late = w.named(e, []string{""}, "late", "leftEarly")
	}
	var steps []*Step
	for i, webinar := range kinds {
		op, one := zoom.ListInstances.Spec, *e
		if webinar {
			op = zoom.ListWebinarInstances.Spec
		}
		own := *e.place
		if one.place = &own; i > 0 {
			own.likely = 0 // of meetings mostly
		}
		under, list := at, w.step(&own, op, e.path, e.most, own.likely, each(e.most, "the instances"))
		under.under = list
		under.trips++
		who := w.stays(&one, &under, AttendanceSources(nil, webinar, e.isSub(), nil, &selection.Needs{}), webinar, MaxRuns, Listed)
		steps = append(steps, list, who[0])
		w.schedule(&one, true, webinar, MaxRuns, 1, late, nil)
		if i == 0 {
			at = under
		}
	}
	w.eitherHolds(e, steps)
	if isList(e.field.Definition.Type) {
		at = w.many(at)
	}
	w.objects(&at, e.field.Selections)
}

// userInstance is the instance that a row of the report on a user is about. The row does not
// tell who hosted it.
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

// userPresence is when a user was in an instance of a meeting or webinar: its stays are read.
func (w *walk) userPresence(e *edge) {
	at := w.below(e, e.target())
	late := w.named(e, []string{""}, "late", "leftEarly")
	var steps []*Step
	for i, webinar := range []bool{false, true} {
		one, own, under := *e, *e.place, at
		if one.place = &own; i > 0 {
			own.likely = 0 // of meetings mostly
		}
		steps = append(steps, w.stays(&one, &under, AttendanceSources(nil, webinar, e.isSub(), nil, &selection.Needs{}), webinar, 1, 1)[0])
		w.schedule(&one, true, webinar, 1, 1, late, nil)
		if i == 0 {
			at = under
		}
	}
	w.eitherHolds(e, steps)
	w.objects(&at, e.field.Selections)
}

// instances is a page of the instances of a meeting or webinar, which come all at once.
func (w *walk) instances(e *edge) {
	first, refused := e.first()
	if refused {
		return
	}
	op := w.firstOf(e)
	items := *e.place
	items.path, items.asked, items.of, items.trips = e.path, nil, e.most, e.trips+1
	items.under = w.step(e.place, op, e.path, e.most, e.likely, each(e.most, "the list has no pages"))
	items.read, items.row = op.Pattern, op.Pattern
	items.most, items.likely = w.times(e.most, first), w.times(e.likely, first)
	w.connection(e, op, &items)
}

// webinarAbsentees are registrants who were not in an instance of a webinar, as Zoom tells.
func (w *walk) webinarAbsentees(e *edge) {
	at := *e.place
	w.lean(e, &at, zoom.GetWebinarReport.Spec, false)
	w.list(e, zoom.ListAbsentees.Spec)
}

// absentPanelists are the panelists who did not attend: all of them are read.
func (w *walk) absentPanelists(e *edge) {
	if !ofWebinars[e.read] {
		return // meetings have none
	}
	w.runOf(e)
	w.items(e, zoom.ListPanelists.Spec)
}

// runOf notes the call for which meeting or webinar an instance was of, once for all edges.
func (w *walk) runOf(e *edge) {
	own := w.in(e.account, ownOf(ofWebinars[e.read]))
	if slices.Contains(e.asked, own.Pattern) {
		return
	}
	e.asked = append(e.asked, own.Pattern)
	w.step(e.place, own, e.path, e.most, e.likely, "which meeting or webinar it was")
	e.trips++
}

// stays notes the reading of so many instances for each object. It returns the steps of the
// sources, in the order in which these are tried.
func (w *walk) stays(e *edge, at *place, sources []types.AttendanceSource, webinar bool, runs, likely int) []*Step {
	steps := make([]*Step, len(sources))
	for i, source := range sources {
		op, why := stayOps(source, webinar), "who was there"
		if i > 0 {
			likely, why = 0, "where the plan does not include the source above"
		}
		pages := ceil(MaxStays, max(op.MaxPage, 1)) + 1
		steps[i] = w.step(at, op, e.path, w.times(e.most, runs*pages), w.times(e.likely, likely), why)
		if i > 0 {
			steps[i-1].Instead = op
		}
	}
	at.under, at.read = steps[0], steps[0].Op.Pattern
	at.trips++
	return steps
}

// schedule notes the calls for when instances were planned, and for which meetings they were of.
// late are the fields that need the schedule, and roles those that need the host of a webinar.
// numbered tells that the meeting or webinar is known.
func (w *walk) schedule(e *edge, numbered, webinar bool, runs, likely int, late, roles []string) {
	op, fields := zoom.GetMeeting.Spec, slices.Concat(late, roles)
	if webinar {
		op = zoom.GetWebinar.Spec
	}
	most, number := w.times(e.most, runs), w.times(e.likely, likely)
	if numbered || fields == nil {
		number = 0
	}
	w.step(e.place, w.in(e.account, ownOf(webinar)), e.path, most, number, "which meeting it was, and why nobody is named")
	if fields == nil {
		return
	}
	s := w.step(e.place, w.in(e.account, op.Pattern), e.path, most, w.times(e.likely, likely), "when it was planned")
	s.Fields, s.Listed = fields, true
	if w.arrive(e.trips + 2); number > 0 {
		w.arrive(e.trips + 3)
	}
}

// ownOf is the operation that reads an instance by itself.
func ownOf(webinar bool) string {
	if webinar {
		return zoom.GetWebinarReport.Pattern
	}
	return zoom.GetPastMeeting.Pattern
}

// named returns the paths of fields by these names, where they are selected along ways from the
// selection of an edge; "" is the selection itself.
func (w *walk) named(e *edge, ways []string, names ...string) (paths []string) {
	for _, way := range ways {
		var steps []string
		if way != "" {
			steps = strings.Split(way, ".")
		}
		paths = append(paths, w.namedIn(e.field.Selections, e.path, steps, names)...)
	}
	return paths
}

func (w *walk) namedIn(set ast.SelectionSet, path string, way, names []string) (paths []string) {
	for _, f := range graphql.CollectFields(w.opCtx, set, nil) {
		switch {
		case len(way) == 0 && slices.Contains(names, f.Name):
			paths = append(paths, join(path, f.Alias))
		case len(way) > 0 && f.Name == way[0]:
			paths = append(paths, w.namedIn(f.Selections, join(path, f.Alias), way[1:], names)...)
		}
	}
	return paths
}

// eitherHolds notes that the field of an edge is null without steps: those of meetings, and then
// as many of webinars where it may be of either.
func (w *walk) eitherHolds(e *edge, steps []*Step) {
	half := len(steps) / 2
	for i, s := range steps {
		s.holds(e)
		if e.def.Name != "Registrant" && e.def.Name != "UserAttendance" || e.row != "" && e.def.Name == "Registrant" {
			continue
		}
		s.Or = steps[(i+half)%len(steps)].Op
	}
}

// stayOps is the operation that reads a source.
func stayOps(source types.AttendanceSource, webinar bool) *zoom.Spec {
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
	op := zoom.ListRegistrants.Spec
	if ofWebinars[e.read] {
		op = zoom.ListWebinarRegistrants.Spec
	}
	if e.def.Name == "Attendance" { // that of a meeting has its number
		w.runOf(e)
	}
	at := *e.place
	at.path = e.path
	items := at
	items.under = w.step(&at, op, e.path, w.times(e.most, ceil(MaxStays, op.MaxPage)+1), e.likely, "who had registered")
	items.under.holds(e)
	items.read, items.row, items.of, items.trips = op.Pattern, op.Pattern, e.most, at.trips+1
	items.most, items.likely = w.times(e.most, first), w.times(e.likely, first)
	w.connection(e, op, &items)
}

// ofWebinars are the operations that tell who was in a webinar.
var ofWebinars = setOf(zoom.ListWebinarParticipants.Pattern, zoom.ListWebinarReportParticipants.Pattern, zoom.WebinarRuns.Participants.Pattern)
