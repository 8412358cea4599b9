package attendees

import (
	"cmp"
	"slices"
	"strings"

	"zoomql/internal/attendance"
	"zoomql/internal/zoom/types"
)

// PointOf returns a point of a curve of attendance as a type of the schema.
func PointOf(p attendance.Point) *types.AttendancePoint {
	return &types.AttendancePoint{Time: types.Time{Time: p.At}, Count: p.Count}
}

// PresenceOf returns the presence of a person in an instance as a type of the schema. known says that
// lateness is known: the scheduled date was read.
func PresenceOf(presence attendance.Presence, known bool) *types.InstancePresence {
	p := &types.InstancePresence{
		FirstJoin: types.Time{Time: presence.FirstJoin}, LastLeave: types.Time{Time: presence.LastLeave}, DurationSeconds: presence.Seconds, Attended: presence.Attended,
	}
	if known {
		p.Late, p.LeftEarly = boolOf(presence.Late), boolOf(presence.LeftEarly)
	}
	return p
}

// Attendance computes the attendance of an instance from its rows. unknown says that lateness is
// unknown: the scheduled date could not be read.
func (r *Rows) Attendance(m attendance.Meeting, rules attendance.Rules, unknown bool) *types.Attendance {
	stays := make([]attendance.Stay, len(r.Stays))
	for i, row := range r.Stays {
		stays[i] = row.Stay()
	}
	worked := attendance.Of(m, stays, rules)
	a := &types.Attendance{
		Computed: worked, Source: r.Source, EvidenceUsed: r.evidenceUsed(rules.ByName), Complete: worked.Complete, Missing: []types.AttendanceGap{},
		All: make([]*types.Attendee, len(worked.Persons)),
	}
	a.ScheduledStart, a.ScheduledEnd = types.Time{Time: m.ScheduledStart}, types.Time{Time: m.ScheduledEnd}
	for i, p := range worked.Persons {
		a.All[i] = r.attendee(p, unknown)
	}
	if worked.Peak.Count > 0 {
		a.Peak = PointOf(worked.Peak)
	}
	t := worked.Totals
	a.Totals = &types.AttendanceTotals{Attendees: t.Persons, Attended: t.Attended, Stays: t.Stays, DurationSeconds: int(t.Seconds)}
	known := func(e attendance.Answer) bool { return !unknown && e != attendance.Unknown }
	if !slices.ContainsFunc(worked.Persons, func(p *attendance.Person) bool { return p.Attended && !known(p.Late) }) {
		a.Totals.Late = types.Int{N: int64(t.Late), Valid: true}
	}
	if !slices.ContainsFunc(worked.Persons, func(p *attendance.Person) bool { return p.Attended && !known(p.LeftEarly) }) {
		a.Totals.LeftEarly = types.Int{N: int64(t.LeftEarly), Valid: true}
	}
	return a
}

// attendee returns a person as a type of the schema.
func (r *Rows) attendee(p *attendance.Person, unknown bool) *types.Attendee {
	a := &types.Attendee{
		Evidence: EvidenceOf(p.Evidence), Confidence: ConfidenceOf(p.Confidence), Contradicted: p.Contradicted,
		FirstJoin: types.Time{Time: p.FirstJoin}, LastLeave: types.Time{Time: p.LastLeave}, DurationSeconds: p.Seconds, Attended: p.Attended,
		Names: []types.Text{}, Stays: make([]*types.Participant, len(p.Stays)),
	}
	if r.hasPhones() {
		a.Phones = []types.Text{}
	}
	if r.Source == types.AttendanceSourceDashboard {
		a.Devices = []types.Text{}
	}
	internal := false
	for n, i := range p.Stays {
		row := r.Stays[i]
		a.Stays[n] = row.Participant
		a.Email, a.UserZoomID = cmp.Or(a.Email, row.Email), cmp.Or(a.UserZoomID, row.ParticipantUserID, row.ZoomID)
		a.RegistrantID, a.CustomerKey = cmp.Or(a.RegistrantID, row.RegistrantID), cmp.Or(a.CustomerKey, row.CustomerKey)
		a.Names, a.Phones, a.Devices = AppendText(a.Names, string(row.Name)), AppendText(a.Phones, row.Phone), AppendText(a.Devices, row.Device)
		internal = internal || row.InternalUser.Value
	}
	if len(a.Stays) > 0 {
		a.Origin = a.Stays[0].Origin
	}
	a.Role = r.roleOf(p.Stays)
	if !unknown {
		a.Late, a.LeftEarly = boolOf(p.Late), boolOf(p.LeftEarly)
	}
	a.Missing = r.missing(a, internal)
	return a
}

// AppendText appends a text without the space around it, unless it is blank or among the texts.
func AppendText(texts []types.Text, text string) []types.Text {
	if text = strings.TrimSpace(text); text == "" || slices.Contains(texts, types.Text(text)) {
		return texts
	}
	return append(texts, types.Text(text))
}

func boolOf(a attendance.Answer) types.Bool {
	return types.Bool{Value: a == attendance.Yes, Valid: a != attendance.Unknown}
}

// missing returns the fields of an attendee that are null, and the reasons. internal says that Zoom
// regards the person as a member of the host's organization.
//
// Source: Zoom support, "API email address display rules".
func (r *Rows) missing(a *types.Attendee, internal bool) []*types.AttendeeMissing {
	out := []*types.AttendeeMissing{}
	add := func(field string, missing bool, reason types.MissingReason) {
		if missing {
			out = append(out, &types.AttendeeMissing{Field: field, Reason: reason})
		}
	}
	byEvents := r.Source == types.AttendanceSourceEvents
	switch {
	case byEvents && !r.Named:
		add("email", true, types.MissingReasonNotInSource)
	case internal:
		add("email", a.Email == "", types.MissingReasonUnknown)
	case a.UserZoomID == "":
		add("email", a.Email == "", types.MissingReasonGuest)
	default:
		add("email", a.Email == "", types.MissingReasonNotShared)
	}
	add("userZoomId", a.UserZoomID == "", types.MissingReasonGuest)
	add("registrantId", a.RegistrantID == "", types.MissingReasonUnknown)
	dashboard := r.Source == types.AttendanceSourceDashboard
	add("customerKey", a.CustomerKey == "", r.reason(dashboard || byEvents && r.Named || r.Source == types.AttendanceSourceReport, types.AttendanceSourceReport))
	add("phones", !r.hasPhones(), r.reason(false, types.AttendanceSourceDashboard))
	add("devices", !dashboard, r.reason(false, types.AttendanceSourceDashboard))
	return out
}

// hasPhones reports whether the source of the rows has telephone numbers.
func (r *Rows) hasPhones() bool {
	return r.Source == types.AttendanceSourceDashboard || r.Source == types.AttendanceSourceEvents && r.Named
}

// reason returns why a field is null that the source by has. read says that the source of the rows has
// it, too.
func (r *Rows) reason(read bool, by types.AttendanceSource) types.MissingReason {
	switch {
	case read:
		return types.MissingReasonUnknown
	case slices.Contains(r.Refused, by):
		return types.MissingReasonPlan
	}
	return types.MissingReasonNotInSource
}

// evidenceUsed returns the evidence that the source of the rows has.
func (r *Rows) evidenceUsed(byName bool) []types.AttendeeEvidence {
	used := []types.AttendeeEvidence{types.AttendeeEvidenceRegistrantID}
	switch source := r.Source; {
	case source == types.AttendanceSourceReport:
		used = append(used, types.AttendeeEvidenceCustomerKey, types.AttendeeEvidenceUserID, types.AttendeeEvidenceEmail)
	case r.hasPhones():
		used = append(used, types.AttendeeEvidenceCustomerKey, types.AttendeeEvidenceUserID, types.AttendeeEvidenceEmail, types.AttendeeEvidencePhone, types.AttendeeEvidenceParticipantUUID)
	case source == types.AttendanceSourceEvents:
		return append(used, types.AttendeeEvidenceUserID, types.AttendeeEvidenceParticipantUUID) // without names
	default:
		used = append(used, types.AttendeeEvidenceUserID, types.AttendeeEvidenceEmail)
	}
	if byName {
		used = append(used, types.AttendeeEvidenceName)
	}
	return used
}

// EvidenceOf returns an evidence as a value of the schema.
func EvidenceOf(e attendance.Evidence) types.AttendeeEvidence { return evidenceNames[e] }

var evidenceNames = map[attendance.Evidence]types.AttendeeEvidence{
	attendance.RegistrantID: types.AttendeeEvidenceRegistrantID, attendance.CustomerKey: types.AttendeeEvidenceCustomerKey,
	attendance.UserID: types.AttendeeEvidenceUserID, attendance.Email: types.AttendeeEvidenceEmail, attendance.Phone: types.AttendeeEvidencePhone,
	attendance.ParticipantUUID: types.AttendeeEvidenceParticipantUUID, attendance.Name: types.AttendeeEvidenceName, attendance.None: types.AttendeeEvidenceNone,
}

// ConfidenceOf returns a confidence as a value of the schema.
func ConfidenceOf(c attendance.Confidence) types.AttendeeConfidence { return confidenceNames[c] }

var confidenceNames = map[attendance.Confidence]types.AttendeeConfidence{
	attendance.High: types.AttendeeConfidenceHigh, attendance.Medium: types.AttendeeConfidenceMedium, attendance.Low: types.AttendeeConfidenceLow,
}
