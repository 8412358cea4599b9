package graph

import (
	"context"

	"zoomql/graph/directory"
	"zoomql/graph/list"
	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

// meetingList reads a list of meetings, each whole if more is asked for than
// lists hold.
func (s *scope) meetingList(ctx context.Context, filter zoom.MeetingFilter, first int, after *string) (*types.Connection[types.Meeting], error) {
	if !filter.To.IsZero() && filter.To.Before(filter.From.Time) {
		return nil, list.ErrBackwards
	}
	l := list.List[zoom.MeetingFilter, types.Meeting]{Client: s.client, Op: zoom.ListMeetings, Windows: list.Uncut(filter), First: first, After: after}
	secrets := needsOfNodes(ctx, "Meeting").Secrets
	return connectWhole(ctx, l, "Meeting", func(lacking []*types.Meeting) []zoom.Found[types.Meeting] {
		keys := make([]meetingKey, len(lacking))
		for i, m := range lacking {
			keys[i] = meetingKey{m.Number, secrets}
		}
		return s.meetings().LoadMany(ctx, keys)
	})
}

// wholeUsers returns the way to what lists of users lack.
func (s *scope) wholeUsers(ctx context.Context) func([]*types.User) []zoom.Found[types.User] {
	return func(lacking []*types.User) []zoom.Found[types.User] {
		keys := make([]directory.Key, len(lacking))
		for i, u := range lacking {
			keys[i] = directory.Key{Name: u.ID().Key, Whole: true}
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

// pastMeetings reads the runs that a user hosted, month by month, newest first.
func (s *scope) pastMeetings(ctx context.Context, filter zoom.PastMeetingFilter, first int, after *string) (*types.Connection[types.MeetingInstance], error) {
	windows, err := list.Monthly(ctx, zoom.ListPastMeetings.Spec, filter, after)
	if err != nil {
		return nil, err
	}
	l := list.List[zoom.PastMeetingFilter, types.PastMeeting]{Client: s.client, Op: zoom.ListPastMeetings, Windows: windows, First: first, After: after}
	part, err := readList(ctx, l)
	if part == nil {
		return nil, err
	}
	runs := make([]*types.MeetingInstance, len(part.Items))
	for i, row := range part.Items {
		runs[i] = &row.Instance
	}
	runs = complete(ctx, runs, needsOfNodes(ctx, "MeetingInstance"), s.wholeInstances(ctx))
	for i, row := range part.Items {
		if runs[i].Row == nil { // it was read anew, and the row told of its report
			whole := *runs[i]
			whole.Row = &row.Report
			runs[i] = &whole
		}
	}
	return list.Connection(ctx, l, part, err, runs), nil
}

func deref[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}
