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

// While a run goes on, Zoom has nothing of it but the dashboard's list. So who attends it is
// worked out from the events of people who come and leave, see package roster: of a
// subscription from a roster that is kept up to date, and seeded by the dashboard where the
// plan has that; of a query from one that hangs on events alone, and costs no call.

// liveRun is a run by events, as it was read.
type liveRun struct {
	*roster.Run
	number  types.MeetingNumber
	webinar bool
	read    time.Time
	// settled says that no more is waited for of a run that has ended.
	settled bool
}

// emptyFor is how long a run is taken for one that goes on though nobody is there: the event
// of its end may be lost.
const emptyFor = time.Minute

// goesOn reports whether the run does.
func (l *liveRun) goesOn() bool {
	return l.Ended.IsZero() && (l.People > 0 || l.read.Sub(l.AsOf) < emptyFor)
}

// errNoRun is the refusal of a run's events where none name it.
var errNoRun = &errs.InputError{Code: types.ErrorCodeNotFound, Message: "None of the events of the last hour names this run. Leave the argument source out: it is read where it is cheapest."}

// liveRun returns an instance by events; nil where these do not tell of it. The error is that
// of a query for the meeting, where the caller may not see it.
func (s *scope) liveRun(ctx context.Context, h held) (*liveRun, error) {
	root := from(ctx).root
	if root.Bus == nil || h.over {
		return nil, nil
	}
	named, ok, err := root.runs.Find(ctx, root.Bus, root.Client.AccountID(), h.name, false)
	if err != nil || !ok || named.Account != s.accountID() || named.Webinar != h.webinar {
		return nil, nil // events cannot be read: Zoom is asked
	}
	number, err := types.ParseMeetingNumber(named.Number)
	if err != nil {
		return nil, nil // no meeting has it
	}
	if err := s.mayFollow(ctx, number, h.webinar); err != nil {
		return nil, err
	}
	shared, leave := root.rosters.Read(ctx, rosters.Key{Account: named.Account, Number: number, Webinar: h.webinar})
	defer leave()
	if err := shared.Await(ctx); err != nil {
		return nil, ctx.Err() // nil: events cannot be read, as above
	}
	for _, run := range shared.Room().Runs() {
		if run.UUID == h.name {
			return &liveRun{Run: run, number: number, webinar: h.webinar, read: time.Now(), settled: true}, nil
		}
	}
	return nil, nil
}

// mayFollow returns the error of a query for a meeting or webinar.
func (s *scope) mayFollow(ctx context.Context, number types.MeetingNumber, webinar bool) error {
	if webinar {
		_, err := s.webinars().Load(ctx, webinarKey{number, false})
		return err
	}
	_, err := s.wholeMeeting(ctx, number, false)
	return err
}

// attendanceByEvents works out who attends an instance by events. It returns nil where these
// do not tell, or where Zoom does: once the run has ended.
func (s *scope) attendanceByEvents(ctx context.Context, h held, in types.AttendanceRules, wish *types.AttendanceSource) (*types.Attendance, error) {
	asked := wish != nil && *wish == types.AttendanceSourceEvents
	if wish != nil && !asked {
		return nil, nil
	}
	if asked && from(ctx).root.Bus == nil {
		return nil, errNoEvents
	}
	live, err := s.liveRun(ctx, h)
	switch {
	case errors.Is(err, zoom.ErrNotFound), err == nil && live == nil:
		if asked {
			return nil, errNoRun
		}
		return nil, nil
	case err != nil:
		return nil, err
	case !asked && !live.goesOn():
		return nil, nil
	}
	zoom.ValidUntil(ctx, time.Time{}) // another one with each event
	a, err := s.attendanceOfLive(ctx, live, in, s.planned)
	if a != nil && asked {
		a.CSVPath = s.csvPath(h.kind(), h.name, in, url.Values{"source": {string(*wish)}})
	}
	return a, err
}

// plannedBy reads the date of a meeting or webinar that an instance is of.
type plannedBy func(ctx context.Context, number types.MeetingNumber, webinar bool, began time.Time) (attendance.Schedule, error)

// attendanceOfLive works out who attends a run by its events.
func (s *scope) attendanceOfLive(ctx context.Context, live *liveRun, in types.AttendanceRules, planned plannedBy) (*types.Attendance, error) {
	rules, err := attendees.RulesOf(in)
	if err != nil {
		return nil, err
	}
	if full := from(ctx).Admit(ctx, len(live.Stays)); full != nil {
		return nil, full
	}
	want, root := attendanceNeedsOf(ctx), from(ctx).root
	rows := live.rows(s, root.Names)
	notTold(ctx, want.stays, zoom.ListReportParticipants.Pattern)
	m := rows.Meeting(rules)
	began := m.Start
	if m.End = live.Ended; !live.Whole && live.Started.IsZero() {
		m.Start = time.Time{} // others may have come before
	}
	m.AsOf = live.read
	untold := false
	if want.schedule && !began.IsZero() {
		due, err := planned(ctx, live.number, live.webinar, began)
		if err != nil && !errors.Is(err, zoom.ErrNotFound) {
			graphql.AddError(ctx, err)
			untold = true
		}
		m.ScheduledStart, m.ScheduledEnd = due.Start, due.End
	}
	a := rows.Attendance(m, rules, untold)
	a.Origin, a.Run, a.Number, a.OfWebinar = s.origin(), live.UUID, live.number, live.webinar
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
	if live.settled && !live.Ended.IsZero() && !a.Complete {
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

// rows are the stays as Zoom's report would tell them.
func (l *liveRun) rows(s *scope, named bool) attendees.Rows {
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

// attendanceSource is who attends a run, whenever that has changed.
type attendanceSource struct {
	*Resolver
	shared *rosters.Roster
	sub    string // the account, where it is a sub account
	uuid   string // of the run; "" is the one that goes on, or the next one
	rules  types.AttendanceRules
	run    int // its id; 0 until it is known
	last   int // version; 0 is none
	over   bool
}

// followAttendance opens the attendance of a run, or of the run of a webinar that goes on.
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
		return r.followRun(ctx, in(ctx, webinar.ID), number, true, "", rules)
	}
	name, err := argument.Key("instance", *by)
	if err != nil {
		return nil, err
	}
	s := in(ctx, by.ID)
	if number, err := types.ParseMeetingNumber(name); err == nil {
		return r.followRun(ctx, s, number, false, "", rules)
	}
	named, ok, err := r.runs.Find(ctx, r.Bus, r.Client.AccountID(), name, true)
	if err != nil {
		return nil, streamError(err)
	}
	number, err := types.ParseMeetingNumber(named.Number)
	if !ok || err != nil || named.Account != s.accountID() {
		return s.pastAttendance(ctx, name, rules)
	}
	return r.followRun(ctx, s, number, named.Webinar, name, rules)
}

// followRun opens the attendance of a run by its UUID; "" is the one that goes on, or the next one.
func (r *Resolver) followRun(ctx context.Context, s *scope, number types.MeetingNumber, webinar bool, uuid string, rules types.AttendanceRules) (endpoint.Source, error) {
	live := true // as far as a webinar says
	if webinar {
		if err := s.mayFollow(ctx, number, true); err != nil {
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
	return &attendanceSource{Resolver: r, shared: shared, sub: s.client.Sub(), uuid: uuid, rules: rules}, nil
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
			return endpoint.Item{}, io.EOF // later runs have taken its place
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

// pick returns the run that is followed; nil where it is not known.
func (s *attendanceSource) pick(runs []*rosters.Version) *rosters.Version {
	for _, run := range slices.Backward(runs) {
		switch {
		case s.run != 0 && run.ID != s.run, s.run == 0 && s.uuid != "" && run.UUID != s.uuid, s.run == 0 && s.uuid == "" && !run.Ended.IsZero():
			continue
		}
		s.run = run.ID
		return run
	}
	return nil
}

// Close implements [endpoint.Source].
func (s *attendanceSource) Close() {
	s.shared.LeaveRuns()
	s.rosters.Leave(s.shared)
}

func (s *attendanceSource) item(run *rosters.Version) endpoint.Item {
	sub, rules := s.sub, s.rules
	live := &liveRun{Run: run.Run, number: s.shared.Key.Number, webinar: s.shared.Key.Webinar, read: run.Read, settled: run.Settled}
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

// valueOr is a value of an item, or the error in its place.
func valueOr[T any](value *T, err error) any {
	if err != nil {
		return err
	}
	return value
}

// pastSource is who attended a run that has ended, once.
type pastSource struct {
	item endpoint.Item
	over bool
}

// pastAttendance opens the attendance of a run that no event names, where Zoom has it.
func (s *scope) pastAttendance(ctx context.Context, uuid string, rules types.AttendanceRules) (endpoint.Source, error) {
	instance, err := s.instances().Load(ctx, uuid)
	if err != nil {
		return nil, err
	}
	sub := s.client.Sub()
	return &pastSource{item: endpoint.Item{
		// The key is unique: a later subscription reads Zoom anew.
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
