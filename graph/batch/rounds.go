package batch

import (
	"context"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"zoomql/internal/gate"
	"zoomql/internal/selection"
)

// Kind is a kind of objects of which many are found in another way than few. Kinds are
// small numbers.
type Kind uint8

// maxKinds is how many kinds there may be.
const maxKinds = 8

// maxLevel is the level of all that is further down.
const maxLevel = 31

// Rounds run the batches of one response. Index and Kinds have to be set before it is
// used.
type Rounds struct {
	// Index is the schema.
	Index *selection.Index
	// Kinds returns the kinds of objects that fields of a type ask for.
	Kinds func(typeName string) []Kind
	// Skips reports whether the executor resolves no such field; nil means that it
	// resolves all. No round waits for a field that it skips.
	Skips func(opCtx *graphql.OperationContext, f graphql.CollectedField) bool

	mu     sync.Mutex
	of     [maxKinds]*levels // nil while nothing leads to the kind
	active int               // fields that are being resolved and do not wait for a round
	stall  *time.Timer       // until the fields that do not come are given up; nil while something is done

	routes routes
	// narrowed reports that a list is not resolved all at once.
	narrowed atomic.Bool
	windows  []*window // of such lists, while they have items that are not expected
	ahead    int       // how many items are resolved at once beyond the breadth of their lists
}

// maxAhead is how many items of lists are resolved at once beyond the breadth of the lists,
// because all others wait for a round. It bounds the memory of an operation (see
// [spread.Breadth]): beyond it, which items are in a round depends on the breadth.
const maxAhead = 2000

// levels are the rounds of one kind.
type levels struct {
	// pending counts the fields that lead to a level and do not wait for its round.
	pending [maxLevel + 1]int
	// lost is how many of these are taken not to come, since nothing has for a while.
	lost     [maxLevel + 1]int
	next     [maxLevel + 1]*round
	gathered int // of next
	running  bool
}

// round is batches that run together.
type round struct {
	kind    Kind
	level   int
	batches []func()
	waiting presence // fields
	ended   bool
	done    chan struct{}
}

// over reports whether its batches have run.
func (r *round) over() bool {
	select {
	case <-r.done:
		return true
	default:
		return false
	}
}

// stallTimeout is how long a round waits for fields that do not come, while nothing is done.
// Which ones do not come is known before (see Rounds.Skips), so it ends a wait only after a
// mistake of ours: it is longer than a busy machine leaves a process alone.
const stallTimeout = time.Second

// demand is what a field, or all of an object, leads to.
type demand struct {
	fields int
	levels []levelDemand
}

type levelDemand struct {
	kind     Kind
	level, n int
}

// ownDemand returns what a field of a type asks for on its level.
func (r *Rounds) ownDemand(typeName string, level int) *demand {
	d := &demand{}
	for _, k := range r.Kinds(typeName) {
		d.levels = append(d.levels, levelDemand{k, level, 1})
	}
	return d
}

// add adds what another leads to.
func (d *demand) add(other *demand) {
	d.fields += other.fields
	for _, o := range other.levels {
		at := slices.IndexFunc(d.levels, func(own levelDemand) bool { return own.kind == o.kind && own.level == o.level })
		if at < 0 {
			d.levels = append(d.levels, o)
		} else {
			d.levels[at].n += o.n
		}
	}
}

// each returns what a field leads to that leads on to d: to each level once.
func (d *demand) each() *demand {
	one := &demand{1, slices.Clone(d.levels)}
	for i := range one.levels {
		one.levels[i].n = 1
	}
	return one
}

// expect notes that n times so much is to be resolved. The caller holds the lock.
func (r *Rounds) expect(d *demand, n int) {
	for _, at := range d.levels {
		of := r.levelsOf(at.kind)
		of.pending[at.level] += n * at.n
		of.lost[at.level] = min(of.lost[at.level], of.pending[at.level])
	}
}

// levelsOf returns the rounds of a kind. The caller holds the lock.
func (r *Rounds) levelsOf(k Kind) *levels {
	if r.of[k] == nil {
		r.of[k] = &levels{}
	}
	return r.of[k]
}

// begin notes what is to be resolved.
func (r *Rounds) begin(d *demand) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.expect(d, 1)
}

// enter notes that the executor resolves a field that was expected.
func (r *Rounds) enter() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.active++
}

// leave notes that a field is resolved, which belongs to a group, and what is expected
// below it: n times an object's demand, and fields that are expected already.
func (r *Rounds) leave(of *group, own *demand, below []objects, already int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.active--
	for _, b := range below {
		r.expect(b.demand, b.n)
		already += b.n * b.demand.fields
	}
	of.settle(already - 1)
	r.expect(own, -1)
	r.advance()
}

// objects are n objects.
type objects struct {
	demand *demand
	n      int
}

// join has a batch run in the next round of a kind on a level.
func (r *Rounds) join(k Kind, level int, batch func()) *round {
	r.mu.Lock()
	defer r.mu.Unlock()
	of := r.levelsOf(k)
	if of.next[level] == nil {
		of.next[level] = &round{kind: k, level: level, done: make(chan struct{})}
		of.gathered++
	}
	of.next[level].batches = append(of.next[level].batches, batch)
	return of.next[level]
}

// presence is what a field is to the rounds: whether they know that it is being resolved,
// and whether they expected it to ask for objects of a kind on its level. Of several
// fields, it is how many are.
type presence struct{ active, expected int }

// wait waits until a round is over, by a field.
func (r *Rounds) wait(ctx context.Context, of *round, at presence) error {
	defer gate.Wait(ctx)()
	r.mu.Lock()
	if of.ended {
		r.mu.Unlock()
		return nil
	}
	r.idle(of, at)
	r.advance()
	r.mu.Unlock()
	select {
	case <-of.done:
		return nil
	case <-ctx.Done():
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if of.ended {
		return nil
	}
	r.idle(of, presence{-at.active, -at.expected})
	return ctx.Err()
}

// idle notes that fields wait for a round. The caller holds the lock.
func (r *Rounds) idle(of *round, at presence) {
	of.waiting.active += at.active
	of.waiting.expected += at.expected
	r.active -= at.active
	r.of[of.kind].pending[of.level] -= at.expected
}

// advance begins the rounds whose time has come. The caller holds the lock.
func (r *Rounds) advance() {
	waiting, running := false, false
	for k, of := range r.of {
		if of == nil {
			continue
		}
		if of.gathered > 0 && !of.running {
			if level := of.ready(); level >= 0 && !r.widen(Kind(k), level) {
				r.run(of, level)
			} else {
				waiting = true
			}
		}
		running = running || of.running
	}
	if r.stall != nil { // or it holds all of an operation that is long over
		r.stall.Stop()
		r.stall = nil
	}
	if waiting && !running && r.active == 0 { // else what is done looks again at its end
		r.startStallTimer()
	}
}

// ready returns the level whose round can begin, or -1.
func (l *levels) ready() int {
	for level := range l.next {
		switch {
		case l.pending[level] > l.lost[level]:
			return -1
		case l.next[level] != nil:
			return level
		}
	}
	return -1
}

// widen expects the items of narrowed lists that lead to a kind on a level, or on an earlier
// one, lest the round of that level is without them. It reports whether there are any. The
// caller holds the lock.
func (r *Rounds) widen(k Kind, level int) bool {
	found := false
	for _, w := range r.windows {
		if !w.route.leadsTo(k, level) {
			continue
		}
		for w.open < w.items.Len() && r.ahead < maxAhead {
			n := w.expect()
			if n == 0 {
				break
			}
			w.of.settle(n)
			found = true
			r.ahead++
			w.begin()
		}
	}
	r.windows = slices.DeleteFunc(r.windows, func(w *window) bool { return w.open == w.items.Len() })
	return found
}

// run runs the next round of a level. The caller holds the lock.
func (r *Rounds) run(of *levels, level int) {
	now := of.next[level]
	of.next[level], of.running = nil, true
	of.gathered--
	var wait sync.WaitGroup
	for _, batch := range now.batches[1:] {
		wait.Go(batch)
	}
	go func() {
		now.batches[0]()
		wait.Wait()
		r.mu.Lock()
		defer r.mu.Unlock()
		of.running = false
		r.idle(now, presence{-now.waiting.active, -now.waiting.expected})
		now.ended = true
		close(now.done)
		r.advance()
	}()
}

// startStallTimer begins the next rounds when nothing happens for a while. The caller holds the
// lock.
func (r *Rounds) startStallTimer() {
	var stall *time.Timer
	stall = time.AfterFunc(stallTimeout, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.stall != stall || r.active > 0 {
			return
		}
		for _, of := range r.of {
			if of != nil {
				of.lost = of.pending
			}
		}
		r.advance()
	})
	r.stall = stall
}

// window is a list of which only some items are resolved at once: those to come are
// expected as soon as one is done with all that is below it, lest a round begins in
// the moment between.
type window struct {
	rounds *Rounds
	route  *route
	of     *group // that the list itself belongs to
	items  reflect.Value
	open   int            // how many items are expected or were
	groups map[int]*group // of items that are expected
	more   func(done func())
	extra  int // items that are resolved at once as soon as more is known
}

// group is an item of such a list with all that is below it. Nil is what belongs to
// none.
type group struct {
	of   *window
	left int // fields that are not resolved yet
}

type groupKey struct{}

// settle notes that so many more fields of a group are expected. When it is done, the
// item that comes in its place is. The caller holds the lock of the rounds.
func (g *group) settle(more int) {
	for ; g != nil && more != 0; g = g.of.of {
		if g.left += more; g.left == 0 {
			more += g.of.expect()
		}
	}
}

// expect expects the fields of the next item that has any, and returns how many. The
// caller holds the lock of the rounds.
func (w *window) expect() int {
	for w.open < w.items.Len() {
		i := w.open
		w.open++
		for _, object := range w.route.objectsIn(w.items.Index(i)) {
			w.rounds.expect(object.demand, 1)
			w.groups[i] = &group{w, object.demand.fields}
			return object.demand.fields
		}
	}
	return 0
}

// narrow makes w the window of a list, expects the items that are resolved first, and
// returns how many fields these have.
func (w *window) narrow(r *Rounds, of *group, route *route, items reflect.Value, width int) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	w.rounds, w.of, w.route, w.items, w.groups = r, of, route, items, map[int]*group{}
	n := 0
	for range width {
		n += w.expect()
	}
	if w.open < items.Len() {
		r.windows = append(r.windows, w)
	}
	return n
}

// Open implements [spread.Items].
func (w *window) Open(more func(done func())) {
	if w.rounds == nil {
		return
	}
	w.rounds.mu.Lock()
	defer w.rounds.mu.Unlock()
	w.more = more
	for range w.extra {
		w.begin()
	}
}

// begin has one more item resolved at once. The caller holds the lock of the rounds.
func (w *window) begin() {
	if w.more == nil {
		w.extra++
		return
	}
	w.more(func() {
		w.rounds.mu.Lock()
		defer w.rounds.mu.Unlock()
		w.rounds.ahead--
	})
}

// Begin implements [spread.Items].
func (w *window) Begin(ctx context.Context, i int) context.Context {
	if w.rounds == nil {
		return ctx
	}
	w.rounds.mu.Lock()
	defer w.rounds.mu.Unlock()
	for w.groups[i] == nil && w.open <= i { // one that came before is not done, and is nevertheless
		if n := w.expect(); n > 0 {
			w.of.settle(n)
		}
	}
	g := w.groups[i]
	if g == nil {
		return ctx
	}
	delete(w.groups, i)
	return context.WithValue(ctx, groupKey{}, g)
}
