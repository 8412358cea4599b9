package zoom

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptrace"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/maypok86/otter/v2"

	"zoomql/internal/ratelimit"
)

// limited is the layer that delays calls until the account's budget has room, and bounds
// how many calls of one label are under way. A slot among those is acquired first, for the
// same reason as the token, and fairly among callers, as the budget is: otherwise the
// calls of one caller would hold all slots before those of another reached the budget's
// queue. The state of the budget that the headers of any answer report is passed to the
// limiter.
//
//	reads:   the request; of the Response, its headers
//	writes:  nothing
//	refuses: [ByLimiter] a call that the budget has no room for in time
func limited(cfg Config, hosts *hosts) Layer {
	b := &account{cfg: cfg, hosts: hosts, observed: bounded[time.Time](maxObserved)}
	slots := map[Rate]*ratelimit.Pool{}
	for _, r := range Rates {
		slots[r] = ratelimit.NewPool(int64(cfg.MaxInFlight))
	}
	return func(next Handler) Handler {
		return func(ctx context.Context, req *Request) (*Response, error) {
			slot := slots[req.Spec.Rate]
			release, err := slot.Acquire(ctx, 1)
			if err != nil {
				return nil, err
			}
			defer release()
			if cfg.Limiter == nil {
				return next(ctx, req)
			}
			due := b.dues(req)
			grant, err := b.wait(ctx, req, due)
			if err != nil {
				return nil, err
			}
			resp, err := next(traced(ctx, grant), req)
			b.learn(context.WithoutCancel(ctx), req, due, resp, err)
			return resp, err
		}
	}
}

// account is the state of an account's budget outside of the limiter.
type account struct {
	cfg      Config
	hosts    *hosts
	rates    sync.Map                        // by pattern: the Rate that Zoom's headers name, if it differs from the table
	observed *otter.Cache[string, time.Time] // by key of a limit: when its figures were last passed to the limiter
}

// maxObserved bounds observed: hosts and registrants have limits of their own, in any
// number. The figures of a limit that was dropped are passed on once more than needed.
const maxObserved = 1_000

// dues are the limits that a call counts against.
type dues struct {
	labels []ratelimit.Limit // of its label: the window, then the day if there is one
	quotas []ratelimit.Limit // daily, of one host, registrant …
}

func (d dues) all() []ratelimit.Limit { return slices.Concat(d.labels, d.quotas) }

func (a *account) dues(req *Request) dues {
	rate := req.Spec.Rate
	if known, ok := a.rates.Load(req.Spec.Pattern); ok {
		rate, _ = known.(Rate)
	}
	return dues{a.cfg.Plan.labels(a.cfg.AccountID, req.Spec, rate), a.cfg.Plan.quotas(a.cfg.AccountID, req, a.hosts)}
}

// traced returns a context that reports to the limiter when the request is written: a delay
// before that, by a new connection or a wait for a processor, makes the call late at Zoom.
func traced(ctx context.Context, grant ratelimit.Grant) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		WroteRequest: func(httptrace.WroteRequestInfo) { grant.Sent() },
	})
}

func (a *account) wait(ctx context.Context, req *Request, due dues) (ratelimit.Grant, error) {
	began := time.Now()
	grant, err := a.cfg.Limiter.Reserve(ctx, due.all())
	if err != nil || grant.Held() {
		usageFrom(ctx).wait(time.Since(began))
	}
	if full, ok := errors.AsType[*ratelimit.Error](err); ok {
		kind := ErrRateLimited
		if full.Daily {
			kind = ErrDailyLimit
		}
		err = &Error{By: ByLimiter, Op: req.Spec.Pattern, Kind: kind, RetryAt: full.RetryAt}
	}
	return grant, err
}

// learn passes the state of the budget in an answer to the limiter: another app may have used
// a part of it. Errors of the limiter's store are ignored: the next answer has it again.
func (a *account) learn(ctx context.Context, req *Request, due dues, resp *Response, err error) {
	var e *Error
	var reported allowance
	switch {
	case errors.As(err, &e):
		reported = e.reported
	case resp != nil:
		reported = readAllowance(resp.Header, time.Now())
	}
	a.relabel(ctx, req.Spec, reported)
	refused := e != nil && (errors.Is(e.Kind, ErrRateLimited) || errors.Is(e.Kind, ErrDailyLimit)) && e.By == ByZoom
	// A refused daily limit is blocked below, until Zoom's retry time: if it were counted as used
	// up too, it would stay so until midnight.
	dayOver := refused && errors.Is(e.Kind, ErrDailyLimit) && reported.left == 0
	if l, ok := reported.of(due); ok && (!dayOver || !l.Daily) && (refused || reported.left == 0 || a.dueFor(l.Key)) {
		_ = a.cfg.Limiter.Observe(ctx, l, reported.left)
	}
	if !refused || e.Concurrent() {
		return
	}
	switch l, ok := refusedBy(due, e); {
	case !ok:
	case errors.Is(e.Kind, ErrRateLimited) && !e.dated:
		_ = a.cfg.Limiter.Refuse(ctx, l)
	default:
		_ = a.cfg.Limiter.Block(ctx, l.Key, e.RetryAt)
	}
}

// observeEvery is the minimum time between figures of one limit that are passed on, unless it
// is used up or refused.
const observeEvery = 250 * time.Millisecond

func (a *account) dueFor(key string) bool {
	now := time.Now()
	if at, known := a.observed.GetIfPresent(key); known && now.Sub(at) < observeEvery {
		return false
	}
	a.observed.Set(key, now)
	return true
}

// relabel records that Zoom counts an operation under another label than that in the table.
func (a *account) relabel(ctx context.Context, s *Spec, reported allowance) {
	rate, ok := categories[strings.ToLower(reported.category)]
	if !ok {
		return
	}
	known, _ := a.rates.Load(s.Pattern)
	if is, _ := known.(Rate); rate == is || is == 0 && rate == s.Rate {
		return
	}
	a.rates.Store(s.Pattern, rate)
	a.cfg.Log.WarnContext(ctx, "Zoom charges an operation to another label than the table of operations says", "operation", s.Pattern, "table", s.Rate, "zoom", rate)
}

var categories = map[string]Rate{"light": Light, "medium": Medium, "heavy": Heavy, "resource-intensive": ResourceIntensive}

// refusedBy returns the limit that a refusal is about, if it is among the call's. A
// refusal per second is about the label. One per day is about the label too, or about one
// object, such as a host or a registrant, and then no other object is affected; for a
// call about several objects, it does not name the one.
func refusedBy(due dues, e *Error) (ratelimit.Limit, bool) {
	switch {
	case len(due.labels) == 0:
	case !errors.Is(e.Kind, ErrDailyLimit):
		return due.labels[0], true
	case !e.ofObject():
		return due.labels[len(due.labels)-1], true // its day or pool if it has one
	case len(due.quotas) == 1:
		return due.quotas[0], true
	}
	return ratelimit.Limit{}, false
}

// allowance is the state of a budget that the headers of an answer report. Zoom sends them
// rarely, so no code may require them.
//
// Source: Zoom's page on rate limits as it was in 2020, and answers since then.
type allowance struct {
	category    string // the label
	kind        string // "QPS", "Daily-limit" or ""
	limit, left int    // -1 if missing
	reset       time.Time
}

func readAllowance(h http.Header, now time.Time) allowance {
	number := func(name string) int {
		n, err := strconv.Atoi(strings.TrimSpace(h.Get(name)))
		if err != nil || n < 0 {
			return -1
		}
		return n
	}
	return allowance{
		category: strings.Clone(h.Get("X-Ratelimit-Category")), kind: strings.Clone(h.Get("X-Ratelimit-Type")),
		limit: number("X-Ratelimit-Limit"), left: number("X-Ratelimit-Remaining"),
		reset: resetOf(h.Get("X-Ratelimit-Reset"), now),
	}
}

// resetOf reads X-RateLimit-Reset, whose form is not documented: a time, as
// in Retry-After, or a Unix time.
func resetOf(v string, now time.Time) time.Time {
	if n, err := strconv.ParseInt(strings.TrimSpace(v), 10, 64); err == nil && n > 1e9 {
		if at := time.Unix(n, 0); at.Sub(now) < longestRetry {
			return earlier(at, nextDay(now))
		}
		return time.Time{}
	}
	return instant(v, now)
}

// largestQuota is the largest daily quota of one object: 100 meetings of a host.
//
// Source: https://developers.zoom.us/docs/api/rate-limits/
const largestQuota = 100

// of returns the limit that the headers are about: that of the kind they name, or else
// the one with the same figure. Figures of unknown limits are ignored. A day of another
// figure is the label's, unless it is so small that it is the quota of one object.
func (a allowance) of(due dues) (ratelimit.Limit, bool) {
	if a.limit < 1 || a.left < 0 || len(due.labels) == 0 {
		return ratelimit.Limit{}, false
	}
	if strings.EqualFold(a.kind, "QPS") {
		return due.labels[0], true
	}
	daily := strings.EqualFold(a.kind, "Daily-limit")
	for _, l := range due.all() {
		if l.Calls == a.limit && (l.Daily || !daily) {
			return l, true
		}
	}
	last := due.labels[len(due.labels)-1]
	return last, daily && last.Daily && a.limit > largestQuota
}
