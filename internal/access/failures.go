package access

import (
	"hash/maphash"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"
)

const (
	// addresses is how many addresses are told apart, by their hashes: a table of
	// 64 KiB, however many there are. Two that share a place slow each other's
	// wrong keys.
	addresses = 1 << 12
	// A caller may be wrong this often before it is slowed, and once more as often
	// as this passes: who mistypes a key is not.
	freeFailures  = 10
	failureLife   = 6 * time.Second
	freeForAll    = 500
	failureForAll = 100 * time.Millisecond
	// delayStep is how much later the answer to each further wrong key comes, and
	// longestDelay the latest.
	delayStep    = 50 * time.Millisecond
	longestDelay = 2 * time.Second
	// maxDelayed bounds how many answers are held back at once, and with them the
	// connections. What is beyond it is answered at once, and its connection closed.
	maxDelayed = 256
	// reportEvery is the least time between two lines of the log.
	reportEvery = time.Minute
)

// failures slows those who show wrong keys, and counts them. It never looks at a
// right one: whoever else is slowed, its holder is not.
type failures struct {
	log     *slog.Logger
	seed    maphash.Seed
	delayed chan struct{}

	mu    sync.Mutex
	all   bucket
	by    [addresses]bucket
	count int  // since the last report
	timer bool // a report is due
}

func newFailures(log *slog.Logger) *failures {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &failures{log: log, seed: maphash.MakeSeed(), delayed: make(chan struct{}, maxDelayed)}
}

// bucket counts failures and forgets one at a time.
type bucket struct {
	n  int
	at int64 // when the oldest of n begins to be forgotten, in nanoseconds
}

// add counts a failure and returns for how long to hold the answer back.
func (b *bucket) add(now int64, free int, life time.Duration) time.Duration {
	forgotten := (now - b.at) / int64(life)
	if b.n -= int(min(forgotten, int64(b.n))); b.n == 0 {
		b.at = now
	} else {
		b.at += forgotten * int64(life)
	}
	most := free + int(longestDelay/delayStep)
	b.n = min(b.n+1, most) // or it would take days to be forgiven
	return time.Duration(max(b.n-free, 0)) * delayStep
}

// hold counts a wrong key and returns when the answer to it may go.
func (f *failures) hold(w http.ResponseWriter, r *http.Request) {
	delay := f.add(r.RemoteAddr)
	if delay == 0 {
		return
	}
	select {
	case f.delayed <- struct{}{}:
		defer func() { <-f.delayed }()
	default:
		w.Header().Set("Connection", "close")
		return
	}
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-r.Context().Done():
	}
}

func (f *failures) add(remote string) time.Duration {
	place := maphash.String(f.seed, network(remote)) % addresses
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.count++; !f.timer {
		f.report()
	}
	now := time.Now().UnixNano()
	return max(f.by[place].add(now, freeFailures, failureLife), f.all.add(now, freeForAll, failureForAll))
}

// report logs how many there were, and sees to the next line. The caller holds the
// lock.
func (f *failures) report() {
	f.log.Warn("wrong keys were shown", "n", f.count)
	f.count, f.timer = 0, true
	time.AfterFunc(reportEvery, func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		if f.timer = false; f.count > 0 {
			f.report()
		}
	})
}

// network returns what is counted together: an address, or of IPv6 the network, in
// which one machine has as many addresses as it likes.
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
