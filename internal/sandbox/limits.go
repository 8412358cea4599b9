package sandbox

import (
	"net/http"
	"strconv"
	"sync"
	"time"

	"zoomql/internal/zoom"
)

// allowance is the limits of one label of a plan. The labels marked pooled share the plan's
// daily pool.
type allowance struct {
	calls  int
	per    time.Duration
	daily  int
	pooled bool
}

type plan struct {
	labels map[zoom.Rate]allowance
	pool   int
	phone  map[zoom.Rate]allowance // Zoom Phone has its own table
}

// label identifies a budget. A label has one budget for Zoom Phone and one for all other
// operations.
type label struct {
	rate  zoom.Rate
	phone bool
}

func labelOf(s *zoom.Spec) label { return label{s.Rate, s.Phone} }

// prefix distinguishes the names of Zoom Phone's budgets.
func (l label) prefix() string {
	if l.phone {
		return "phone "
	}
	return ""
}

func (p plan) allowance(l label) (allowance, bool) {
	table := p.labels
	if l.phone {
		table = p.phone
	}
	a, ok := table[l.rate]
	return a, ok
}

// plans is Zoom's table. It is deliberately written a second time here, so that a wrong figure
// in the client's table is found.
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
	PlanPro: {pool: 30_000, phone: phonePlan(20, 10, 5, 5, 15_000), labels: map[zoom.Rate]allowance{
		zoom.Light:             {calls: 30, per: time.Second},
		zoom.Medium:            {calls: 20, per: time.Second},
		zoom.Heavy:             {10, time.Second, 30_000, true},
		zoom.ResourceIntensive: {10, time.Minute, 30_000, true},
	}},
	PlanBusiness: {pool: 60_000, phone: phonePlan(40, 20, 10, 10, 30_000), labels: map[zoom.Rate]allowance{
		zoom.Light:             {calls: 80, per: time.Second},
		zoom.Medium:            {calls: 60, per: time.Second},
		zoom.Heavy:             {40, time.Second, 60_000, true},
		zoom.ResourceIntensive: {20, time.Minute, 60_000, true},
	}},
}

// phonePlan returns a column of Zoom Phone's table: calls a second, and for the last label
// calls a minute.
func phonePlan(light, medium, heavy, intensive, daily int) map[zoom.Rate]allowance {
	return map[zoom.Rate]allowance{
		zoom.Light:             {calls: light, per: time.Second},
		zoom.Medium:            {calls: medium, per: time.Second},
		zoom.Heavy:             {heavy, time.Second, daily, true},
		zoom.ResourceIntensive: {intensive, time.Minute, daily, true},
	}
}

// limits counts the calls of the account.
type limits struct {
	plan plan
	mu   sync.Mutex
	rows map[label]*window
	day  time.Time
	used map[string]int // calls of today by label, pool, or quota and value
}

func newLimits(name string) *limits {
	l := &limits{plan: plans[name], rows: map[label]*window{}, used: map[string]int{}}
	for _, phone := range []bool{false, true} {
		for _, rate := range zoom.Rates {
			if a, ok := l.plan.allowance(label{rate, phone}); ok {
				l.rows[label{rate, phone}] = &window{per: a.per, arrivals: make([]time.Time, a.calls)}
			}
		}
	}
	return l
}

// window is a sliding window that allows as many calls as arrivals has elements.
type window struct {
	per      time.Duration
	arrivals []time.Time // a ring buffer, the oldest at next
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

// throttle charges a call to its label, its day and its quotas. A refused call is charged to none.
func (s *Sandbox) throttle(c *call) error {
	l, of := s.limits, labelOf(c.route.spec)
	a, limited := l.plan.allowance(of)
	if !limited {
		return nil
	}
	charges := s.charges(c)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rollOver(c.now)
	today := of.prefix() + of.rate.String()
	if a.pooled {
		today = of.prefix() + "pool"
	}
	if a.daily > 0 && l.used[today] >= a.daily {
		return c.dailyLimit(a.daily)
	}
	if l.rows[of].full(c.now) {
		return c.secondLimit()
	}
	for _, q := range charges {
		if l.used[q.key] >= q.perDay {
			return c.quotaLimit(q, a, l.used[today])
		}
	}
	l.rows[of].add(c.now)
	l.used[today]++
	for _, q := range charges {
		l.used[q.key]++
	}
	return nil
}

// rollOver resets the counts at 00:00 UTC.
func (l *limits) rollOver(now time.Time) {
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

// secondLimits are the operations that document a code other than 429.
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
