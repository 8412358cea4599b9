package cache

import (
	"slices"
	"sync"
	"sync/atomic"
)

// tagsPerTable bounds the memory for evicted tags: two tables of this many, about
// 150 bytes a tag. A tag that is longer than most counts as several.
const tagsPerTable = 1 << 16

// usualTag is how long a tag is that counts as one.
const usualTag = 96

// evictions numbers evictions and remembers the last number of each tag. An
// answer needs one number only, that of the last eviction before it was asked
// for: it is stale when one of its tags has a higher one.
//
// Tags are forgotten in bulk. When the young table is full it becomes the old
// one, and the old one is dropped for a floor: answers from before the floor
// count as stale, whatever their tags, since nobody can tell any more. So only
// answers older than tagsPerTable evictions are lost needlessly.
type evictions struct {
	last   atomic.Uint64 // number of the last eviction; the first answer has 1
	tables atomic.Pointer[tables]
	mu     sync.Mutex // serialises evict
	limit  int
}

// tables are swapped together, so that a reader has a consistent view.
type tables struct {
	floor      uint64 // what is older counts as stale
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

func (v *evictions) evict(tags []tagName) {
	v.mu.Lock()
	defer v.mu.Unlock()
	n := v.last.Load() + 1
	t := v.tables.Load()
	switch {
	case slices.Contains(tags, allName):
		v.tables.Store(&tables{floor: n, began: n, young: &sync.Map{}, old: &sync.Map{}})
		tags = nil
	case t.size >= v.limit:
		t = &tables{floor: t.began, began: n - 1, young: &sync.Map{}, old: t.young}
		v.tables.Store(t)
	}
	for _, tag := range tags {
		if _, known := t.young.Swap(tag, n); !known {
			t.size += 1 + len(tag)/usualTag
		}
	}
	// The tags first, then the number: who reads the new number sees the tags.
	v.last.Store(n)
}

// stale reports whether one of tags was evicted after number seq.
func (v *evictions) stale(seq uint64, tags []tagName) bool {
	t := v.tables.Load()
	if seq < t.floor {
		return true
	}
	for _, tag := range tags {
		n, ok := t.young.Load(tag)
		if !ok {
			n, ok = t.old.Load(tag)
		}
		if ok && n.(uint64) > seq {
			return true
		}
	}
	return false
}
