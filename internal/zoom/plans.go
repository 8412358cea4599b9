package zoom

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"zoomql/internal/ratelimit"
)

// Plan is a Zoom account's plan, which determines its rate limits. No operation returns it
// to a server-to-server app, so it is configured.
type Plan string

// The plans that Zoom's table of limits has columns for, and NoLimits for a server without
// rate limits, such as a sandbox under measurement.
const (
	Free     Plan = "free"
	Pro      Plan = "pro"
	Business Plan = "business" // Business, Education, Enterprise, Partners
	NoLimits Plan = "none"
)

// ParsePlan reads a plan's name.
func ParsePlan(s string) (Plan, error) {
	if p := Plan(strings.ToLower(s)); p == NoLimits || budgets[p] != nil {
		return p, nil
	}
	return "", fmt.Errorf("%q is none of free, pro, business, none", s)
}

// budget is the limit of one label on a plan. Pooled labels share the plan's daily pool.
type budget struct {
	calls  int
	per    time.Duration
	daily  int
	pooled bool
}

// budgets and pools are Zoom's table.
//
// Source: https://developers.zoom.us/docs/api/rate-limits/
var budgets = map[Plan]map[Rate]budget{
	Free: {
		Light:             {calls: 4, per: time.Second, daily: 6_000},
		Medium:            {calls: 2, per: time.Second, daily: 2_000},
		Heavy:             {calls: 1, per: time.Second, daily: 1_000},
		ResourceIntensive: {calls: 10, per: time.Minute, daily: 30_000},
	},
	Pro: {
		Light:             {calls: 30, per: time.Second},
		Medium:            {calls: 20, per: time.Second},
		Heavy:             {calls: 10, per: time.Second, pooled: true},
		ResourceIntensive: {calls: 10, per: time.Minute, pooled: true},
	},
	Business: {
		Light:             {calls: 80, per: time.Second},
		Medium:            {calls: 60, per: time.Second},
		Heavy:             {calls: 40, per: time.Second, pooled: true},
		ResourceIntensive: {calls: 20, per: time.Minute, pooled: true},
	},
}

var pools = map[Plan]int{Pro: 30_000, Business: 60_000}

// phoneBudgets and phonePools are Zoom Phone's table. It has no column for free
// accounts, which cannot have Zoom Phone: they get the smallest limits.
//
// Source: https://developers.zoom.us/docs/api/rate-limits/
var phoneBudgets = map[Plan]map[Rate]budget{
	Free: phonePro,
	Pro:  phonePro,
	Business: {
		Light:             {calls: 40, per: time.Second},
		Medium:            {calls: 20, per: time.Second},
		Heavy:             {calls: 10, per: time.Second, pooled: true},
		ResourceIntensive: {calls: 10, per: time.Minute, pooled: true},
	},
}

var phonePro = map[Rate]budget{
	Light:             {calls: 20, per: time.Second},
	Medium:            {calls: 10, per: time.Second},
	Heavy:             {calls: 5, per: time.Second, pooled: true},
	ResourceIntensive: {calls: 5, per: time.Minute, pooled: true},
}

var phonePools = map[Plan]int{Free: 15_000, Pro: 15_000, Business: 30_000}

// perSecond returns how many calls of a label the plan allows per second, to weigh one label
// against another.
func (p Plan) perSecond(r Rate) float64 {
	b, ok := budgets[p][r]
	if !ok {
		b = budgets[Business][r]
	}
	return float64(b.calls) / b.per.Seconds()
}

// burst returns how many calls of a window may start at once; the rest are spread over the
// window. If another application has used a part of the window, few calls are refused
// before the limiter observes it. Small budgets are not paced: 0 lets all start at once.
func (b budget) burst() int {
	if b.per > time.Second || b.calls < 20 {
		return 0
	}
	return b.calls * 2 / 3
}

// labels returns the limits of a label that a call of s counts against. Their keys begin
// with the account, so that all processes share an account's budget.
func (p Plan) labels(account string, s *Spec, rate Rate) []ratelimit.Limit {
	budgets, pools, owner := budgets, pools, account
	if s.Phone {
		budgets, pools, owner = phoneBudgets, phonePools, account+":phone"
	}
	b, ok := budgets[p][rate]
	if !ok {
		return nil
	}
	label := owner + ":" + rate.String()
	limits := []ratelimit.Limit{{Key: label, Calls: b.calls, Window: b.per, Burst: b.burst()}}
	if b.daily > 0 {
		limits = append(limits, ratelimit.Limit{Key: label + ":day", Calls: b.daily, Daily: true})
	}
	if b.pooled {
		limits = append(limits, ratelimit.Limit{Key: owner + ":pool", Calls: pools[p], Daily: true})
	}
	return limits
}

// quotas returns the daily quotas, besides the label's limits, that a call counts against.
func (p Plan) quotas(account string, req *Request, hosts *hosts) (limits []ratelimit.Limit) {
	if budgets[p] == nil {
		return nil
	}
	for _, q := range req.Spec.Quotas {
		if !q.counts(req) {
			continue
		}
		for _, key := range q.keys(account, req, hosts) {
			limits = append(limits, ratelimit.Limit{Key: key, Calls: q.perDay(p), Daily: true})
		}
	}
	return limits
}

// keys returns the keys of a quota's counters. They hold hashes of the values: an e-mail
// address must not be in a key.
func (q Quota) keys(account string, req *Request, hosts *hosts) []string {
	values := []string{""}
	for _, name := range q.By {
		value := req.Vars[name]
		if name == hostVar && value == "" {
			value = hosts.owner(req.Credential, req.Vars)
		}
		var all []string
		for _, before := range values {
			for v := range strings.SplitSeq(value, listSep) {
				all = append(all, before+v+"\x00")
			}
		}
		values = all
	}
	for i, v := range values {
		sum := sha256.Sum256([]byte(v))
		values[i] = account + ":" + q.Name + ":" + hex.EncodeToString(sum[:8])
	}
	return values
}
