package zoom

import (
	"errors"
	"strconv"
	"testing"
	"time"

	"zoomql/internal/ratelimit"
)

// Zoom Phone has budgets of its own.
//
// Source: https://developers.zoom.us/docs/api/rate-limits/
func TestBudgets_phone(t *testing.T) {
	const day = 24 * time.Hour
	limit := func(key string, calls int, window time.Duration) ratelimit.Limit {
		l := ratelimit.Limit{Key: key, Calls: calls, Window: window % day, Daily: window == day}
		if window == time.Second && calls >= 20 {
			l.Burst = calls * 2 / 3 // paced
		}
		return l
	}
	for _, c := range []struct {
		name  string
		plan  Plan
		rate  Rate
		phone bool
		want  []ratelimit.Limit
	}{
		{"Pro, MEDIUM", Pro, Medium, true, []ratelimit.Limit{limit("A:phone:MEDIUM", 10, time.Second)}},
		{"Business, LIGHT", Business, Light, true, []ratelimit.Limit{limit("A:phone:LIGHT", 40, time.Second)}},
		{"Business, HEAVY", Business, Heavy, true, []ratelimit.Limit{limit("A:phone:HEAVY", 10, time.Second), limit("A:phone:pool", 30_000, day)}},
		{"Pro, RESOURCE_INTENSIVE", Pro, ResourceIntensive, true, []ratelimit.Limit{limit("A:phone:RESOURCE_INTENSIVE", 5, time.Minute), limit("A:phone:pool", 15_000, day)}},
		{"a free account has no column: the smallest", Free, Medium, true, []ratelimit.Limit{limit("A:phone:MEDIUM", 10, time.Second)}},
		{"other operations", Business, Heavy, false, []ratelimit.Limit{limit("A:HEAVY", 40, time.Second), limit("A:pool", 60_000, day)}},
		{"a plan without limits", NoLimits, Medium, true, nil},
	} {
		got := c.plan.labels("A", &Spec{Phone: c.phone}, c.rate)
		if len(got) != len(c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
			continue
		}
		for i := range got {
			if got[i] != c.want[i] {
				t.Errorf("%s: %v, want %v", c.name, got[i], c.want[i])
			}
		}
	}
	if !ListPhoneRecordings.Phone {
		t.Error("recordings of phone calls are not paid from Phone's budget")
	}
}

// The documented refusals of operations on parts of meetings and users.
func TestKindOf_documented(t *testing.T) {
	for _, c := range []struct {
		op           string
		status, code int
		message      string
		want         error
	}{
		{"GET /x", 404, 404, "Meeting poll not found", ErrNotFound},
		{"GET /x", 400, 4400, "Meeting polls disabled.", ErrNotEnabled},
		{"PATCH /meetings/{meetingId}/livestream/status", 400, 4927, "Meeting 7 has not started.", ErrConflict},
		{"GET /x", 404, 3301, "There is no recording for this meeting.", ErrNotFound},
		{"GET /x", 403, 2305, "Access to meeting summaries is restricted by account settings.", ErrForbidden},
		{"GET /users/{userId}/pac", 400, 2024, "User does not have PAC enabled.", ErrNotEnabled},
		{"POST /users/{userId}/meeting_templates", 400, 300, "You can only create up to 40 meeting templates.", ErrCapacity},
		{"POST /users/{userId}/meeting_templates", 400, 3000, "Meeting template name already exists: x.", ErrConflict},
		{"GET /x", 400, 3000, "The meeting's SIP URI does not exist: 7.", ErrNotFound},
		{"GET /x", 400, 300, "Only provide past chat messages in recent 6 months.", ErrExpired},
		{"GET /x", 400, 300, "Must provide either contact or channel parameter.", ErrInvalid},
		{"GET /x", 400, 200, "Unauthorized request. You do not have permission to access this user's chat messages.", ErrForbidden},
		{"GET /x", 404, 4130, "Channel does not exist: x.", ErrNotFound},
	} {
		body := []byte(`{"code":` + strconv.Itoa(c.code) + `,"message":"` + c.message + `"}`)
		if got := refusal(&Spec{Pattern: c.op}, c.status, nil, body, time.Now()); !errors.Is(got, c.want) {
			t.Errorf("HTTP %d, code %d, %q: %v, want %v", c.status, c.code, c.message, got.Kind, c.want)
		}
	}
}
