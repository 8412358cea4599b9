package graph

import (
	"context"

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
	id, err := keyOf("policy", by)
	if err != nil {
		return nil, err
	}
	return orNil(of(ctx, obj).policy(ctx, id))
}

func (r *mutationResolver) CreateInformationBarrierPolicy(ctx context.Context, input types.CreateInformationBarrierPolicyInput) (*types.CreateInformationBarrierPolicyPayload, error) {
	policy, err := r.createPolicy(ctx, input)
	mistakes, err := userErrors(ctx, err)
	if policy != nil {
		notTold(ctx, needsOf(ctx, "InformationBarrierPolicy", "policy"), policy.Op)
	}
	return &types.CreateInformationBarrierPolicyPayload{Policy: policy, UserErrors: mistakes}, err
}

func (r *mutationResolver) UpdateInformationBarrierPolicy(ctx context.Context, input types.UpdateInformationBarrierPolicyInput) (*types.UpdateInformationBarrierPolicyPayload, error) {
	s, id, err := writePolicy(ctx, input.Account, *input.Policy, func(s *scope, id string) error {
		return s.updatePolicy(ctx, id, input.Patch)
	})
	mistakes, err := userErrors(ctx, err)
	return &types.UpdateInformationBarrierPolicyPayload{Origin: s.origin(), ZoomID: unless(mistakes, id), UserErrors: mistakes}, err
}

func (r *mutationResolver) DeleteInformationBarrierPolicy(ctx context.Context, input types.DeleteInformationBarrierPolicyInput) (*types.DeleteInformationBarrierPolicyPayload, error) {
	s, id, err := writePolicy(ctx, input.Account, *input.Policy, func(s *scope, id string) error {
		_, err := zoom.DeletePolicy.Do(ctx, s.client, zoom.PolicyKey{PolicyID: id})
		return err
	})
	mistakes, err := userErrors(ctx, err)
	return &types.DeleteInformationBarrierPolicyPayload{DeletedPolicyID: gone(types.NodeID{Account: s.client.Sub(), Type: "InformationBarrierPolicy", Key: id}, mistakes), UserErrors: mistakes}, err
}

func (r *updateInformationBarrierPolicyPayloadResolver) Policy(ctx context.Context, obj *types.UpdateInformationBarrierPolicyPayload) (*types.InformationBarrierPolicy, error) {
	return of(ctx, obj).policy(ctx, obj.ZoomID)
}

func (r *Resolver) UpdateInformationBarrierPolicyPayload() generated.UpdateInformationBarrierPolicyPayloadResolver {
	return &updateInformationBarrierPolicyPayloadResolver{r}
}

type updateInformationBarrierPolicyPayloadResolver struct{ *Resolver }
