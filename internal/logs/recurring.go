package logs

import (
	"log/slog"
	"sync"
	"time"
)

// Recurring counts what strangers can cause as often as they like: the log has a line at once,
// and then one a minute at most, with the number since the last one. The zero value is ready.
type Recurring struct {
	mu    sync.Mutex
	n     int  // since the last line
	timer bool // a line is due
}

// reportEvery is the shortest time between two lines.
const reportEvery = time.Minute

// Add counts one more. line is the message of the line, the same in each call.
func (r *Recurring) Add(log *slog.Logger, line string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.n++; !r.timer {
		r.report(log, line)
	}
}

// report writes the line, and schedules the next one. The caller holds the lock.
func (r *Recurring) report(log *slog.Logger, line string) {
	log.Warn(line, "n", r.n) //nolint:sloglint // line is a constant of the caller
	r.n, r.timer = 0, true
	time.AfterFunc(reportEvery, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.timer = false; r.n > 0 {
			r.report(log, line)
		}
	})
}
