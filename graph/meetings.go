package graph

import (
	"context"
	"slices"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

// meetingList reads a list of meetings, each whole if more is asked for than
// lists hold.
func (s *scope) meetingList(ctx context.Context, filter zoom.MeetingFilter, first int, after *string) (*types.Connection[types.Meeting], error) {
	if !filter.To.IsZero() && filter.To.Before(filter.From.Time) {
		return nil, errBackwards
	}
	l := list[zoom.MeetingFilter, types.Meeting]{in: s, op: zoom.ListMeetings, windows: []zoom.MeetingFilter{filter}, first: first, after: after}
	part, err := l.read(ctx)
	if part == nil {
		return nil, err
	}
	want := askedOfList(ctx, "Meeting")
	part.items = complete(ctx, part.items, want, func(lacking []*types.Meeting) []zoom.Found[types.Meeting] {
		keys := make([]meetingKey, len(lacking))
		for i, m := range lacking {
			keys[i] = meetingKey{m.Number, want.secrets}
		}
		return s.meetings().LoadMany(ctx, keys)
	})
	return connection(ctx, l, part, err, part.items), nil
}

// wholeUsers returns the way to what lists of users lack.
func (s *scope) wholeUsers(ctx context.Context) func([]*types.User) []zoom.Found[types.User] {
	return func(lacking []*types.User) []zoom.Found[types.User] {
		keys := make([]userKey, len(lacking))
		for i, u := range lacking {
			keys[i] = userKey{u.ID().Key, true}
		}
		return s.users().LoadMany(ctx, keys)
	}
}

// wholeInstances returns the way to what lists of runs lack.
func (s *scope) wholeInstances(ctx context.Context) func([]*types.MeetingInstance) []zoom.Found[types.MeetingInstance] {
	return func(lacking []*types.MeetingInstance) []zoom.Found[types.MeetingInstance] {
		keys := make([]string, len(lacking))
		for i, run := range lacking {
			keys[i] = string(run.UUID)
		}
		return s.instances().LoadMany(ctx, keys)
	}
}

// reportMonths is how far back Zoom's reports on users go.
//
// Source: GET /report/users/{userId}/meetings.
const reportMonths = 6

// pastMeetings reads the runs that a user hosted, month by month, newest first.
// What lies further back than Zoom keeps is told as an error beside the rest;
// months to come are not asked for.
func (s *scope) pastMeetings(ctx context.Context, filter zoom.PastMeetingFilter, first int, after *string) (*types.Connection[types.MeetingInstance], error) {
	if err := ordered(filter.From, filter.To); err != nil {
		return nil, err
	}
	today := time.Now().UTC().Truncate(24 * time.Hour)
	if filter.From.After(today) {
		return types.NewConnection[types.MeetingInstance](nil, types.Int{Valid: true}, false, false, nil), nil
	}
	if end := endOfMonth(today); filter.To.After(end) {
		filter.To.Time = end
	}
	oldest := today.AddDate(0, -reportMonths, 0)
	expired := &zoom.Error{Op: zoom.ListPastMeetings.Pattern, Kind: zoom.ErrExpired}
	if filter.To.Before(oldest) {
		return nil, expired
	}
	if filter.From.Before(oldest) {
		graphql.AddError(ctx, expired)
		filter.From.Time = oldest
	}
	l := list[zoom.PastMeetingFilter, types.PastMeeting]{in: s, op: zoom.ListPastMeetings, first: first, after: after}
	for _, month := range months(filter.From.Time, filter.To.Time) {
		window := filter
		window.From, window.To = types.Date{Time: month.from}, types.Date{Time: month.to}
		l.windows = append(l.windows, window)
	}
	part, err := l.read(ctx)
	if part == nil {
		return nil, err
	}
	runs := make([]*types.MeetingInstance, len(part.items))
	for i, row := range part.items {
		runs[i] = &row.Instance
	}
	runs = complete(ctx, runs, askedOfList(ctx, "MeetingInstance"), s.wholeInstances(ctx))
	for i, row := range part.items {
		if runs[i].Row == nil { // it was read anew, and the row told of its report
			whole := *runs[i]
			whole.Row = &row.Report
			runs[i] = &whole
		}
	}
	return connection(ctx, l, part, err, runs), nil
}

type span struct{ from, to time.Time }

// months cuts a range of days into calendar months, newest first: Zoom takes at
// most a month, and a whole month that is over never changes again.
func months(from, to time.Time) []span {
	var spans []span
	for begin := from; !begin.After(to); {
		end := endOfMonth(begin)
		if end.After(to) {
			end = to
		}
		spans = append(spans, span{begin, end})
		begin = end.AddDate(0, 0, 1)
	}
	slices.Reverse(spans)
	return spans
}

func endOfMonth(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month()+1, 0, 0, 0, 0, 0, time.UTC)
}

// ordered refuses a range that ends before it begins, and half a range.
func ordered(from, to types.Date) error {
	switch {
	case from.IsZero() != to.IsZero():
		return invalid("from, to: Zoom takes both or neither")
	case to.Before(from.Time):
		return errBackwards
	}
	return nil
}

var errBackwards = invalid("from: it is after to")

func deref[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}
