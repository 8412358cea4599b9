package graph

import (
	"context"
	"time"

	"zoomql/graph/argument"
	"zoomql/graph/errs"
	"zoomql/graph/list"
	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

// chatMessages reads the messages of a user, with a contact or in a channel.
func (s *scope) chatMessages(ctx context.Context, user string, with *types.ChatPeer, filter *types.ChatMessageFilter, first int, after *string) (*types.Connection[types.ChatMessage], error) {
	peer := deref(with)
	if err := argument.Filled(map[string]*string{"contact": peer.Contact, "channel": peer.Channel}); err != nil {
		return nil, err
	}
	window, err := chatWindow(user, peer, deref(filter))
	if err != nil {
		return nil, err
	}
	return connect(ctx, list.List[zoom.ChatMessageFilter, types.ChatMessage]{
		Client: s.client, Op: zoom.ListChatMessages, Windows: list.Uncut(window), First: first, After: after,
		Options: []zoom.Option{zoom.Secrets(needsOfNodes(ctx, "ChatMessage").Secrets)},
		Saw:     list.TellShortened[types.ChatMessage](ctx, zoom.ListChatMessages.Spec, daysOf(deref(filter))),
	})
}

// daysOf returns the days of a filter; zero for all.
func daysOf(filter types.ChatMessageFilter) zoom.Days {
	if filter.Date != nil {
		return list.Days(filter.Date.Time, filter.Date.Time)
	}
	return list.Days(deref(filter.From).Truncate(24*time.Hour), deref(filter.To).Truncate(24*time.Hour))
}

// chatWindow converts a filter to Zoom's, and refuses a filter that Zoom would refuse or
// misunderstand.
func chatWindow(user string, with types.ChatPeer, filter types.ChatMessageFilter) (zoom.ChatMessageFilter, error) {
	in := zoom.ChatMessageFilter{
		UserID: user, ToContact: deref(with.Contact), ToChannel: deref(with.Channel),
		Date: deref(filter.Date), From: moment(filter.From), To: moment(filter.To),
		Changed: deref(filter.IncludeDeletedAndEdited), WithoutReply: deref(filter.ExcludeReplies),
	}
	if filter.Search != nil {
		in.SearchIn, in.SearchFor = filter.Search.In, filter.Search.Text
	}
	if deref(filter.AudioAsMp4) {
		in.DownloadFiles = "audio/mp4"
	}
	switch {
	case in.ToContact == "" && in.ToChannel == "" && filter.Search == nil:
		return in, errs.Invalid("with: Zoom lists messages of one contact or channel; only a search goes through all")
	case filter.Date != nil && (filter.From != nil || filter.To != nil):
		return in, errs.Invalid("filter: date does not go together with from and to")
	case filter.To != nil && filter.From == nil:
		return in, errs.Invalid("filter: to counts only with from")
	case filter.To != nil && filter.To.Before(filter.From.Time):
		return in, errs.Invalid("filter: from is after to")
	case filter.Search != nil && (filter.Search.Text == "" || len([]rune(filter.Search.Text)) > 256):
		return in, errs.Invalid("search: the text has 1 to 256 characters")
	}
	return in, nil
}

// moment formats a time as Zoom reads it in a filter; "" for none.
func moment(t *types.Time) string {
	if t == nil || t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}
