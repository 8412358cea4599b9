package rosters

import (
	"context"
	"errors"
	"hash/fnv"
	"slices"
	"time"

	"zoomql/graph/list"
	"zoomql/internal/events"
	"zoomql/internal/plan"
	"zoomql/internal/roster"
	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

// An event that Zoom has given up is told nobody, and a roster that lacks it is wrong as long
// as the meeting goes on. So while a roster is followed it is compared with the dashboard's
// list of who is there, where plan and scopes include that.

const (
	// CompareEvery is how often. At Business, 60,000 HEAVY calls a day are for all that needs
	// them: twelve an hour are one in two hundred of these for a meeting of a day, and five
	// minutes are what an event may be late anyway, when it was delivered again.
	CompareEvery = 5 * time.Minute
	// comparedShare is the divisor of the day's remaining budget that comparisons may use: a
	// fourth. maxPace bounds how much rarer they become.
	comparedShare = 4
	maxPace       = 64
	// oneMoment is how far apart replicas compare at the same moment: their clocks differ.
	oneMoment = 10 * time.Second
)

// compareNext has a roster compared at its next moment. All replicas compare the same roster at
// the same moments, so that the first of them makes the call and the others get its answer;
// other rosters have other moments, so that their calls do not come at once.
func (l *Rosters) compareNext(s *Roster) {
	if s.err != nil {
		return
	}
	now := time.Now()
	every := time.Duration(l.pace(s)) * CompareEvery
	l.compareAfter(s, s.Key.NextMoment(now, every).Sub(now), maxPace)
}

// compareSoon has a roster compared at once, of which events may be missed: at its next moment
// where little is left of the day's budget.
func (l *Rosters) compareSoon(s *Roster) { l.compareAfter(s, 0, 1) }

// compareAfter has a roster compared after some time, and not before, unless it is closed, or
// its pace is more than one then.
func (l *Rosters) compareAfter(s *Roster, wait time.Duration, pace int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if s.closed {
		return
	}
	if s.due != nil {
		s.due.Stop()
	}
	s.due = time.AfterFunc(wait, func() {
		<-s.ready
		if s.err != nil {
			return
		}
		defer l.compareNext(s)
		if pace < maxPace && l.pace(s) > pace {
			return
		}
		ctx, cancel := context.WithTimeout(zoom.Background(context.Background()), seedWithin)
		defer cancel()
		s.compare(ctx)
	})
}

// NextMoment returns the next moment after now at which the roster is compared.
func (k Key) NextMoment(now time.Time, every time.Duration) time.Time {
	of := fnv.New64a()
	_, _ = of.Write([]byte(k.Account + " " + k.Number.String())) // never fails
	phase := time.Duration(of.Sum64() % uint64(CompareEvery))
	return now.Add(-phase).Truncate(every).Add(every + phase)
}

// pace returns the number of moments of the roster for each comparison, by the day's remaining
// budget. It is a power of two, so that replicas with different figures compare at common moments.
func (l *Rosters) pace(s *Roster) int {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	for _, b := range s.client.Budget(ctx).Labels {
		if b.Rate == s.rows().Rate && b.Daily != nil && b.Daily.Left != nil {
			l.mu.Lock()
			followed := len(l.of)
			l.mu.Unlock()
			return paceOf(*b.Daily.Left, followed*s.pages(), time.Until(b.Daily.ResetsAt))
		}
	}
	return 1
}

// paceOf is pace for so many calls at each moment.
func paceOf(left, calls int, untilReset time.Duration) int {
	moments := int(untilReset/CompareEvery) + 1
	pace := 1
	for pace < maxPace && calls*moments > left/comparedShare*pace {
		pace *= 2
	}
	return pace
}

// pages returns how many calls a comparison costs.
func (s *Roster) pages() int {
	now, _ := s.room.Now()
	return 1 + len(now.Participants)/s.rows().MaxPage
}

// rows is the dashboard's list of who is there.
func (s *Roster) rows() zoom.ListOp[zoom.RunParticipants, types.DashboardParticipant] {
	return zoom.RunsOf(s.Key.Webinar).Participants
}

// withoutDashboard are the errors of an account or an app that has no dashboard.
var withoutDashboard = []error{zoom.ErrPlanRequired, zoom.ErrForbidden, zoom.ErrMissingScope, zoom.ErrNotEnabled}

// compare holds a roster against what Zoom says of the meeting: the dashboard or, where there
// is none, the meeting itself, which tells whether it goes on. A webinar does not tell that.
func (s *Roster) compare(ctx context.Context) {
	if now, _ := s.room.Now(); now.State != roster.Live && now.Complete && !s.goesOn(ctx) {
		return // which costs a LIGHT call, and not a HEAVY one
	}
	if !s.noDashboard.Load() {
		err := s.seedByDashboard(ctx)
		if !slices.ContainsFunc(withoutDashboard, func(kind error) bool { return errors.Is(err, kind) }) {
			return // else it is compared at the next moment
		}
		s.noDashboard.Store(true)
	}
	asked := s.room.Ask(time.Now())
	if s.Key.Webinar || s.room.Quiet(time.Now()) < CompareEvery {
		return
	}
	if m, err := s.meeting(ctx); errors.Is(err, zoom.ErrNotFound) || err == nil && !MayBeLive(m) {
		s.room.NotHeld(asked)
	}
}

// goesOn reports whether the meeting says that it goes on.
func (s *Roster) goesOn(ctx context.Context) bool {
	if s.Key.Webinar {
		return false
	}
	m, err := s.meeting(ctx)
	return err == nil && m.Status == types.MeetingStatusStarted
}

// meeting reads the meeting from Zoom, once for all replicas: another cached answer may be as old as
// the roster.
func (s *Roster) meeting(ctx context.Context) (*types.Meeting, error) {
	return zoom.GetMeeting.Do(ctx, s.client, zoom.MeetingQuery{MeetingID: s.Key.Number}, zoom.NewerThan(time.Now().Add(-oneMoment)))
}

// MayBeLive reports whether a meeting goes on, as far as it says so.
func MayBeLive(m *types.Meeting) bool {
	return m.Status != types.MeetingStatusWaiting && m.Status != types.MeetingStatusFinished
}

// seedByDashboard counts in the dashboard's list of who is there.
func (s *Roster) seedByDashboard(ctx context.Context) error {
	asked := s.room.Ask(time.Now())
	filter := zoom.RunParticipants{RunKey: zoom.RunKey{Run: s.Key.Number.String(), Type: types.DashboardMeetingTypeLive}}
	rows, of, err := list.List[zoom.RunParticipants, types.DashboardParticipant]{Client: s.client, Op: s.rows(), Windows: list.Uncut(filter)}.Whole(ctx, plan.MaxStays)
	switch {
	case errors.Is(err, zoom.ErrNotFound):
		s.room.NotHeld(asked)
		return nil
	case err != nil:
		return err
	}
	var there []*roster.Listed
	for _, row := range rows {
		if row.InMeetingID == "" || row.JoinTime.IsZero() {
			continue
		}
		there = append(there, &roster.Listed{
			Participant: roster.Participant{
				Person: events.Person{
					StayID: string(row.InMeetingID), UUID: string(row.ParticipantUUID), UserID: string(row.ParticipantUserID),
					RegistrantID: string(row.RegistrantID), Name: string(row.Name), Email: string(row.Email), CustomerKey: string(row.CustomerKey),
				},
				Joined: row.JoinTime.Time, Left: row.LeaveTime.Time, Waiting: row.Status == types.ParticipantStatusInWaitingRoom,
			},
			InRoom: row.BreakoutRoomID != "",
		})
	}
	s.room.Seed(there, of.Whole(), asked)
	return nil
}
