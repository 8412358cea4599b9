package cache_test

import (
	"runtime"
	"strconv"
	"testing"
	"time"

	"zoomql/cache"
)

// TestMemory_heapStaysWithinBound fills a Memory several times over and compares the bound
// with its weight and with the heap of the process.
func TestMemory_heapStaysWithinBound(t *testing.T) {
	const bound, size, sets = 16 << 20, 256, 100_000
	ctx := t.Context()
	used := func() int64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	before := used()
	s := cache.NewMemory(bound)
	for i := range sets {
		key := "GET /meetings/{meetingId} " + strconv.Itoa(i)
		_, ticket := s.Get(ctx, key, cache.NewTag("meeting", strconv.Itoa(i)), cache.NewTag("user", strconv.Itoa(i)))
		e := cache.Decoded(make([]byte, size), nil)
		e.Size, e.Expires = size, time.Now().Add(time.Hour)
		s.Set(ctx, key, ticket, e)
	}
	s.CleanUp()
	w, entries := s.Weight()
	if w > bound || w < bound/2 {
		t.Errorf("%d bytes by weight, bound %d", w, bound)
	}
	if heap := used() - before; heap > bound*9/8 {
		t.Errorf("%d bytes of heap, bound %d", heap, bound)
	} else {
		t.Logf("%d bytes of heap, bound %d, %d entries", heap, bound, entries)
	}
	runtime.KeepAlive(s)
}

func TestMemory_entryLargerThanTheStore(t *testing.T) {
	s := cache.NewMemory(1 << 20)
	s.Set(t.Context(), "small", want(t, s, miss, "small"), entry(1))
	giant := entry(2)
	giant.Size = 2 << 20
	s.Set(t.Context(), "giant", want(t, s, miss, "giant"), giant)
	s.CleanUp()
	want(t, s, miss, "giant")
	want(t, s, 1, "small")
}

// TestMemory_moreEvictedTagsThanRecorded evicts more tags than are recorded: an entry from
// before those that were dropped is a miss, others are not.
func TestMemory_moreEvictedTagsThanRecorded(t *testing.T) {
	const limit = 10
	s, ctx := cache.NewMemoryWithLimit(1<<20, limit), t.Context()
	evict := func(from, to int) {
		for i := from; i < to; i++ {
			s.Evict(ctx, cache.NewTag("x", strconv.Itoa(i)))
		}
	}
	s.Set(ctx, "old", want(t, s, miss, "old", "o"), entry(1))
	s.Set(ctx, "evicted", want(t, s, miss, "evicted", "x:0"), entry(2))
	evict(0, limit)
	s.Set(ctx, "young", want(t, s, miss, "young", "y"), entry(3))
	evict(limit, 2*limit) // x0 is in the old table now
	want(t, s, 1, "old", "o")
	want(t, s, miss, "evicted", "x:0")
	evict(2*limit, 2*limit+1) // and now it is dropped
	want(t, s, miss, "evicted", "x:0")
	want(t, s, miss, "old", "o")
	want(t, s, 3, "young", "y")

	if size := s.EvictedTags(); size > 2*limit {
		t.Errorf("%d tags are recorded, bound %d", size, 2*limit)
	}
}

func TestMemory_sameTagEvictedAgain(t *testing.T) {
	s, ctx := cache.NewMemoryWithLimit(1<<20, 10), t.Context()
	s.Set(ctx, "k", want(t, s, miss, "k", "k"), entry(1))
	for range 1000 {
		s.Evict(ctx, "same")
	}
	want(t, s, 1, "k", "k")
}

func TestMemory_hitAllocatesNothing(t *testing.T) {
	s, ctx, tags := cache.NewMemory(1<<20), t.Context(), []cache.Tag{"a", "b"}
	_, ticket := s.Get(ctx, "k", tags...)
	s.Set(ctx, "k", ticket, entry(1))
	if n := testing.AllocsPerRun(1000, func() { s.Get(ctx, "k", tags...) }); n > 0.01 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkMemoryHit(b *testing.B) {
	s, ctx, tags := cache.NewMemory(1<<20), b.Context(), []cache.Tag{"user:abc", "meeting:123"}
	_, ticket := s.Get(ctx, "k", tags...)
	s.Set(ctx, "k", ticket, entry(1))
	b.Run("NoEviction", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			s.Get(ctx, "k", tags...)
		}
	})
	b.Run("Parallel", func(b *testing.B) {
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				s.Get(ctx, "k", tags...)
			}
		})
	})
	// Each read comes after an eviction of another tag, so tags are compared.
	b.Run("AfterEviction", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			s.CountEviction()
			s.Get(ctx, "k", tags...)
		}
	})
}

func BenchmarkMemorySet(b *testing.B) {
	s, ctx := cache.NewMemory(64<<20), b.Context()
	keys := make([]string, 1<<14)
	for i := range keys {
		keys[i] = "k" + strconv.Itoa(i)
	}
	e := entry(1)
	e.Size, e.Expires = 1000, time.Now().Add(time.Hour)
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		key := keys[i%len(keys)]
		_, ticket := s.Get(ctx, key, "a")
		s.Set(ctx, key, ticket, e)
		i++
	}
}

func BenchmarkMemoryEvict(b *testing.B) {
	s, ctx, tags := cache.NewMemory(1<<20), b.Context(), []cache.Tag{"a", "b"}
	b.ReportAllocs()
	for b.Loop() {
		s.Evict(ctx, tags...)
	}
}

// A ticket is unchanged until anything is evicted, whatever its tags.
func TestUnchanged(t *testing.T) {
	s, ctx := cache.NewMemory(1<<20), t.Context()
	ticket := want(t, s, miss, "k", "a")
	s.Set(ctx, "k", ticket, entry(1))
	if !s.Unchanged(ticket) {
		t.Error("changed by a set")
	}
	s.Evict(ctx, "other")
	if s.Unchanged(ticket) {
		t.Error("unchanged after an eviction of another tag")
	}
	if !s.Unchanged(want(t, s, 1, "k", "a")) {
		t.Error("the ticket of a later hit is changed")
	}
}
