package rosters

import (
	"cmp"
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

// Zoom gives up delivering an event after some attempts, and a roster that lacks it is wrong until
// the meeting ends. So a roster that is followed is compared with the dashboard's list of
// participants, if the plan and the scopes include it.

const (
	// CompareEvery is the interval of comparisons. Of the 60,000 HEAVY calls that the Business plan
	// has a day, a meeting of 24 hours takes 288, one in two hundred. An event whose first delivery
	// failed is delivered five minutes later, too.
	CompareEvery = 5 * time.Minute
	// comparedShare is the divisor of the day's remaining budget that comparisons may use: a
	// quarter. maxPace bounds the factor by which they become rarer.
	comparedShare = 4
	maxPace       = 64
	// clockSkew bounds the difference of the replicas' clocks.
	clockSkew = 10 * time.Second
)

// compareNext schedules the next comparison of a roster. All replicas compare a roster at the same
// times, so that one of them makes the call and the others get its answer from the cache. Different
// rosters have different times, so that their calls are spread.
func (l *Rosters) compareNext(s *Roster) {
	if s.err != nil {
		return
	}
	now := time.Now()
	every := time.Duration(l.pace(s)) * CompareEvery
	l.compareAfter(s, s.Key.NextMoment(now, every).Sub(now), maxPace)
}

// compareSoon compares a roster whose events may have been lost: now, or at its next time if little
// is left of the day's budget.
func (l *Rosters) compareSoon(s *Roster) { l.compareAfter(s, 0, 1) }

// compareAfter schedules a comparison after some time, in place of the scheduled one; a closed roster
// is not compared. With a pace below maxPace, the comparison is skipped if the roster's pace is higher
// by then.
func (l *Rosters) compareAfter(s *Roster, wait time.Duration, pace int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if s.closed {
		return
	}
	if s.compareTimer != nil {
		s.compareTimer.Stop()
	}
	s.compareTimer = time.AfterFunc(wait, func() {
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

// NextMoment returns the first time after now at which the roster is compared, if it is every so
// often. every is a multiple of CompareEvery.
func (k Key) NextMoment(now time.Time, every time.Duration) time.Time {
	of := fnv.New64a()
	_, _ = of.Write([]byte(k.Account + " " + k.Number.String())) // never fails
	phase := time.Duration(of.Sum64() % uint64(CompareEvery))
	return now.Add(-phase).Truncate(every).Add(every + phase)
}

// pace returns the factor by which the interval of comparisons is longer than CompareEvery, by the
// day's remaining budget. It is a power of two, so that replicas with different figures have times in
// common.
func (l *Rosters) pace(s *Roster) int {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	for _, b := range s.client.Budget(ctx).Labels {
		if b.Rate == s.rows().Rate && b.Daily != nil && b.Daily.Left != nil {
			l.mu.Lock()
			rosters := len(l.byKey)
			l.mu.Unlock()
			return paceOf(*b.Daily.Left, rosters*s.pages(), time.Until(b.Daily.ResetsAt))
		}
	}
	return 1
}

// paceOf is pace by the calls left for the day, the calls that one comparison of all rosters takes,
// and the time until the day's budget is reset.
func paceOf(left, calls int, untilReset time.Duration) int {
	comparisons := int(untilReset/CompareEvery) + 1
	pace := 1
	for pace < maxPace && calls*comparisons > left/comparedShare*pace {
		pace *= 2
	}
	return pace
}

// pages returns the number of calls of a comparison.
func (s *Roster) pages() int {
	now, _ := s.room.Now()
	return 1 + len(now.Participants)/s.rows().MaxPage
}

// rows returns the operation of the dashboard's list of participants.
func (s *Roster) rows() zoom.ListOp[zoom.RunParticipants, types.DashboardParticipant] {
	return zoom.RunsOf(s.Key.Webinar).Participants
}

// withoutDashboard are the errors that mean that the account or the app has no dashboard.
var withoutDashboard = []error{zoom.ErrPlanRequired, zoom.ErrForbidden, zoom.ErrMissingScope, zoom.ErrNotEnabled}

// compare compares a roster with the dashboard or, without one, with the status of the meeting. A
// webinar has no status.
func (s *Roster) compare(ctx context.Context) {
	if now, _ := s.room.Now(); now.State != roster.Live && now.Complete && !s.isStarted(ctx) {
		return // it has ended: this costs a LIGHT call instead of a HEAVY one
	}
	if !s.noDashboard.Load() {
		err := s.seedByDashboard(ctx)
		if !slices.ContainsFunc(withoutDashboard, func(kind error) bool { return errors.Is(err, kind) }) {
			return // after another error, the next comparison tries again
		}
		s.noDashboard.Store(true)
	}
	request := s.room.Request(time.Now())
	if s.Key.Webinar || s.room.Quiet(time.Now()) < CompareEvery {
		return
	}
	if m, err := s.meeting(ctx); errors.Is(err, zoom.ErrNotFound) || err == nil && !MayBeLive(m) {
		s.room.NotHeld(request)
	}
}

// isStarted reports whether the meeting's status is started.
func (s *Roster) isStarted(ctx context.Context) bool {
	if s.Key.Webinar {
		return false
	}
	m, err := s.meeting(ctx)
	return err == nil && m.Status == types.MeetingStatusStarted
}

// meeting reads the meeting. A cached answer is accepted only if a replica has read it for the same
// comparison: an older one may be as wrong as the roster.
func (s *Roster) meeting(ctx context.Context) (*types.Meeting, error) {
	return zoom.GetMeeting.Do(ctx, s.client, zoom.MeetingQuery{MeetingID: s.Key.Number}, zoom.NewerThan(time.Now().Add(-clockSkew)))
}

// MayBeLive reports whether a meeting may be in progress: its status is neither waiting nor finished.
func MayBeLive(m *types.Meeting) bool {
	return m.Status != types.MeetingStatusWaiting && m.Status != types.MeetingStatusFinished
}

// seedByDashboard adds the dashboard's list of participants.
func (s *Roster) seedByDashboard(ctx context.Context) error {
	request := s.room.Request(time.Now())
	filter := zoom.RunParticipants{RunKey: zoom.RunKey{Run: s.Key.Number.String(), Type: types.DashboardMeetingTypeLive}}
	rows, of, err := list.List[zoom.RunParticipants, types.DashboardParticipant]{Client: s.client, Op: s.rows(), Windows: list.Uncut(filter)}.Whole(ctx, plan.MaxStays)
	switch {
	case errors.Is(err, zoom.ErrNotFound):
		s.room.NotHeld(request)
		return nil
	case err != nil:
		return err
	}
	var listed []*roster.Listed
	for _, row := range rows {
		if p := listedOf(row); p != nil {
			listed = append(listed, p)
		}
	}
	s.room.Seed(listed, of.Whole(), request)
	return nil
}

// listedOf returns a row of the dashboard's list; nil if it does not say which stay it is, or when that
// began. Zoom's id of the user may be in the older field only, as in events.
func listedOf(row *types.DashboardParticipant) *roster.Listed {
	if row.InMeetingID == "" || row.JoinTime.IsZero() {
		return nil
	}
	return &roster.Listed{
		Participant: roster.Participant{
			Person: events.Person{
				StayID: string(row.InMeetingID), UUID: string(row.ParticipantUUID), UserID: string(cmp.Or(row.ParticipantUserID, row.ZoomID)),
				RegistrantID: string(row.RegistrantID), Name: string(row.Name), Email: string(row.Email), CustomerKey: string(row.CustomerKey),
			},
			Joined: row.JoinTime.Time, Left: row.LeaveTime.Time, Waiting: row.Status == types.ParticipantStatusInWaitingRoom,
		},
		InRoom: row.BreakoutRoomID != "",
	}
}
