package graph

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"zoomql/graph/attendees"
	"zoomql/graph/errs"
	"zoomql/graph/list"
	"zoomql/internal/attendance"
	"zoomql/internal/plan"
	"zoomql/internal/selection"
	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

// maxAttended bounds the instances of a meeting whose attendance is computed together.
const maxAttended = plan.MaxRuns

// attendedMeeting identifies the attendance of the instances of a meeting or webinar: all of them, or
// those of a range of days.
type attendedMeeting struct {
	number   types.MeetingNumber
	webinar  bool
	from, to types.Date
	rules    types.AttendanceRules
	schedule bool // the scheduled dates are needed
}

// computedMeeting is the attendance of the instances of an [attendedMeeting].
type computedMeeting struct {
	across    *attendance.Across
	instances []instanceHeld
	states    []types.ReportState
	rows      []attendees.Row    // of all instances
	of        types.Completeness // of the instances and their stays
	unknown   error              // why lateness is unknown
	// byRegistrant and byEmail find persons; an address of several persons has nil.
	byRegistrant, byEmail map[string]*attendance.Regular
}

// instanceHeld is an instance in a [computedMeeting].
type instanceHeld struct {
	uuid  types.UUID
	start types.Time
	held  held
}

// meetingAttendance returns the attendance of the instances of a meeting, computed once for all fields
// of a response that need the same.
func (s *scope) meetingAttendance(ctx context.Context, key attendedMeeting) (*computedMeeting, error) {
	w, err := loaderOf(s, s.computeMeetings).Load(ctx, key)
	if err != nil {
		return nil, err
	}
	list.Tell(ctx, w.of)
	if w.unknown != nil {
		graphql.AddError(ctx, w.unknown)
	}
	return w, nil
}

func (s *scope) computeMeetings(ctx context.Context, keys []attendedMeeting) []zoom.Found[computedMeeting] {
	found := make([]zoom.Found[computedMeeting], len(keys))
	for i, key := range keys {
		found[i].Object, found[i].Err = s.computeMeeting(ctx, key)
	}
	return found
}

func (s *scope) computeMeeting(ctx context.Context, key attendedMeeting) (*computedMeeting, error) {
	rules, err := attendees.RulesOf(key.rules)
	if err == nil {
		err = list.Ordered(key.from, key.to)
	}
	if err != nil {
		return nil, err
	}
	w := &computedMeeting{}
	if err := s.readInstances(ctx, key, w); err != nil {
		return nil, err
	}
	parts, err := s.rowsOfAll(ctx, w)
	if err != nil {
		return nil, err
	}
	all := make([]attendance.Held, len(parts))
	for i, rows := range parts {
		all[i].Meeting = rows.Meeting(rules)
		if key.schedule && w.unknown == nil && !all[i].Start.IsZero() {
			schedule, err := s.planned(ctx, key.number, key.webinar, all[i].Start)
			if err != nil && !errors.Is(err, zoom.ErrNotFound) {
				w.unknown = err
			}
			all[i].ScheduledStart, all[i].ScheduledEnd = schedule.Start, schedule.End
		}
		for _, row := range rows.Stays {
			all[i].Stays = append(all[i].Stays, row.Stay())
		}
		w.rows = append(w.rows, rows.Stays...)
	}
	// An empty list does not prove that no one came: Zoom may have no list, or have deleted it.
	w.of.Unready = slices.ContainsFunc(w.states, func(state types.ReportState) bool { return state != types.ReportStateReady })
	w.across = attendance.OfAll(all, rules)
	w.index()
	return w, nil
}

// readInstances reads the list of instances, and keeps the latest ones if there are more than
// maxAttended. Zoom's list of the instances of a webinar has no range of days.
func (s *scope) readInstances(ctx context.Context, key attendedMeeting, w *computedMeeting) error {
	var err error
	if key.webinar {
		var runs []*types.WebinarReport
		runs, w.of, err = s.webinarInstancesOf(ctx, key.number)
		for _, run := range runs {
			if key.from.IsZero() || !run.StartTime.Before(key.from.Time) && run.StartTime.Before(key.to.AddDate(0, 0, 1)) {
				w.instances = append(w.instances, instanceHeld{run.UUID, run.StartTime, s.heldWebinar(run)})
			}
		}
	} else {
		var runs []*types.MeetingInstance
		runs, w.of, err = s.instancesOf(ctx, zoom.InstanceFilter{MeetingID: key.number, From: key.from, To: key.to})
		for _, run := range runs {
			w.instances = append(w.instances, instanceHeld{run.UUID, run.StartTime, s.heldMeeting(run)})
		}
	}
	if err != nil {
		return err
	}
	slices.SortStableFunc(w.instances, func(a, b instanceHeld) int { return a.start.Compare(b.start.Time) })
	if n := len(w.instances) - maxAttended; n > 0 {
		w.instances = w.instances[n:]
		w.of.Errs = append(w.of.Errs, &errs.InputError{Code: types.ErrorCodeLimitExceeded, Message: fmt.Sprintf("The meeting has more than %d instances in these days: the answer is about the latest of them.", maxAttended)})
	}
	w.states = make([]types.ReportState, len(w.instances))
	return nil
}

// rowsOfAll reads the stays of all instances. An instance that cannot be read adds an error, without
// effect on the others.
func (s *scope) rowsOfAll(ctx context.Context, w *computedMeeting) ([]attendees.Rows, error) {
	parts, failed := make([]attendees.Rows, len(w.instances)), make([]error, len(w.instances))
	var read atomic.Int64
	s.client.Each(len(w.instances), func(i int) {
		if read.Load() > maxStays {
			failed[i] = &errs.InputError{Code: types.ErrorCodeLimitExceeded, Message: fmt.Sprintf("The instances have more than %d stays: ask for fewer days.", maxStays)}
			return
		}
		parts[i], failed[i] = s.attendanceRows(ctx, w.instances[i].held, attendanceNeeds{stays: &selection.Needs{}}, nil)
		read.Add(int64(len(parts[i].Stays)))
	})
	var limit *errs.InputError
	for i, err := range failed {
		w.states[i] = stateOfRows(ctx, w.instances[i].start, &parts[i], err)
		switch {
		case w.states[i] == "" && errors.As(err, &limit):
			return nil, err
		case w.states[i] == "":
			w.states[i] = types.ReportStateUnavailable
			w.of.Errs = append(w.of.Errs, err)
		}
		w.of.Errs, w.of.Cut = append(w.of.Errs, parts[i].Of.Errs...), w.of.Cut || parts[i].Of.Cut
	}
	return parts, nil
}

// stateOfRows returns the state of the stays of an instance. If there are none, it follows from
// the age of the instance.
func stateOfRows(ctx context.Context, began types.Time, rows *attendees.Rows, err error) types.ReportState {
	switch {
	case err != nil && !absent(err):
		return stateOf(err)
	case len(rows.Stays) > 0 && zoom.Unfinished(rows.Participants()):
		return types.ReportStatePending
	case len(rows.Stays) > 0:
		return types.ReportStateReady
	case late(ctx, types.Time{Time: began.Add(longestMeeting)}):
		return types.ReportStatePending
	}
	return types.ReportStateUnavailable
}

// longestMeeting is the longest duration of a meeting.
const longestMeeting = 24 * time.Hour

// index fills byRegistrant and byEmail.
func (w *computedMeeting) index() {
	w.byRegistrant, w.byEmail = map[string]*attendance.Regular{}, map[string]*attendance.Regular{}
	for _, p := range w.across.Persons {
		for _, i := range p.Stays {
			if id := string(w.rows[i].RegistrantID); id != "" {
				w.byRegistrant[id] = p
			}
			if email := strings.ToLower(string(w.rows[i].Email)); email != "" {
				if other, ok := w.byEmail[email]; ok && other != p {
					w.byEmail[email] = nil
				} else {
					w.byEmail[email] = p
				}
			}
		}
	}
}

// attendanceOfMeeting returns the attendance of the instances of a meeting as a type of the schema.
func (s *scope) attendanceOfMeeting(ctx context.Context, key attendedMeeting) (*types.MeetingAttendance, error) {
	want := needsOf(ctx, "InstancePresence", "attendees.nodes.presences", "attendees.edges.node.presences").Names
	key.schedule = want["late"] || want["leftEarly"]
	w, err := s.meetingAttendance(ctx, key)
	if err != nil {
		return nil, err
	}
	a := &types.MeetingAttendance{
		Origin: s.origin(), Number: key.number, OfWebinar: key.webinar, Computed: w.across, Stays: w.of, Complete: w.of.Whole() && w.across.Complete,
		Question:  fmt.Sprint("attendees of meeting ", key.number, key.webinar, key.from, key.to, key.rules),
		Instances: make([]*types.AttendedInstance, len(w.instances)), All: make([]*types.MeetingAttendee, len(w.across.Persons)),
	}
	kind, more := "Meeting", url.Values{}
	if key.webinar {
		kind = "Webinar"
	}
	if !key.from.IsZero() {
		more.Set("from", key.from.String())
		more.Set("to", key.to.String())
	}
	a.CSVPath = s.csvPath(kind, key.number.String(), key.rules, more)
	for i, instance := range w.instances {
		a.Instances[i] = &types.AttendedInstance{
			Origin: s.origin(), Number: key.number, OfWebinar: key.webinar,
			UUID: instance.uuid, StartTime: instance.start, Attended: w.across.Attended[i], ReportState: w.states[i],
		}
	}
	for i, p := range w.across.Persons {
		a.All[i] = s.meetingAttendee(w, p, key)
	}
	return a, nil
}

// meetingAttendee returns a person as a type of the schema.
func (s *scope) meetingAttendee(w *computedMeeting, p *attendance.Regular, key attendedMeeting) *types.MeetingAttendee {
	a := &types.MeetingAttendee{
		Origin: s.origin(), Evidence: attendees.EvidenceOf(p.Evidence), Confidence: attendees.ConfidenceOf(p.Confidence), Contradicted: p.Contradicted,
		AttendedCount: p.AttendedCount, DurationSeconds: p.Seconds, Names: []types.Text{}, First: w.rows[p.Stays[0]].Participant,
		Presences: s.presences(w, p, key),
	}
	for _, i := range p.Stays {
		row := w.rows[i]
		a.Email, a.UserZoomID, a.RegistrantID = cmp.Or(a.Email, row.Email), cmp.Or(a.UserZoomID, row.ParticipantUserID, row.ZoomID), cmp.Or(a.RegistrantID, row.RegistrantID)
		a.Names = attendees.AppendText(a.Names, string(row.Name))
		if row.RegistrantID != "" && a.Registered == nil {
			registered := *row.Participant
			registered.Run = key.number.String() // names the meeting or webinar of the registration
			a.Registered = &registered
		}
	}
	return a
}

// presences returns when a person was in each instance.
func (s *scope) presences(w *computedMeeting, p *attendance.Regular, key attendedMeeting) []*types.InstancePresence {
	out := make([]*types.InstancePresence, len(p.Meetings))
	for k, n := range p.Meetings {
		out[k] = attendees.PresenceOf(p.Presences[k], w.unknown == nil)
		out[k].Origin, out[k].Number, out[k].OfWebinar = s.origin(), key.number, key.webinar
		out[k].UUID, out[k].StartTime = w.instances[n].uuid, w.instances[n].start
	}
	return out
}

// meetingAttendees returns a page of the attendees of the instances of a meeting.
func (s *scope) meetingAttendees(ctx context.Context, a *types.MeetingAttendance, first int, after *string) (*types.Connection[types.MeetingAttendee], error) {
	return list.Cut(ctx, a.All, a.Stays, first, after, list.FingerprintOf(s.client.Tenant(), a.Question))
}

// meetingAbsentees returns a page of the approved registrants who attended none of the
// instances.
func (s *scope) meetingAbsentees(ctx context.Context, a *types.MeetingAttendance, first int, after *string) (*types.Connection[types.Registrant], error) {
	if !a.Stays.Whole() {
		list.Tell(ctx, a.Stays)
		return nil, nil // a missing stay may be that of any registrant
	}
	return s.absentRegistrants(ctx, invited{RegistrantsOf: zoom.RegistrantsOf{Number: a.Number, Webinar: a.OfWebinar}}, a.Computed.Absent, first, after, "absent "+a.Question)
}

// attendedInstance returns an instance of a meeting: from the row of the list of instances if that has
// the selected fields.
func (s *scope) attendedInstance(ctx context.Context, uuid types.UUID, start types.Time) (*types.MeetingInstance, error) {
	origin := s.origin()
	origin.Op = zoom.ListInstances.Pattern
	row := &types.MeetingInstance{Origin: origin, UUID: uuid, StartTime: start}
	want := needsOf(ctx, "MeetingInstance")
	if want.LacksOf(origin.Op, row) == nil && !want.Names["meetingNumber"] { // the row has no number
		return row, nil
	}
	return s.someInstance(ctx, uuid)
}

// attendedWebinar is attendedInstance for an instance of a webinar.
func (s *scope) attendedWebinar(ctx context.Context, number types.MeetingNumber, uuid types.UUID, start types.Time) (*types.WebinarReport, error) {
	origin := s.origin()
	origin.Op = zoom.ListWebinarInstances.Pattern
	row := &types.WebinarReport{Origin: origin, UUID: uuid, Run: string(uuid), WebinarNumber: number, StartTime: start}
	if needsOf(ctx, "WebinarReport").LacksOf(origin.Op, row) == nil {
		return row, nil
	}
	return orNil(s.webinarReport(ctx, string(uuid)))
}

// registrantAttendance returns when a registrant was in the instances of the meeting or webinar; nil
// if that is unknown.
func (s *scope) registrantAttendance(ctx context.Context, r *types.Registrant, key attendedMeeting) ([]*types.InstancePresence, error) {
	want := needsOf(ctx, "InstancePresence").Names
	key.number, key.webinar, key.schedule = r.Meeting, r.OfWebinar, want["late"] || want["leftEarly"]
	w, err := s.meetingAttendance(ctx, key)
	if err != nil {
		return nil, err
	}
	p, several := w.byRegistrant[string(r.ZoomID)], false
	if p == nil && r.Email != "" {
		p, several = w.byEmail[strings.ToLower(string(r.Email))]
		several = several && p == nil
	}
	switch {
	case p != nil:
		return s.presences(w, p, key), nil
	case several || !w.of.Whole():
		return nil, nil
	}
	return []*types.InstancePresence{}, nil
}

// attended reads the instances that a user hosted or joined, month by month, newest first.
//
// The report also has the times at which the user joined and left, but Zoom's documents do not say in
// which time zone. So presence is read from the stays of the instance.
func (s *scope) attended(ctx context.Context, u *types.User, days zoom.Days, first int, after *string) (*types.Connection[types.UserAttendance], error) {
	filter := zoom.PastMeetingFilter{UserID: u.ID().Key, Days: days, Type: types.PastMeetingTypePastJoined}
	l, part, err := s.pastMeetingRows(ctx, filter, first, after)
	if part == nil {
		return nil, err
	}
	runs := make([]*types.UserAttendance, len(part.Items))
	for i, row := range part.Items {
		run := &row.Instance
		runs[i] = &types.UserAttendance{
			Origin: s.origin(), Past: row, User: u.ID(), UserEmail: u.Email,
			UUID: run.UUID, MeetingNumber: run.MeetingNumber, Topic: run.Topic, StartTime: run.StartTime, EndTime: run.EndTime,
		}
	}
	return list.Connection(ctx, l, part, err, runs), nil
}

// isWebinar reports whether a row of the report on a user is about a webinar.
func isWebinar(a *types.UserAttendance) bool {
	switch a.Past.Instance.Type {
	case types.MeetingInstanceTypeWebinar, types.MeetingInstanceTypeRecurringWebinarNoFixedTime, types.MeetingInstanceTypeRecurringWebinarFixedTime:
		return true
	}
	return false
}

// userInstance returns the instance of a meeting that a user hosted or joined: from the row
// if it has the selected fields. The row names the user, and not the host.
func (s *scope) userInstance(ctx context.Context, a *types.UserAttendance) (*types.MeetingInstance, error) {
	if isWebinar(a) {
		return nil, nil
	}
	want, row := needsOf(ctx, "MeetingInstance"), a.Past.Instance
	row.HostName, row.HostEmail, row.HostZoomID = "", "", ""
	if want.LacksOf(row.Op, &row) == nil && !want.Names["hostName"] && !want.Names["hostEmail"] {
		return &row, nil
	}
	return s.someInstance(ctx, a.UUID)
}

// userPresence returns when a user was in an instance; nil if no stay is certainly the user's, or if
// the data are not ready, or too old.
func (s *scope) userPresence(ctx context.Context, a *types.UserAttendance, in types.AttendanceRules) (*types.InstancePresence, error) {
	rules, err := attendees.RulesOf(in)
	if err != nil {
		return nil, err
	}
	h := s.heldMeeting(&a.Past.Instance)
	if isWebinar(a) {
		h = s.heldWebinar(&types.WebinarReport{Origin: s.origin(), UUID: a.UUID, Run: string(a.UUID), WebinarNumber: a.MeetingNumber})
	}
	names := needsOf(ctx, "InstancePresence").Names
	want := attendanceNeeds{stays: &selection.Needs{}, schedule: names["late"] || names["leftEarly"]}
	rows, err := s.attendanceRows(ctx, h, want, nil)
	switch {
	case err != nil && (stateOf(err) != "" || errors.Is(err, zoom.ErrNotFound)):
		return nil, nil
	case err != nil:
		s.priceSchedule(ctx, h, want, err)
		return nil, err
	}
	list.Tell(ctx, rows.Of)
	m := rows.Meeting(rules)
	schedule, unknown := s.scheduleOf(ctx, h, want, m)
	m.ScheduledStart, m.ScheduledEnd = schedule.Start, schedule.End
	stays := make([]attendance.Stay, len(rows.Stays))
	for i, row := range rows.Stays {
		stays[i] = row.Stay()
	}
	for _, p := range attendance.Of(m, stays, rules).Persons {
		if slices.ContainsFunc(p.Stays, func(i int) bool { return isOf(a, rows.Stays[i].Participant) }) {
			presence := attendees.PresenceOf(p.Presence, !unknown)
			presence.Origin, presence.Number, presence.OfWebinar = s.origin(), a.MeetingNumber, h.webinar
			presence.UUID, presence.StartTime = a.UUID, a.StartTime
			return presence, nil
		}
	}
	return nil, nil
}

// isOf reports whether a stay is the user's: by Zoom's id, or by the address if one of them has no id.
func isOf(a *types.UserAttendance, p *types.Participant) bool {
	id, key := string(cmp.Or(p.ParticipantUserID, p.ZoomID)), a.User.Key
	if byEmail := strings.Contains(key, "@"); id != "" && !byEmail {
		return id == key
	} else if byEmail && strings.EqualFold(key, string(p.Email)) {
		return true
	}
	email := attendees.AddressOf(a.UserEmail)
	return email != "" && email == attendees.AddressOf(p.Email)
}
