package graph

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"zoomql/graph/directory"
	"zoomql/graph/errs"
	"zoomql/graph/list"
	"zoomql/internal/attendance"
	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

// held is what attendance needs to know of an instance of a meeting or webinar.
type held struct {
	name    string // by which Zoom is asked about it
	webinar bool
	// number is that of the meeting or webinar that was held.
	number func(context.Context) (types.MeetingNumber, error)
	// state is why Zoom names nobody.
	state func(context.Context, error) (types.ReportState, error)
}

func (s *scope) heldMeeting(i *types.MeetingInstance) held {
	name := string(i.UUID)
	return held{
		name: name,
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
		name: webinarInstance(w), webinar: true,
		number: func(ctx context.Context) (types.MeetingNumber, error) { return s.webinarOf(ctx, w) },
		state: func(ctx context.Context, err error) (types.ReportState, error) {
			if err == nil {
				err = &zoom.Error{Op: zoom.ListWebinarParticipants.Pattern, Kind: zoom.ErrNotReady}
			}
			return webinarState(ctx, w, pastParticipantsKept, err), err
		},
	}
}

// pastParticipantsKept is how long Zoom keeps who was in an instance, in months.
//
// Source: the operations' descriptions.
const pastParticipantsKept = 15

// longestRule bounds the times of rules, in seconds. No meeting takes that long.
const longestRule = 7 * 24 * 60 * 60

// usualRules are those that the schema has for callers who give none.
func usualRules(byName bool) types.AttendanceRules {
	return types.AttendanceRules{LateAfterSeconds: 300, LeftEarlyBeforeSeconds: 300, WaitingRoom: types.WaitingRoomTimeExclude, ByName: byName}
}

func rulesOf(in types.AttendanceRules) (attendance.Rules, error) {
	for _, rule := range []struct {
		name    string
		seconds int
	}{
		{"lateAfterSeconds", in.LateAfterSeconds}, {"leftEarlyBeforeSeconds", in.LeftEarlyBeforeSeconds},
		{"minimumSeconds", in.MinimumSeconds}, {"mergeGapSeconds", in.MergeGapSeconds},
	} {
		if rule.seconds < 0 || rule.seconds > longestRule {
			return attendance.Rules{}, errs.Invalid(fmt.Sprintf("rules.%s: %d is not between 0 and %d", rule.name, rule.seconds, longestRule))
		}
	}
	seconds := func(n int) time.Duration { return time.Duration(n) * time.Second }
	return attendance.Rules{
		LateAfter: seconds(in.LateAfterSeconds), LeftEarlyBefore: seconds(in.LeftEarlyBeforeSeconds), Minimum: seconds(in.MinimumSeconds),
		MergeGap: seconds(in.MergeGapSeconds), CountWaiting: in.WaitingRoom == types.WaitingRoomTimeInclude, ByName: in.ByName,
	}, nil
}

// attendanceOf works out who attended an instance. Data that are late or too old are a
// state, not an error.
func (s *scope) attendanceOf(ctx context.Context, h held, in types.AttendanceRules, wish *types.AttendanceSource) (*types.Attendance, error) {
	rules, err := rulesOf(in)
	if err != nil {
		return nil, err
	}
	want := attendanceNeedsOf(ctx)
	rows, err := s.attendanceRows(ctx, h, want, wish)
	state := stateOf(err)
	if len(rows.stays) == 0 {
		state, err = h.state(ctx, err)
	}
	if state == "" {
		return nil, err
	}
	if zoom.Unfinished(rows.participants()) {
		state = types.ReportStatePending
	}
	m := rows.meeting(rules)
	schedule, untold := s.scheduleOf(ctx, h, want, m)
	m.ScheduledStart, m.ScheduledEnd = schedule.from, schedule.to
	a := attendanceFrom(rows, m, rules, untold)
	a.Origin, a.Run, a.OfWebinar, a.ReportState = s.origin(), h.name, h.webinar, state
	a.Stays = rows.of
	a.Stays.Unready = state != types.ReportStateReady
	a.Question = fmt.Sprint("attendees ", h.name, rows.source, rules)
	a.Complete = a.Complete && a.Stays.Whole()
	if !a.Complete {
		a.AsOf = types.Time{Time: m.AsOf}
	}
	return a, nil
}

// staysAreOf tells the directory which ids and addresses are one user's. Each stay has its
// own: those of an attendee may be several users'.
func (s *scope) staysAreOf(ctx context.Context, all []*types.Attendee) {
	var stays []*types.Participant
	for _, a := range all {
		stays = append(stays, a.Stays...)
	}
	directory.SameOf(ctx, s.directory(), stays, func(p *types.Participant) (id, email types.Text) {
		return cmp.Or(p.ParticipantUserID, p.ZoomID), p.Email
	})
}

// toldWhole tells beside an attendance that not all stays have come.
func toldWhole(ctx context.Context, a *types.Attendance) *types.Attendance {
	if a != nil {
		list.Tell(ctx, a.Stays)
	}
	return a
}

// attendees returns a page of who attended.
func (s *scope) attendees(ctx context.Context, a *types.Attendance, first int, after *string) (*types.AttendeeConnection, error) {
	page, err := list.Cut(ctx, a.All, a.Stays, first, after, list.FingerprintOf(s.client.Tenant(), a.Question))
	if err != nil {
		return nil, err
	}
	s.staysAreOf(ctx, page.Nodes())
	return &types.AttendeeConnection{Connection: *page, Source: a.Source, EvidenceUsed: a.EvidenceUsed, ReportState: a.ReportState}, nil
}

// schedule is when an instance was to begin and end.
type schedule struct{ from, to time.Time }

// nearSchedule is how far from its schedule an instance may begin: one that begins at
// another time was started for something else, such as a rehearsal on the day before.
const nearSchedule = 3 * time.Hour

// scheduleOf reads when an instance was planned, if that is asked for. untold says that the
// plan could not be read, and so nobody can tell who was late.
func (s *scope) scheduleOf(ctx context.Context, h held, want attendanceNeeds, m attendance.Meeting) (found schedule, untold bool) {
	if !want.schedule || m.Start.IsZero() {
		return schedule{}, false
	}
	number, err := h.number(ctx)
	if err == nil {
		found, err = s.planned(ctx, number, h.webinar, m.Start)
	}
	if err != nil && !errors.Is(err, zoom.ErrNotFound) {
		graphql.AddError(ctx, err)
		return schedule{}, true
	}
	return found, false
}

// planned returns the date of a meeting or webinar that an instance is of, zero where there
// is none near it.
func (s *scope) planned(ctx context.Context, number types.MeetingNumber, webinar bool, began time.Time) (schedule, error) {
	var dates []*types.MeetingOccurrence
	if webinar {
		w, err := s.webinars().Load(ctx, webinarKey{number: number})
		if err != nil {
			return schedule{}, err
		}
		dates = []*types.MeetingOccurrence{{StartTime: w.StartTime, DurationMinutes: w.DurationMinutes}}
	} else {
		m, err := loaderOf(s, batchOfPrevious(s)).Load(ctx, previousKey{number})
		if err != nil {
			return schedule{}, err
		}
		dates = slices.Concat(m.Occurrences, []*types.MeetingOccurrence{{StartTime: m.StartTime, DurationMinutes: m.DurationMinutes}})
	}
	var nearest schedule
	for _, d := range dates {
		away := d.StartTime.Sub(began).Abs()
		if !d.StartTime.IsZero() && away <= nearSchedule && (nearest.from.IsZero() || away < nearest.from.Sub(began).Abs()) {
			nearest = schedule{from: d.StartTime.Time}
			if d.DurationMinutes.N > 0 && d.DurationMinutes.N <= longestRule/60 {
				nearest.to = nearest.from.Add(time.Duration(d.DurationMinutes.N) * time.Minute)
			}
		}
	}
	return nearest, nil
}

// absentees returns a page of the approved registrants who did not attend.
func (s *scope) absentees(ctx context.Context, a *types.Attendance, first int, after *string) (*types.Connection[types.Registrant], error) {
	if !a.Stays.Whole() {
		list.Tell(ctx, a.Stays)
		return nil, nil // nobody can tell
	}
	h := s.heldMeeting(&types.MeetingInstance{Origin: s.origin(), UUID: types.UUID(a.Run)})
	if a.OfWebinar {
		h = s.heldWebinar(&types.WebinarReport{Run: a.Run})
	}
	number, err := h.number(ctx)
	if err != nil {
		return nil, err
	}
	of := zoom.RegistrantsOf{Number: number, Webinar: a.OfWebinar}
	return s.absentRegistrants(ctx, of, a.Worked.Absent, first, after, "absent "+a.Question)
}

// absentRegistrants returns a page of the approved registrants of whom absent tells the
// places.
func (s *scope) absentRegistrants(ctx context.Context, of zoom.RegistrantsOf, absent func([]attendance.Registrant) []int, first int, after *string, question string) (*types.Connection[types.Registrant], error) {
	approved, err := loaderOf(s, s.approvedRegistrants).Load(ctx, of)
	if err != nil {
		return nil, err
	}
	registered := make([]attendance.Registrant, len(approved.items))
	for i, r := range approved.items {
		registered[i] = attendance.Registrant{ID: string(r.ZoomID), Email: string(r.Email)}
	}
	var absentees []*types.Registrant
	for _, i := range absent(registered) {
		absentees = append(absentees, approved.items[i])
	}
	if len(absentees) > 0 {
		notTold(ctx, needsOfNodes(ctx, "Registrant"), absentees[0].Op)
	}
	return list.Cut(ctx, absentees, approved.of, first, after, list.FingerprintOf(s.client.Tenant(), question))
}

// registrantList is the approved registrants of a meeting or webinar.
type registrantList struct {
	items []*types.Registrant
	of    types.Completeness
}

// approvedRegistrants reads the lists of approved registrants.
func (s *scope) approvedRegistrants(ctx context.Context, keys []zoom.RegistrantsOf) []zoom.Found[registrantList] {
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

func (s *scope) approved(ctx context.Context, of zoom.RegistrantsOf) ([]*types.Registrant, types.Completeness, error) {
	const status = types.RegistrantStatusApproved
	if of.Webinar {
		filter := zoom.WebinarRegistrantFilter{WebinarID: of.Number, Status: status}
		return list.List[zoom.WebinarRegistrantFilter, types.Registrant]{Client: s.client, Op: zoom.ListWebinarRegistrants, Windows: list.Uncut(filter)}.Whole(ctx, maxStays)
	}
	filter := zoom.RegistrantFilter{MeetingID: of.Number, Status: status}
	return list.List[zoom.RegistrantFilter, types.Registrant]{Client: s.client, Op: zoom.ListRegistrants, Windows: list.Uncut(filter)}.Whole(ctx, maxStays)
}

// curve returns how many people were there in the course of an instance.
func curve(a *types.Attendance, most int) ([]*types.AttendancePoint, error) {
	if most < 2 || most > maxPoints {
		return nil, errs.Invalid(fmt.Sprintf("points: %d is not between 2 and %d", most, maxPoints))
	}
	points := a.Worked.Curve(most)
	out := make([]*types.AttendancePoint, len(points))
	for i, p := range points {
		out[i] = pointOf(p)
	}
	return out, nil
}

const maxPoints = 1000

func pointOf(p attendance.Point) *types.AttendancePoint {
	return &types.AttendancePoint{Time: types.Time{Time: p.At}, Count: p.Count}
}

// attendeeRegistrant returns the registration that an attendee came by.
func (s *scope) attendeeRegistrant(ctx context.Context, a *types.Attendee) (*types.Registrant, error) {
	i := slices.IndexFunc(a.Stays, func(p *types.Participant) bool { return p.RegistrantID != "" })
	if i < 0 {
		return nil, nil
	}
	return s.participantRegistrant(ctx, a.Stays[i])
}

// previousKey names a meeting that is read with the occurrences that are over.
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
