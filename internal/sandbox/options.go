package sandbox

import (
	"errors"
	"fmt"
	"time"
)

// The credentials of the sandbox's only app. They are not secret.
const (
	AccountID    = "sandboxAccount0000000A"
	ClientID     = "sandboxClientID"
	ClientSecret = "sandboxClientSecret"
)

// The plans that an account may have, as Options.Plan.
const (
	PlanFree     = "free"
	PlanPro      = "pro"
	PlanBusiness = "business"
	// PlanNone has every feature and no limits.
	PlanNone = "none"
)

// ReportLag is the default of Options.ReportLag.
const ReportLag = 30 * time.Minute

// Options configures a sandbox. The zero value is a business account of 40 users.
type Options struct {
	// AccountID is the account's id; "" means the constant AccountID. The credentials stay
	// the same.
	AccountID string
	// Seed determines all names, ids and numbers; 0 means 1.
	Seed uint64
	// Users is the number of users, including pending and inactive ones; 0 means 40, and the
	// minimum is 8.
	Users int
	// Meetings is how many meetings each user has scheduled; 0 means 30. The landmarks' host
	// has at least ten.
	Meetings int
	// Participants is the number of rows of the big meeting's latest instance; 0 means 60.
	Participants int
	// Registrants is the number of approved registrants of the big meeting; 0 means the value
	// of Participants.
	Registrants int
	// Plan is one of the plans above; "" means business.
	Plan string
	// Scopes are granted to every token; nil means the scopes of all operations.
	Scopes []string
	// Latency is the minimum time of every answer.
	Latency time.Duration
	// TokenTTL is the lifetime of an access token; 0 means an hour.
	TokenTTL time.Duration
	// PageTokenTTL is the lifetime of a next_page_token; 0 means 15 minutes.
	PageTokenTTL time.Duration
	// ReportLag is how long after its end an instance has no report, and durations of zero;
	// 0 means the constant ReportLag.
	ReportLag time.Duration
	// Faults are planned at the start; see ParseFaults.
	Faults []Fault
	// Now is the clock; nil means time.Now. The dates of the seeded objects are relative to
	// the first answer.
	Now func() time.Time
}

func (o Options) withDefaults() (Options, error) {
	o.AccountID = orElse(o.AccountID, AccountID)
	o.Seed = max(o.Seed, 1)
	o.Users = orElse(o.Users, 40)
	o.Meetings = orElse(o.Meetings, 30)
	o.Participants = orElse(o.Participants, 60)
	o.Registrants = orElse(o.Registrants, o.Participants)
	o.Plan = orElse(o.Plan, PlanBusiness)
	o.TokenTTL = orElse(o.TokenTTL, time.Hour)
	o.PageTokenTTL = orElse(o.PageTokenTTL, 15*time.Minute)
	o.ReportLag = orElse(o.ReportLag, ReportLag)
	if o.Now == nil {
		o.Now = time.Now
	}
	return o, o.check()
}

func orElse[T comparable](v, other T) T {
	if v == *new(T) {
		return other
	}
	return v
}

// check returns all mistakes, joined.
func (o Options) check() error {
	var errs []error
	bound := func(name string, v, low, high int) {
		if v < low || v > high {
			errs = append(errs, fmt.Errorf("sandbox: %s is %d, not from %d to %d", name, v, low, high))
		}
	}
	bound("Users", o.Users, 8, 1_000_000)
	bound("Meetings", o.Meetings, 1, instantSlot)
	bound("Participants", o.Participants, 10, 100_000)
	bound("Registrants", o.Registrants, 1, maxRegistrants)
	if _, ok := plans[o.Plan]; !ok {
		errs = append(errs, fmt.Errorf("sandbox: unknown plan %q", o.Plan))
	}
	return errors.Join(errs...)
}
