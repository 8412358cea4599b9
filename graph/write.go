package graph

import (
	"context"
	"errors"
	"fmt"

	"github.com/99designs/gqlgen/graphql"

	"zoomql/graph/audit"
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
	named := idBy(by)
	_, given := givenIn(by)
	id, _ := given.(*types.NodeID)
	s, err := accountFor(ctx, account, id)
	at = &target{s, named}
	if err != nil {
		return at, "", err
	}
	if key, err = keyOf(where, by); err == nil {
		at.id = types.NodeID{Account: s.client.Sub(), Type: kindOf(by), Key: key}
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
		return nil, invalid(err.Error())
	case err != nil:
		return nil, err
	}
	if object, ok := any(made).(interface{ ID() types.NodeID }); ok {
		at.id = object.ID()
	}
	return made, nil
}

// unknownOutcome says that it is not known whether a write was done, and where to look;
// "" where an error tells that it was not.
func unknownOutcome(err error) string {
	repeated := errors.Is(err, idempotency.ErrUnknown)
	if !repeated && !zoom.OutcomeUnknown(err) {
		return ""
	}
	e, ok := errors.AsType[*zoom.Error](err)
	if !ok {
		return ""
	}
	if repeated {
		return "An attempt with this idempotencyKey was sent to Zoom, and it is not known whether it was done: no answer came that tells. Look at " +
			whereToLook[e.Op] + ": if what you wanted is not there, send it with another key."
	}
	return "It is not known whether it was done: it was sent to Zoom, and no answer came that tells. Look at " + whereToLook[e.Op] + " before you send it once more."
}

// partlyError is of a write that goes to Zoom in several calls, of which the first ones
// were carried out.
type partlyError struct {
	error
	done, of int
}

// note says how much was done.
func (e *partlyError) note() string {
	return fmt.Sprintf("It is done for the first %d of %d, and the call for the next ones failed.", e.done, e.of)
}

// Unwrap returns why the rest was not done.
func (e *partlyError) Unwrap() error { return e.error }

// partly returns the error of a write of which so much was done before.
func partly(err error, done, of int) error {
	if done == 0 {
		return err
	}
	return &partlyError{err, done, of}
}

// whereToLook says of each operation that writes where a person sees whether it was done.
var whereToLook = map[string]string{
	"POST /accounts":                                            "the account's subAccounts",
	"DELETE /accounts/{accountId}":                              "the account's subAccounts",
	"PATCH /accounts/{accountId}/options":                       "the account's options",
	"PUT /accounts/{accountId}/owner":                           "the account's owner",
	"PATCH /accounts/{accountId}/settings":                      "the account's settings",
	"PATCH /accounts/{accountId}/lock_settings":                 "the account's lockedSettings",
	"PATCH /accounts/{accountId}/settings/registration":         "the account's webinarRegistrationSettings",
	"POST /accounts/{accountId}/settings/virtual_backgrounds":   "the virtual backgrounds in the account's settings",
	"DELETE /accounts/{accountId}/settings/virtual_backgrounds": "the virtual backgrounds in the account's settings",
	"POST /information_barriers/policies":                       "the account's informationBarrierPolicies",
	"PATCH /information_barriers/policies/{policyId}":           "the informationBarrierPolicy",
	"DELETE /information_barriers/policies/{policyId}":          "the account's informationBarrierPolicies",
	"POST /users/{userId}/meetings":                             "the host's scheduled meetings",
	"PATCH /meetings/{meetingId}":                               "the meeting",
	"DELETE /meetings/{meetingId}":                              "the meeting",
	"PUT /meetings/{meetingId}/status":                          "the meeting's status",
	"PATCH /meetings/{meetingId}/livestream":                    "the meeting's livestream",
	"PATCH /meetings/{meetingId}/livestream/status":             "the live stream itself",
	"POST /meetings/{meetingId}/polls":                          "the meeting's polls",
	"PUT /meetings/{meetingId}/polls/{pollId}":                  "the meeting's polls",
	"DELETE /meetings/{meetingId}/polls/{pollId}":               "the meeting's polls",
	"POST /meetings/{meetingId}/registrants":                    "the meeting's registrants",
	"PUT /meetings/{meetingId}/registrants/status":              "the meeting's registrants",
	"DELETE /meetings/{meetingId}/registrants/{registrantId}":   "the meeting's registrants",
	"PATCH /meetings/{meetingId}/registrants/questions":         "the meeting's registrationQuestions",
	"PATCH /meetings/{meetingId}/survey":                        "the meeting's survey",
	"DELETE /meetings/{meetingId}/survey":                       "the meeting's survey",
	"POST /meetings/{meetingId}/sip_dialing":                    "nothing: the address is made anew each time",
	"POST /webinars/{webinarId}/registrants":                    "the webinar's registrants",
	"POST /roles":                                               "the account's roles",
	"PATCH /roles/{roleId}":                                     "the role",
	"DELETE /roles/{roleId}":                                    "the account's roles",
	"POST /roles/{roleId}/members":                              "the role's members",
	"DELETE /roles/{roleId}/members/{memberId}":                 "the role's members",
	"POST /users":                            "the account's users",
	"PATCH /users/{userId}":                  "the user",
	"DELETE /users/{userId}":                 "the user",
	"POST /users/{userId}/meeting_templates": "the user's meetingTemplates",
}
