package zoom

import (
	"context"
	"math"
	"sync"
	"time"
)

// Scarcity is how many times dearer a call of each label is than the plan alone says: since
// little is left of its day, since other apps use much of its budget, or since calls of the label
// wait already. It counts in powers of two, so that the same query is not answered in another way
// after each call. The zero value makes nothing dearer.
type Scarcity [ResourceIntensive + 1]float64

const (
	// scarceBelow is the share of a day's calls below which they grow dear, and maxScarce how
	// dear they become for one reason.
	scarceBelow, maxScarce = 0.05, 16
	// scarcityTTL is how long what is left is taken for what it was.
	scarcityTTL = 5 * time.Second
)

// of returns how much dearer a label is.
func (s *Scarcity) of(r Rate) float64 { return max(1, s[r]) }

// scarce returns how much dearer the calls of a day are of which so many are left.
func scarce(left, limit int) float64 {
	share := float64(left) / float64(max(limit, 1))
	if share >= scarceBelow {
		return 1
	}
	return math.Exp2(math.Ceil(math.Log2(min(scarceBelow/max(share, 1e-9), maxScarce))))
}

// contested returns how much dearer the calls of a window are that other apps have a part of.
func contested(competing, limit int) float64 {
	share := float64(limit-competing) / float64(max(limit, 1))
	return math.Exp2(math.Round(math.Log2(min(1/max(share, 1e-9), maxScarce))))
}

// queued returns how much dearer the calls of a label are of which so many wait: those that wait
// a second are twice as dear, and those of a long queue as dear as it is long.
func queued(waiting int, perSecond float64) float64 {
	wait := float64(waiting) / perSecond
	if wait < 1 {
		return 1
	}
	return math.Exp2(math.Floor(math.Log2(min(2*wait, maxScarce))))
}

// scarcities remembers how scarce the labels of an account are. The zero value is ready.
type scarcities struct {
	mu    sync.Mutex
	now   Scarcity
	asked time.Time
	busy  bool
}

// Weighing returns a client whose choices all weigh by how scarce calls are at the first of them:
// an operation that began in one way goes on in it, and costs no more than its plan tells.
func (c *Client) Weighing() *Client {
	other := *c
	other.weighs = sync.OnceValue(c.Scarcity)
	return &other
}

// Scarcity returns how scarce calls of each label are, as was last known, and how many wait in
// this process at the moment. What is left is asked for beside. It makes no call.
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

// lastKnown returns what was last known of the budgets, and has it asked for anew in time.
func (c *Client) lastKnown() Scarcity {
	s := &c.scarcities
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.busy && time.Since(s.asked) >= scarcityTTL {
		s.busy = true
		go c.askWhatIsLeft()
	}
	return s.now
}

func (c *Client) askWhatIsLeft() {
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
	s.now, s.asked, s.busy = now, time.Now(), false
}
