package day

import (
	"sync"
	"time"
)

// truth is the history of the state at Zoom: for each subject, such as the roster of an instance,
// the values of its parts, such as whether a stay has not ended.
type truth struct {
	mu       sync.Mutex
	subjects map[string]map[string]*history
}

// history has the values of a part, and since when each applies; "" before the first one.
type history struct {
	values []string
	since  []time.Time
}

// set records the value of a part of a subject from a time on.
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

// forget removes a subject.
func (t *truth) forget(subject string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.subjects, subject)
}

// age returns the time since the first change of the subject that is not shown, or 0 if all are. ok
// is false if a shown value never existed.
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
