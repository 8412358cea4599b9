package graph

import (
	"context"

	"zoomql/graph/generated"
	"zoomql/internal/zoom/types"
)

func (r *phoneRecordingResolver) User(ctx context.Context, obj *types.PhoneRecording) (*types.User, error) {
	return orNil(of(ctx, obj).user(ctx, obj.User))
}

func (r *phoneRecordingResolver) Instance(ctx context.Context, obj *types.PhoneRecording) (*types.MeetingInstance, error) {
	return of(ctx, obj).someInstance(ctx, obj.MeetingUUID)
}

func (r *phoneRecordingResolver) Download(ctx context.Context, obj *types.PhoneRecording, ttlSeconds int) (*types.SignedDownload, error) {
	return r.download(ctx, obj.Op, obj.DownloadURL, "call-"+string(obj.ZoomID)+".mp3", ttlSeconds)
}

func (r *phoneRecordingResolver) TranscriptDownload(ctx context.Context, obj *types.PhoneRecording, ttlSeconds int) (*types.SignedDownload, error) {
	return r.download(ctx, obj.Op, obj.TranscriptURL, "call-"+string(obj.ZoomID)+"-transcript", ttlSeconds)
}

func (r *userResolver) PhoneRecordings(ctx context.Context, obj *types.User, first int, after *string, from *types.Date, to *types.Date) (*types.Connection[types.PhoneRecording], error) {
	return of(ctx, obj).phoneRecordings(ctx, obj.ID().Key, deref(from), deref(to), first, after)
}

func (r *Resolver) PhoneRecording() generated.PhoneRecordingResolver {
	return &phoneRecordingResolver{r}
}

type phoneRecordingResolver struct{ *Resolver }
