package graph

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"strconv"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"zoomql/cache"
	"zoomql/graph/argument"
	"zoomql/graph/endpoint"
	"zoomql/graph/errs"
	"zoomql/graph/idempotency"
	"zoomql/graph/render"
	"zoomql/graph/session"
	"zoomql/internal/logs"
	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

// kinds has the code and the message of each kind of failure.
var kinds = []struct {
	err     error
	code    types.ErrorCode // extensions.code, which clients may branch on
	message string
}{
	{zoom.ErrNotFound, types.ErrorCodeNotFound, "Zoom has no such object, or the credential cannot access it."},
	{zoom.ErrMissingScope, types.ErrorCodeMissingScope, "The Zoom app lacks a scope for this. Add one in the app's settings at Zoom, then restart or authorize again."},
	{zoom.ErrForbidden, types.ErrorCodeForbidden, "The credential does not permit this."},
	{zoom.ErrUnauthenticated, types.ErrorCodeZoomUnauthenticated, "Zoom refused the gateway's credentials. Check ZOOM_ACCOUNT_ID, ZOOM_CLIENT_ID and ZOOM_CLIENT_SECRET, or the account in ACCOUNTS, and that the app is activated."},
	{zoom.ErrNotHost, types.ErrorCodeNotHost, "Only the host of the meeting may do this."},
	{zoom.ErrPlanRequired, types.ErrorCodePlanRequired, "The Zoom account's plan does not include this."},
	{zoom.ErrNotEnabled, types.ErrorCodeNotEnabled, "The feature is switched off in Zoom's settings, for the account or for the host."},
	{zoom.ErrCapacity, types.ErrorCodeCapacity, "There is no capacity left."},
	{zoom.ErrConflict, types.ErrorCodeConflict, "The object's state does not allow this."},
	{zoom.ErrExpired, types.ErrorCodeExpired, "Zoom does not keep data this old."},
	{zoom.ErrNotReady, types.ErrorCodeNotReady, "Zoom does not have these data yet. Send the query again a few minutes after the meeting has ended."},
	{zoom.ErrPageToken, types.ErrorCodeCursorExpired, "Zoom no longer has the position in the list. Start again without the argument after."},
	{zoom.ErrDailyLimit, types.ErrorCodeDailyLimit, "Today's budget at Zoom is used up. It is renewed at 00:00 UTC; see retryAt."},
	{zoom.ErrRateLimited, types.ErrorCodeRateLimited, "Zoom's rate limit does not allow this call within the time limit; see retryAt."},
	{zoom.ErrInvalid, types.ErrorCodeBadUserInput, "Zoom refused the input."},
	{zoom.ErrBadAnswer, types.ErrorCodeBadAnswer, "Zoom's answer cannot be read, or lacks a required part."},
	{zoom.ErrNotZoom, types.ErrorCodeNotZoom, "The answer is not from Zoom's API"},
	{cache.ErrUnavailable, types.ErrorCodeIdempotencyUnavailable, "Nothing was sent to Zoom: Redis, which stores the outcome of an idempotencyKey, does not answer. Send the mutation again with the same key at retryAt."},
	{context.DeadlineExceeded, types.ErrorCodeTimeout, "The operation exceeded the gateway's time limit."},
	{zoom.ErrUnavailable, types.ErrorCodeZoomUnavailable, "Zoom does not answer. Send the operation again later."},
	{types.ErrBadID, types.ErrorCodeBadUserInput, "This gateway did not issue the id for this account."},
	{render.ErrNoValue, types.ErrorCodeBadAnswer, "Zoom's answer has no value here, but one is required."},
	{render.ErrTooLarge, types.ErrorCodeBadAnswer, "Zoom's answer has a number here that exceeds the 32 bits of an Int."},
	{zoom.ErrNoID, types.ErrorCodeBadAnswer, "Zoom's answer has no id of the object that this field needs."},
}

// codeOf returns the code of a kind of failure; "" if it has none.
func codeOf(kind error) types.ErrorCode {
	for _, k := range kinds {
		if k.err == kind { //nolint:errorlint // the kinds themselves
			return k.code
		}
	}
	return ""
}

// present converts an error to the one that clients see: a sentence, a code and Zoom's message.
// An error of an unknown kind becomes INTERNAL, and only the log has its text.
func present(log *slog.Logger) graphql.ErrorPresenterFunc {
	whole := presentWhole(log)
	return func(ctx context.Context, err error) *gqlerror.Error {
		shown := whole(ctx, err)
		if part, ok := errors.AsType[*partlyError](err); ok && shown != nil {
			shown.Message = part.note() + " " + shown.Message
		}
		return shown
	}
}

func presentWhole(log *slog.Logger) graphql.ErrorPresenterFunc {
	return func(ctx context.Context, err error) *gqlerror.Error {
		if resp := session.From(ctx); resp != nil && !resp.Spent.Fails() {
			return nil // it is counted, see session.Capped
		}
		if resp := from(ctx); resp != nil && resp.preflight.Tells(ctx, err) {
			return nil
		}
		if own, ok := errors.AsType[*gqlerror.Error](err); ok { // gqlgen wraps every error
			at := graphql.GetPath(ctx)
			switch {
			case own.Message == "must not be null" || own.Message == "the requested element is null which the schema does not allow":
				err = render.ErrNoValue // the executor's own error
			case own.Err == nil || len(own.Path) > len(at):
				return argumentError(own, at)
			default:
				err = own.Err
			}
		}
		shown := gqlerror.WrapPath(graphql.GetPath(ctx), err)
		if further, ok := errors.AsType[*errs.PathError](err); ok {
			shown.Path = further.Path
		}
		if short, ok := errors.AsType[*zoom.IncompleteError](err); ok {
			return withIncomplete(shown, short)
		}
		if odd, ok := errors.AsType[*zoom.LeftOutError](err); ok {
			shown.Message = odd.Error()
			endpoint.WithCode(shown, types.ErrorCodeBadAnswer).Extensions["zoom"] = map[string]any{"operation": odd.Op}
			shown.Extensions["list"] = map[string]any{"leftOut": odd.Items}
			return shown
		}
		if input, ok := errors.AsType[*errs.InputError](err); ok {
			shown.Message = input.Message
			return endpoint.WithCode(shown, input.Code)
		}
		if absent, ok := errors.AsType[*errs.NotReturnedError](err); ok {
			shown.Message = absent.Error()
			return endpoint.WithCode(shown, types.ErrorCodeNotReturned)
		}
		if shown.Message = unknownOutcome(err); shown.Message != "" {
			addZoom(endpoint.WithCode(shown, types.ErrorCodeOutcomeUnknown), err)
			delete(shown.Extensions, "retryAt") // a repeat may execute it twice
			return shown
		}
		for _, kind := range kinds {
			if !errors.Is(err, kind.err) {
				continue
			}
			shown.Message = kind.message
			switch e, ok := errors.AsType[*zoom.Error](err); {
			case ok && e.Unsent():
				shown.Message = e.Message
			case ok && kind.code == types.ErrorCodeNotZoom:
				shown.Message = notZoom(e)
			}
			addZoom(endpoint.WithCode(shown, kind.code), err)
			if unavailable, ok := errors.AsType[*cache.UnavailableError](err); ok {
				endpoint.AddRetryAt(shown, unavailable.RetryAt)
			}
			return shown
		}
		if errors.Is(err, context.Canceled) {
			shown.Message = "The request was canceled."
			return endpoint.WithCode(shown, types.ErrorCodeTimeout)
		}
		if !errors.Is(err, errPanic) {
			log.ErrorContext(ctx, "internal error", "path", logs.Text(shown.Path.String()), "error", logs.Message(err.Error()))
		}
		shown.Message = "An internal error occurred in the gateway. The log has the details."
		return endpoint.WithCode(shown, types.ErrorCodeInternal)
	}
}

// notZoom returns the message of an answer that is not from Zoom's API: its status and
// content type, or the setting that is wrong.
func notZoom(e *zoom.Error) string {
	switch {
	case e.By == zoom.ByGateway:
		return e.Message // no request was sent
	case e.Code != 0:
		return "Zoom does not have the path of this operation: ZOOM_API_URL is wrong, or Zoom has removed the operation."
	}
	return "The answer is not from Zoom's API (" + e.AnsweredBy() + "): it is from a firewall or proxy, or ZOOM_API_URL is wrong."
}

// errPanic stands for a panic, which is logged where it is caught.
var errPanic = errors.New("panic")

// argumentError is about the query, its variables or an argument. gqlgen's path
// of an argument's error leads on into the argument: that part goes into the
// message, since clients look up the path in the answer.
func argumentError(e *gqlerror.Error, at ast.Path) *gqlerror.Error {
	if len(e.Path) > len(at) && len(at) > 0 {
		e.Message = e.Path[len(at):].String() + ": " + e.Message
		e.Path = at
	}
	return endpoint.WithCode(e, types.ErrorCodeBadUserInput)
}

// addZoom adds Zoom's error, and when to send the operation again.
func addZoom(shown *gqlerror.Error, err error) {
	var e *zoom.Error
	if !errors.As(err, &e) {
		return
	}
	said := map[string]any{"operation": e.Op}
	if e.Status != 0 {
		said["status"] = e.Status
	}
	if e.Code != 0 {
		said["code"] = e.Code
	}
	if e.Message != "" {
		said["message"] = e.Message
	}
	if e.ContentType != "" && e.ContentType != "application/json" {
		said["contentType"] = e.ContentType
	}
	if e.TrackingID != "" {
		said["trackingId"] = e.TrackingID
	}
	shown.Extensions["zoom"] = said
	if !e.RetryAt.IsZero() {
		endpoint.AddRetryAt(shown, e.RetryAt)
	}
}

// withIncomplete adds the number of items, or the days, that a list lacks.
func withIncomplete(shown *gqlerror.Error, err *zoom.IncompleteError) *gqlerror.Error {
	shown.Message = err.Error()
	shown = endpoint.WithCode(shown, types.ErrorCodeIncompleteList)
	shown.Extensions["zoom"] = map[string]any{"operation": err.Op}
	if err.Missing.To.IsZero() {
		counted := "counted"
		if err.AtLeast {
			counted = "countedAtLeast"
		}
		shown.Extensions["list"] = map[string]any{"given": err.Given, counted: err.Counted}
	} else {
		shown.Extensions["list"] = map[string]any{"missingFrom": err.Missing.From.String(), "missingTo": err.Missing.To.String()}
	}
	return shown
}

// mendable has the failures of a write that the caller can correct, with their codes in the
// payload.
var mendable = map[error]types.UserErrorCode{
	zoom.ErrInvalid:      types.UserErrorCodeInvalid,
	zoom.ErrNotFound:     types.UserErrorCodeNotFound,
	zoom.ErrNotHost:      types.UserErrorCodeNotHost,
	zoom.ErrForbidden:    types.UserErrorCodeForbidden,
	zoom.ErrMissingScope: types.UserErrorCodeMissingScope,
	zoom.ErrPlanRequired: types.UserErrorCodePlanRequired,
	zoom.ErrCapacity:     types.UserErrorCodeCapacity,
	zoom.ErrDailyLimit:   types.UserErrorCodeDailyLimit,
	zoom.ErrConflict:     types.UserErrorCodeConflict,
	zoom.ErrNotEnabled:   types.UserErrorCodeNotEnabled,
}

// userErrors splits the failure of the write of ctx's field: errors that the caller can correct
// go into the payload, others are returned. The list is never nil.
func userErrors(ctx context.Context, err error) ([]*types.UserError, error) {
	mistakes, rest := mistakesIn(ctx, err)
	if part, ok := errors.AsType[*partlyError](err); ok {
		for _, m := range mistakes {
			m.Message = part.note() + " " + m.Message
		}
	}
	return mistakes, rest
}

func mistakesIn(ctx context.Context, err error) ([]*types.UserError, error) {
	if err == nil {
		return []*types.UserError{}, nil
	}
	var input *errs.InputError
	var e *zoom.Error
	only := &types.UserError{Code: types.UserErrorCodeInvalid}
	switch {
	case errors.As(err, &input):
		if only.Message = input.Message; input.Code == types.ErrorCodeConflict {
			only.Code = types.UserErrorCodeConflict
		}
	case errors.Is(err, types.ErrBadID):
		only.Message = "This gateway did not issue the id for this account."
	case errors.As(err, &e):
		code, ok := mendable[e.Kind]
		if !ok {
			return nil, err
		}
		if len(e.Fields) > 0 {
			before := 0
			if part, ok := errors.AsType[*partlyError](err); ok {
				before = part.done
			}
			return fieldErrors(ctx, code, e, before), nil
		}
		only = userError(code, e, e.Message)
		if errors.Is(err, zoom.ErrNoChange) {
			err = argument.Within(err, argument.ChangeIn(ctx)...)
		}
	default:
		return nil, err
	}
	only.Field = argument.Path(ctx, argument.Blamed(err))
	return []*types.UserError{only}, nil
}

// fieldErrors returns Zoom's errors of each field, by the caller's names. If the caller's input
// does not have the field, the message has Zoom's name of it. Zoom counts the items of a call;
// before is the number of the caller's items that earlier calls had.
func fieldErrors(ctx context.Context, code types.UserErrorCode, e *zoom.Error, before int) []*types.UserError {
	list := make([]*types.UserError, len(e.Fields))
	for i, f := range e.Fields {
		name := itemAfter(f.Field, before)
		list[i] = userError(code, e, f.Message)
		if list[i].Field = argument.ZoomPath(ctx, name); list[i].Field == nil && name != "" {
			list[i].Message = name + ": " + list[i].Message
		}
	}
	return list
}

// itemNumber matches the number of an item in one of Zoom's names: items[0].id, items.0.id.
var itemNumber = regexp.MustCompile(`^(.*?[.\[])(\d+)(\]|\.|$)`)

// itemAfter adds to the number of an item in a name of Zoom's the items before.
func itemAfter(name string, before int) string {
	m := itemNumber.FindStringSubmatch(name)
	if m == nil || before == 0 {
		return name
	}
	n, err := strconv.Atoi(m[2])
	if err != nil {
		return name
	}
	return m[1] + strconv.Itoa(before+n) + m[3] + name[len(m[0]):]
}

func userError(code types.UserErrorCode, e *zoom.Error, message string) *types.UserError {
	for _, kind := range kinds {
		if message == "" && errors.Is(e, kind.err) {
			message = kind.message
		}
	}
	u := &types.UserError{Code: code, Message: message, RetryAt: types.Time{Time: e.RetryAt}}
	if e.Code != 0 {
		u.ZoomCode = types.Int{N: int64(e.Code), Valid: true}
	}
	return u
}

// unknownOutcome returns the message of a write whose outcome is unknown, with a field or page
// that shows it; "" if the error proves that the write was not done.
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
		return "An attempt with this idempotencyKey was sent to Zoom, but no answer shows whether Zoom executed it. Check " +
			placesToCheck[e.Op] + ": if the change is not there, send it again with another key."
	}
	return "The outcome is unknown: the write was sent to Zoom, but no answer shows whether Zoom executed it. Check " + placesToCheck[e.Op] + " before you send it again."
}

// partlyError is the error of a write in several calls, of which the first ones were carried
// out.
type partlyError struct {
	error
	done, of int
}

// note returns how much was done.
func (e *partlyError) note() string {
	return fmt.Sprintf("The change was made for the first %d of %d; the call for the next ones failed.", e.done, e.of)
}

// Unwrap returns why the rest was not done.
func (e *partlyError) Unwrap() error { return e.error }

// partly returns the error of a write of which the first items were done before.
func partly(err error, done, of int) error {
	if done == 0 {
		return err
	}
	return &partlyError{err, done, of}
}

// placesToCheck has, for each operation that writes, a place that shows whether it was done.
var placesToCheck = map[string]string{
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
	"POST /meetings/{meetingId}/sip_dialing":                    "nothing (each call creates a new address)",
	"POST /webinars/{webinarId}/registrants":                    "the webinar's registrants",
	"POST /roles":                                               "the account's roles",
	"PATCH /roles/{roleId}":                                     "the role",
	"DELETE /roles/{roleId}":                                    "the account's roles",
	"POST /roles/{roleId}/members":                              "the role's members",
	"DELETE /roles/{roleId}/members/{memberId}":                 "the role's members",
	"POST /groups":                                "the account's groups",
	"PATCH /groups/{groupId}":                     "the group",
	"DELETE /groups/{groupId}":                    "the account's groups",
	"POST /groups/{groupId}/members":              "the group's members",
	"DELETE /groups/{groupId}/members/{memberId}": "the group's members",
	"POST /users":                                 "the account's users",
	"PATCH /users/{userId}":                       "the user",
	"DELETE /users/{userId}":                      "the user",
	"POST /users/{userId}/meeting_templates":      "the user's meetingTemplates",
}
