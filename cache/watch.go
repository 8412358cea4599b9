package cache

import (
	"slices"
	"sync"
)

// An Eviction tells which tags another process has evicted. Only their hashes come
// from there, so it can be asked for a tag, and does not list them.
type Eviction struct {
	names []tagName
	name  func(Tag) tagName
}

// All reports whether everything was evicted, or may have been: messages were missed.
func (e Eviction) All() bool { return slices.Contains(e.names, allName) }

// Has reports whether tag was evicted. It is true for every tag where All is.
func (e Eviction) Has(tag Tag) bool {
	return e.All() || slices.Contains(e.names, e.name(tag))
}

// watchers are the functions that [Store.Watch] was given.
type watchers struct {
	mu  sync.Mutex
	all []func(Eviction)
}

func (w *watchers) add(f func(Eviction)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.all = append(w.all, f)
}

func (w *watchers) call(e Eviction) {
	w.mu.Lock()
	all := slices.Clone(w.all)
	w.mu.Unlock()
	for _, f := range all {
		f(e)
	}
}
