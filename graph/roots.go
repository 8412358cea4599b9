package graph

import (
	"context"
	"errors"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"zoomql/graph/list"
	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

func (s *scope) viewer() *types.Viewer { return &types.Viewer{} }

// viewerUser is null: a server-to-server app acts for an account, not for a
// user.
func (s *scope) viewerUser(context.Context) (*types.User, error) { return nil, nil }

// instances reads the runs of a meeting, each whole if more than its UUID and
// time is asked for.
func (s *scope) instanceList(ctx context.Context, filter zoom.InstanceFilter) ([]*types.MeetingInstance, error) {
	if err := list.Ordered(filter.From, filter.To); err != nil {
		return nil, err
	}
	out, err := zoom.ListInstances.Do(ctx, s.client, filter)
	if err != nil {
		return nil, err
	}
	runs := list.AtOnce(ctx, zoom.ListInstances.Spec, out.Meetings, zoom.Counted{})
	return complete(ctx, runs, needsOf(ctx, "MeetingInstance"), s.wholeInstances(ctx)), nil
}

// daily reads the usage of a month that Zoom still has.
func (s *scope) daily(ctx context.Context, year, month *int) (*types.DailyReport, error) {
	now := list.Today(ctx)
	key := zoom.MonthKey{Year: now.Year(), Month: int(now.Month())}
	if year != nil {
		key.Year = *year
	}
	if month != nil {
		key.Month = *month
	}
	if key.Month < 1 || key.Month > 12 {
		return nil, invalid("month: it is not between 1 and 12")
	}
	age := (now.Year()-key.Year)*12 + int(now.Month()) - key.Month
	switch {
	case age < 0:
		return nil, invalid("year, month: it has not begun yet")
	case age > zoom.GetDailyReport.Months:
		return nil, &zoom.Error{Op: zoom.GetDailyReport.Pattern, Kind: zoom.ErrExpired}
	}
	report, err := zoom.GetDailyReport.Do(ctx, s.client, key)
	if err != nil {
		return nil, err
	}
	if other := report.Month.Valid && report.Month.N != int64(key.Month) || report.Year.Valid && report.Year.N != int64(key.Year); other {
		first := time.Date(key.Year, time.Month(key.Month), 1, 0, 0, 0, 0, time.UTC)
		graphql.AddError(ctx, &zoom.IncompleteError{Op: zoom.GetDailyReport.Pattern, Missing: list.Days(first, list.EndOfMonth(first))})
	}
	return report, nil
}

// registrantsNow reads registrants again after a write. Who is there no more,
// because a registration was cancelled, is left out.
func (s *scope) registrantsNow(ctx context.Context, meeting types.MeetingNumber, ids []string) ([]*types.Registrant, error) {
	if ids == nil {
		return nil, nil
	}
	keys := make([]registrantKey, len(ids))
	for i, id := range ids {
		keys[i] = registrantKey{ofMeeting(meeting), id, needsOf(ctx, "Registrant").Secrets}
	}
	regs := []*types.Registrant{}
	for _, f := range s.registrants().LoadMany(ctx, keys) {
		switch {
		case f.Err == nil:
			if len(regs) == 0 {
				notTold(ctx, needsOf(ctx, "Registrant"), f.Object.Op)
			}
			regs = append(regs, f.Object)
		case !errors.Is(f.Err, zoom.ErrNotFound):
			return nil, f.Err
		}
	}
	return regs, nil
}
