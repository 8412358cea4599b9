package cache

import (
	"log/slog"
	"sync"
	"time"
)

// unleasedLogInterval is the shortest time between two log lines of [unleasedCalls].
const unleasedLogInterval = time.Minute

// unleasedCalls counts the calls to the origin that no lease covers: Redis did not
// reply, or another process took the lease before the answer came. Each of them may be
// one call too many.
type unleasedCalls struct {
	log *slog.Logger

	mu       sync.Mutex
	count    uint64
	logged   uint64    // of count
	loggedAt time.Time // the last time
}

func (u *unleasedCalls) add() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.count++
	now := time.Now()
	if !u.loggedAt.IsZero() && now.Sub(u.loggedAt) < unleasedLogInterval {
		return
	}
	u.log.Warn("cache: called the origin without a lease", "calls", u.count-u.logged)
	u.logged, u.loggedAt = u.count, now
}
