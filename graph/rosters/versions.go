package rosters

import (
	"context"
	"slices"
	"sync"
	"time"

	"zoomql/internal/attendance"
	"zoomql/internal/roster"
)

// history has the versions of a roster's instances. They are made while it has followers. The zero
// value is ready.
type history struct {
	mu        sync.Mutex
	followers int
	stop      context.CancelFunc
	versions  []*Version    // the latest of each instance; nil before the first
	changed   chan struct{} // closed when there are others
}

// Version is a version of the history of an instance. It MUST NOT be changed.
type Version struct {
	*roster.Run
	// Number counts the versions of this instance, from 1 on.
	Number int
	// Read is when the version was made.
	Read time.Time
	// Settled is false for an instance that has ended until all participants have left or endGrace
	// has passed.
	Settled bool
	// Planned has the scheduled date of the instance, for all versions.
	Planned *PlannedOnce

	endSeen time.Time // when the first version with an end was made
}

const (
	// versionEvery is the shortest time between two versions. It is longer than that of rosters,
	// since computing an attendance takes longer.
	versionEvery = time.Second
	// endGrace is how long the last version waits for the leave events that follow the end of an
	// instance.
	endGrace = 10 * time.Second
)

// join adds a follower. The first one starts the goroutine that makes versions.
func (h *history) join(s *Roster) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.changed == nil {
		h.changed = make(chan struct{})
	}
	if h.followers++; h.followers > 1 {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	h.stop = cancel
	go h.watch(ctx, s)
}

func (h *history) leave() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.followers--; h.followers == 0 {
		h.stop()
	}
}

// watch makes versions when events or lists have been added to the roster, until ctx ends.
func (h *history) watch(ctx context.Context, s *Roster) {
	select {
	case <-s.ready:
	case <-ctx.Done():
		return
	}
	if s.err != nil {
		return
	}
	next := time.NewTimer(0)
	defer next.Stop()
	for {
		select {
		case <-next.C:
		case <-ctx.Done():
			return
		}
		changed := s.room.Applied()
		var settle <-chan time.Time
		if h.publish(s.room.Runs(), time.Now()) {
			settle = time.After(endGrace)
		}
		next.Reset(versionEvery)
		select {
		case <-changed:
		case <-settle:
		case <-ctx.Done():
			return
		}
	}
}

// publish makes a version of each instance that has changed. unsettled reports whether it is to be
// called again after endGrace, even if nothing changes.
func (h *history) publish(runs []*roster.Run, now time.Time) (unsettled bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	next, changed := make([]*Version, len(runs)), h.versions == nil
	for i, run := range runs {
		v := &Version{Run: run, Number: 1, Read: now, Planned: &PlannedOnce{}}
		at := slices.IndexFunc(h.versions, func(before *Version) bool { return before.ID == run.ID })
		if at >= 0 {
			v.Number, v.endSeen, v.Planned = h.versions[at].Number+1, h.versions[at].endSeen, h.versions[at].Planned
		}
		if v.endSeen.IsZero() && !run.Ended.IsZero() {
			v.endSeen = now
		}
		v.Settled = run.Ended.IsZero() || !run.GoesOn() || now.Sub(v.endSeen) >= endGrace
		unsettled = unsettled || !v.Settled
		if next[i] = v; at >= 0 && h.versions[at].Settled == v.Settled && h.versions[at].same(run) {
			next[i] = h.versions[at]
		} else {
			changed = true
		}
	}
	h.versions = next
	if changed {
		close(h.changed)
		h.changed = make(chan struct{})
	}
	return unsettled
}

// same reports whether a history equals that of the version, apart from AsOf and People.
func (v *Version) same(run *roster.Run) bool {
	return v.UUID == run.UUID && v.Started.Equal(run.Started) && v.Ended.Equal(run.Ended) && v.Whole == run.Whole &&
		slices.EqualFunc(v.Stays, run.Stays, func(a, b *roster.Participant) bool { return *a == *b })
}

func (h *history) now() (versions []*Version, changed <-chan struct{}) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.versions, h.changed
}

// PlannedOnce has the scheduled date of an instance, which is read once: a change of the schedule
// during the instance does not change who was late. The zero value is ready.
type PlannedOnce struct {
	mu   sync.Mutex
	date *attendance.Schedule
}

// Of returns the date. It calls read unless an earlier call has read it without an error.
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

// known returns the date; nil if it has not been read.
func (o *PlannedOnce) known() *attendance.Schedule {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.date
}

// FollowRuns makes versions of the roster's instances until [Roster.LeaveRuns].
func (s *Roster) FollowRuns() { s.history.join(s) }

// LeaveRuns MUST be called once for each [Roster.FollowRuns].
func (s *Roster) LeaveRuns() { s.history.leave() }

// Runs returns the latest version of each instance, the oldest instance first, and a channel that is
// closed when there are others. The versions are nil before the first.
func (s *Roster) Runs() (versions []*Version, changed <-chan struct{}) { return s.history.now() }
