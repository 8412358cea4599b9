package logs

import (
	"log/slog"
	"sync"
	"time"
)

// Recurring counts occurrences that strangers can cause at any rate. It logs the first one at once,
// and then at most one line a minute, with their number since the last line. The zero value is
// ready.
type Recurring struct {
	mu    sync.Mutex
	n     int  // since the last line
	timer bool // a timer for the next line is running
}

// reportEvery is the shortest time between two lines.
const reportEvery = time.Minute

// Add counts an occurrence. line is the message, the same in each call. The lines that follow the
// first one have the attributes of its logger, also if other loggers are passed in between.
func (r *Recurring) Add(log *slog.Logger, line string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.n++; !r.timer {
		r.report(log, line)
	}
}

// RecurringBy is a [Recurring] for each of several reasons. The zero value is ready.
type RecurringBy struct {
	mu sync.Mutex
	by map[string]*Recurring
}

// Add counts an occurrence for a reason. Reasons MUST be constants of the program, so that
// strangers cannot cause more of them.
func (r *RecurringBy) Add(reason string, log *slog.Logger, line string) {
	r.mu.Lock()
	if r.by == nil {
		r.by = map[string]*Recurring{}
	}
	one := r.by[reason]
	if one == nil {
		one = &Recurring{}
		r.by[reason] = one
	}
	r.mu.Unlock()
	one.Add(log, line)
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
