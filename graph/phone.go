package graph

import (
	"context"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

// phoneRecordings reads the recordings of a user's calls, month by month, newest
// first. What lies further back than Zoom keeps is told as an error beside the
// rest.
func (s *scope) phoneRecordings(ctx context.Context, user string, from, to types.Date, first int, after *string) (*types.Connection[types.PhoneRecording], error) {
	if err := ordered(from, to); err != nil {
		return nil, err
	}
	windows, err := phoneWindows(ctx, user, from.Time, to.Time)
	if err != nil {
		return nil, err
	}
	return connect(ctx, list[zoom.PhoneRecordingFilter, types.PhoneRecording]{
		in: s, op: zoom.ListPhoneRecordings, windows: windows, first: first, after: after,
		options: []zoom.Option{zoom.Secrets(askedOfList(ctx, "PhoneRecording").secrets)},
	})
}

// phoneWindows cuts a range into months; none is the one that Zoom has of itself.
func phoneWindows(ctx context.Context, user string, from, to time.Time) ([]zoom.PhoneRecordingFilter, error) {
	if from.IsZero() {
		return []zoom.PhoneRecordingFilter{{UserID: user}}, nil
	}
	oldest := time.Now().UTC().Truncate(24*time.Hour).AddDate(0, -reportMonths, 0)
	expired := &zoom.Error{Op: zoom.ListPhoneRecordings.Pattern, Kind: zoom.ErrExpired}
	if to.Before(oldest) {
		return nil, expired
	}
	if from.Before(oldest) {
		graphql.AddError(ctx, expired)
		from = oldest
	}
	var windows []zoom.PhoneRecordingFilter
	for _, month := range months(from, to) {
		windows = append(windows, zoom.PhoneRecordingFilter{UserID: user, From: types.Date{Time: month.from}, To: types.Date{Time: month.to}})
	}
	return windows, nil
}
