package cache

import (
	"math"
	"runtime"
	"runtime/metrics"
	"strconv"
	"testing"
	"time"
)

// BenchmarkFull fills a Memory to its limit with a million keys, then reads
// and replaces them, and reports the size of the heap, as a part of the limit, and
// the pauses of the garbage collector: the median and the 99th percentile. The latter
// should be below 10 ms on an idle machine: where other processes use the cores, a
// pause lasts until the last thread is scheduled again.
func BenchmarkFull(b *testing.B) {
	const keys, size = 1_000_000, 200
	ctx := b.Context()
	before := heap()
	// A little less than a million entries weigh, so that the limit takes effect.
	limit := int64(keys) * int64(weight(key(0), Ticket{names: namesOf(tagsOf(0), nil)}, sized(size))) * 95 / 100
	s := NewMemory(limit)
	set := func(i int) {
		_, ticket := s.Get(ctx, key(i), tagsOf(i)...)
		s.Set(ctx, key(i), ticket, sized(size))
	}
	for i := range keys {
		set(i)
	}
	pauses := gcPauses()
	i := 0
	for b.Loop() {
		for range 1000 { // nine reads for each new entry
			if i++; i%10 == 0 {
				set(keys + i)
			} else {
				s.Get(ctx, key(i%keys))
			}
		}
	}
	collect(func() {
		for range 1000 {
			i++
			set(keys + i)
		}
	})
	after := gcPauses()
	s.items.CleanUp()
	used := float64(heap()-before) / float64(limit)
	b.ReportMetric(float64(s.items.EstimatedSize()), "entries")
	b.ReportMetric(float64(limit)/(1<<20), "limit-MiB")
	b.ReportMetric(used, "heap/limit")
	b.ReportMetric(quantile(pauses, after, 0.5)*1000, "pause-p50-ms")
	b.ReportMetric(quantile(pauses, after, 0.99)*1000, "pause-p99-ms")
	if used > 1.1 {
		b.Errorf("the heap holds %.3f of the limit, want ≤ 1.1", used)
	}
	runtime.KeepAlive(s)
}

func key(i int) string { return "0123456789abcdef" + strconv.Itoa(1_000_000_000+i) }

func tagsOf(i int) []Tag {
	return []Tag{NewTag("meeting", strconv.Itoa(i)), NewTag("user", strconv.Itoa(i))}
}

// sized returns an entry whose decoded form takes n bytes.
func sized(n int) *Entry {
	e := Decoded(make([]byte, n), nil)
	e.Size, e.Expires = n, time.Now().Add(time.Hour)
	return e
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// collect runs the garbage collector often between pieces of work. By itself it would run
// too seldom to measure.
func collect(work func()) {
	for range 60 {
		work()
		runtime.GC()
	}
}

// gcPauses returns the pauses of the garbage collector so far, in seconds.
func gcPauses() *metrics.Float64Histogram {
	sample := []metrics.Sample{{Name: "/sched/pauses/total/gc:seconds"}}
	metrics.Read(sample)
	return sample[0].Value.Float64Histogram()
}

// quantile returns the upper end of the bucket in which a quantile of the pauses between
// two readings lies.
func quantile(from, to *metrics.Float64Histogram, part float64) float64 {
	var all, sum uint64
	for i := range to.Counts {
		all += to.Counts[i] - from.Counts[i]
	}
	for i := range to.Counts {
		sum += to.Counts[i] - from.Counts[i]
		if all > 0 && float64(sum) >= part*float64(all) {
			return to.Buckets[i+1]
		}
	}
	return math.NaN()
}
