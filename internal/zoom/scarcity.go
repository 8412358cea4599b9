package zoom

import (
	"context"
	"math"
	"sync"
	"time"
)

// Scarcity has a factor for each label, by which a call costs more than [Plan.Price]: because
// little of the day's budget is left, because other apps use much of the budget, or because calls of
// the label are queued. The factors are powers of two, so that the choices for a query do not change
// after each call. The zero value stands for factors of 1.
type Scarcity [ResourceIntensive + 1]float64

const (
	// scarceBelow is the share of a day's calls below which the factor rises above 1, and maxScarce
	// the largest factor for one reason.
	scarceBelow, maxScarce = 0.05, 16
	// scarcityTTL is how long the last known budgets are used before they are read again.
	scarcityTTL = 5 * time.Second
)

// of returns the factor of a label, at least 1.
func (s *Scarcity) of(r Rate) float64 { return max(1, s[r]) }

// scarce returns the factor for a day of which so many calls of limit are left.
func scarce(left, limit int) float64 {
	share := float64(left) / float64(max(limit, 1))
	if share >= scarceBelow {
		return 1
	}
	return math.Exp2(math.Ceil(math.Log2(min(scarceBelow/max(share, 1e-9), maxScarce))))
}

// contested returns the factor for a window of limit calls, of which other apps use competing.
func contested(competing, limit int) float64 {
	share := float64(limit-competing) / float64(max(limit, 1))
	return math.Exp2(math.Round(math.Log2(min(1/max(share, 1e-9), maxScarce))))
}

// queued returns the factor for a label with so many waiting calls: 1 for a wait of less than a
// second, and about twice the seconds of a longer one.
func queued(waiting int, perSecond float64) float64 {
	wait := float64(waiting) / perSecond
	if wait < 1 {
		return 1
	}
	return math.Exp2(math.Floor(math.Log2(min(2*wait, maxScarce))))
}

// scarcities holds the last known scarcity of an account. The zero value is ready.
type scarcities struct {
	mu         sync.Mutex
	now        Scarcity
	refreshed  time.Time
	refreshing bool
}

// Weighing returns a client whose choices all use the scarcity at the first of them, so that the
// choices of an operation agree with each other and with its plan.
func (c *Client) Weighing() *Client {
	other := *c
	other.weighs = sync.OnceValue(c.Scarcity)
	return &other
}

// Scarcity returns the present scarcity: by the last known budgets, which it has refreshed in the
// background, and by the calls that wait in this process. It makes no call.
func (c *Client) Scarcity() Scarcity {
	switch {
	case c.weighs != nil:
		return c.weighs()
	case c.cfg.Limiter == nil || budgets[c.cfg.Plan] == nil:
		return Scarcity{}
	}
	known := c.lastKnown()
	if c.cfg.Limiter.Waiting() == 0 {
		return known
	}
	for _, r := range Rates {
		window := c.cfg.Plan.labels(c.cfg.AccountID, &Spec{}, r)[0]
		known[r] = known.of(r) * queued(c.cfg.Limiter.WaitingFor(window.Key), c.cfg.Plan.perSecond(r))
	}
	return known
}

// lastKnown returns the scarcity by the last known budgets, and starts a refresh after scarcityTTL.
func (c *Client) lastKnown() Scarcity {
	s := &c.scarcities
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.refreshing && time.Since(s.refreshed) >= scarcityTTL {
		s.refreshing = true
		go c.refresh()
	}
	return s.now
}

// refresh reads the budgets from the limiter.
func (c *Client) refresh() {
	var now Scarcity
	for _, r := range Rates {
		limits := c.cfg.Plan.labels(c.cfg.AccountID, &Spec{}, r)
		all, err := c.cfg.Limiter.Remaining(context.Background(), limits)
		if err != nil {
			continue
		}
		now[r] = contested(all[0].Competing, limits[0].Calls)
		if last := len(limits) - 1; limits[last].Daily {
			now[r] *= scarce(all[last].Left, limits[last].Calls)
		}
	}
	s := &c.scarcities
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now, s.refreshed, s.refreshing = now, time.Now(), false
}
