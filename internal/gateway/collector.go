package gateway

import (
	"math"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

// roomForGarbage is how much garbage is let grow before it is collected, where what
// is alive is less.
const roomForGarbage = 64 << 20

// spareCollector has the collector run seldom while the heap is small. By itself it
// lets garbage grow to as much as is alive: a gateway that keeps little and answers
// ten thousand questions a second from it would spend a tenth of its time on reading
// the same heap several times a second. A GOGC that was set stays, and GOMEMLIMIT
// holds in any case.
func spareCollector() {
	const usual = 100
	if set := debug.SetGCPercent(usual); set != usual {
		debug.SetGCPercent(set)
		return
	}
	percent := usual
	alive := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	adjust := func() {
		metrics.Read(alive)
		now := max(usual, int(roomForGarbage*100/max(alive[0].Value.Uint64(), 1<<20)))
		if now*10 < percent*9 || now*9 > percent*10 { // each change stops all for a moment
			percent = now
			debug.SetGCPercent(now)
		}
	}
	// An object that nobody holds is found by each collection: then is the time.
	type mark struct{ _ *byte } // a pointer, so that it has a place of its own
	var again func(*mark)
	again = func(m *mark) {
		adjust()
		runtime.SetFinalizer(m, again)
	}
	again(&mark{})
}

const (
	// ownMemory is what the gateway needs when it is busy, besides what CACHE_BYTES is
	// for: the README promises it.
	ownMemory = 100 << 20
	// outside is how much of it the collector knows nothing of, such as the program.
	outside = 32 << 20
)

// promised is how much memory the gateway takes at most.
func promised(cacheBytes int64) int64 { return ownMemory + 2*cacheBytes }

// limitMemory makes the collector run as soon as the process comes near the promised
// memory. A GOMEMLIMIT of the operator's stays.
func limitMemory(cacheBytes int64) {
	if debug.SetMemoryLimit(-1) == math.MaxInt64 {
		debug.SetMemoryLimit(promised(cacheBytes) - outside)
	}
}
