package sandbox

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"zoomql/internal/zoom"
)

// allowance is what one label of a plan allows. Pooled labels draw their daily
// calls from the plan's pool.
type allowance struct {
	calls  int
	per    time.Duration
	daily  int
	pooled bool
}

type plan struct {
	labels map[zoom.Rate]allowance
	pool   int
}

// plans is Zoom's table, written here a second time on purpose: a figure that
// is wrong in the client's table is then found.
//
// Source: https://developers.zoom.us/docs/api/rate-limits/
var plans = map[string]plan{
	PlanNone: {},
	PlanFree: {labels: map[zoom.Rate]allowance{
		zoom.Light:             {4, time.Second, 6_000, false},
		zoom.Medium:            {2, time.Second, 2_000, false},
		zoom.Heavy:             {1, time.Second, 1_000, false},
		zoom.ResourceIntensive: {10, time.Minute, 30_000, false},
	}},
	PlanPro: {pool: 30_000, labels: map[zoom.Rate]allowance{
		zoom.Light:             {calls: 30, per: time.Second},
		zoom.Medium:            {calls: 20, per: time.Second},
		zoom.Heavy:             {10, time.Second, 30_000, true},
		zoom.ResourceIntensive: {10, time.Minute, 30_000, true},
	}},
	PlanBusiness: {pool: 60_000, labels: map[zoom.Rate]allowance{
		zoom.Light:             {calls: 80, per: time.Second},
		zoom.Medium:            {calls: 60, per: time.Second},
		zoom.Heavy:             {40, time.Second, 60_000, true},
		zoom.ResourceIntensive: {20, time.Minute, 60_000, true},
	}},
}

// limits counts the calls of the account.
type limits struct {
	plan plan
	mu   sync.Mutex
	rows map[zoom.Rate]*window
	day  time.Time
	used map[string]int // calls of today: by label, pool, or quota and value
}

func newLimits(name string) *limits {
	l := &limits{plan: plans[name], rows: map[zoom.Rate]*window{}, used: map[string]int{}}
	for rate, a := range l.plan.labels {
		l.rows[rate] = &window{per: a.per, arrivals: make([]time.Time, a.calls)}
	}
	return l
}

// window allows as many calls within any stretch of time as it has arrivals.
type window struct {
	per      time.Duration
	arrivals []time.Time // a ring, the oldest at next
	next     int
}

func (w *window) full(now time.Time) bool {
	oldest := w.arrivals[w.next]
	return !oldest.IsZero() && now.Sub(oldest) < w.per
}

func (w *window) add(now time.Time) {
	w.arrivals[w.next] = now
	w.next = (w.next + 1) % len(w.arrivals)
}

// throttle charges a call to its label, to its day, and to its quotas. A call that is refused is charged to nothing.
func (s *Sandbox) throttle(c *call) error {
	l, spec := s.limits, c.route.spec
	a, limited := l.plan.labels[spec.Rate]
	if !limited {
		return nil
	}
	charges := s.charges(c)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.turn(c.now)
	today := spec.Rate.String()
	if a.pooled {
		today = "pool"
	}
	if a.daily > 0 && l.used[today] >= a.daily {
		return c.dailyLimit(a.daily)
	}
	if l.rows[spec.Rate].full(c.now) {
		return c.secondLimit()
	}
	for _, q := range charges {
		if l.used[q.key] >= q.perDay {
			return c.quotaLimit(q, a, l.used[today])
		}
	}
	l.rows[spec.Rate].add(c.now)
	l.used[today]++
	for _, q := range charges {
		l.used[q.key]++
	}
	return nil
}

// turn begins the counting anew at 00:00 UTC.
func (l *limits) turn(now time.Time) {
	if day := now.Truncate(24 * time.Hour); !day.Equal(l.day) {
		l.day = day
		clear(l.used)
	}
}

func tooMany(code int, message string) error {
	return &zoomError{http.StatusTooManyRequests, code, message, nil}
}

func (c *call) limitHeader(kind string, limit, remaining int) {
	if kind != "" {
		c.header.Set("X-Ratelimit-Type", kind)
	}
	c.header.Set("X-Ratelimit-Limit", strconv.Itoa(limit))
	c.header.Set("X-Ratelimit-Remaining", strconv.Itoa(remaining))
}

func (c *call) dailyLimit(limit int) error {
	c.limitHeader("Daily-limit", limit, 0)
	c.header.Set("Retry-After", stamp(c.now.Truncate(24*time.Hour).AddDate(0, 0, 1)))
	return tooMany(429, "You have reached the maximum daily rate limit for this API. Refer to the response header for details on when you can make another request.")
}

// secondLimits are the operations that document another code than 429.
//
// Source: responses 429 of PATCH /meetings/{meetingId} and
// GET /past_meetings/{meetingId}/instances.
var secondLimits = map[string]int{
	"PATCH /meetings/{meetingId}":              4001,
	"GET /past_meetings/{meetingId}/instances": 4001,
}

func (c *call) secondLimit() error {
	c.header.Set("X-Ratelimit-Type", "QPS")
	code := orElse(secondLimits[c.pattern()], 429)
	return tooMany(code, "You have reached the maximum per-second rate limit for this API. Try again later.")
}

// quotaLimit refuses as Zoom does: without a type and without Retry-After, and
// with the label's daily figures in the headers where there are any.
//
// Source: developer forum, topics 18928, 122482, 125510 and 141856.
func (c *call) quotaLimit(q charge, a allowance, used int) error {
	if q.what == "" {
		if a.daily > 0 {
			c.limitHeader("", a.daily, a.daily-used)
		}
		return tooMany(429, fmt.Sprintf("You have exceeded the daily rate limit (%d) of Meeting Create/Update API requests permitted for this particular user. You may resume these requests at GMT 00:00:00.", q.perDay))
	}
	c.limitHeader("", q.perDay, 0)
	return tooMany(429, fmt.Sprintf("You have exceeded the daily rate limit of (%d) for %s API requests for the registrant (%s). You can resume these API requests at GMT 00:00:00.", q.perDay, q.what, q.value))
}

// quota is an allowance that Zoom counts apart from the labels, for each value
// of something a call is about. The quotas stand here a second time, like the
// plans: one that the client's table lacks is then found.
type quota struct {
	name   string
	perDay int
	of     func(*call) []string // what one call counts for
	what   string               // the action, for quotas of registrants
}

// The quotas of meetings and registrants.
//
// Source: https://developers.zoom.us/docs/api/rate-limits/
var (
	hostWrites    = quota{name: "host", perDay: 100, of: hostOfCall}
	registrations = quota{name: "registrant", perDay: 3, of: registrantsOfCall, what: "Add a meeting registrant"}
	statusChanges = quota{name: "status", perDay: 10, of: registrantsOfCall, what: "meeting Update registrant's status"}
)

// charge is one value of a quota that a call draws from.
type charge struct {
	quota
	value string
	key   string
}

func (s *Sandbox) charges(c *call) []charge {
	if len(c.route.quotas) == 0 {
		return nil
	}
	s.world.mu.RLock()
	defer s.world.mu.RUnlock()
	var all []charge
	for _, q := range c.route.quotas {
		for _, v := range q.of(c) {
			all = append(all, charge{q, v, q.name + "|" + c.path("meetingId") + "|" + v})
			if q.what == "" {
				all[len(all)-1].key = q.name + "|" + v
			}
		}
	}
	return all
}

// hostOfCall is who would host the meeting that a call makes, or hosts the one
// that it changes.
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

// registrantsOfCall returns the e-mails, or else the ids, that a body names.
func registrantsOfCall(c *call) []string {
	type named struct {
		Email string `json:"email"`
		ID    string `json:"id"`
	}
	var body struct {
		named
		Registrants []named `json:"registrants"`
	}
	_ = c.decode(&body) // the handler refuses what cannot be read
	var names []string
	for _, r := range append(body.Registrants, body.named) {
		if name := lower(orElse(r.Email, r.ID)); name != "" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// locks holds what only one call may touch at a time.
type locks struct {
	mu   sync.Mutex
	held map[string]bool
}

// exclude refuses a call on an object that another call is changing.
func (s *Sandbox) exclude(c *call) error {
	if c.route.lock == "" {
		return nil
	}
	key := strings.ToLower(c.path(c.route.lock))
	s.locks.mu.Lock()
	defer s.locks.mu.Unlock()
	if s.locks.held[key] {
		return tooMany(429, "Too many concurrent requests. A request to disassociate this user has already been made.")
	}
	if s.locks.held == nil {
		s.locks.held = map[string]bool{}
	}
	s.locks.held[key] = true
	c.locked = append(c.locked, key)
	return nil
}

// release ends what exclude began.
func (c *call) release() {
	if len(c.locked) == 0 {
		return
	}
	c.locks.mu.Lock()
	defer c.locks.mu.Unlock()
	for _, key := range c.locked {
		delete(c.locks.held, key)
	}
}
