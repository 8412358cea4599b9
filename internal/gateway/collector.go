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
// the same heap several times a second. What subscribers need, of which counts returns the
// number, lets no more garbage grow, since they make hardly any: up to a half, it is in its
// place. A GOGC that was set stays, and GOMEMLIMIT holds in any case.
func spareCollector(counts func() (connections, subscriptions int)) {
	const usual = 100
	if set := debug.SetGCPercent(usual); set != usual {
		debug.SetGCPercent(set)
		return
	}
	percent := usual
	samples := []metrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/memory/classes/heap/stacks:bytes"}}
	eachCollection(func() {
		metrics.Read(samples)
		alive := int64(max(samples[0].Value.Uint64()+samples[1].Value.Uint64(), 1<<20))
		room := max(roomForGarbage/2, max(roomForGarbage, alive)-subscribersMemory(counts))
		now := int(room * 100 / alive)
		if now*10 < percent*9 || now*9 > percent*10 { // each change stops all for a moment
			percent = now
			debug.SetGCPercent(now)
		}
	})
}

// eachCollection calls f now, and after each collection: an object that nobody holds is found
// by each.
func eachCollection(f func()) {
	type mark struct{ _ *byte } // a pointer, so that it has a place of its own
	var again func(*mark)
	again = func(m *mark) {
		f()
		runtime.SetFinalizer(m, again)
	}
	again(&mark{})
}

const (
	// ownMemory is what the gateway needs when it is busy, besides what CACHE_BYTES is
	// for: the README promises it.
	ownMemory = 100 << 20
	// subscriberMemory is what it needs for each connection of subscriptions, and for each
	// subscription: the README promises their sum.
	subscriberMemory = 16 << 10
	// outside is how much of it the collector knows nothing of, such as the program.
	outside = 32 << 20
)

// promised is how much memory the gateway takes at most without subscribers.
func promised(cacheBytes int64) int64 { return ownMemory + 2*cacheBytes }

// subscribersMemory is how much it takes for subscribers beside.
func subscribersMemory(counts func() (connections, subscriptions int)) int64 {
	connections, subscriptions := counts()
	return int64(connections+subscriptions) * subscriberMemory
}

// limitMemory makes the collector run as soon as the process comes near the promised
// memory, which grows with what counts returns. A GOMEMLIMIT of the operator's stays.
//
// What is promised for subscribers is looked at after each collection: the nearer the limit,
// the more of these there are.
func limitMemory(cacheBytes int64, counts func() (connections, subscriptions int)) {
	if debug.SetMemoryLimit(-1) != math.MaxInt64 {
		return
	}
	limit := int64(0)
	eachCollection(func() {
		now := promised(cacheBytes) + subscribersMemory(counts) - outside
		if now != limit && (limit == 0 || now-limit > limit/64 || limit-now > limit/16) { // each change stops all for a moment
			limit = now
			debug.SetMemoryLimit(now)
		}
	})
}
