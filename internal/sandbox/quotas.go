package sandbox

import (
	"fmt"
	"slices"
)

// quotaLimit returns Zoom's error for a quota: without a type and without Retry-After, and
// with the label's daily figures in the headers if it has any.
//
// Source: developer forum, topics 18928, 122482, 125510 and 141856.
func (c *call) quotaLimit(q charge, a allowance, used int) error {
	if q.account {
		return c.dailyLimit(q.perDay)
	}
	if q.what == "" {
		if a.daily > 0 {
			c.limitHeader("", a.daily, a.daily-used)
		}
		return tooMany(429, fmt.Sprintf("You have exceeded the daily rate limit (%d) of Meeting Create/Update API requests permitted for this particular user. You may resume these requests at GMT 00:00:00.", q.perDay))
	}
	c.limitHeader("", q.perDay, 0)
	return tooMany(429, fmt.Sprintf("You have exceeded the daily rate limit of (%d) for %s API requests for the registrant (%s). You can resume these API requests at GMT 00:00:00.", q.perDay, q.what, q.value))
}

// quota is a limit that Zoom counts apart from the labels, for each value of a parameter, such
// as the host. Like the plans, quotas are written a second time here, so that one that the
// client's table lacks is found.
type quota struct {
	name   string
	perDay int
	of     func(*call) []string // the values that a call counts for
	what   string               // the action, for quotas of registrants

	perPlan map[string]int // perDay, if it depends on the plan
	account bool           // counted for the account, refused like a label's daily limit
}

// The quotas of meetings and registrants.
//
// Source: https://developers.zoom.us/docs/api/rate-limits/
var (
	hostWrites    = quota{name: "host", perDay: 100, of: hostOfCall}
	registrations = quota{name: "registrant", perDay: 3, of: registrantsOfCall, what: "Add a meeting registrant"}
	statusChanges = quota{name: "status", perDay: 10, of: registrantsOfCall, what: "meeting Update registrant's status"}
)

// charge is a value of a quota that a call is charged to.
type charge struct {
	quota
	value string
	key   string
}

func (s *Sandbox) charges(c *call) []charge {
	if len(c.route.quotas) == 0 {
		return nil
	}
	c.world.mu.RLock()
	defer c.world.mu.RUnlock()
	var all []charge
	for _, q := range c.route.quotas {
		q.perDay = orElse(q.perPlan[s.opt.Plan], q.perDay)
		for _, v := range q.of(c) {
			all = append(all, charge{q, v, q.name + "|" + c.path("meetingId") + c.path("webinarId") + "|" + v})
			if q.what == "" {
				all[len(all)-1].key = q.name + "|" + v
			}
		}
	}
	return all
}

// hostOfCall returns the host of the meeting that a call creates or changes.
func hostOfCall(c *call) []string {
	if c.path("userId") != "" {
		if i, err := c.findUser(); err == nil {
			return []string{c.world.userID(i)}
		}
	} else if m, err := c.findMeeting(); err == nil {
		return []string{c.world.userID(m.host)}
	}
	return nil
}

// registrantsOfCall returns the e-mail addresses of a body, or else its ids.
func registrantsOfCall(c *call) []string {
	type named struct {
		Email string `json:"email"`
		ID    string `json:"id"`
	}
	var body struct {
		named
		Registrants []named `json:"registrants"`
	}
	_ = c.decode(&body) // the handler refuses an invalid body
	var names []string
	for _, r := range append(body.Registrants, body.named) {
		if name := lower(orElse(r.Email, r.ID)); name != "" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
