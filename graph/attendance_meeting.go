package graph

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"zoomql/graph/errs"
	"zoomql/graph/list"
	"zoomql/internal/attendance"
	"zoomql/internal/plan"
	"zoomql/internal/selection"
	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

// maxAttended is how many instances of a meeting are worked out together.
const maxAttended = plan.MaxRuns

// attendedMeeting names the instances of a meeting whose attendance is worked out together.
type attendedMeeting struct {
	number   types.MeetingNumber
	from, to types.Date
	rules    types.AttendanceRules
	schedule bool // its dates are needed
}

// workedMeeting is who attended these instances.
type workedMeeting struct {
	across    *attendance.Across
	instances []*types.MeetingInstance
	states    []types.ReportState
	rows      []attendanceRow // of all instances
	of        types.Completeness
	untold    error // why nobody can tell who was late
	// byRegistrant and byEmail find persons; nil stands for an address of several.
	byRegistrant, byEmail map[string]*attendance.Regular
}

// meetingAttendance returns who attended the instances of a meeting. All fields of a
// response that need the same have it worked out once.
func (s *scope) meetingAttendance(ctx context.Context, key attendedMeeting) (*workedMeeting, error) {
	w, err := loaderOf(s, s.workMeetings).Load(ctx, key)
	if err != nil {
		return nil, err
	}
	list.Tell(ctx, w.of)
	if w.untold != nil {
		graphql.AddError(ctx, w.untold)
	}
	return w, nil
}

func (s *scope) workMeetings(ctx context.Context, keys []attendedMeeting) []zoom.Found[workedMeeting] {
	found := make([]zoom.Found[workedMeeting], len(keys))
	for i, key := range keys {
		found[i].Object, found[i].Err = s.workMeeting(ctx, key)
	}
	return found
}

func (s *scope) workMeeting(ctx context.Context, key attendedMeeting) (*workedMeeting, error) {
	rules, err := rulesOf(key.rules)
	if err == nil {
		err = list.Ordered(key.from, key.to)
	}
	if err != nil {
		return nil, err
	}
	w := &workedMeeting{}
	if err := s.instancesOf(ctx, key, w); err != nil {
		return nil, err
	}
	parts, err := s.rowsOfAll(ctx, w)
	if err != nil {
		return nil, err
	}
	all := make([]attendance.Held, len(parts))
	for i, rows := range parts {
		all[i].Meeting = rows.meeting(rules)
		if key.schedule && w.untold == nil && !all[i].Start.IsZero() {
			due, err := s.planned(ctx, key.number, false, all[i].Start)
			if err != nil && !errors.Is(err, zoom.ErrNotFound) {
				w.untold = err
			}
			all[i].ScheduledStart, all[i].ScheduledEnd = due.from, due.to
		}
		for _, row := range rows.stays {
			all[i].Stays = append(all[i].Stays, row.stay())
		}
		w.rows = append(w.rows, rows.stays...)
	}
	w.of.Unready = slices.Contains(w.states, types.ReportStatePending)
	w.across = attendance.OfAll(all, rules)
	w.index()
	return w, nil
}

// instancesOf reads which instances there are, the latest ones where there are too many.
func (s *scope) instancesOf(ctx context.Context, key attendedMeeting, w *workedMeeting) error {
	out, err := zoom.ListInstances.Do(ctx, s.client, zoom.InstanceFilter{MeetingID: key.number, From: key.from, To: key.to})
	if err != nil {
		return err
	}
	for _, i := range out.Meetings {
		if i != nil && i.UUID != "" {
			w.instances = append(w.instances, i)
		}
	}
	if n := len(out.Meetings) - len(w.instances); n > 0 {
		w.of.Errs = append(w.of.Errs, zoom.LeftOut(zoom.ListInstances.Spec, n))
	}
	slices.SortStableFunc(w.instances, func(a, b *types.MeetingInstance) int { return a.StartTime.Compare(b.StartTime.Time) })
	if n := len(w.instances) - maxAttended; n > 0 {
		w.instances = w.instances[n:]
		w.of.Errs = append(w.of.Errs, &errs.InputError{Code: types.ErrorCodeLimitExceeded, Message: fmt.Sprintf("The meeting has more than %d instances in these days: the answer is about the latest of them.", maxAttended)})
	}
	w.states = make([]types.ReportState, len(w.instances))
	return nil
}

// rowsOfAll reads the stays of all instances. What cannot be read of one is told, and costs
// that one.
func (s *scope) rowsOfAll(ctx context.Context, w *workedMeeting) ([]attendanceRows, error) {
	parts, failed := make([]attendanceRows, len(w.instances)), make([]error, len(w.instances))
	var read atomic.Int64
	s.client.Each(len(w.instances), func(i int) {
		if read.Load() > maxStays {
			failed[i] = &errs.InputError{Code: types.ErrorCodeLimitExceeded, Message: fmt.Sprintf("The instances have more than %d stays: ask for fewer days.", maxStays)}
			return
		}
		h := s.heldMeeting(w.instances[i])
		parts[i], failed[i] = s.attendanceRows(ctx, h, attendanceNeeds{stays: &selection.Needs{}}, nil)
		read.Add(int64(len(parts[i].stays)))
	})
	var limit *errs.InputError
	for i, err := range failed {
		w.states[i] = stateOfRows(ctx, w.instances[i], &parts[i], err)
		switch {
		case w.states[i] == "" && errors.As(err, &limit):
			return nil, err
		case w.states[i] == "":
			w.states[i] = types.ReportStateUnavailable
			w.of.Errs = append(w.of.Errs, err)
		}
		w.of.Errs, w.of.Cut = append(w.of.Errs, parts[i].of.Errs...), w.of.Cut || parts[i].of.Cut
	}
	return parts, nil
}

// stateOfRows returns the state of the stays of an instance. The age of the instance tells
// why there are none.
func stateOfRows(ctx context.Context, i *types.MeetingInstance, rows *attendanceRows, err error) types.ReportState {
	switch {
	case err != nil && !absent(err):
		return stateOf(err)
	case len(rows.stays) > 0 && zoom.Unfinished(rows.participants()):
		return types.ReportStatePending
	case len(rows.stays) > 0:
		return types.ReportStateReady
	case late(ctx, types.Time{Time: i.StartTime.Add(longestMeeting)}):
		return types.ReportStatePending
	}
	return types.ReportStateUnavailable
}

// longestMeeting is how long a meeting takes at most.
const longestMeeting = 24 * time.Hour

func (w *workedMeeting) index() {
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

// attendanceOfMeeting is meetingAttendance as the graph has it.
func (s *scope) attendanceOfMeeting(ctx context.Context, key attendedMeeting) (*types.MeetingAttendance, error) {
	want := needsOf(ctx, "InstancePresence", "attendees.nodes.presences", "attendees.edges.node.presences").Names
	key.schedule = want["late"] || want["leftEarly"]
	w, err := s.meetingAttendance(ctx, key)
	if err != nil {
		return nil, err
	}
	a := &types.MeetingAttendance{
		Origin: s.origin(), Number: key.number, Worked: w.across, Stays: w.of, Complete: w.of.Whole() && w.across.Complete,
		Question:  fmt.Sprint("attendees of meeting ", key.number, key.from, key.to, key.rules),
		Instances: make([]*types.AttendedInstance, len(w.instances)), All: make([]*types.MeetingAttendee, len(w.across.Persons)),
	}
	for i, instance := range w.instances {
		a.Instances[i] = &types.AttendedInstance{Origin: s.origin(), UUID: instance.UUID, StartTime: instance.StartTime, Attended: w.across.Attended[i], ReportState: w.states[i]}
	}
	for i, p := range w.across.Persons {
		a.All[i] = s.meetingAttendee(w, p, key.number)
	}
	return a, nil
}

// meetingAttendee is a person as the graph has it.
func (s *scope) meetingAttendee(w *workedMeeting, p *attendance.Regular, number types.MeetingNumber) *types.MeetingAttendee {
	a := &types.MeetingAttendee{
		Origin: s.origin(), Evidence: evidenceNames[p.Evidence], Confidence: confidenceNames[p.Confidence], Contradicted: p.Contradicted,
		AttendedCount: p.AttendedCount, DurationSeconds: p.Seconds, Names: []types.Text{}, First: w.rows[p.Stays[0]].Participant,
		Presences: s.presences(w, p),
	}
	for _, i := range p.Stays {
		row := w.rows[i]
		a.Email, a.UserZoomID, a.RegistrantID = cmp.Or(a.Email, row.Email), cmp.Or(a.UserZoomID, row.ParticipantUserID, row.ZoomID), cmp.Or(a.RegistrantID, row.RegistrantID)
		a.Names = added(a.Names, string(row.Name))
		if row.RegistrantID != "" && a.Registered == nil {
			registered := *row.Participant
			registered.Run = number.String() // which tells whose registration it is
			a.Registered = &registered
		}
	}
	return a
}

// presences are when a person was in each instance.
func (s *scope) presences(w *workedMeeting, p *attendance.Regular) []*types.InstancePresence {
	out := make([]*types.InstancePresence, len(p.Meetings))
	for k, n := range p.Meetings {
		there, instance := p.Presences[k], w.instances[n]
		out[k] = &types.InstancePresence{
			Origin: s.origin(), UUID: instance.UUID, StartTime: instance.StartTime,
			FirstJoin: types.Time{Time: there.FirstJoin}, LastLeave: types.Time{Time: there.LastLeave}, DurationSeconds: there.Seconds, Attended: there.Attended,
		}
		if w.untold == nil {
			out[k].Late, out[k].LeftEarly = boolOf(there.Late), boolOf(there.LeftEarly)
		}
	}
	return out
}

// meetingAttendees returns a page of who attended the instances of a meeting.
func (s *scope) meetingAttendees(ctx context.Context, a *types.MeetingAttendance, first int, after *string) (*types.Connection[types.MeetingAttendee], error) {
	return list.Cut(ctx, a.All, a.Stays, first, after, list.FingerprintOf(s.client.Tenant(), a.Question))
}

// meetingAbsentees returns a page of the approved registrants who attended none of the
// instances.
func (s *scope) meetingAbsentees(ctx context.Context, a *types.MeetingAttendance, first int, after *string) (*types.Connection[types.Registrant], error) {
	if !a.Stays.Whole() {
		list.Tell(ctx, a.Stays)
		return nil, nil // nobody can tell
	}
	return s.absentRegistrants(ctx, ofMeeting(a.Number), a.Worked.Absent, first, after, "absent "+a.Question)
}

// attendedInstance returns an instance that the list of instances has told of.
func (s *scope) attendedInstance(ctx context.Context, uuid types.UUID, start types.Time) (*types.MeetingInstance, error) {
	origin := s.origin()
	origin.Op = zoom.ListInstances.Pattern
	row := &types.MeetingInstance{Origin: origin, UUID: uuid, StartTime: start}
	want := needsOf(ctx, "MeetingInstance")
	if want.LacksOf(origin.Op, row) == nil && !want.Names["meetingNumber"] { // which the row has not kept
		return row, nil
	}
	return s.someInstance(ctx, uuid)
}

// registrantAttendance returns when a registrant was in the instances of the meeting; nil
// where that cannot be told.
func (s *scope) registrantAttendance(ctx context.Context, r *types.Registrant, key attendedMeeting) ([]*types.InstancePresence, error) {
	if r.OfWebinar {
		return nil, nil
	}
	want := needsOf(ctx, "InstancePresence").Names
	key.number, key.schedule = r.Meeting, want["late"] || want["leftEarly"]
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
		return s.presences(w, p), nil
	case several || !w.of.Whole():
		return nil, nil
	}
	return []*types.InstancePresence{}, nil
}
