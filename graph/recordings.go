package graph

import (
	"context"
	"errors"
	"fmt"
	"time"

	"zoomql/graph/errs"
	"zoomql/graph/list"
	"zoomql/internal/links"
	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

// recordings returns the recordings of an instance, or of the latest instance of the meeting
// with the given number.
func (s *scope) recordings(ctx context.Context, instance string) (*types.MeetingRecordings, error) {
	return orNil(zoom.GetRecordings.Do(ctx, s.client, zoom.InstanceKey{MeetingID: instance}, zoom.Secrets(needsOf(ctx, "MeetingRecordings").Secrets)))
}

// download returns a link of the gateway's to a file at Zoom; nil for no file. op is the
// operation that returned the file's URL, and name the name of the downloaded file.
func (r *Resolver) download(ctx context.Context, op string, file types.Secret, name string, ttlSeconds int) (*types.SignedDownload, error) {
	longest := int(links.MaxLife / time.Second)
	switch {
	case ttlSeconds < 1 || ttlSeconds > longest:
		return nil, errs.Invalid(fmt.Sprintf("ttlSeconds: %d is not between 1 and %d", ttlSeconds, longest))
	case file == "":
		return nil, nil
	case r.Links == nil:
		return nil, &errs.InputError{Code: "NOT_ENABLED", Message: "This gateway hands out no links to files."}
	}
	zoom.ValidUntil(ctx, time.Time{}) // each request gets its own link
	link, expires, err := r.Links.Sign(ctx, links.File{URL: string(file), Name: name}, time.Duration(ttlSeconds)*time.Second)
	if away, ok := errors.AsType[*links.ElsewhereError](err); ok {
		return nil, &zoom.Error{By: zoom.ByGateway, Op: op, Kind: zoom.ErrNotZoom, Message: "No link is made, since " + away.Error() + ". Where that is the account's own, set ZOOM_OAUTH_URL to its OAuth server."}
	}
	if err != nil {
		return nil, &zoom.Error{Op: op, Kind: zoom.ErrBadAnswer, Cause: err}
	}
	return &types.SignedDownload{URL: types.Secret(link), ExpiresAt: types.Time{Time: expires}}, nil
}

// fileName returns the name of a recording's file, which Zoom may omit.
func fileName(f *types.RecordingFile) string {
	if f.Name != "" {
		return string(f.Name)
	}
	name := "recording"
	if f.ZoomID != "" {
		name += "-" + string(f.ZoomID)
	}
	if f.Extension != "" {
		name += "." + extensions[f.Extension]
	}
	return name
}

var extensions = map[types.RecordingFileExtension]string{
	types.RecordingFileExtensionMp4: "mp4", types.RecordingFileExtensionM4a: "m4a", types.RecordingFileExtensionTxt: "txt",
	types.RecordingFileExtensionVtt: "vtt", types.RecordingFileExtensionCSV: "csv", types.RecordingFileExtensionJSON: "json",
	types.RecordingFileExtensionJpg: "jpg",
}

// phoneRecordings reads the recordings of a user's calls, month by month, newest first. Days
// before those that Zoom keeps have an error in addition to the rest.
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
