package gateway

import (
	"math"
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"testing"
	"time"
)

// How much garbage there may be follows what is alive, and what was set stays.
func TestSpareCollector(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(50))
	percent := func() int {
		p := debug.SetGCPercent(100)
		debug.SetGCPercent(p)
		return p
	}
	var subscriptions atomic.Int64
	counts := func() (int, int) { return 0, int(subscriptions.Load()) }
	spareCollector(counts)
	if p := percent(); p != 50 {
		t.Errorf("a setting of 50 became %d", p)
	}
	debug.SetGCPercent(100)
	spareCollector(counts)
	becomes := func(what string, is func(int) bool) {
		t.Helper()
		end := time.Now().Add(patience)
		for !is(percent()) {
			if time.Now().After(end) {
				t.Fatalf("%s: GOGC is %d", what, percent())
			}
			runtime.GC()
		}
	}
	becomes("little is alive", func(p int) bool { return p > 150 })
	func() {
		much := make([]byte, 3*roomForGarbage)
		defer runtime.KeepAlive(much)
		becomes("much is alive", func(p int) bool { return p == 100 })
		subscriptions.Store(2 * roomForGarbage / subscriberMemory)
		defer subscriptions.Store(0)
		becomes("most of it for subscribers", func(p int) bool { return p < 60 })
	}()
	becomes("little again", func(p int) bool { return p > 150 })
}

// TestLimitMemory checks that the limit follows from the promise, with the number of subscribers, and
// that a limit of the operator's stays.
func TestLimitMemory(t *testing.T) {
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(math.MaxInt64))
	var connections, subscriptions atomic.Int64
	counts := func() (int, int) { return int(connections.Load()), int(subscriptions.Load()) }
	limitMemory(64<<20, counts)
	first := debug.SetMemoryLimit(-1)
	if first <= 128<<20 || first >= promised(64<<20) {
		t.Errorf("the limit is %d MiB", first>>20)
	}
	becomes := func(want int64) {
		t.Helper()
		end := time.Now().Add(patience)
		for debug.SetMemoryLimit(-1) != want {
			if time.Now().After(end) {
				t.Fatalf("the limit is %d MiB, want %d", debug.SetMemoryLimit(-1)>>20, want>>20)
			}
			runtime.GC()
		}
	}
	connections.Store(10_000)
	subscriptions.Store(20_000)
	becomes(first + 30_000*subscriberMemory)
	connections.Store(0)
	subscriptions.Store(0)
	becomes(first)
	debug.SetMemoryLimit(50 << 20)
	limitMemory(64<<20, counts)
	if n := debug.SetMemoryLimit(-1); n != 50<<20 {
		t.Errorf("a limit of 50 MiB became %d MiB", n>>20)
	}
}
