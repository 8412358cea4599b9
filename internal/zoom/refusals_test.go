package zoom

import (
	"errors"
	"testing"
)

// The kind depends on operation, status and code, and only then on the message. Each word
// occurs here in messages of several meanings.
func TestKindOf_wordsByOperation(t *testing.T) {
	const (
		users, user, meeting = "GET /users", "PATCH /users/{userId}", "GET /meetings/{meetingId}"
		registrants          = "GET /meetings/{meetingId}/registrants"
		dashboard            = "GET /metrics/meetings"
	)
	for _, c := range []struct {
		op           string
		status, code int
		message      string
		want         error
	}{
		{dashboard, 400, 300, "The month has to be within the last six months.", ErrExpired},
		{dashboard, 400, 300, "Only the past 6 months can be queried.", ErrExpired},
		{"GET /report/users", 400, 300, "The recent 6 months are kept.", ErrExpired},
		{"GET /report/webinars/{webinarId}/participants", 400, 200, "It was more than 6 months ago.", ErrExpired},
		{"GET /past_meetings/{meetingId}/qa", 400, 300, "It is older than 15 months.", ErrExpired},
		{dashboard, 400, 300, "The range may be one month at most.", ErrInvalid},
		{dashboard, 400, 300, "The range must not be more than 30 days.", ErrInvalid},
		{user, 400, 300, "The password was changed within the last 6 months.", ErrInvalid},

		{registrants, 404, 300, "Registration has not been enabled for this meeting: 7.", ErrNotEnabled},
		{registrants, 400, 404, "Registration has not been enabled for this meeting: 7.", ErrNotEnabled},
		{"GET /webinars/{webinarId}/registrants/{registrantId}", 400, 3000, "Registration has not been enabled for this webinar: 7.", ErrNotEnabled},
		{registrants, 404, 300, "Meeting ID does not exist.", ErrNotFound},
		{registrants, 404, 3001, "Meeting does not exist: 7.", ErrNotFound},
		{meeting, 400, 3000, "Cannot access webinar info.", ErrConflict},
		{meeting, 400, 300, "This meeting was converted to a webinar.", ErrConflict},
		{"GET /webinars/{webinarId}", 400, 3000, "This webinar was converted to a meeting.", ErrConflict},
		{"POST /meetings/{meetingId}/registrants", 400, 3000, "Cannot access meeting info.", ErrForbidden},

		{users, 403, 0, "The maximum number of API requests is reached.", ErrRateLimited},
		{users, 403, 403, "You have reached the maximum per-second rate limit for this API.", ErrRateLimited},
		{users, 403, 403, "The maximum number of report api requests every day is reached.", ErrDailyLimit},
		{users, 403, 403, "The maximum number of users is reached.", ErrForbidden},
		{"POST /users", 400, 3412, "The account has reached the permitted maximum number of users.", ErrCapacity},

		// A plan, a feature and what is full, under any status.
		{"GET /report/meetings/{meetingId}", 404, 200, "Only available for Paid or ZMP account: abc.", ErrPlanRequired},
		{"GET /report/meetings/{meetingId}", 403, 200, "Only available for Paid or ZMP account: abc.", ErrPlanRequired},
		{"GET /webinars/{webinarId}", 404, 300, "Webinar plan is missing.", ErrPlanRequired},
		{"POST /meetings/{meetingId}/polls", 403, 3000, "Meeting polls disabled.", ErrNotEnabled},
		{"GET /users/{userId}/pac", 404, 2024, "User does not have PAC enabled.", ErrNotEnabled},
		{"GET /users/{userId}/pac", 403, 2024, "User does not have PAC enabled.", ErrNotEnabled},
		{"POST /users", 403, 3412, "Your number of subscriptions has reached the limit.", ErrCapacity},

		// A code under 401 that is not about the token.
		{"POST /users", 401, 3412, "Your number of subscriptions has reached the limit.", ErrCapacity},
		{users, 401, 200, "No permission.", ErrForbidden},
		{users, 401, 300, "Validation Failed.", ErrInvalid},
		{users, 401, 300, "This access token is none.", ErrUnauthenticated},

		// "already"
		{"POST /users/{userId}/meeting_templates", 400, 3000, "The name already exists.", ErrConflict},
		{user, 404, 4711711, "The user was already deleted.", ErrNotFound},
		{meeting, 400, 300, "The occurrence has already begun, so the id is invalid.", ErrInvalid},
		{users, 403, 403, "You are already signed out.", ErrForbidden},
		// "disabled"
		{"POST /meetings/{meetingId}/polls", 400, 3000, "Meeting polls disabled.", ErrNotEnabled},
		{users, 403, 403, "The app is disabled.", ErrForbidden},
		{users, 401, 4738, "The app was disabled by the administrator.", ErrUnauthenticated},
		{users, 400, 300, "The value of disabled is invalid.", ErrInvalid},
		// "cannot change", "cannot be deleted"
		{user, 400, 200, "The type cannot be changed.", ErrConflict},
		{"DELETE /users/{userId}", 400, 300, "This user cannot be deleted.", ErrConflict},
		{"PATCH /accounts/{accountId}/settings", 400, 200, "You cannot change this setting: No permission.", ErrForbidden},
		{meeting, 404, 300, "What cannot be deleted is not there.", ErrNotFound},
		// "plan", "paid"
		{users, 400, 200, "Only available for paid account: x.", ErrPlanRequired},
		{"GET /webinars/{webinarId}", 400, 200, "Webinar plan is missing.", ErrPlanRequired},
		{users, 400, 200, "No permission to plan this.", ErrForbidden},
		// "not support", "maximum of", "not exist"
		{"PATCH /meetings/{meetingId}", 400, 3000, "Instant meetings do not support this.", ErrInvalid},
		{users, 400, 300, "A maximum of 300 is allowed for page_size.", ErrInvalid},
		{"POST /accounts/{accountId}/settings/virtual_backgrounds", 400, 120, "A maximum of 10 files.", ErrCapacity},
		{users, 401, 1010, "The user does not exist here.", ErrNotFound},

		{user, 400, 300, "Invalid value for feature disabled_by_admin.", ErrInvalid},
		{users, 403, 403, "You have reached the maximum number of create/update API requests.", ErrRateLimited},

		// Quotations are ignored.
		{"PATCH /meetings/{meetingId}", 400, 300, `Invalid topic "you do not have permission".`, ErrInvalid},
		{"PATCH /meetings/{meetingId}", 400, 300, "Template “survey disabled” is invalid.", ErrInvalid},
		{"PATCH /meetings/{meetingId}", 400, 300, "Template ‘the survey is disabled’ is invalid.", ErrInvalid},
		{"PATCH /meetings/{meetingId}", 400, 300, `The topic ('exceeded the daily rate limit') and the agenda "does not exist" are too long.`, ErrInvalid},
		{"POST /users/{userId}/meetings", 400, 300, "Topic: 'plan for paid users'.", ErrInvalid},
		{users, 400, 200, "The account's users don't have permission for the users' list.", ErrForbidden},
		{users, 400, 300, `Invalid "next_page_token", or 'next_page_token'.`, ErrPageToken},
		{"POST /meetings/{meetingId}/polls", 400, 3000, `Meeting polls disabled. To use this, switch "Meeting Polls/Quizzes" on in the portal's "Settings".`, ErrNotEnabled},

		// The same code means something else on another operation.
		{"DELETE /accounts/{accountId}", 404, 2000, "x", ErrConflict},
		{meeting, 404, 2000, "x", ErrNotFound},
		{user, 400, 4100, "x", ErrConflict},
		{meeting, 400, 4100, "x", ErrInvalid},
		{"POST /accounts", 400, 11103, "x", ErrNotFound},
		{users, 400, 11103, "x", ErrInvalid},
		{users, 404, 2300, "x", ErrNotZoom},
	} {
		said := refusalBody{fromZoom: true, code: c.code, message: c.message}
		e := &Error{Op: c.op}
		e.fill(&Spec{Pattern: c.op}, c.status, said, nil, noon)
		if !errors.Is(e.Kind, c.want) {
			t.Errorf("%s: HTTP %d, code %d, %q: %v, want %v", c.op, c.status, c.code, c.message, e.Kind, c.want)
		}
	}
}
