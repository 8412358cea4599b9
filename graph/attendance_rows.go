package graph

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"zoomql/graph/list"
	"zoomql/internal/attendance"
	"zoomql/internal/plan"
	"zoomql/internal/selection"
	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

// maxStays is how many rows of an instance are read.
const maxStays = plan.MaxStays

// attendanceNeeds is what a selection needs of the rows, and beside them.
type attendanceNeeds struct {
	stays     *selection.Needs
	attendees map[string]bool // fields
	schedule  bool
}

// attendanceNeedsOf works it out for the field of ctx, which is of an attendance or of a
// connection to its attendees.
func attendanceNeedsOf(ctx context.Context) attendanceNeeds {
	want := attendanceNeeds{stays: needsOf(ctx, "Participant", plan.WaysToStays...), attendees: needsOf(ctx, "Attendee", plan.WaysToAttendees...).Names}
	totals := needsOf(ctx, "AttendanceTotals", "totals").Names
	whole := needsOf(ctx, "Attendance").Names
	want.schedule = want.attendees["late"] || want.attendees["leftEarly"] || totals["late"] || totals["leftEarly"] || whole["scheduledStart"] || whole["scheduledEnd"]
	return want
}

// attendanceRow is a stay, with what only the dashboard tells of it.
type attendanceRow struct {
	*types.Participant
	phone, device, uuid string
}

// attendanceRows are the stays of an instance.
type attendanceRows struct {
	stays  []attendanceRow
	source types.AttendanceSource
	of     types.Completeness
	// refused are the sources that the plan does not include.
	refused []types.AttendanceSource
}

func (r *attendanceRows) participants() []*types.Participant {
	out := make([]*types.Participant, len(r.stays))
	for i, row := range r.stays {
		out[i] = row.Participant
	}
	return out
}

// attendanceRows reads the stays of an instance. Where the plan does not include the source
// that the selection needs, and the caller did not choose it, the next cheaper one is read.
func (s *scope) attendanceRows(ctx context.Context, h held, want attendanceNeeds, wish *types.AttendanceSource) (attendanceRows, error) {
	var rows attendanceRows
	sources := plan.AttendanceSources(wish, h.webinar, s.client.Sub() != "", want.attendees, want.stays)
	for i, source := range sources {
		rows.source = source
		err := s.readAttendance(ctx, h, &rows)
		if i == len(sources)-1 || !errors.Is(err, zoom.ErrPlanRequired) {
			if err == nil && len(rows.stays) > 0 {
				notTold(ctx, want.stays, rows.stays[0].Op)
			}
			return rows, err
		}
		rows.refused = append(rows.refused, source)
	}
	return rows, nil // there is always a source
}

// readAttendance reads the stays from one source.
func (s *scope) readAttendance(ctx context.Context, h held, rows *attendanceRows) error {
	plain := func(p *types.Participant) attendanceRow { return attendanceRow{Participant: p} }
	switch rows.source {
	case types.AttendanceSourcePastWebinar:
		key := zoom.WebinarRunKey{WebinarID: h.name}
		return readRows(ctx, rows, list.List[zoom.WebinarRunKey, types.Participant]{Client: s.client, Op: zoom.ListWebinarParticipants, Windows: list.Uncut(key)}, plain)
	case types.AttendanceSourceReport:
		filter := zoom.ParticipantReportFilter{MeetingID: h.name, IncludeFields: "registrant_id"}
		return readRows(ctx, rows, list.List[zoom.ParticipantReportFilter, types.Participant]{Client: s.client, Op: zoom.ListReportParticipants, Windows: list.Uncut(filter)}, plain)
	case types.AttendanceSourceDashboard:
		filter := zoom.RunParticipants{RunKey: zoom.RunKey{Run: h.name, Type: types.DashboardMeetingTypePast}, IncludeFields: "registrant_id"}
		return readRows(ctx, rows, list.List[zoom.RunParticipants, types.DashboardParticipant]{Client: s.client, Op: zoom.RunsOf(h.webinar).Participants, Windows: list.Uncut(filter)}, dashboardRow)
	}
	key := zoom.InstanceKey{MeetingID: h.name}
	return readRows(ctx, rows, list.List[zoom.InstanceKey, types.Participant]{Client: s.client, Op: zoom.ListPastParticipants, Windows: list.Uncut(key)}, plain)
}

func readRows[In, T any](ctx context.Context, rows *attendanceRows, l list.List[In, T], row func(*T) attendanceRow) error {
	items, of, err := l.Whole(ctx, maxStays)
	if err != nil {
		return err
	}
	if full := from(ctx).Admit(ctx, len(items)); full != nil {
		return full
	}
	rows.of, rows.stays = of, make([]attendanceRow, len(items))
	for i, item := range items {
		rows.stays[i] = row(item)
	}
	return nil
}

// dashboardRow is a stay as the dashboard tells of it.
func dashboardRow(p *types.DashboardParticipant) attendanceRow {
	row := attendanceRow{device: string(p.DeviceText()), uuid: string(p.ParticipantUUID), Participant: &types.Participant{
		Origin: p.Origin, Run: p.Run.Name, OfWebinar: p.Run.Webinar,
		ZoomID: p.ZoomID, ParticipantUserID: p.ParticipantUserID, InMeetingID: p.InMeetingID, RegistrantID: p.RegistrantID,
		CustomerKey: p.CustomerKey, BreakoutRoomID: p.BreakoutRoomID, Name: p.Name, Email: p.Email,
		JoinTime: p.JoinTime, LeaveTime: p.LeaveTime, Status: p.Status,
	}}
	if !p.JoinTime.IsZero() && p.LeaveTime.After(p.JoinTime.Time) {
		row.DurationSeconds = types.Int{N: int64(p.LeaveTime.Sub(p.JoinTime.Time) / time.Second), Valid: true}
	}
	for _, call := range p.AudioCalls {
		row.phone = cmp.Or(row.phone, string(call.CallNumber))
	}
	return row
}

// stay is a row as package attendance takes it.
func (r attendanceRow) stay() attendance.Stay {
	return attendance.Stay{
		RegistrantID: string(r.RegistrantID), CustomerKey: string(r.CustomerKey), UserID: string(cmp.Or(r.ParticipantUserID, r.ZoomID)),
		Email: string(r.Email), Phone: r.phone, ParticipantUUID: r.uuid, Name: string(r.Name),
		Join: r.JoinTime.Time, Leave: r.LeaveTime.Time, Seconds: int(min(r.DurationSeconds.N, longestRule)),
		Waiting: r.Status == types.ParticipantStatusInWaitingRoom,
	}
}

// meeting returns when an instance was held, by its rows: the first join begins it, and the
// last leave ends it. So no call is needed for it.
func (r *attendanceRows) meeting(rules attendance.Rules) attendance.Meeting {
	m := attendance.Meeting{AsOf: time.Now()}
	for _, row := range r.stays {
		s := row.stay()
		if s.Waiting && !rules.CountWaiting {
			continue
		}
		if !s.Join.IsZero() && (m.Start.IsZero() || s.Join.Before(m.Start)) {
			m.Start = s.Join
		}
		if s.Leave.After(m.End) {
			m.End = s.Leave
		}
	}
	return m
}

// attendanceFrom works out who attended, by the rows. untold says that nobody can tell who
// was late.
func attendanceFrom(rows attendanceRows, m attendance.Meeting, rules attendance.Rules, untold bool) *types.Attendance {
	stays := make([]attendance.Stay, len(rows.stays))
	for i, row := range rows.stays {
		stays[i] = row.stay()
	}
	worked := attendance.Of(m, stays, rules)
	a := &types.Attendance{Worked: worked, Source: rows.source, EvidenceUsed: evidenceUsed(rows.source, rules.ByName), Complete: worked.Complete, All: make([]*types.Attendee, len(worked.Persons))}
	a.ScheduledStart, a.ScheduledEnd = types.Time{Time: m.ScheduledStart}, types.Time{Time: m.ScheduledEnd}
	for i, p := range worked.Persons {
		a.All[i] = rows.attendee(p, untold)
	}
	if worked.Peak.Count > 0 {
		a.Peak = pointOf(worked.Peak)
	}
	t := worked.Totals
	a.Totals = &types.AttendanceTotals{Attendees: t.Persons, Attended: t.Attended, Stays: t.Stays, DurationSeconds: int(t.Seconds)}
	known := func(e attendance.Answer) bool { return !untold && e != attendance.Unknown }
	if !slices.ContainsFunc(worked.Persons, func(p *attendance.Person) bool { return p.Attended && !known(p.Late) }) {
		a.Totals.Late = types.Int{N: int64(t.Late), Valid: true}
	}
	if !slices.ContainsFunc(worked.Persons, func(p *attendance.Person) bool { return p.Attended && !known(p.LeftEarly) }) {
		a.Totals.LeftEarly = types.Int{N: int64(t.LeftEarly), Valid: true}
	}
	return a
}

// attendee is a person as the graph has it.
func (r *attendanceRows) attendee(p *attendance.Person, untold bool) *types.Attendee {
	a := &types.Attendee{
		Evidence: evidenceNames[p.Evidence], Confidence: confidenceNames[p.Confidence], Contradicted: p.Contradicted,
		FirstJoin: types.Time{Time: p.FirstJoin}, LastLeave: types.Time{Time: p.LastLeave}, DurationSeconds: p.Seconds, Attended: p.Attended,
		Names: []types.Text{}, Stays: make([]*types.Participant, len(p.Stays)),
	}
	if r.source == types.AttendanceSourceDashboard {
		a.Phones, a.Devices = []types.Text{}, []types.Text{}
	}
	internal := false
	for n, i := range p.Stays {
		row := r.stays[i]
		a.Stays[n] = row.Participant
		a.Email, a.UserZoomID = cmp.Or(a.Email, row.Email), cmp.Or(a.UserZoomID, row.ParticipantUserID, row.ZoomID)
		a.RegistrantID, a.CustomerKey = cmp.Or(a.RegistrantID, row.RegistrantID), cmp.Or(a.CustomerKey, row.CustomerKey)
		a.Names, a.Phones, a.Devices = added(a.Names, string(row.Name)), added(a.Phones, row.phone), added(a.Devices, row.device)
		internal = internal || row.InternalUser.Value
	}
	if len(a.Stays) > 0 {
		a.Origin = a.Stays[0].Origin
	}
	if !untold {
		a.Late, a.LeftEarly = boolOf(p.Late), boolOf(p.LeftEarly)
	}
	a.Missing = r.missing(a, internal)
	return a
}

// added adds a text to different ones.
func added(texts []types.Text, text string) []types.Text {
	if text = strings.TrimSpace(text); text == "" || slices.Contains(texts, types.Text(text)) {
		return texts
	}
	return append(texts, types.Text(text))
}

func boolOf(a attendance.Answer) types.Bool {
	return types.Bool{Value: a == attendance.Yes, Valid: a != attendance.Unknown}
}

// missing tells which fields of an attendee are null, and why. internal says that Zoom
// counts the person to the host's organization.
//
// Source: Zoom support, "API email address display rules".
func (r *attendanceRows) missing(a *types.Attendee, internal bool) []*types.AttendeeMissing {
	out := []*types.AttendeeMissing{}
	tell := func(field string, missing bool, reason types.MissingReason) {
		if missing {
			out = append(out, &types.AttendeeMissing{Field: field, Reason: reason})
		}
	}
	switch {
	case internal:
		tell("email", a.Email == "", types.MissingReasonUnknown)
	case a.UserZoomID == "":
		tell("email", a.Email == "", types.MissingReasonGuest)
	default:
		tell("email", a.Email == "", types.MissingReasonNotShared)
	}
	tell("userZoomId", a.UserZoomID == "", types.MissingReasonGuest)
	tell("registrantId", a.RegistrantID == "", types.MissingReasonUnknown)
	dashboard := r.source == types.AttendanceSourceDashboard
	tell("customerKey", a.CustomerKey == "", r.unlessTold(dashboard || r.source == types.AttendanceSourceReport, types.AttendanceSourceReport))
	tell("phones", !dashboard, r.unlessTold(false, types.AttendanceSourceDashboard))
	tell("devices", !dashboard, r.unlessTold(false, types.AttendanceSourceDashboard))
	return out
}

// unlessTold returns why a field is null that a source tells.
func (r *attendanceRows) unlessTold(told bool, by types.AttendanceSource) types.MissingReason {
	switch {
	case told:
		return types.MissingReasonUnknown
	case slices.Contains(r.refused, by):
		return types.MissingReasonPlan
	}
	return types.MissingReasonNotInSource
}

// evidenceUsed is what rows of a source have that proves whose they are.
func evidenceUsed(source types.AttendanceSource, byName bool) []types.AttendeeEvidence {
	used := []types.AttendeeEvidence{types.AttendeeEvidenceRegistrantID}
	switch source {
	case types.AttendanceSourceReport:
		used = append(used, types.AttendeeEvidenceCustomerKey, types.AttendeeEvidenceUserID, types.AttendeeEvidenceEmail)
	case types.AttendanceSourceDashboard:
		used = append(used, types.AttendeeEvidenceCustomerKey, types.AttendeeEvidenceUserID, types.AttendeeEvidenceEmail, types.AttendeeEvidencePhone, types.AttendeeEvidenceParticipantUUID)
	default:
		used = append(used, types.AttendeeEvidenceUserID, types.AttendeeEvidenceEmail)
	}
	if byName {
		used = append(used, types.AttendeeEvidenceName)
	}
	return used
}

var evidenceNames = map[attendance.Evidence]types.AttendeeEvidence{
	attendance.RegistrantID: types.AttendeeEvidenceRegistrantID, attendance.CustomerKey: types.AttendeeEvidenceCustomerKey,
	attendance.UserID: types.AttendeeEvidenceUserID, attendance.Email: types.AttendeeEvidenceEmail, attendance.Phone: types.AttendeeEvidencePhone,
	attendance.ParticipantUUID: types.AttendeeEvidenceParticipantUUID, attendance.Name: types.AttendeeEvidenceName, attendance.None: types.AttendeeEvidenceNone,
}

var confidenceNames = map[attendance.Confidence]types.AttendeeConfidence{
	attendance.High: types.AttendeeConfidenceHigh, attendance.Medium: types.AttendeeConfidenceMedium, attendance.Low: types.AttendeeConfidenceLow,
}
