package cache

import (
	"log/slog"
	"sync"
	"time"
)

// uncoordinatedEvery is the least time between two log lines of [uncoordinated].
const uncoordinatedEvery = time.Minute

// uncoordinated counts the calls of the origin that no lease covers. Each of them
// may be one call too many.
type uncoordinated struct {
	log *slog.Logger

	mu       sync.Mutex
	count    uint64
	reported uint64    // of count
	at       time.Time // of the last report
}

func (u *uncoordinated) add() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.count++
	now := time.Now()
	if !u.at.IsZero() && now.Sub(u.at) < uncoordinatedEvery {
		return
	}
	u.log.Warn("cache: asked the origin without agreement", "n", u.count-u.reported)
	u.reported, u.at = u.count, now
}
