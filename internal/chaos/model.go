package main

import (
	"cmp"
	"fmt"
	"slices"
	"sort"
	"sync"
	"time"
)

// A history is what was written to some objects, and what was read of them, by
// the clock of the program that did both. Each object is a register: its versions
// count up from 1, one is written after the other, and 0 is what was there before.
type history struct {
	mu     sync.Mutex
	writes []write
	reads  []read
	// outages are when replicas could not tell each other anything.
	outages []outage
}

// outage is some time, its end included.
type outage struct{ begin, end time.Time }

// write is a version on its way to an object.
type write struct {
	object, replica, version int
	begin, end               time.Time
	done                     bool // the answer said so; otherwise it may have happened or not
}

// read is a version that was seen. way tells apart the questions by which an
// object can be read: what one of them is answered from says nothing of another.
type read struct {
	object, replica, version int
	way                      string
	begin, end               time.Time
}

func (h *history) wrote(w write) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.writes = append(h.writes, w)
}

func (h *history) saw(r ...read) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.reads = append(h.reads, r...)
}

// A verdict is what a history comes to.
type verdict struct {
	writes, reads int
	// delays are how long each write was not yet seen on each of the other
	// replicas, in milliseconds: up to the last read there that began after the
	// write had been answered and still showed an older version.
	delays []float64
	// stale are the reads that nothing excuses.
	stale []string
}

// check holds a history against what may be seen:
//
//   - nothing that was not being written before the read ended;
//   - on the replica that wrote, nothing older from the answer on;
//   - elsewhere, nothing older once settled has gone by since the answer;
//   - nowhere anything older than what the same question has shown there before,
//     once the write of that has been answered.
//
// In between, both the old and the new are right, and delays say how long it took.
// A read that begins during an outage is bound by the first two alone.
func (h *history) check(replicas int, settled time.Duration) verdict {
	h.mu.Lock()
	defer h.mu.Unlock()
	v := verdict{writes: len(h.writes), reads: len(h.reads)}
	writes := map[int][]write{}
	for _, w := range h.writes {
		writes[w.object] = append(writes[w.object], w)
	}
	reads := map[int][]read{}
	for _, r := range h.reads {
		reads[r.object] = append(reads[r.object], r)
	}
	for object, all := range reads {
		o := newRegister(writes[object], replicas)
		o.outages = h.outages
		o.check(all, settled)
		v.stale = append(v.stale, o.stale...)
	}
	for object, all := range writes {
		o := newRegister(all, replicas)
		o.follow(reads[object])
		v.delays = append(v.delays, o.delays()...)
	}
	return v
}

// register is one object's part of a history.
type register struct {
	writes   []write // by version, and so by time: one begins when the last has ended
	done     []write // those that were answered
	doneBy   map[int][]write
	shown    map[place][]read
	outages  []outage
	replicas int
	late     map[seenBy]time.Duration
	stale    []string
}

// seenBy is a write, and a replica that is to see it.
type seenBy struct{ version, replica int }

// place is where a question is answered.
type place struct {
	replica int
	way     string
}

func newRegister(writes []write, replicas int) *register {
	o := &register{writes: slices.Clone(writes), replicas: replicas, doneBy: map[int][]write{}, shown: map[place][]read{}, late: map[seenBy]time.Duration{}}
	slices.SortFunc(o.writes, func(a, b write) int { return cmp.Compare(a.version, b.version) })
	for _, w := range o.writes {
		if w.done {
			o.done = append(o.done, w)
			o.doneBy[w.replica] = append(o.doneBy[w.replica], w)
		}
	}
	return o
}

// last returns the last of the items, which are in order, for which is holds: it
// holds for all before that one too.
func last[T any](items []T, is func(T) bool) (item T) {
	if n := sort.Search(len(items), func(i int) bool { return !is(items[i]) }); n > 0 {
		item = items[n-1]
	}
	return item
}

// answered returns the newest of some writes that was answered before t, or 0.
func answered(writes []write, t time.Time) int {
	return last(writes, func(w write) bool { return w.end.Before(t) }).version
}

// show notes when each place showed a version for the first time, in order.
func (o *register) show(reads []read) {
	for _, r := range slices.SortedFunc(slices.Values(reads), func(a, b read) int { return a.end.Compare(b.end) }) {
		p := place{r.replica, r.way}
		if s := o.shown[p]; len(s) == 0 || s[len(s)-1].version < r.version {
			o.shown[p] = append(s, r)
		}
	}
}

// check looks for reads that nothing excuses.
func (o *register) check(reads []read, settled time.Duration) {
	o.show(reads)
	for _, r := range reads {
		begun := last(o.writes, func(w write) bool { return w.begin.Before(r.end) }).version
		own := answered(o.doneBy[r.replica], r.begin)
		known := answered(o.done, r.begin)
		before := last(o.shown[place{r.replica, r.way}], func(s read) bool { return s.end.Before(r.begin) && s.version <= known }).version
		switch due := answered(o.done, r.begin.Add(-settled)); {
		case r.version > begun:
			o.blame(r, "nobody had begun to write it; the newest begun was", begun)
		case r.version < own:
			o.blame(r, "the same replica had written", own)
		case slices.ContainsFunc(o.outages, func(out outage) bool { return !r.begin.Before(out.begin) && !r.begin.After(out.end) }):
		case r.version < before:
			o.blame(r, "the same question had been answered there with", before)
		case r.version < due:
			o.blame(r, "everybody was to know of", due)
		}
	}
}

func (o *register) blame(r read, why string, version int) {
	o.stale = append(o.stale, fmt.Sprintf("object %d on replica %d by %s at %s: version %d, though %s %d",
		r.object, r.replica, r.way, r.begin.Format("15:04:05.000"), r.version, why, version))
}

// follow notes how long each write was not seen elsewhere.
func (o *register) follow(reads []read) {
	for _, r := range reads {
		for _, w := range slices.Backward(o.writes) {
			if w.version <= r.version {
				break
			}
			if late := r.begin.Sub(w.end); late > 0 {
				at := seenBy{w.version, r.replica}
				o.late[at] = max(o.late[at], late)
			}
		}
	}
}

// delays returns one figure for each write and replica that did not write it.
func (o *register) delays() []float64 {
	var all []float64
	for _, w := range o.writes {
		for replica := range o.replicas {
			if w.done && replica != w.replica {
				all = append(all, float64(o.late[seenBy{w.version, replica}].Microseconds())/1000)
			}
		}
	}
	return all
}
