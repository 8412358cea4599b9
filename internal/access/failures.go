package access

import (
	"hash/maphash"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"zoomql/internal/logs"
)

const (
	// addresses is how many addresses are counted apart, by their hashes: a table of 64
	// KiB, however many there are. Two with the same hash delay each other's wrong
	// keys.
	addresses = 1 << 12
	// An address may send freeFailures wrong keys before its answers are delayed, and
	// one more in each failureLife, so that a mistyped key is not delayed. The ForAll
	// pair counts all addresses together.
	freeFailures  = 10
	failureLife   = 6 * time.Second
	freeForAll    = 500
	failureForAll = 100 * time.Millisecond
	// delayStep is how much later the answer to each further wrong key comes, and
	// longestDelay the latest.
	delayStep    = 50 * time.Millisecond
	longestDelay = 2 * time.Second
	// maxDelayed bounds how many answers are delayed at once, and with them the
	// connections. Further ones are answered at once, and their connections closed.
	maxDelayed = 256
)

// failures counts wrong keys and delays the answers to them. Requests with a valid key
// bypass it.
type failures struct {
	log     *slog.Logger
	counted logs.Recurring
	seed    maphash.Seed
	delayed chan struct{}

	mu  sync.Mutex
	all bucket
	by  [addresses]bucket
}

func newFailures(log *slog.Logger) *failures {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &failures{log: log, seed: maphash.MakeSeed(), delayed: make(chan struct{}, maxDelayed)}
}

// bucket is a leaky bucket of failures.
type bucket struct {
	n  int
	at int64 // when the last one leaked, or the first was added, in Unix nanoseconds
}

// add counts a failure and returns for how long to delay the answer.
func (b *bucket) add(now int64, free int, life time.Duration) time.Duration {
	leaked := (now - b.at) / int64(life)
	if b.n -= int(min(leaked, int64(b.n))); b.n == 0 {
		b.at = now
	} else {
		b.at += leaked * int64(life)
	}
	most := free + int(longestDelay/delayStep)
	b.n = min(b.n+1, most) // or it would take days to drain
	return time.Duration(max(b.n-free, 0)) * delayStep
}

// delay counts a wrong key and returns when the answer to it may be sent.
func (f *failures) delay(w http.ResponseWriter, r *http.Request) {
	wait := f.add(r.RemoteAddr)
	if wait == 0 {
		return
	}
	select {
	case f.delayed <- struct{}{}:
		defer func() { <-f.delayed }()
	default:
		w.Header().Set("Connection", "close")
		return
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-r.Context().Done():
	}
}

func (f *failures) add(remote string) time.Duration {
	f.counted.Add(f.log, "wrong keys were shown")
	slot := maphash.String(f.seed, network(remote)) % addresses
	f.mu.Lock()
	defer f.mu.Unlock()
	now := time.Now().UnixNano()
	return max(f.by[slot].add(now, freeFailures, failureLife), f.all.add(now, freeForAll, failureForAll))
}

// network returns the key of a count: an IPv4 address, or the /64 network of an IPv6
// address, since one machine may use all addresses of it.
func network(remote string) string {
	host, _, err := net.SplitHostPort(remote)
	if err != nil {
		return remote
	}
	ip, err := netip.ParseAddr(host)
	if err != nil || ip.Unmap().Is4() {
		return host
	}
	prefix, err := ip.WithZone("").Prefix(64)
	if err != nil {
		return host
	}
	return prefix.String()
}
