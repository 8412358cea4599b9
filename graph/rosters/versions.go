package rosters

import (
	"context"
	"slices"
	"sync"
	"time"

	"zoomql/internal/attendance"
	"zoomql/internal/roster"
)

// history is the runs of a roster, made anew while somebody follows who attends them. The
// zero value is ready.
type history struct {
	mu      sync.Mutex
	users   int
	stop    context.CancelFunc
	runs    []*Version
	changed chan struct{} // closed when there is another version
}

// Version is a version of a run. It MUST NOT be changed.
type Version struct {
	*roster.Run
	// Number counts the versions of this run, from 1 on.
	Number int
	// Read is when the version was made.
	Read time.Time
	// Settled says that no more is waited for of a run that has ended.
	Settled bool
	// Planned is when the run was planned for, the same for all versions.
	Planned *PlannedOnce

	ended time.Time // when the end was seen
}

const (
	// attendanceEvery is the least time between two versions: working one out takes longer
	// than a roster does.
	attendanceEvery = time.Second
	// endGrace is how long after its end the last version of a run waits for events of those
	// who left with it.
	endGrace = 10 * time.Second
)

// join begins to make versions, unless that is under way.
func (h *history) join(s *Roster) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.changed == nil {
		h.changed = make(chan struct{})
	}
	if h.users++; h.users > 1 {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	h.stop = cancel
	go h.look(ctx, s)
}

func (h *history) leave() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.users--; h.users == 0 {
		h.stop()
	}
}

func (h *history) look(ctx context.Context, s *Roster) {
	select {
	case <-s.ready:
	case <-ctx.Done():
		return
	}
	if s.err != nil {
		return
	}
	pace := time.NewTimer(0)
	defer pace.Stop()
	for {
		select {
		case <-pace.C:
		case <-ctx.Done():
			return
		}
		_, changed := s.room.Now()
		var late <-chan time.Time
		if h.publish(s.room.Runs(), time.Now()) {
			late = time.After(endGrace)
		}
		pace.Reset(attendanceEvery)
		select {
		case <-changed:
		case <-late:
		case <-ctx.Done():
			return
		}
	}
}

// publish makes a version of each run that has changed. It reports whether it is to be called
// again though nothing changes: somebody is there still in a run that has ended.
func (h *history) publish(runs []*roster.Run, now time.Time) (again bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	next, news := make([]*Version, len(runs)), h.runs == nil
	for i, run := range runs {
		v := &Version{Run: run, Number: 1, Read: now, Planned: &PlannedOnce{}}
		at := slices.IndexFunc(h.runs, func(before *Version) bool { return before.ID == run.ID })
		if at >= 0 {
			v.Number, v.ended, v.Planned = h.runs[at].Number+1, h.runs[at].ended, h.runs[at].Planned
		}
		if v.ended.IsZero() && !run.Ended.IsZero() {
			v.ended = now
		}
		v.Settled = run.Ended.IsZero() || !run.GoesOn() || now.Sub(v.ended) >= endGrace
		again = again || !v.Settled
		if next[i] = v; at >= 0 && h.runs[at].Settled == v.Settled && h.runs[at].same(run) {
			next[i] = h.runs[at]
		} else {
			news = true
		}
	}
	h.runs = next
	if news {
		close(h.changed)
		h.changed = make(chan struct{})
	}
	return again
}

// same reports whether a run is told as it was.
func (v *Version) same(run *roster.Run) bool {
	return v.UUID == run.UUID && v.Started.Equal(run.Started) && v.Ended.Equal(run.Ended) && v.Whole == run.Whole &&
		slices.EqualFunc(v.Stays, run.Stays, func(a, b *roster.Participant) bool { return *a == *b })
}

func (h *history) now() (runs []*Version, changed <-chan struct{}) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.runs, h.changed
}

// PlannedOnce is the date of a run, which is read once: who was late does not hang on a change
// of the plan while the run goes on.
type PlannedOnce struct {
	mu   sync.Mutex
	date *attendance.Schedule
}

// Of returns the date, and reads it where nobody has.
func (o *PlannedOnce) Of(read func() (attendance.Schedule, error)) (attendance.Schedule, error) {
	if date := o.known(); date != nil {
		return *date, nil
	}
	date, err := read()
	if err == nil {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.date = &date
	}
	return date, err
}

func (o *PlannedOnce) known() *attendance.Schedule {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.date
}

// FollowRuns begins to make versions of the roster's runs, unless that is under way.
func (s *Roster) FollowRuns() { s.history.join(s) }

// LeaveRuns is called once for each [Roster.FollowRuns].
func (s *Roster) LeaveRuns() { s.history.leave() }

// Runs returns the latest version of each run, oldest first, and what is closed when there
// are others. There are none before the first.
func (s *Roster) Runs() (runs []*Version, changed <-chan struct{}) { return s.history.now() }
