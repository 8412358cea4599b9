package graph

import (
	"context"

	"zoomql/graph/argument"
	"zoomql/graph/generated"
	"zoomql/graph/list"
	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

func (r *accountResolver) InformationBarrierPolicies(ctx context.Context, obj *types.Account, first int, after *string) (*types.Connection[types.InformationBarrierPolicy], error) {
	return connect(ctx, list.List[zoom.NoFilter, types.InformationBarrierPolicy]{
		Client: of(ctx, obj).client, Op: zoom.ListPolicies, Windows: list.Uncut(zoom.NoFilter{}), First: first, After: after,
	})
}

func (r *accountResolver) InformationBarrierPolicy(ctx context.Context, obj *types.Account, by types.InformationBarrierPolicyBy) (*types.InformationBarrierPolicy, error) {
	id, err := argument.Key("policy", by)
	if err != nil {
		return nil, err
	}
	return orNil(of(ctx, obj).policy(ctx, id))
}

func (r *mutationResolver) CreateInformationBarrierPolicy(ctx context.Context, input types.CreateInformationBarrierPolicyInput) (*types.CreateInformationBarrierPolicyPayload, error) {
	at, err := newTarget(ctx, input.Account)
	return write(ctx, at, err, func(p *types.CreateInformationBarrierPolicyPayload) (err error) {
		p.Policy, err = r.createPolicy(ctx, at, input)
		return err
	})
}

func (r *mutationResolver) UpdateInformationBarrierPolicy(ctx context.Context, input types.UpdateInformationBarrierPolicyInput) (*types.UpdateInformationBarrierPolicyPayload, error) {
	at, id, err := targetBy(ctx, input.Account, "policy", *input.Policy)
	return write(ctx, at, err, func(*types.UpdateInformationBarrierPolicyPayload) error {
		return at.updatePolicy(ctx, id, input.Patch)
	})
}

func (r *mutationResolver) DeleteInformationBarrierPolicy(ctx context.Context, input types.DeleteInformationBarrierPolicyInput) (*types.DeleteInformationBarrierPolicyPayload, error) {
	at, id, err := targetBy(ctx, input.Account, "policy", *input.Policy)
	return write(ctx, at, err, func(*types.DeleteInformationBarrierPolicyPayload) error {
		return only(zoom.DeletePolicy.Do(ctx, at.client, zoom.PolicyKey{PolicyID: id}))
	})
}

func (r *updateInformationBarrierPolicyPayloadResolver) Policy(ctx context.Context, obj *types.UpdateInformationBarrierPolicyPayload) (*types.InformationBarrierPolicy, error) {
	return of(ctx, obj).policy(ctx, obj.Target.Key)
}

func (r *Resolver) UpdateInformationBarrierPolicyPayload() generated.UpdateInformationBarrierPolicyPayloadResolver {
	return &updateInformationBarrierPolicyPayloadResolver{r}
}

type updateInformationBarrierPolicyPayloadResolver struct{ *Resolver }
