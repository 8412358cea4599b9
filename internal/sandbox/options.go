package sandbox

import (
	"errors"
	"fmt"
	"time"
)

// The credentials of the sandbox's one app. They are no secret.
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

// ReportLag is how long after the end of an instance Zoom's reports are made, unless
// Options say otherwise.
const ReportLag = 30 * time.Minute

// Options says how large and how unpleasant a sandbox is. The zero value is a
// business account of 40 users.
type Options struct {
	// AccountID is the account's id; "" means AccountID, and the credentials stay
	// the same.
	AccountID string
	// Seed decides all names, ids and numbers; 0 means 1.
	Seed uint64
	// Users is the size of the account, pending and inactive ones included;
	// 0 means 40, and the least is 8.
	Users int
	// Meetings is how many one user has scheduled; 0 means 30. The host of the
	// landmarks has at least ten.
	Meetings int
	// Participants is how many rows the latest instance of the big meeting
	// has; 0 means 60.
	Participants int
	// Registrants is how many approved registrants the big meeting has;
	// 0 means as many as Participants.
	Registrants int
	// Plan is one of the plans above; "" means business.
	Plan string
	// Scopes are granted to every token; nil means all that operations name.
	Scopes []string
	// Latency is how long every answer takes.
	Latency time.Duration
	// TokenTTL is the life of an access token; 0 means an hour.
	TokenTTL time.Duration
	// PageTokenTTL is the life of a next_page_token; 0 means 15 minutes.
	PageTokenTTL time.Duration
	// ReportLag is how long after its end an instance has no report and only
	// zeros for durations; 0 means ReportLag.
	ReportLag time.Duration
	// Faults are planned from the beginning; see ParseFaults.
	Faults []Fault
	// Now is the clock; nil means time.Now. What the sandbox holds is dated
	// from its first answer.
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

// check returns every mistake at once.
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
