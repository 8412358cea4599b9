package gateway

import (
	"math"
	"runtime"
	"runtime/debug"
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
	spareCollector()
	if p := percent(); p != 50 {
		t.Errorf("a setting of 50 became %d", p)
	}
	debug.SetGCPercent(100)
	spareCollector()
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
	}()
	becomes("little again", func(p int) bool { return p > 150 })
}

// TestLimitMemory checks that the limit follows from the promise, and that a limit of the operator's
// stays.
func TestLimitMemory(t *testing.T) {
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(math.MaxInt64))
	limitMemory(64 << 20)
	if n := debug.SetMemoryLimit(-1); n <= 128<<20 || n >= promised(64<<20) {
		t.Errorf("the limit is %d MiB", n>>20)
	}
	debug.SetMemoryLimit(50 << 20)
	limitMemory(64 << 20)
	if n := debug.SetMemoryLimit(-1); n != 50<<20 {
		t.Errorf("a limit of 50 MiB became %d MiB", n>>20)
	}
}
