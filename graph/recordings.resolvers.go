package graph

import (
	"context"

	"zoomql/graph/generated"
	"zoomql/internal/zoom/types"
)

func (r *meetingResolver) Recordings(ctx context.Context, obj *types.Meeting) (*types.MeetingRecordings, error) {
	return of(ctx, obj).recordings(ctx, obj.Number.String())
}

func (r *meetingInstanceResolver) Recordings(ctx context.Context, obj *types.MeetingInstance) (*types.MeetingRecordings, error) {
	return of(ctx, obj).recordings(ctx, string(obj.UUID))
}

func (r *meetingRecordingsResolver) Instance(ctx context.Context, obj *types.MeetingRecordings) (*types.MeetingInstance, error) {
	return of(ctx, obj).someInstance(ctx, obj.UUID)
}

func (r *meetingRecordingsResolver) Meeting(ctx context.Context, obj *types.MeetingRecordings) (*types.Meeting, error) {
	return orNil(of(ctx, obj).meeting(ctx, obj.MeetingNumber))
}

func (r *meetingRecordingsResolver) Host(ctx context.Context, obj *types.MeetingRecordings) (*types.User, error) {
	return orNil(of(ctx, obj).user(ctx, string(obj.HostZoomID)))
}

func (r *recordingFileResolver) Download(ctx context.Context, obj *types.RecordingFile, ttlSeconds int) (*types.SignedDownload, error) {
	return r.download(ctx, obj.Op, obj.DownloadURL, fileName(obj), ttlSeconds)
}

func (r *Resolver) MeetingRecordings() generated.MeetingRecordingsResolver {
	return &meetingRecordingsResolver{r}
}

func (r *Resolver) RecordingFile() generated.RecordingFileResolver { return &recordingFileResolver{r} }

type (
	meetingRecordingsResolver struct{ *Resolver }
	recordingFileResolver     struct{ *Resolver }
)
