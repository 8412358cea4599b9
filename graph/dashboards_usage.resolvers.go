package graph

import (
	"context"
	"fmt"
	"zoomql/graph/generated"
	"zoomql/internal/zoom/types"
)

func (r *chatUsageResolver) User(ctx context.Context, obj *types.ChatUsage) (*types.User, error) {
	panic(fmt.Errorf("not implemented: User - user"))
}

func (r *clientFeedbackResolver) Entries(ctx context.Context, obj *types.ClientFeedback, first int, after *string) (*types.Connection[types.ClientFeedbackEntry], error) {
	panic(fmt.Errorf("not implemented: Entries - entries"))
}

func (r *clientFeedbackEntryResolver) User(ctx context.Context, obj *types.ClientFeedbackEntry) (*types.User, error) {
	panic(fmt.Errorf("not implemented: User - user"))
}

func (r *clientFeedbackEntryResolver) Meeting(ctx context.Context, obj *types.ClientFeedbackEntry) (*types.Meeting, error) {
	panic(fmt.Errorf("not implemented: Meeting - meeting"))
}

func (r *Resolver) ChatUsage() generated.ChatUsageResolver { return &chatUsageResolver{r} }

func (r *Resolver) ClientFeedback() generated.ClientFeedbackResolver {
	return &clientFeedbackResolver{r}
}

func (r *Resolver) ClientFeedbackEntry() generated.ClientFeedbackEntryResolver {
	return &clientFeedbackEntryResolver{r}
}

type (
	chatUsageResolver           struct{ *Resolver }
	clientFeedbackResolver      struct{ *Resolver }
	clientFeedbackEntryResolver struct{ *Resolver }
)
