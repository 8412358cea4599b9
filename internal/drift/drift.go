// Package drift counts where Zoom's answers differ from the schema: unknown values of
// enums, unknown fields, and fields of another shape. A report holds names alone and no
// personal data, so it can be passed on.
package drift

import (
	"cmp"
	"maps"
	"slices"
	"sync"
	"time"
)

// Kind is the kind of a difference.
type Kind string

// The kinds of drift.
const (
	Value      Kind = "value"      // an enum has no such value
	Field      Kind = "field"      // the graph has no such field
	Unreadable Kind = "unreadable" // the field has another shape
)

// Finding is one difference from the schema.
type Finding struct {
	Kind  Kind   `json:"kind"`
	Field string `json:"field"` // Zoom's names, with "." between them
	Value string `json:"value,omitempty"`
}

// Entry is a finding in the answers of one operation, with how often and when it was
// counted.
type Entry struct {
	Operation string `json:"operation"`
	Finding
	Count int64     `json:"count"`
	First time.Time `json:"first"`
	Last  time.Time `json:"last"`
}

// maxFindings bounds the findings of one operation.
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
	seen        bool // by this process
}

// Add counts the findings of one answer of an operation, and returns those that this
// process counts for the first time. Findings beyond the bound are dropped.
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
		if !c.seen {
			c.seen = true
			news = append(news, f)
		}
		c.n, c.last, r.changed = c.n+int64(n), now, true
	}
	return news
}

// Entries returns the findings, sorted by operation, kind, field and value.
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

// Sum counts the different findings.
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
