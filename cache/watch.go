package cache

import (
	"slices"
	"sync"
)

// An Eviction holds the tags that another process has evicted. Messages contain hashes
// only, so it can be tested for a tag, and does not list them.
type Eviction struct {
	names []tagName
	name  func(Tag) tagName
}

// All reports whether everything was evicted, or may have been: messages were missed.
func (e Eviction) All() bool { return slices.Contains(e.names, allName) }

// Has reports whether tag was evicted. It is true for every tag if All is.
func (e Eviction) Has(tag Tag) bool {
	return e.All() || slices.Contains(e.names, e.name(tag))
}

// EvictionIn returns the eviction of some tags, for the watchers of an L2 that is not of this
// package.
func EvictionIn(s L2, tags ...Tag) Eviction {
	name := func(tag Tag) tagName {
		if tag == All {
			return allName
		}
		return tagName(s.TagName(tag))
	}
	return Eviction{namesOf(tags, name), name}
}

// watchers are the functions passed to [Store.Watch].
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
