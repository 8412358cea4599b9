package graph

import (
	"context"

	"zoomql/internal/zoom/types"
)

// accountBy returns the scope of the account that a caller names; nil is the own.
func accountBy(ctx context.Context, by *types.AccountBy) (*scope, error) {
	switch {
	case by == nil:
		return from(ctx).in(""), nil
	case by.ZoomID != nil:
		id, err := nonEmpty("zoomId", *by.ZoomID)
		return from(ctx).in(id), err
	}
	id, err := by.ID.Of("Account")
	return from(ctx).in(id), err
}

// accountFor returns the scope of the account that a write names, or else of the
// account that the global id of its object is of.
func accountFor(ctx context.Context, by *types.AccountBy, id *types.NodeID) (*scope, error) {
	if by == nil {
		return in(ctx, id), nil
	}
	s, err := accountBy(ctx, by)
	if err == nil && id != nil && id.Account != s.client.Sub() {
		err = invalid("account: the id is of another account's object")
	}
	return s, err
}
