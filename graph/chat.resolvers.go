package graph

import (
	"context"

	"zoomql/graph/generated"
	"zoomql/graph/list"
	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

func (r *chatChannelResolver) User(ctx context.Context, obj *types.ChatChannel) (*types.User, error) {
	return orNil(of(ctx, obj).user(ctx, obj.User))
}

func (r *chatChannelResolver) Messages(ctx context.Context, obj *types.ChatChannel, first int, after *string, filter *types.ChatMessageFilter) (*types.Connection[types.ChatMessage], error) {
	return of(ctx, obj).chatMessages(ctx, obj.User, &types.ChatPeer{Channel: (*string)(&obj.ZoomID)}, filter, first, after)
}

func (r *chatFileResolver) Download(ctx context.Context, obj *types.ChatFile, ttlSeconds int) (*types.SignedDownload, error) {
	return r.download(ctx, obj.Op, obj.DownloadURL, string(obj.Name), ttlSeconds)
}

func (r *chatMentionResolver) User(ctx context.Context, obj *types.ChatMention) (*types.User, error) {
	return orNil(of(ctx, obj).user(ctx, string(obj.UserZoomID)))
}

func (r *chatMessageResolver) Sender(ctx context.Context, obj *types.ChatMessage) (*types.User, error) {
	return orNil(of(ctx, obj).user(ctx, string(obj.SenderEmail)))
}

func (r *chatMessageResolver) Download(ctx context.Context, obj *types.ChatMessage, ttlSeconds int) (*types.SignedDownload, error) {
	return r.download(ctx, obj.Op, obj.DownloadURL, string(obj.FileName), ttlSeconds)
}

func (r *chatReactionSenderResolver) User(ctx context.Context, obj *types.ChatReactionSender) (*types.User, error) {
	return orNil(of(ctx, obj).user(ctx, string(obj.UserZoomID)))
}

func (r *userResolver) ChatChannels(ctx context.Context, obj *types.User, first int, after *string) (*types.Connection[types.ChatChannel], error) {
	id, err := idOf(obj)
	if err != nil {
		return nil, err
	}
	return connect(ctx, list.List[zoom.UserKey, types.ChatChannel]{
		Client: of(ctx, obj).client, Op: zoom.ListChatChannels, Windows: list.Uncut(zoom.UserKey{UserID: id}), First: first, After: after,
	})
}

func (r *userResolver) ChatMessages(ctx context.Context, obj *types.User, first int, after *string, with *types.ChatPeer, filter *types.ChatMessageFilter) (*types.Connection[types.ChatMessage], error) {
	id, err := idOf(obj)
	if err != nil {
		return nil, err
	}
	return of(ctx, obj).chatMessages(ctx, id, with, filter, first, after)
}

func (r *Resolver) ChatChannel() generated.ChatChannelResolver { return &chatChannelResolver{r} }

func (r *Resolver) ChatFile() generated.ChatFileResolver { return &chatFileResolver{r} }

func (r *Resolver) ChatMention() generated.ChatMentionResolver { return &chatMentionResolver{r} }

func (r *Resolver) ChatMessage() generated.ChatMessageResolver { return &chatMessageResolver{r} }

func (r *Resolver) ChatReactionSender() generated.ChatReactionSenderResolver {
	return &chatReactionSenderResolver{r}
}

type (
	chatChannelResolver        struct{ *Resolver }
	chatFileResolver           struct{ *Resolver }
	chatMentionResolver        struct{ *Resolver }
	chatMessageResolver        struct{ *Resolver }
	chatReactionSenderResolver struct{ *Resolver }
)
