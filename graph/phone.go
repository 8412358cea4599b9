package graph

import (
	"context"

	"zoomql/graph/list"
	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

// phoneRecordings reads the recordings of a user's calls, month by month, newest
// first. What lies further back than Zoom keeps is told as an error beside the
// rest.
func (s *scope) phoneRecordings(ctx context.Context, user string, from, to types.Date, first int, after *string) (*types.Connection[types.PhoneRecording], error) {
	windows, err := list.Monthly(ctx, zoom.ListPhoneRecordings.Spec, zoom.PhoneRecordingFilter{UserID: user, Days: zoom.Days{From: from, To: to}}, after)
	if err != nil {
		return nil, err
	}
	return connect(ctx, list.List[zoom.PhoneRecordingFilter, types.PhoneRecording]{
		Client: s.client, Op: zoom.ListPhoneRecordings, Windows: windows, First: first, After: after,
		Options: []zoom.Option{zoom.Secrets(needsOfNodes(ctx, "PhoneRecording").Secrets)},
	})
}
