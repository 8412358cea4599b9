package graph

import (
	"errors"
	"fmt"

	"zoomql/internal/zoom"
)

// whereToLook says of each write where a person finds out whether it was done.
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

// errRepeated is of a repeat of a create whose outcome is not known: nothing was sent.
var errRepeated = errors.New("an attempt with this idempotencyKey has no outcome that is known")

// unknownOutcome says that nobody knows whether a write was done, and where to find
// out; "" where an error leaves no such doubt.
func unknownOutcome(err error) string {
	repeated := errors.Is(err, errRepeated)
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
