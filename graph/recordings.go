package graph

import (
	"context"

	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

// recordings returns what was recorded of a run, or of the latest run of a
// meeting that is named by its number.
func (s *scope) recordings(ctx context.Context, run string) (*types.MeetingRecordings, error) {
	return orNil(zoom.GetRecordings.Do(ctx, s.client, zoom.InstanceKey{MeetingID: run}, zoom.Secrets(needsOf(ctx, "MeetingRecordings").Secrets)))
}

// someInstance returns the run of a UUID, if there is one.
func (s *scope) someInstance(ctx context.Context, uuid types.UUID) (*types.MeetingInstance, error) {
	if uuid == "" {
		return nil, nil
	}
	return orNil(s.instance(ctx, string(uuid)))
}

// summary returns the summary of a run. Zoom knows it by the run's UUID only.
func (s *scope) summary(ctx context.Context, run *types.MeetingInstance) (*types.MeetingSummary, error) {
	uuid := run.UUID
	if _, err := types.ParseMeetingNumber(string(uuid)); err == nil {
		whole, err := s.instances().Load(ctx, string(uuid))
		if err != nil {
			return nil, err
		}
		uuid = whole.UUID
	}
	return orNil(zoom.GetMeetingSummary.Do(ctx, s.client, zoom.InstanceKey{MeetingID: string(uuid)}))
}
