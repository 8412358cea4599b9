package gateway

import (
	"math"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

// roomForGarbage is the garbage, in bytes, that starts a collection if the live heap is
// smaller.
const roomForGarbage = 64 << 20

// spareCollector makes collections rare while the heap is small. By default, garbage grows to
// the size of the live heap: a gateway with a small cache that answers ten thousand requests a
// second from it would spend a tenth of its time on marking the same heap several times a
// second. Subscribers, whose number counts returns, make hardly any garbage: their memory is
// subtracted from the room for it, down to half of roomForGarbage. A GOGC that is set stays,
// and GOMEMLIMIT applies in any case.
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
		if now*10 < percent*9 || now*9 > percent*10 { // each change stops the world
			percent = now
			debug.SetGCPercent(now)
		}
	})
}

// eachCollection calls f now, and after each collection, by the finalizer of an unreachable
// object.
func eachCollection(f func()) {
	type mark struct{ _ *byte } // a pointer, since the finalizer needs an allocation of its own
	var again func(*mark)
	again = func(m *mark) {
		f()
		runtime.SetFinalizer(m, again)
	}
	again(&mark{})
}

const (
	// ownMemory is the memory of a busy gateway without its cache (CACHE_BYTES), as
	// documented in the README.
	ownMemory = 100 << 20
	// subscriberMemory is that of a connection of subscriptions, and that of a subscription.
	// The README documents their sum.
	subscriberMemory = 16 << 10
	// outside is the part of ownMemory that the runtime's memory limit does not include.
	outside = 32 << 20
)

// promised returns the documented maximum of memory without subscribers.
func promised(cacheBytes int64) int64 { return ownMemory + 2*cacheBytes }

// subscribersMemory returns the additional memory for subscribers.
func subscribersMemory(counts func() (connections, subscriptions int)) int64 {
	connections, subscriptions := counts()
	return int64(connections+subscriptions) * subscriberMemory
}

// limitMemory sets the runtime's memory limit to the documented maximum, which grows with the
// numbers that counts returns. A GOMEMLIMIT of the operator stays.
//
// The limit is updated after each collection: the nearer the limit, the more collections
// there are.
func limitMemory(cacheBytes int64, counts func() (connections, subscriptions int)) {
	if debug.SetMemoryLimit(-1) != math.MaxInt64 {
		return
	}
	limit := int64(0)
	eachCollection(func() {
		now := promised(cacheBytes) + subscribersMemory(counts) - outside
		if now != limit && (limit == 0 || now-limit > limit/64 || limit-now > limit/16) { // each change stops the world
			limit = now
			debug.SetMemoryLimit(now)
		}
	})
}
