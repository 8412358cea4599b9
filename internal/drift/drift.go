// Package drift counts what Zoom's answers have and the graph does not know: values of
// enums, fields, and fields of another shape. It holds names alone, nothing that a
// person has written, so a report can be passed on.
package drift

import (
	"cmp"
	"maps"
	"slices"
	"sync"
	"time"
)

// Kind says in which way something is unknown.
type Kind string

// The kinds of drift.
const (
	Value      Kind = "value"      // an enum has no such value
	Field      Kind = "field"      // the graph has no such field
	Unreadable Kind = "unreadable" // the field has another shape
)

// Finding is one thing that the graph does not know.
type Finding struct {
	Kind  Kind   `json:"kind"`
	Field string `json:"field"` // Zoom's names, with "." between them
	Value string `json:"value,omitempty"`
}

// Entry is a finding in the answers of one operation, how often it was met, and when.
type Entry struct {
	Operation string `json:"operation"`
	Finding
	Count int64     `json:"count"`
	First time.Time `json:"first"`
	Last  time.Time `json:"last"`
}

// maxFindings bounds the findings that are held of one operation.
const maxFindings = 1000

// Report counts findings by operation. It is safe for concurrent use; a nil Report
// counts nothing.
type Report struct {
	mu      sync.Mutex
	of      map[string]map[Finding]*count
	changed bool
}

type count struct {
	n           int64
	first, last time.Time
	here        bool // it was met since the process began
}

// Add counts what one answer of an operation had, and returns the findings that this
// process meets for the first time. What is beyond the bound is left out.
func (r *Report) Add(operation string, found map[Finding]int, now time.Time) (news []Finding) {
	if r == nil || len(found) == 0 {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.of == nil {
		r.of = map[string]map[Finding]*count{}
	}
	known := r.of[operation]
	if known == nil {
		known = map[Finding]*count{}
		r.of[operation] = known
	}
	for f, n := range found {
		c := known[f]
		if c == nil {
			if len(known) >= maxFindings {
				continue
			}
			c = &count{first: now}
			known[f] = c
		}
		if !c.here {
			c.here = true
			news = append(news, f)
		}
		c.n, c.last, r.changed = c.n+int64(n), now, true
	}
	return news
}

// Entries returns what was counted, by operation, kind, field and value.
func (r *Report) Entries() []Entry {
	if r == nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.entries()
}

func (r *Report) entries() []Entry {
	entries := []Entry{}
	for _, operation := range slices.Sorted(maps.Keys(r.of)) {
		begin := len(entries)
		for f, c := range r.of[operation] {
			entries = append(entries, Entry{operation, f, c.n, c.first, c.last})
		}
		slices.SortFunc(entries[begin:], func(a, b Entry) int {
			return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Field, b.Field), cmp.Compare(a.Value, b.Value))
		})
	}
	return entries
}

// Sum is how many different findings a report has of each kind, and in how many
// operations.
type Sum struct{ Operations, Values, Fields, Unreadable int }

// Sum returns how much was found.
func (r *Report) Sum() Sum {
	var s Sum
	last := ""
	for _, e := range r.Entries() {
		if e.Operation != last {
			last = e.Operation
			s.Operations++
		}
		switch e.Kind {
		case Value:
			s.Values++
		case Field:
			s.Fields++
		case Unreadable:
			s.Unreadable++
		}
	}
	return s
}
