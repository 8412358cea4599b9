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

// All mutations take one path: the resolver finds the target and calls write with a function
// that changes it. write returns the payload, with the target's global id and with userErrors
// that have the paths of fields in the caller's input, and fills the line of the audit log.
// Loaders forget their objects as soon as a call that writes was sent (see [Resolver.begin]).

// target is the object that a mutation writes to.
type target struct {
	*scope              // the account
	id     types.NodeID // the object; without a type if only the write makes it
}

// targetBy returns the object that an input such as RoleBy names, and its key. account is the
// account that the mutation names; without it, the object is in the account of its global id.
// where is the argument that has the input. On an error, the target is the object as the caller
// named it.
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

// payload is the type of a mutation's answer.
type payload[P any] interface {
	*P
	GetPayload() *types.Payload
}

// write executes a mutation: it calls do unless the target was not found, and returns the
// payload. do fills the fields that this payload has besides those of all payloads. Errors that
// the caller can correct go into the payload; others are errors of the field.
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

// only returns the error of an operation without an answer.
func only(_ *struct{}, err error) error { return err }

// creation is a create that a caller may repeat with the same idempotencyKey.
type creation[In, Out any] struct {
	op zoom.Op[In, Out]
	in In // the operation's input
	// prove, if set, completes an answer that does not name the new object, or returns why
	// its creation is not proven.
	prove func(context.Context, *Out) error
	key   *string // the caller's; nil is none
	// input is the caller's, which must be the same in a repeat.
	input any
	// zoomID returns Zoom's id of the new object, and read reads the object at Zoom, for a
	// repeat that another replica answers.
	zoomID func(*Out) string
	read   func(ctx context.Context, zoomID string) (*Out, error)
}

// create creates an object, or returns the one of an earlier create with the same
// idempotencyKey. The new object becomes the target if it has a global id.
func create[In, Out any](ctx context.Context, m *idempotency.Memory, at *target, c creation[In, Out]) (*Out, error) {
	do := func(ctx context.Context) (*Out, error) {
		made, err := c.op.Do(ctx, at.client, c.in)
		switch {
		case err != nil:
		case c.prove != nil:
			err = c.prove(ctx, made)
		case c.zoomID(made) == "":
			err = zoom.Unproven(c.op.Spec, "the answer does not name what was created", nil)
		}
		return made, err
	}
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
