package day

import (
	"sync"
	"time"
)

// truth is what stands at Zoom, and since when: of each subject, such as the roster of a
// run, the values of its parts, such as whether a stay goes on.
type truth struct {
	mu       sync.Mutex
	subjects map[string]map[string]*history
}

// history is what one part was: "" before the first value.
type history struct {
	values []string
	since  []time.Time
}

// set notes what a part of a subject is from a moment on.
func (t *truth) set(subject, part, value string, at time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.subjects == nil {
		t.subjects = map[string]map[string]*history{}
	}
	parts := t.subjects[subject]
	if parts == nil {
		parts = map[string]*history{}
		t.subjects[subject] = parts
	}
	h := parts[part]
	if h == nil {
		h = &history{values: []string{""}, since: []time.Time{{}}}
		parts[part] = h
	}
	h.values, h.since = append(h.values, value), append(h.since, at)
}

// forget forgets a subject that nobody asks for any more.
func (t *truth) forget(subject string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.subjects, subject)
}

// age returns how long ago the subject changed first in a way that what is shown does not
// show; 0 where it shows all. ok is false where it shows what never was.
func (t *truth) age(subject string, shown map[string]string, now time.Time) (age time.Duration, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	parts := t.subjects[subject]
	for part, value := range shown {
		if parts[part] == nil && value != "" {
			return 0, false
		}
	}
	for part, h := range parts {
		at := len(h.values) - 1
		for at >= 0 && h.values[at] != shown[part] {
			at--
		}
		if at < 0 {
			return 0, false
		}
		if at < len(h.values)-1 {
			age = max(age, now.Sub(h.since[at+1]))
		}
	}
	return age, true
}
