package graph

import (
	"context"
	"errors"

	"github.com/99designs/gqlgen/graphql"

	"zoomql/graph/argument"
	"zoomql/graph/audit"
	"zoomql/graph/errs"
	"zoomql/graph/idempotency"
	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

// Every mutation goes one way: its resolver finds the target and calls write with what is
// to be done to it. The rest follows from that: the payload, with the target's global id;
// userErrors, each with the path of the field in the caller's input; the line in the audit
// log. What loaders knew is forgotten as soon as a call that writes was sent (see
// [Resolver.begin]).

// target is what a mutation writes to.
type target struct {
	*scope              // the account
	id     types.NodeID // the object; without a type where only the write makes it
}

// targetBy returns the object that an input such as RoleBy names, and its key. account is
// the account that the mutation names beside it; without it, the object is in the account
// that its global id tells. where is the argument that has the input. On an error, the target
// is the object as the caller named it.
func targetBy(ctx context.Context, account *types.AccountBy, where string, by any) (at *target, key string, err error) {
	s, err := accountFor(ctx, account, argument.GlobalID(by))
	at = &target{s, argument.Named(by)}
	if err != nil {
		return at, "", err
	}
	if key, err = argument.Key(where, by); err == nil {
		at.id = types.NodeID{Account: s.client.Sub(), Type: argument.Kind(by), Key: key}
	}
	return at, key, err
}

// payload is a type that mutations answer with.
type payload[P any] interface {
	*P
	GetPayload() *types.Payload
}

// write carries a mutation out: it does the write unless the target was not found, and
// returns the payload. do fills the fields that the payload has of its own. What the
// caller can mend goes into the payload, all else is an error of the field.
func write[P any, PP payload[P]](ctx context.Context, at *target, err error, do func(PP) error) (PP, error) {
	entry := audit.EntryOf(ctx)
	entry.Object = at.id
	p := PP(new(P))
	if err == nil {
		err = do(p)
		entry.Object = at.id
	}
	told := p.GetPayload()
	told.Origin = at.origin()
	if told.UserErrors, err = userErrors(ctx, err); err != nil {
		return p, err
	}
	if entry.Outcome = audit.OK; len(told.UserErrors) > 0 {
		entry.Outcome = string(told.UserErrors[0].Code)
		return p, nil
	}
	told.Target = at.id
	return p, nil
}

// only returns the error of an operation that answers nothing.
func only(_ *struct{}, err error) error { return err }

// creation is a create that a caller may repeat with the same idempotencyKey.
type creation[In, Out any] struct {
	op  zoom.Op[In, Out]
	in  In      // what the operation is sent
	key *string // the caller's; nil is none
	// input is the caller's, which is to be the same in a repeat.
	input any
	// zoomID returns Zoom's id of what was made, and read reads that at Zoom, for a
	// repeat that another replica answers.
	zoomID func(*Out) string
	read   func(ctx context.Context, zoomID string) (*Out, error)
}

// create makes an object, or returns the one that the same idempotencyKey made before. The
// new object is the target from then on, if it has a global id.
func create[In, Out any](ctx context.Context, m *idempotency.Memory, at *target, c creation[In, Out]) (*Out, error) {
	do := func(ctx context.Context) (*Out, error) { return c.op.Do(ctx, at.client, c.in) }
	var made *Out
	var err error
	if c.key == nil {
		made, err = do(ctx)
	} else {
		made, err = idempotency.Once(ctx, m, at.client, idempotency.Create[Out]{
			Mutation: graphql.GetFieldContext(ctx).Field.Name, Op: c.op.Spec, Key: *c.key, Input: c.input,
			Make: do, ZoomID: c.zoomID, Read: c.read,
		})
	}
	switch {
	case errors.Is(err, idempotency.ErrEmptyKey), errors.Is(err, idempotency.ErrOtherInput):
		return nil, errs.Invalid(err.Error())
	case err != nil:
		return nil, err
	}
	if object, ok := any(made).(interface{ ID() types.NodeID }); ok {
		at.id = object.ID()
	}
	return made, nil
}
