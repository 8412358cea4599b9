package graph

import (
	"context"

	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

// changed carries out a change of one meeting, or of something that hangs on it.
func changed(ctx context.Context, by *types.MeetingBy, change func(*zoom.Client, types.MeetingNumber) error) (*types.UpdateMeetingPayload, error) {
	s := in(ctx, by.ID)
	number, err := numberBy("meeting", *by)
	if err == nil {
		err = change(s.client, number)
	}
	mistakes, err := userErrors(ctx, err)
	return &types.UpdateMeetingPayload{Origin: s.origin(), Number: unless(mistakes, number), UserErrors: mistakes}, err
}
