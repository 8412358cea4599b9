package graph

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"zoomql/graph/argument"
	"zoomql/graph/attendees"
	"zoomql/graph/endpoint"
	"zoomql/graph/errs"
	"zoomql/graph/rosters"
	"zoomql/internal/attendance"
	"zoomql/internal/roster"
	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

// During an instance, Zoom has only the dashboard's list of its participants. So attendance is
// computed from the events of participants who join and leave: see package roster. A subscription
// uses the roster of the meeting, which is compared with the dashboard if the plan includes it. A
// query uses one by events only, which costs no call.

// liveInstance is an instance by events, at the time read.
type liveInstance struct {
	*roster.Run
	number  types.MeetingNumber
	webinar bool
	read    time.Time
	// settled says that no late events are waited for: see [rosters.Version].
	settled bool
}

// emptyFor is how long an instance without people is taken to be in progress: the event of its end
// may be lost.
const emptyFor = time.Minute

// inProgress reports whether the instance is in progress.
func (l *liveInstance) inProgress() bool {
	return l.Ended.IsZero() && (l.People > 0 || l.read.Sub(l.AsOf) < emptyFor)
}

// errNotInEvents refuses the attendance by events of an instance that no event names.
var errNotInEvents = &errs.InputError{Code: types.ErrorCodeNotFound, Message: "None of the events of the last hour names this instance. Leave the argument source out: then the cheapest source is read."}

// liveInstance returns an instance by events; nil if it has ended, if no event names it, or if the
// events cannot be read. For a meeting that the caller may not read, the error is that of a query for
// it.
func (s *scope) liveInstance(ctx context.Context, h held) (*liveInstance, error) {
	root := from(ctx).root
	if root.Bus == nil || h.over {
		return nil, nil
	}
	named, ok, err := root.runs.Find(ctx, root.Bus, root.Client.AccountID(), h.name, false)
	if err != nil || !ok || named.Account != s.accountID() || named.Webinar != h.webinar {
		return nil, nil // also with an error: Zoom is asked instead
	}
	number, err := types.ParseMeetingNumber(named.Number)
	if err != nil {
		return nil, nil // no meeting has this number
	}
	if err := s.mayRead(ctx, number, h.webinar); err != nil {
		return nil, err
	}
	live, leave := root.rosters.Read(ctx, rosters.Key{Account: named.Account, Number: number, Webinar: h.webinar})
	defer leave()
	if err := live.Await(ctx); err != nil {
		return nil, ctx.Err() // nil if the events cannot be read, as above
	}
	for _, run := range live.Room().Runs() {
		if run.UUID == h.name {
			return &liveInstance{Run: run, number: number, webinar: h.webinar, read: time.Now(), settled: true}, nil
		}
	}
	return nil, nil
}

// mayRead returns the error of a query for a meeting or webinar; nil if the caller may read it.
func (s *scope) mayRead(ctx context.Context, number types.MeetingNumber, webinar bool) error {
	if webinar {
		_, err := s.webinars().Load(ctx, webinarKey{number, false})
		return err
	}
	_, err := s.wholeMeeting(ctx, number, false)
	return err
}

// attendanceByEvents returns the attendance of an instance by events. Unless the caller chose this
// source, it is nil if the events lack the instance, or if that has ended: then Zoom is asked, and ended
// is the instance by events.
func (s *scope) attendanceByEvents(ctx context.Context, h held, in types.AttendanceRules, chosen *types.AttendanceSource) (a *types.Attendance, ended *liveInstance, err error) {
	byEvents := chosen != nil && *chosen == types.AttendanceSourceEvents
	if chosen != nil && !byEvents {
		return nil, nil, nil
	}
	if byEvents && from(ctx).root.Bus == nil {
		return nil, nil, errNoEvents
	}
	live, err := s.liveInstance(ctx, h)
	switch {
	case errors.Is(err, zoom.ErrNotFound), err == nil && live == nil:
		if byEvents {
			return nil, nil, errNotInEvents
		}
		return nil, nil, nil
	case err != nil:
		return nil, nil, err
	case !byEvents && !live.inProgress():
		return nil, live, nil
	}
	zoom.ValidUntil(ctx, time.Time{}) // not cached: each event changes it
	a, err = s.attendanceOfLive(ctx, live, in, s.planned)
	if a != nil && byEvents {
		a.CSVPath = s.csvPath(h.kind(), h.name, in, url.Values{"source": {string(*chosen)}})
	}
	return a, nil, err
}

// readSchedule reads the scheduled date of an instance of a meeting or webinar.
type readSchedule func(ctx context.Context, number types.MeetingNumber, webinar bool, began time.Time) (attendance.Schedule, error)

// attendanceOfLive computes the attendance of an instance by its events.
func (s *scope) attendanceOfLive(ctx context.Context, live *liveInstance, in types.AttendanceRules, planned readSchedule) (*types.Attendance, error) {
	rules, err := attendees.RulesOf(in)
	if err != nil {
		return nil, err
	}
	if full := from(ctx).Admit(ctx, len(live.Stays)); full != nil {
		return nil, full
	}
	want, root := attendanceNeedsOf(ctx), from(ctx).root
	rows := live.rows(s, root.Names)
	notReturned(ctx, want.stays, zoom.ListReportParticipants.Pattern)
	m := rows.Meeting(rules)
	began := m.Start
	if m.End = live.Ended; !live.Whole && live.Started.IsZero() {
		m.Start = time.Time{} // others may have joined before
	}
	m.AsOf = live.read
	unknown := false
	var schedule attendance.Schedule
	if want.schedule && !began.IsZero() {
		var err error
		if schedule, err = planned(ctx, live.number, live.webinar, began); err != nil && !errors.Is(err, zoom.ErrNotFound) {
			graphql.AddError(ctx, err)
			unknown = true
		}
	}
	m.ScheduledStart, m.ScheduledEnd, m.Occurrence = schedule.Start, schedule.End, schedule.Occurrence
	a := rows.Attendance(m, rules, unknown)
	a.Origin, a.Run, a.Number, a.OfWebinar = s.origin(), live.UUID, live.number, live.webinar
	a.Unscheduled = unknown || schedule.Undated
	if want.attendees["role"] {
		h := held{name: live.UUID, webinar: live.webinar, number: func(context.Context) (types.MeetingNumber, error) { return live.number, nil }}
		s.addRoles(ctx, h, a)
	}
	if !live.Whole {
		a.Missing = append(a.Missing, types.AttendanceGapEarlierStays)
	}
	if !root.Names {
		a.Missing = append(a.Missing, types.AttendanceGapNames)
	}
	// Without its join, a stay may have begun at any time: the event that would tell has been lost, unless
	// it is late.
	unjoined := slices.ContainsFunc(live.Stays, func(p *roster.Participant) bool { return p.Joined.IsZero() })
	if unjoined || live.settled && !live.Ended.IsZero() && !a.Complete {
		a.Missing = append(a.Missing, types.AttendanceGapRows)
	}
	a.Complete = a.Complete && live.Whole
	a.Stays.Unready = len(a.Missing) > 0
	a.ReportState = types.ReportStatePending
	if a.Complete {
		a.ReportState = types.ReportStateReady
	} else {
		a.AsOf = types.Time{Time: m.AsOf}
	}
	a.CSVPath = s.csvPath(held{webinar: live.webinar}.kind(), live.UUID, in, url.Values{})
	a.Question = fmt.Sprint("attendees ", live.UUID, rows.Source, rules)
	return a, nil
}

// rows returns the stays as rows of Zoom's report.
func (l *liveInstance) rows(s *scope, named bool) attendees.Rows {
	rows := attendees.Rows{Source: types.AttendanceSourceEvents, Named: named, Stays: make([]attendees.Row, len(l.Stays))}
	origin := s.origin()
	origin.Op = zoom.ListReportParticipants.Pattern
	for i, p := range l.Stays {
		row := &types.Participant{
			Origin: origin, Run: l.number.String(), OfWebinar: l.webinar,
			ZoomID: types.Text(p.UserID), ParticipantUserID: types.Text(p.UserID), InMeetingID: types.Text(p.StayID), RegistrantID: types.Text(p.RegistrantID),
			CustomerKey: types.Text(p.CustomerKey), Name: types.Text(p.Name), Email: types.Text(p.Email),
			JoinTime: types.Time{Time: p.Joined}, LeaveTime: types.Time{Time: p.Left}, Status: types.ParticipantStatusInMeeting,
		}
		if p.Waiting {
			row.Status = types.ParticipantStatusInWaitingRoom
		}
		if !p.Joined.IsZero() && !p.Left.IsZero() {
			row.DurationSeconds = types.Int{N: int64(p.Left.Sub(p.Joined) / time.Second), Valid: true}
		}
		rows.Stays[i] = attendees.Row{Participant: row, Phone: p.Phone, UUID: cmp.Or(p.UUID, p.ParentID, p.StayID)}
	}
	return rows
}

// attendanceSource is a source of the versions of the attendance of an instance. A slow client gets
// the latest only.
type attendanceSource struct {
	*Resolver
	shared *rosters.Roster
	sub    string // the account's id; "" for the own account
	uuid   string // of the instance; "" for the one in progress, or the next one
	rules  types.AttendanceRules
	run    int  // the id of the instance in the room; 0 until it is found
	last   int  // the version of the last item; 0 before the first item
	over   bool // that was the last version
	opened time.Time
}

// followAttendance opens a source of the attendance of an instance, or of the instance of a webinar
// in progress, or the next one.
func (r *Resolver) followAttendance(ctx context.Context, by *types.MeetingInstanceBy, webinar *types.WebinarBy, rules types.AttendanceRules) (endpoint.Source, error) {
	if _, err := attendees.RulesOf(rules); err != nil {
		return nil, err
	}
	if (by == nil) == (webinar == nil) {
		return nil, errs.Invalid("instance: name an instance or a webinar")
	}
	if webinar != nil {
		number, err := argument.Number("webinar", *webinar)
		if err != nil {
			return nil, err
		}
		return r.followInstance(ctx, in(ctx, webinar.ID), number, true, "", rules)
	}
	name, err := argument.Key("instance", *by)
	if err != nil {
		return nil, err
	}
	s := in(ctx, by.ID)
	if number, err := types.ParseMeetingNumber(name); err == nil {
		return r.followInstance(ctx, s, number, false, "", rules)
	}
	named, ok, err := r.runs.Find(ctx, r.Bus, r.Client.AccountID(), name, true)
	if err != nil {
		return nil, streamError(err)
	}
	number, err := types.ParseMeetingNumber(named.Number)
	if !ok || err != nil || named.Account != s.accountID() {
		return s.pastAttendance(ctx, name, rules)
	}
	return r.followInstance(ctx, s, number, named.Webinar, name, rules)
}

// followInstance opens a source of the attendance of an instance by its UUID; "" means the one in
// progress, or the next one.
func (r *Resolver) followInstance(ctx context.Context, s *scope, number types.MeetingNumber, webinar bool, uuid string, rules types.AttendanceRules) (endpoint.Source, error) {
	live := true // a webinar has no status
	if webinar {
		if err := s.mayRead(ctx, number, true); err != nil {
			return nil, err
		}
	} else {
		m, err := s.wholeMeeting(ctx, number, false)
		if err != nil {
			return nil, err
		}
		live = rosters.MayBeLive(m)
	}
	shared := r.rosters.Follow(ctx, s.client, rosters.Key{Account: s.accountID(), Number: number, Webinar: webinar}, live)
	shared.FollowRuns()
	return &attendanceSource{Resolver: r, shared: shared, sub: s.client.Sub(), uuid: uuid, rules: rules, opened: time.Now()}, nil
}

// Next implements [endpoint.Source].
func (s *attendanceSource) Next(ctx context.Context) (endpoint.Item, error) {
	if err := s.shared.Await(ctx); err != nil {
		return endpoint.Item{}, streamError(err)
	}
	for {
		if s.over {
			return endpoint.Item{}, io.EOF
		}
		runs, changed := s.shared.Runs()
		if run := s.pick(runs); run != nil && run.Number != s.last {
			s.last, s.over = run.Number, !run.Ended.IsZero() && run.Settled
			return s.item(run), nil
		} else if run == nil && (s.run != 0 || s.uuid != "" && runs != nil) {
			return endpoint.Item{}, io.EOF // later instances have taken its place in the room
		}
		select {
		case <-changed:
		case <-s.shared.Lost():
			s.rosters.Drop(s.shared)
			return endpoint.Item{}, errExpired
		case <-ctx.Done():
			return endpoint.Item{}, ctx.Err()
		}
	}
}

// pick returns the latest version of the followed instance; nil if the room does not have it.
func (s *attendanceSource) pick(runs []*rosters.Version) *rosters.Version {
	for _, run := range slices.Backward(runs) {
		if s.follows(run) {
			s.run = run.ID
			return run
		}
	}
	return nil
}

// follows reports whether an instance is the followed one. One that is shorter than the time between
// two versions has ended in its first one.
func (s *attendanceSource) follows(run *rosters.Version) bool {
	switch {
	case s.run != 0:
		return run.ID == s.run
	case s.uuid != "":
		return run.UUID == s.uuid
	}
	return run.Ended.IsZero() || run.Ended.After(s.opened)
}

// Close implements [endpoint.Source].
func (s *attendanceSource) Close() {
	s.shared.LeaveRuns()
	s.rosters.Leave(s.shared)
}

func (s *attendanceSource) item(run *rosters.Version) endpoint.Item {
	sub, rules := s.sub, s.rules
	live := &liveInstance{Run: run.Run, number: s.shared.Key.Number, webinar: s.shared.Key.Webinar, read: run.Read, settled: run.Settled}
	return endpoint.Item{
		Key: "attendance " + strconv.Itoa(s.shared.Serial) + " " + strconv.Itoa(run.ID) + " " + strconv.Itoa(run.Number),
		Value: func(ctx context.Context) any {
			at := from(ctx).in(sub)
			return valueOr(at.attendanceOfLive(ctx, live, rules, func(ctx context.Context, number types.MeetingNumber, webinar bool, began time.Time) (attendance.Schedule, error) {
				return run.Planned.Of(func() (attendance.Schedule, error) { return at.planned(ctx, number, webinar, began) })
			}))
		},
	}
}

// valueOr returns the value of an item, or the error in its place.
func valueOr[T any](value *T, err error) any {
	if err != nil {
		return err
	}
	return value
}

// pastSource is a source of one item: the attendance of an instance that has ended.
type pastSource struct {
	item endpoint.Item
	over bool // the item was sent
}

// pastAttendance opens a source of the attendance of an instance that no event names.
func (s *scope) pastAttendance(ctx context.Context, uuid string, rules types.AttendanceRules) (endpoint.Source, error) {
	instance, err := s.instances().Load(ctx, uuid)
	if err != nil {
		return nil, err
	}
	sub := s.client.Sub()
	return &pastSource{item: endpoint.Item{
		// The key is unique, so that a later subscription does not get this one's answer.
		Key: "attendance " + uuid + " " + time.Now().UTC().Format(time.RFC3339Nano),
		Value: func(ctx context.Context) any {
			at := from(ctx).in(sub)
			return valueOr(at.attendanceOf(ctx, at.heldMeeting(instance), rules, nil))
		},
	}}, nil
}

// Next implements [endpoint.Source].
func (s *pastSource) Next(context.Context) (endpoint.Item, error) {
	if s.over {
		return endpoint.Item{}, io.EOF
	}
	s.over = true
	return s.item, nil
}

// Close implements [endpoint.Source].
func (s *pastSource) Close() {}
