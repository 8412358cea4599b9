package plan

import (
	"math"
	"sync"

	"zoomql/internal/zoom"
)

// Observed has the outcomes of the requests of a GraphQL operation, by operation at Zoom and path in
// the answer. The zero value is ready, and it is safe for concurrent use.
type Observed struct {
	mu sync.Mutex
	at map[observedAt]*outcomes
}

type observedAt struct {
	op   *zoom.Spec
	path string
}

// outcomes counts requests by outcome. guesses adds up the shares of missing answers for which an
// older answer is known: see [Observed.Guess]. isLookup reports that the requests are those of a
// [Lookup].
type outcomes struct {
	hits, missed, stale, called int
	guesses                     float64
	isLookup                    bool
}

func (o *outcomes) add(other *outcomes) {
	o.hits += other.hits
	o.missed += other.missed
	o.stale += other.stale
	o.called += other.called
	o.guesses += other.guesses
	o.isLookup = o.isLookup || other.isLookup
}

// Note records the outcome of a request at a path without the indices of lists.
func (o *Observed) Note(op *zoom.Spec, path string, what zoom.Outcome) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.of(op, path).note(what)
}

// Guess records that an older answer is known for a share, at most 1, of a missing answer at a path:
// see [zoom.Usage.ObserveGuesses].
func (o *Observed) Guess(op *zoom.Spec, path string, share float64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.of(op, path).guesses += share
}

// Look records the outcome of a read of a step's [Lookup].
func (o *Observed) Look(s *Step, what zoom.Outcome) {
	o.mu.Lock()
	defer o.mu.Unlock()
	at := o.of(s.Op, s.Path)
	at.isLookup = true
	at.note(what)
}

// Has reports whether an outcome of a step was recorded.
func (o *Observed) Has(s *Step) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.at[observedAt{s.Op, s.Path}] != nil
}

// of returns the outcomes of an operation at a path. The caller holds the lock.
func (o *Observed) of(op *zoom.Spec, path string) *outcomes {
	key := observedAt{op, path}
	at := o.at[key]
	if at == nil {
		if o.at == nil {
			o.at = map[observedAt]*outcomes{}
		}
		at = &outcomes{}
		o.at[key] = at
	}
	return at
}

func (at *outcomes) note(what zoom.Outcome) {
	switch what {
	case zoom.Hit:
		at.hits++
	case zoom.Missed:
		at.missed++
	case zoom.Stale:
		at.stale++
	case zoom.Called:
		at.called++
	}
}

// bySteps returns the outcomes of the requests of each step of a plan. A request of several fields is
// recorded at the path of one of them, so a request without a step at its path belongs to the step of
// the same operation whose path has the most in common with it. rest are the outcomes of operations
// without a step.
func (o *Observed) bySteps(p *Plan) (of map[*Step]*outcomes, rest map[observedAt]*outcomes) {
	of, rest = map[*Step]*outcomes{}, map[observedAt]*outcomes{}
	steps := map[*zoom.Spec][]*Step{}
	p.All(func(s *Step) { steps[s.Op] = append(steps[s.Op], s) })
	o.mu.Lock()
	defer o.mu.Unlock()
	for key, seen := range o.at {
		s := nearest(steps[key.op], key.path)
		if s == nil {
			rest[key] = seen
			continue
		}
		if of[s] == nil {
			of[s] = &outcomes{}
		}
		of[s].add(seen)
	}
	for _, same := range steps {
		spill(same, of)
	}
	return of, rest
}

// spill moves the requests beyond the maximum of a step to other steps of its operation: those of a
// batch for several fields are recorded at the path of one of them.
func spill(steps []*Step, of map[*Step]*outcomes) {
	for _, s := range steps {
		from := of[s]
		if from == nil || from.called <= s.AtMost && from.requests() <= s.AtMost {
			continue
		}
		for _, other := range steps {
			if of[other] == nil {
				of[other] = &outcomes{}
			}
			if to := of[other]; to != from {
				move(&from.called, &to.called, from.called-s.AtMost, other.AtMost-to.called)
				for _, n := range [][2]*int{{&from.missed, &to.missed}, {&from.stale, &to.stale}, {&from.hits, &to.hits}} {
					move(n[0], n[1], from.requests()-s.AtMost, other.AtMost-to.requests())
				}
			}
		}
	}
}

// requests returns the number of requests, of which called are calls.
func (o *outcomes) requests() int { return o.hits + o.missed + o.stale }

// move moves n from one count to another, as far as the one has them and the other has room.
func move(from, to *int, n, room int) {
	n = max(0, min(n, room, *from))
	*from, *to = *from-n, *to+n
}

// nearest returns the step whose path has the longest common prefix with a path; nil without steps.
func nearest(steps []*Step, path string) (found *Step) {
	most := -1
	for _, s := range steps {
		if n := shared(s.Path, path); n > most {
			found, most = s, n
		}
	}
	return found
}

// shared returns the length of the common prefix of two paths; the largest int if they are equal.
func shared(a, b string) int {
	if a == b {
		return math.MaxInt
	}
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

// Cached returns the plan with the calls that are expected with the present cache, given the outcomes
// below a [zoom.Peek]: steps that the cache answers cost nothing. Steps that need an answer which is
// missing are expected as if nothing were cached, unless an older answer is known.
func (p *Plan) Cached(o *Observed) *Plan {
	seen, _ := o.bySteps(p)
	known := *p
	known.Trips = 0
	c := &counter{seen: seen, plan: &known}
	known.Steps = c.steps(p.Steps, 1, 0)
	known.Trips = min(known.Trips, p.Trips)
	return &known
}

// Looked is Cached for mutations and subscriptions, given the outcomes of their lookups below a
// [zoom.Peek]: all other steps are expected as if nothing were cached.
func (p *Plan) Looked(o *Observed) *Plan {
	seen, _ := o.bySteps(p)
	known := *p
	known.Steps = known.looked(p.Steps, seen)
	return &known
}

func (p *Plan) looked(steps []*Step, seen map[*Step]*outcomes) []*Step {
	out := make([]*Step, len(steps))
	for i, s := range steps {
		own := *s
		if of := seen[s]; of != nil && s.Lookup != nil {
			own.Expected, own.Cached = min(of.missed+of.stale, s.AtMost), of.hits+of.stale
			if s.Expected > 0 && own.Expected == 0 {
				p.Trips--
			}
		}
		own.Steps = p.looked(s.Steps, seen)
		out[i] = &own
	}
	return out
}

// counter is the state of [Plan.Cached].
type counter struct {
	seen map[*Step]*outcomes
	plan *Plan
}

// steps returns copies of steps with the calls that are expected. The cache has a share of the objects
// that they are for. trips is the number of round trips before them.
func (c *counter) steps(steps []*Step, share float64, trips int) []*Step {
	out := make([]*Step, len(steps))
	for i, s := range steps {
		out[i] = c.step(s, share, trips)
	}
	return out
}

func (c *counter) step(s *Step, share float64, trips int) *Step {
	own := *s
	seen := c.of(s)
	missed := seen.missed
	if s.Pages > 1 && missed > 0 { // the pages after a missing one count as missing, too
		missed = max(missed, missed*s.Pages-seen.hits-seen.stale)
	}
	// Requests that were recorded although an answer above them is missing, such as those for the
	// meetings of a user who lacks a field, are not unknown.
	unknown := min(rounded(float64(s.Expected)*(1-share)), max(0, s.Expected-seen.hits-seen.stale-seen.missed))
	if seen.isLookup {
		unknown = 0 // recorded whether or not the answer above it is missing
	}
	own.Expected = min(missed+seen.stale+unknown, s.AtMost)
	own.Cached = seen.hits + seen.stale
	if own.Expected > 0 {
		trips += max(1, min(s.Pages, own.Expected))
		c.plan.Trips = max(c.plan.Trips, trips)
	}
	guessed := min(1, seen.guesses/float64(max(seen.missed, 1)))
	found, not := float64(seen.hits+seen.stale)+guessed*float64(missed), (1-guessed)*float64(missed)
	if s.list != nil {
		list := c.of(s.list)
		found, not = found+float64(list.hits+list.stale), not+float64(list.missed)
	}
	if found+not > 0 {
		share *= found / (found + not)
	}
	own.Steps = c.steps(s.Steps, share, trips)
	return &own
}

func (c *counter) of(s *Step) *outcomes {
	if seen := c.seen[s]; seen != nil {
		return seen
	}
	return &outcomes{}
}

func rounded(n float64) int { return int(math.Round(n)) }

// Paid returns the plan with the actual calls of its steps, given the outcomes of the execution. Calls
// of operations without a step are added as steps at their paths.
func (p *Plan) Paid(o *Observed) *Plan {
	seen, rest := o.bySteps(p)
	paid := *p
	paid.Steps = withActual(p.Steps, seen)
	for at, n := range rest {
		if n.called > 0 {
			paid.Steps = append(paid.Steps, &Step{Op: at.op, Path: at.path, Actual: n.called, Cached: n.hits, Why: "not foreseen"})
		}
	}
	return &paid
}

func withActual(steps []*Step, seen map[*Step]*outcomes) []*Step {
	out := make([]*Step, len(steps))
	for i, s := range steps {
		own := *s
		if n := seen[s]; n != nil {
			own.Actual, own.Cached = n.called, n.hits
		} else {
			own.Cached = 0
		}
		own.Steps = withActual(s.Steps, seen)
		out[i] = &own
	}
	return out
}
