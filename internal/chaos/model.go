package main

import (
	"cmp"
	"fmt"
	"slices"
	"sort"
	"sync"
	"time"
)

// A history holds the writes to some objects, and the reads of them, by the clock of
// the program that did both. Each object is a register: its versions count up from 1,
// one is written after the other, and 0 is the initial one.
type history struct {
	mu     sync.Mutex
	writes []write
	reads  []read
	// outages are when replicas could not exchange messages.
	outages []outage
}

// outage is a time span, its end included.
type outage struct{ begin, end time.Time }

// write is a version on its way to an object.
type write struct {
	object, replica, version int
	begin, end               time.Time
	done                     bool // it was acknowledged; otherwise it may or may not have happened
}

// read is a version that was read. way names the query by which the object was read:
// different queries are cached independently.
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

// A verdict is the result of checking a history.
type verdict struct {
	writes, reads int
	// delays are how long each write was not yet seen on each of the other
	// replicas, in milliseconds: up to the last read there that began after the
	// write had been acknowledged and still showed an older version.
	delays []float64
	// stale are the reads that are not allowed.
	stale []string
}

// check compares a history with the versions that may be read:
//
//   - no version whose write had not begun before the read ended;
//   - on the replica that wrote, no older one after the acknowledgement;
//   - elsewhere, no older one once settled has passed since the acknowledgement;
//   - nowhere an older one than the same query has returned there before, once the
//     write of that has been acknowledged.
//
// In between, both the old and the new are allowed, and delays are how long it took.
// For a read that begins during an outage only the first two hold.
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
	done     []write // those that were acknowledged
	doneBy   map[int][]write
	shown    map[place][]read
	outages  []outage
	replicas int
	late     map[seenBy]time.Duration
	stale    []string
}

// seenBy is a write, and a replica that must serve it.
type seenBy struct{ version, replica int }

// place is a replica and a query.
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

// last returns the last of the items for which is holds. They are sorted so that is
// holds for all before that one.
func last[T any](items []T, is func(T) bool) (item T) {
	if n := sort.Search(len(items), func(i int) bool { return !is(items[i]) }); n > 0 {
		item = items[n-1]
	}
	return item
}

// acknowledged returns the newest of some writes that was acknowledged before t, or 0.
func acknowledged(writes []write, t time.Time) int {
	return last(writes, func(w write) bool { return w.end.Before(t) }).version
}

// show records when each place returned a version for the first time, in order.
func (o *register) show(reads []read) {
	for _, r := range slices.SortedFunc(slices.Values(reads), func(a, b read) int { return a.end.Compare(b.end) }) {
		p := place{r.replica, r.way}
		if s := o.shown[p]; len(s) == 0 || s[len(s)-1].version < r.version {
			o.shown[p] = append(s, r)
		}
	}
}

// check finds reads that are not allowed.
func (o *register) check(reads []read, settled time.Duration) {
	o.show(reads)
	for _, r := range reads {
		begun := last(o.writes, func(w write) bool { return w.begin.Before(r.end) }).version
		own := acknowledged(o.doneBy[r.replica], r.begin)
		known := acknowledged(o.done, r.begin)
		before := last(o.shown[place{r.replica, r.way}], func(s read) bool { return s.end.Before(r.begin) && s.version <= known }).version
		switch due := acknowledged(o.done, r.begin.Add(-settled)); {
		case r.version > begun:
			o.blame(r, "no write of it had begun; the newest begun was", begun)
		case r.version < own:
			o.blame(r, "the same replica had written", own)
		case slices.ContainsFunc(o.outages, func(out outage) bool { return !r.begin.Before(out.begin) && !r.begin.After(out.end) }):
		case r.version < before:
			o.blame(r, "the same query had returned there", before)
		case r.version < due:
			o.blame(r, "all replicas had to serve", due)
		}
	}
}

func (o *register) blame(r read, why string, version int) {
	o.stale = append(o.stale, fmt.Sprintf("object %d on replica %d by %s at %s: version %d, though %s %d",
		r.object, r.replica, r.way, r.begin.Format("15:04:05.000"), r.version, why, version))
}

// follow records how long each write was not served elsewhere.
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
