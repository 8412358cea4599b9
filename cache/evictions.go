package cache

import (
	"slices"
	"sync"
	"sync/atomic"
)

// tagsPerTable bounds the memory for evicted tags: two tables of this many, about
// 150 bytes a tag. A tag that is longer than most counts as several.
const tagsPerTable = 1 << 16

// usualTagLength is the length in bytes up to which a tag counts as one.
const usualTagLength = 96

// evictions numbers evictions and records the last number of each tag. An
// entry needs one number only, that of the last eviction before the origin was called:
// it is outdated when one of its tags has a higher one.
//
// Tags are dropped in bulk. When the young table is full it becomes the old
// one, and the old one is replaced by a floor: entries from before the floor
// count as outdated, whatever their tags. So only entries older than tagsPerTable
// evictions are lost unnecessarily.
type evictions struct {
	last   atomic.Uint64 // number of the last eviction; the first entry has 1
	tables atomic.Pointer[tables]
	mu     sync.Mutex // serialises evict
	limit  int
}

// tables are swapped together, so that a reader has a consistent view.
type tables struct {
	floor      uint64 // entries from before it count as outdated
	began      uint64 // the last number when young was empty
	young, old *sync.Map
	size       int // of young, in tags; under evictions.mu
}

func newEvictions(limit int) *evictions {
	v := &evictions{limit: limit}
	v.last.Store(1)
	v.tables.Store(&tables{floor: 1, began: 1, young: &sync.Map{}, old: &sync.Map{}})
	return v
}

func (v *evictions) evict(names []tagName) {
	v.mu.Lock()
	defer v.mu.Unlock()
	n := v.last.Load() + 1
	t := v.tables.Load()
	switch {
	case slices.Contains(names, allName):
		v.tables.Store(&tables{floor: n, began: n, young: &sync.Map{}, old: &sync.Map{}})
		names = nil
	case t.size >= v.limit:
		t = &tables{floor: t.began, began: n - 1, young: &sync.Map{}, old: t.young}
		v.tables.Store(t)
	}
	for _, name := range names {
		if _, known := t.young.Swap(name, n); !known {
			t.size += 1 + len(name)/usualTagLength
		}
	}
	// The tags first, then the number: a reader of the new number sees the tags.
	v.last.Store(n)
}

// outdated reports whether one of the tags was evicted after number seq.
func (v *evictions) outdated(seq uint64, names []tagName) bool {
	t := v.tables.Load()
	if seq < t.floor {
		return true
	}
	for _, name := range names {
		n, ok := t.young.Load(name)
		if !ok {
			n, ok = t.old.Load(name)
		}
		if ok && n.(uint64) > seq {
			return true
		}
	}
	return false
}
