package rosters

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"zoomql/internal/events"
)

// Runs finds the meetings and webinars of the instances that Zoom's events name: those of the last
// hour when it is first used, and new ones until it is unused for indexIdle. The zero value is ready.
type Runs struct {
	mu        sync.Mutex
	current   *index // nil while it is unused
	idleTimer *time.Timer
}

// NamedRun is an instance of a meeting or webinar, by the events that name it.
type NamedRun struct {
	// Account is Zoom's id of the account of the meeting or webinar.
	Account string
	// Number is that of the meeting or webinar.
	Number string
	// Webinar says that it is an instance of a webinar.
	Webinar bool

	ended bool
	last  time.Time // of its events
}

const (
	// indexIdle is how long an unused index is kept.
	indexIdle = 10 * time.Minute
	// indexWithin is how long after the index was opened queries wait for it.
	indexWithin = time.Second
	// maxIndexed bounds the instances of an index.
	maxIndexed = 20_000
)

// index has the instances of the events of the last hour, and of later events.
type index struct {
	opened time.Time
	ready  chan struct{}

	// Set before ready is closed:
	err error
	sub *events.Subscription

	mu     sync.Mutex
	byUUID map[string]NamedRun
	lost   bool // an event may have been lost
}

// Find returns the instance of a UUID in the events that bus delivers for the account served. ok is
// false if none names it, or if the events are not read within indexWithin; with patient, Find waits
// until ctx ends instead, and returns its error.
func (x *Runs) Find(ctx context.Context, bus *events.Bus, served, uuid string, patient bool) (found NamedRun, ok bool, err error) {
	i := x.opened(bus, served)
	if !i.await(ctx, patient) {
		return found, false, ctx.Err()
	}
	if i.err != nil {
		x.drop(i)
		return found, false, i.err
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	found, ok = i.byUUID[uuid]
	return found, ok, nil
}

// await waits until the index is ready, and reports whether it is.
func (i *index) await(ctx context.Context, patient bool) bool {
	select {
	case <-i.ready: // even if the deadline has passed
		return true
	default:
	}
	if !patient {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, i.opened.Add(indexWithin))
		defer cancel()
	}
	select {
	case <-i.ready:
		return true
	case <-ctx.Done():
		return false
	}
}

// opened returns the current index. It opens a new one if there is none, or if that may lack events.
func (x *Runs) opened(bus *events.Bus, served string) *index {
	x.mu.Lock()
	defer x.mu.Unlock()
	if i := x.current; i != nil && i.isLost() {
		go i.close()
		x.current = nil
	}
	if x.current == nil {
		i := &index{opened: time.Now(), ready: make(chan struct{}), byUUID: map[string]NamedRun{}}
		x.current = i
		go i.fill(bus, served)
	}
	if x.idleTimer != nil {
		x.idleTimer.Stop()
	}
	i := x.current
	x.idleTimer = time.AfterFunc(indexIdle, func() { x.drop(i) })
	return i
}

// drop closes an index, if it is the current one.
func (x *Runs) drop(i *index) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.current == i {
		x.current = nil
		go i.close()
	}
}

// fill subscribes to new events, and reads those of the last hour.
func (i *index) fill(bus *events.Bus, served string) {
	defer close(i.ready)
	ctx, cancel := context.WithTimeout(context.Background(), seedWithin)
	defer cancel()
	filter := events.Filter{Served: served}
	i.sub, _, i.err = bus.Watch(ctx, filter, i.add)
	if i.err == nil {
		i.err = bus.Past(ctx, filter, i.add)
	}
}

func (i *index) close() {
	<-i.ready
	if i.sub != nil {
		i.sub.Close()
	}
}

func (i *index) isLost() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.lost
}

// add adds the instance that an event names; nil means that an event may have been lost.
func (i *index) add(e *events.Stored) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if e == nil {
		i.lost = true
		return
	}
	kind, action, _ := strings.Cut(e.Name, ".")
	numbers, uuids := e.Meetings(), e.Instances()
	if kind != "meeting" && kind != "webinar" || action != "started" && action != "ended" && !strings.HasPrefix(action, "participant_") || len(numbers) == 0 || len(uuids) == 0 {
		return
	}
	run := i.byUUID[uuids[0]]
	run.Account, run.Number, run.Webinar, run.ended = e.AccountID, numbers[0], e.OfWebinar(), run.ended || action == "ended"
	if e.Time.After(run.last) {
		run.last = e.Time
	}
	i.byUUID[uuids[0]] = run
	if len(i.byUUID) > maxIndexed {
		i.evict()
	}
}

// evict removes a quarter of the instances: first those that have ended, then those whose last event
// is the oldest. The caller holds the lock.
func (i *index) evict() {
	ended := func(run NamedRun) int {
		if run.ended {
			return 0
		}
		return 1
	}
	oldest := slices.SortedFunc(maps.Keys(i.byUUID), func(a, b string) int {
		one, other := i.byUUID[a], i.byUUID[b]
		return cmp.Or(ended(one)-ended(other), one.last.Compare(other.last), cmp.Compare(a, b))
	})
	for _, uuid := range oldest[:len(oldest)/4] {
		delete(i.byUUID, uuid)
	}
}
