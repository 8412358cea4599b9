package graph

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"zoomql/graph/attendees"
	"zoomql/graph/batch"
	"zoomql/graph/directory"
	"zoomql/graph/errs"
	"zoomql/graph/list"
	"zoomql/internal/attendance"
	"zoomql/internal/plan"
	"zoomql/internal/selection"
	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

// held is an instance of a meeting or webinar whose attendance is computed.
type held struct {
	name    string // its UUID, or the meeting's number for the latest one that has ended
	webinar bool
	over    bool // it has ended: Zoom has returned it, or its name is a number
	// number returns the number of the meeting or webinar.
	number func(context.Context) (types.MeetingNumber, error)
	// state returns why Zoom has no participants, by the error of their list; nil if that is empty.
	state func(context.Context, error) (types.ReportState, error)
}

// kind is the type of the instance in global ids.
func (h held) kind() string {
	if h.webinar {
		return "WebinarReport"
	}
	return "MeetingInstance"
}

func (s *scope) heldMeeting(i *types.MeetingInstance) held {
	name := string(i.UUID)
	return held{
		name: name, over: i.Op != "" || isNumber(name),
		number: func(ctx context.Context) (types.MeetingNumber, error) {
			if i.MeetingNumber != 0 {
				return i.MeetingNumber, nil
			}
			return s.numberOf(ctx, name)
		},
		state: func(ctx context.Context, err error) (types.ReportState, error) {
			if err == nil || errors.Is(err, zoom.ErrNotFound) {
				return s.stateOfNone(ctx, i)
			}
			return stateOf(err), err
		},
	}
}

func (s *scope) heldWebinar(w *types.WebinarReport) held {
	return held{
		name: webinarInstance(w), webinar: true, over: w.Op != "" || isNumber(webinarInstance(w)),
		number: func(ctx context.Context) (types.MeetingNumber, error) { return s.webinarOf(ctx, w) },
		state: func(ctx context.Context, err error) (types.ReportState, error) {
			if err == nil {
				err = &zoom.Error{Op: zoom.ListWebinarParticipants.Pattern, Kind: zoom.ErrNotReady}
			}
			return webinarState(ctx, w, pastParticipantsKept, err), err
		},
	}
}

// isNumber reports whether the name of an instance is the number of its meeting or webinar.
func isNumber(name string) bool {
	_, err := types.ParseMeetingNumber(name)
	return err == nil
}

// pastParticipantsKept is how long Zoom keeps the participants of an instance, in months.
//
// Source: the operations' descriptions.
const pastParticipantsKept = 15

// attendanceOf returns the attendance of an instance. Data that are not ready, or too old, are a
// state of it and not an error.
func (s *scope) attendanceOf(ctx context.Context, h held, in types.AttendanceRules, chosen *types.AttendanceSource) (*types.Attendance, error) {
	rules, err := attendees.RulesOf(in)
	if err != nil {
		return nil, err
	}
	a, ended, err := s.attendanceByEvents(ctx, h, in, chosen)
	if a != nil || err != nil {
		return a, err
	}
	want := attendanceNeedsOf(ctx)
	rows, err := s.attendanceRows(ctx, h, want, chosen)
	state := stateOf(err)
	if len(rows.Stays) == 0 {
		state, err = h.state(ctx, err)
	}
	if ended != nil && errors.Is(err, zoom.ErrNotFound) { // just after the end, Zoom does not know it yet
		zoom.ValidUntil(ctx, time.Time{})
		return s.attendanceOfLive(ctx, ended, in, s.planned)
	}
	if state == "" {
		s.priceSchedule(ctx, h, want, err)
		return nil, err
	}
	if zoom.Unfinished(rows.Participants()) {
		state = types.ReportStatePending
	}
	m := rows.Meeting(rules)
	schedule, unknown := s.scheduleOf(ctx, h, want, m)
	m.ScheduledStart, m.ScheduledEnd, m.Occurrence = schedule.Start, schedule.End, schedule.Occurrence
	a = rows.Attendance(m, rules, unknown)
	if want.attendees["role"] {
		s.addRoles(ctx, h, a)
	}
	a.Origin, a.Run, a.OfWebinar, a.ReportState, a.Unscheduled = s.origin(), h.name, h.webinar, state, unknown || schedule.Undated
	more := url.Values{}
	if chosen != nil {
		more.Set("source", string(*chosen))
	}
	a.CSVPath = s.csvPath(h.kind(), h.name, in, more)
	a.Stays = rows.Of
	a.Stays.Unready = state != types.ReportStateReady
	a.Question = fmt.Sprint("attendees ", h.name, rows.Source, rules)
	a.Complete = a.Complete && a.Stays.Whole()
	if !a.Complete {
		a.AsOf, a.Missing = types.Time{Time: m.AsOf}, append(a.Missing, types.AttendanceGapRows)
	}
	return a, nil
}

// noteUsers tells the directory which ids and addresses are of one user, by each stay, since the stays
// of an attendee may be of several users.
func (s *scope) noteUsers(ctx context.Context, all []*types.Attendee) {
	var stays []*types.Participant
	for _, a := range all {
		stays = append(stays, a.Stays...)
	}
	directory.SameOf(ctx, s.directory(), stays, func(p *types.Participant) (id, email types.Text) {
		return cmp.Or(p.ParticipantUserID, p.ZoomID), p.Email
	})
}

// withGaps returns an attendance, and adds the errors of its missing stays to the field of ctx.
func withGaps(ctx context.Context, a *types.Attendance) *types.Attendance {
	if a != nil {
		list.Tell(ctx, a.Stays)
	}
	return a
}

// attendees returns a page of the attendees.
func (s *scope) attendees(ctx context.Context, a *types.Attendance, first int, after *string) (*types.AttendeeConnection, error) {
	page, err := list.Cut(ctx, a.All, a.Stays, first, after, list.FingerprintOf(s.client.Tenant(), a.Question))
	if err != nil {
		return nil, err
	}
	s.noteUsers(ctx, page.Nodes())
	return &types.AttendeeConnection{Connection: *page, Source: a.Source, EvidenceUsed: a.EvidenceUsed, ReportState: a.ReportState}, nil
}

// nearSchedule is the largest time between a scheduled start and the start of its instance. An
// instance at another time was started for something else, such as a rehearsal on the day
// before.
const nearSchedule = 3 * time.Hour

// scheduleOf reads the scheduled date of an instance, if a selected field needs it. unknown says that
// it could not be read, so that lateness is unknown.
func (s *scope) scheduleOf(ctx context.Context, h held, want attendanceNeeds, m attendance.Meeting) (found attendance.Schedule, unknown bool) {
	if !want.schedule || m.Start.IsZero() {
		return attendance.Schedule{}, false
	}
	number, err := h.number(ctx)
	if err == nil {
		found, err = s.planned(ctx, number, h.webinar, m.Start)
	}
	if err != nil && !errors.Is(err, zoom.ErrNotFound) {
		graphql.AddError(ctx, err)
		return attendance.Schedule{}, true
	}
	return found, false
}

// priceSchedule reads the scheduled date of an instance when an operation is priced, so that its calls
// are in the price: then no stays are read, and so the start is unknown.
func (s *scope) priceSchedule(ctx context.Context, h held, want attendanceNeeds, err error) {
	if errors.Is(err, zoom.ErrNotCached) {
		s.scheduleOf(ctx, h, want, attendance.Meeting{Start: time.Now()})
	}
}

// planned returns the date of a meeting or webinar that is the nearest to the start of an instance;
// zero if none is within nearSchedule.
func (s *scope) planned(ctx context.Context, number types.MeetingNumber, webinar bool, began time.Time) (attendance.Schedule, error) {
	var dates []*types.MeetingOccurrence
	var good types.RegistrationType // of a registration
	if webinar {
		w, err := s.previousWebinars().Load(ctx, previousWebinar{number})
		if err != nil {
			return attendance.Schedule{}, err
		}
		dates = slices.Concat(w.Occurrences, []*types.MeetingOccurrence{{StartTime: w.StartTime, DurationMinutes: w.DurationMinutes}})
		if w.Settings != nil {
			good = w.Settings.RegistrationType
		}
	} else {
		m, err := loaderOf(s, batchOfPrevious(s)).Load(ctx, previousKey{number})
		if err != nil {
			return attendance.Schedule{}, err
		}
		dates = slices.Concat(m.Occurrences, []*types.MeetingOccurrence{{StartTime: m.StartTime, DurationMinutes: m.DurationMinutes}})
		if m.Settings != nil {
			good = m.Settings.RegistrationType
		}
	}
	dated := good == types.RegistrationTypeEachOccurrence || good == types.RegistrationTypeOnceForChosen
	nearest := attendance.Schedule{Undated: dated}
	for _, d := range dates {
		away := d.StartTime.Sub(began).Abs()
		if !d.StartTime.IsZero() && away <= nearSchedule && (nearest.Start.IsZero() || away < nearest.Start.Sub(began).Abs()) {
			nearest = attendance.Schedule{Start: d.StartTime.Time}
			if dated {
				nearest.Occurrence = string(d.OccurrenceID)
			}
			if d.DurationMinutes.N > 0 && d.DurationMinutes.N <= attendees.LongestRule/60 {
				nearest.End = nearest.Start.Add(time.Duration(d.DurationMinutes.N) * time.Minute)
			}
		}
	}
	return nearest, nil
}

// invited identifies the registrants of a meeting or webinar, or of one of its dates.
type invited struct {
	zoom.RegistrantsOf
	occurrence string // "" for the registrants of all dates
}

// errUndated refuses the absentees of an instance of which the date is unknown: a registrant may be one
// of another date.
var errUndated = &errs.InputError{Code: types.ErrorCodeConflict, Message: "People register for single dates of the meeting, and the instance was at none of them, or its date could not be read: it is unknown who was expected."}

// absentees returns a page of the approved registrants who did not attend. Where people register for
// single dates, they are those of the instance's date: who registered for another one is not absent.
func (s *scope) absentees(ctx context.Context, a *types.Attendance, first int, after *string) (*types.Connection[types.Registrant], error) {
	if !a.Stays.Whole() {
		list.Tell(ctx, a.Stays)
		return nil, nil // a missing stay may be that of any registrant
	}
	if a.Unscheduled {
		return nil, errUndated
	}
	number, err := s.attendedNumber(ctx, a)
	if err != nil {
		return nil, err
	}
	of := invited{zoom.RegistrantsOf{Number: number, Webinar: a.OfWebinar}, a.Computed.Occurrence}
	return s.absentRegistrants(ctx, of, a.Computed.Absent, first, after, fmt.Sprint("absent ", a.Question, of.occurrence))
}

// attendedNumber returns the number of the meeting or webinar of an attendance. Events have it; Zoom has no
// report of an instance that goes on.
func (s *scope) attendedNumber(ctx context.Context, a *types.Attendance) (types.MeetingNumber, error) {
	switch {
	case a.Number != 0:
		return a.Number, nil
	case a.OfWebinar:
		return s.webinarOf(ctx, &types.WebinarReport{Run: a.Run})
	}
	return s.numberOf(ctx, a.Run)
}

// absentRegistrants returns a page of the approved registrants at the indices that absent
// returns.
func (s *scope) absentRegistrants(ctx context.Context, of invited, absent func([]attendance.Registrant) []int, first int, after *string, question string) (*types.Connection[types.Registrant], error) {
	approved, err := loaderOf(s, s.approvedRegistrants).Load(ctx, of)
	if err != nil {
		return nil, err
	}
	registered := make([]attendance.Registrant, len(approved.items))
	for i, r := range approved.items {
		registered[i] = attendance.Registrant{ID: string(r.ZoomID), Email: string(r.Email), At: r.CreatedAt.Time}
	}
	var absentees []*types.Registrant
	for _, i := range absent(registered) {
		absentees = append(absentees, approved.items[i])
	}
	if len(absentees) > 0 {
		notReturned(ctx, needsOfNodes(ctx, "Registrant"), absentees[0].Op)
	}
	return list.Cut(ctx, absentees, approved.of, first, after, list.FingerprintOf(s.client.Tenant(), question))
}

// registrantList is the approved registrants of a meeting or webinar.
type registrantList struct {
	items []*types.Registrant
	of    types.Completeness
}

// approvedRegistrants reads the approved registrants of several meetings or webinars.
func (s *scope) approvedRegistrants(ctx context.Context, keys []invited) []zoom.Found[registrantList] {
	found := make([]zoom.Found[registrantList], len(keys))
	for i, of := range keys {
		l := &registrantList{}
		l.items, l.of, found[i].Err = s.approved(ctx, of)
		if found[i].Err == nil {
			found[i].Err = from(ctx).Admit(ctx, len(l.items))
		}
		if found[i].Err == nil {
			found[i].Object = l
		}
	}
	return found
}

// approved reads the approved registrants of a meeting or webinar.
func (s *scope) approved(ctx context.Context, of invited) ([]*types.Registrant, types.Completeness, error) {
	const status = types.RegistrantStatusApproved
	if of.Webinar {
		filter := zoom.WebinarRegistrantFilter{WebinarID: of.Number, Status: status, OccurrenceID: of.occurrence}
		return list.List[zoom.WebinarRegistrantFilter, types.Registrant]{Client: s.client, Op: zoom.ListWebinarRegistrants, Windows: list.Uncut(filter)}.Whole(ctx, maxStays)
	}
	filter := zoom.RegistrantFilter{MeetingID: of.Number, Status: status, OccurrenceID: of.occurrence}
	return list.List[zoom.RegistrantFilter, types.Registrant]{Client: s.client, Op: zoom.ListRegistrants, Windows: list.Uncut(filter)}.Whole(ctx, maxStays)
}

// curve returns the number of people over time, in at most so many points.
func curve(a *types.Attendance, most int) ([]*types.AttendancePoint, error) {
	if most < 2 || most > maxPoints {
		return nil, errs.Invalid(fmt.Sprintf("points: %d is not between 2 and %d", most, maxPoints))
	}
	points := a.Computed.Curve(most)
	out := make([]*types.AttendancePoint, len(points))
	for i, p := range points {
		out[i] = attendees.PointOf(p)
	}
	return out, nil
}

// maxPoints bounds the points of a curve.
const maxPoints = 1000

// attendeeRegistrant returns the registration of an attendee.
func (s *scope) attendeeRegistrant(ctx context.Context, a *types.Attendee) (*types.Registrant, error) {
	i := slices.IndexFunc(a.Stays, func(p *types.Participant) bool { return p.RegistrantID != "" })
	if i < 0 {
		return nil, nil
	}
	return s.participantRegistrant(ctx, a.Stays[i])
}

// previousWebinar names a webinar that is read with its past occurrences.
type previousWebinar struct{ number types.MeetingNumber }

func (s *scope) previousWebinars() *batch.Loader[previousWebinar, types.Webinar] {
	return loaderOf(s, batch.Each(s.client, func(ctx context.Context, k previousWebinar) (*types.Webinar, error) {
		return zoom.GetWebinar.Do(ctx, s.client, zoom.WebinarQuery{WebinarID: k.number, Previous: true})
	}))
}

// previousKey names a meeting that is read with its past occurrences.
type previousKey struct{ number types.MeetingNumber }

func batchOfPrevious(s *scope) func(context.Context, []previousKey) []zoom.Found[types.Meeting] {
	return func(ctx context.Context, keys []previousKey) []zoom.Found[types.Meeting] {
		found := make([]zoom.Found[types.Meeting], len(keys))
		s.client.Each(len(keys), func(i int) {
			found[i].Object, found[i].Err = zoom.GetMeeting.Do(ctx, s.client, zoom.MeetingQuery{MeetingID: keys[i].number, Previous: true})
		})
		return found
	}
}

// maxStays bounds the rows that are read of an instance.
const maxStays = plan.MaxStays

// attendanceNeeds are the data that a selection of an attendance needs.
type attendanceNeeds struct {
	stays     *selection.Needs
	attendees map[string]bool // the selected fields of attendees
	schedule  bool            // the scheduled date
}

// attendanceNeedsOf returns the needs of the field of ctx, which returns an attendance or a
// connection to its attendees.
func attendanceNeedsOf(ctx context.Context) attendanceNeeds {
	want := attendanceNeeds{stays: needsOf(ctx, "Participant", plan.WaysToStays...), attendees: needsOf(ctx, "Attendee", plan.WaysToAttendees...).Names}
	totals := needsOf(ctx, "AttendanceTotals", "totals").Names
	whole := needsOf(ctx, "Attendance").Names
	want.schedule = want.attendees["late"] || want.attendees["leftEarly"] || totals["late"] || totals["leftEarly"] || whole["scheduledStart"] || whole["scheduledEnd"] || whole["absentees"]
	return want
}

// attendanceRows reads the stays of an instance. Where the account's plan does not include the
// source that the selection needs, it reads the next cheaper one, unless the caller chose the
// source.
func (s *scope) attendanceRows(ctx context.Context, h held, want attendanceNeeds, chosen *types.AttendanceSource) (attendees.Rows, error) {
	var rows attendees.Rows
	sources := plan.AttendanceSources(chosen, h.webinar, s.client.Sub() != "", want.attendees, want.stays)
	for i, source := range sources {
		rows.Source = source
		err := s.readAttendance(ctx, h, &rows)
		if i == len(sources)-1 || !errors.Is(err, zoom.ErrPlanRequired) {
			if err == nil && len(rows.Stays) > 0 {
				notReturned(ctx, want.stays, rows.Stays[0].Op)
			}
			return rows, err
		}
		rows.Refused = append(rows.Refused, source)
	}
	return rows, nil // not reached: there is always a source
}

// readAttendance reads the stays from one source.
func (s *scope) readAttendance(ctx context.Context, h held, rows *attendees.Rows) error {
	plain := func(p *types.Participant) attendees.Row { return attendees.Row{Participant: p} }
	switch rows.Source {
	case types.AttendanceSourcePastWebinar:
		key := zoom.WebinarRunKey{WebinarID: h.name}
		return readRows(ctx, rows, list.List[zoom.WebinarRunKey, types.Participant]{Client: s.client, Op: zoom.ListWebinarParticipants, Windows: list.Uncut(key)}, plain)
	case types.AttendanceSourceReport:
		if h.webinar {
			filter := zoom.WebinarParticipantFilter{WebinarID: h.name, IncludeFields: "registrant_id"}
			return readRows(ctx, rows, list.List[zoom.WebinarParticipantFilter, types.WebinarReportParticipant]{Client: s.client, Op: zoom.ListWebinarReportParticipants, Windows: list.Uncut(filter)}, attendees.OfWebinarReport)
		}
		filter := zoom.ParticipantReportFilter{MeetingID: h.name, IncludeFields: "registrant_id"}
		return readRows(ctx, rows, list.List[zoom.ParticipantReportFilter, types.Participant]{Client: s.client, Op: zoom.ListReportParticipants, Windows: list.Uncut(filter)}, plain)
	case types.AttendanceSourceDashboard:
		filter := zoom.RunParticipants{RunKey: zoom.RunKey{Run: h.name, Type: types.DashboardMeetingTypePast}, IncludeFields: "registrant_id"}
		return readRows(ctx, rows, list.List[zoom.RunParticipants, types.DashboardParticipant]{Client: s.client, Op: zoom.RunsOf(h.webinar).Participants, Windows: list.Uncut(filter)}, attendees.OfDashboard)
	}
	key := zoom.InstanceKey{MeetingID: h.name}
	return readRows(ctx, rows, list.List[zoom.InstanceKey, types.Participant]{Client: s.client, Op: zoom.ListPastParticipants, Windows: list.Uncut(key)}, plain)
}

// readRows reads a list of stays, and converts each to a row.
func readRows[In, T any](ctx context.Context, rows *attendees.Rows, l list.List[In, T], row func(*T) attendees.Row) error {
	items, of, err := l.Whole(ctx, maxStays)
	if err != nil {
		return err
	}
	if full := from(ctx).Admit(ctx, len(items)); full != nil {
		return full
	}
	rows.Of, rows.Stays = of, make([]attendees.Row, len(items))
	for i, item := range items {
		rows.Stays[i] = row(item)
	}
	return nil
}

// addRoles adds the role of each attendee of a webinar, by its host and its panelists, unless the
// source is the dashboard, which has the roles. If they cannot be read, only the roles are missing.
func (s *scope) addRoles(ctx context.Context, h held, a *types.Attendance) {
	if !h.webinar || a.Source == types.AttendanceSourceDashboard {
		for _, one := range a.All {
			if one.Role == "" {
				one.Missing = append(one.Missing, &types.AttendeeMissing{Field: "role", Reason: types.MissingReasonNotInSource})
			}
		}
		return
	}
	if len(a.All) == 0 {
		return
	}
	speakers, err := s.speakersOf(ctx, h)
	if err != nil {
		if !errors.Is(err, zoom.ErrNotFound) {
			graphql.AddError(ctx, err)
		}
		speakers = nil
	}
	for _, one := range a.All {
		if speakers != nil {
			one.Role = speakers.Role(one)
		}
		if one.Role == "" {
			one.Missing = append(one.Missing, &types.AttendeeMissing{Field: "role", Reason: types.MissingReasonUnknown})
		}
	}
}

// speakersOf reads the host and the panelists of a webinar.
func (s *scope) speakersOf(ctx context.Context, h held) (*attendees.Speakers, error) {
	number, err := h.number(ctx)
	if err != nil {
		return nil, err
	}
	w, err := s.previousWebinars().Load(ctx, previousWebinar{number})
	if err != nil {
		return nil, err
	}
	out, err := zoom.ListPanelists.Do(ctx, s.client, zoom.WebinarKey{WebinarID: number})
	if err != nil {
		return nil, err
	}
	found := &attendees.Speakers{HostID: string(w.HostZoomID), HostEmail: attendees.AddressOf(w.HostEmail), Panelists: map[string]bool{}}
	for _, p := range out.Panelists {
		if email := attendees.AddressOf(p.Email); email != "" {
			found.Panelists[email] = true
		}
	}
	return found, nil
}

// absentPanelists returns the panelists of a webinar whose address is that of nobody who attended; nil if
// stays are missing. It cannot be told of a panelist without an address.
func (s *scope) absentPanelists(ctx context.Context, a *types.Attendance) ([]*types.Panelist, error) {
	if !a.OfWebinar {
		return nil, nil
	}
	if !a.Stays.Whole() {
		list.Tell(ctx, a.Stays)
		return nil, nil // a missing stay may be that of any panelist
	}
	number, err := s.attendedNumber(ctx, a)
	if err != nil {
		return nil, err
	}
	all, err := s.panelists(ctx, number)
	if err != nil {
		return nil, err
	}
	attended := map[string]bool{}
	for _, one := range a.All {
		for _, stay := range one.Stays {
			if one.Attended {
				attended[attendees.AddressOf(stay.Email)] = true
			}
		}
	}
	absent := []*types.Panelist{}
	for _, p := range all {
		if email := attendees.AddressOf(p.Email); email != "" && !attended[email] {
			absent = append(absent, p)
		}
	}
	return absent, nil
}

// csvPath returns the gateway's path of an attendance as CSV: see [attendees.CSVPath].
func (s *scope) csvPath(kind, key string, in types.AttendanceRules, more url.Values) string {
	return attendees.CSVPath(s.client.Tenant(), types.NodeID{Account: s.client.Sub(), Type: kind, Key: key}, in, more)
}

func attendeeName(a *types.Attendee) types.Text { return cmp.Or(a.UserZoomID, a.Email) }
