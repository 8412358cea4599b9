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

// Kind is a kind of objects that cost less in a batch, from 0 to maxKinds-1.
type Kind uint8

// maxKinds is the largest number of kinds.
const maxKinds = 8

// maxLevel is the level of all fields on it and below it.
const maxLevel = 31

// Rounds runs the batches of one response. Index and Kinds MUST be set before it is used.
type Rounds struct {
	// Index is the schema.
	Index *selection.Index
	// Kinds returns the kinds of objects that fields of a type load.
	Kinds func(typeName string) []Kind
	// Skips reports whether the executor does not resolve a field; nil means that it resolves all.
	// No round waits for a skipped field.
	Skips func(opCtx *graphql.OperationContext, f graphql.CollectedField) bool

	mu     sync.Mutex
	of     [maxKinds]*levels // nil while nothing leads to the kind
	active int               // fields that are being resolved and do not wait for a round
	stall  *time.Timer       // ends the wait for fields that do not come; nil while there is progress

	routes routes
	// narrowed reports that not all items of some list are resolved concurrently.
	narrowed atomic.Bool
	windows  []*window // of such lists, while they have items that are not expected yet
	ahead    int       // items that are resolved concurrently beyond the breadth of their lists
}

// maxAhead is the largest number of items that are resolved concurrently beyond the breadth of
// their lists, because all others wait for a round. It bounds the memory of an operation (see
// [spread.Breadth]): beyond it, the breadth determines which items are in a round.
const maxAhead = 2000

// levels are the rounds of one kind.
type levels struct {
	// pending is the number of fields that lead to a level and do not wait for its round.
	pending [maxLevel + 1]int
	// lost is how many of these are not waited for any more, since there was no progress for
	// stallTimeout.
	lost     [maxLevel + 1]int
	next     [maxLevel + 1]*round // nil if no key is requested for the level
	gathered int                  // rounds in next
	running  bool                 // one of its rounds runs
}

// round is the batches of one kind and level, which run together.
type round struct {
	kind    Kind
	level   int
	batches []func()
	waiting presence // of the fields that wait for it
	ended   bool
	done    chan struct{}
}

// over reports whether the batches have run.
func (r *round) over() bool {
	select {
	case <-r.done:
		return true
	default:
		return false
	}
}

// stallTimeout is how long a round waits for expected fields without any progress. Fields that the
// executor does not resolve are not expected (see [Rounds.Skips]), so a wait ends this way only if
// this package has a bug. It is longer than the pauses of a process on a busy machine.
const stallTimeout = time.Second

// demand is what a field, or all fields of an object, lead to: the number of fields with a demand of
// their own, and the number of requests by kind and level.
type demand struct {
	fields int
	levels []levelDemand
}

type levelDemand struct {
	kind     Kind
	level, n int
}

// ownDemand returns the demand of a field of a type on its level, without the fields below it.
func (r *Rounds) ownDemand(typeName string, level int) *demand {
	d := &demand{}
	for _, k := range r.Kinds(typeName) {
		d.levels = append(d.levels, levelDemand{k, level, 1})
	}
	return d
}

// add adds another demand.
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

// each returns the demand of one field that, with the fields below it, leads to d: it counts once for
// each level.
func (d *demand) each() *demand {
	one := &demand{1, slices.Clone(d.levels)}
	for i := range one.levels {
		one.levels[i].n = 1
	}
	return one
}

// expect adds n times a demand to the pending fields. The caller holds the lock.
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

// begin expects a demand.
func (r *Rounds) begin(d *demand) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.expect(d, 1)
}

// enter records that the executor begins to resolve an expected field.
func (r *Rounds) enter() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.active++
}

// leave records that a field of a group is resolved. below are the objects below it, which are
// expected from now on, and already is the number of fields below it that are expected already.
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

// objects are n objects with the same demand.
type objects struct {
	demand *demand
	n      int
}

// join adds a batch to the next round of a kind on a level, and returns the round.
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

// presence is how rounds count a field: active is 1 if the field is one of Rounds.active, and
// expected is 1 if it is one of the pending fields of a kind on its level. It is also the sum for
// several fields.
type presence struct{ active, expected int }

// wait waits until a round is over, for a field that is counted as at.
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

// idle records that fields wait for a round. The caller holds the lock.
func (r *Rounds) idle(of *round, at presence) {
	of.waiting.active += at.active
	of.waiting.expected += at.expected
	r.active -= at.active
	r.of[of.kind].pending[of.level] -= at.expected
}

// advance begins the rounds that are ready. The caller holds the lock.
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
	if r.stall != nil { // a running timer would keep the operation in memory
		r.stall.Stop()
		r.stall = nil
	}
	if waiting && !running && r.active == 0 { // otherwise advance is called again
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

// widen expects and resolves more items of narrowed lists that lead to a kind on a level, or on an
// earlier one, so that they are in the round of that level. It reports whether there are any. The
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

// startStallTimer gives up the pending fields after stallTimeout without progress. The caller holds
// the lock.
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

// window is a list of which only some items are resolved concurrently. When an item is resolved
// with all fields below it, the next one is expected at once, so that no round begins in
// between.
type window struct {
	rounds *Rounds
	route  *route
	of     *group // that the list itself belongs to
	items  reflect.Value
	open   int            // the items before it are or were expected
	groups map[int]*group // of expected items that have not begun
	more   func(done func())
	extra  int // calls of begin before more was set
}

// group is an item of such a list with all fields below it. Fields outside such lists have a nil
// group.
type group struct {
	of   *window
	left int // fields that are expected and not resolved
}

type groupKey struct{}

// settle adds more to the expected fields of a group and of those around it. When a group has none
// left, the next item of its list is expected. The caller holds the lock of the rounds.
func (g *group) settle(more int) {
	for ; g != nil && more != 0; g = g.of.of {
		if g.left += more; g.left == 0 {
			more += g.of.expect()
		}
	}
}

// expect expects the fields of the next item that has any, and returns their number. The caller
// holds the lock of the rounds.
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

// narrow makes w the window of a list, expects the items that are resolved first, and returns the
// number of their fields.
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

// begin resolves one more item concurrently. The caller holds the lock of the rounds.
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
	for w.groups[i] == nil && w.open <= i { // it begins before its predecessors are resolved completely
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
