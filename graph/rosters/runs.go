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

// Runs knows which runs Zoom's events of the last hour have named, and whether these go
// on. It is kept up to date while somebody asks. The zero value is ready.
type Runs struct {
	mu   sync.Mutex
	open *openIndex
	idle *time.Timer
}

// NamedRun is a run as events name it.
type NamedRun struct {
	// Account is Zoom's id of the account that it is in.
	Account string
	// Number is that of the meeting or webinar.
	Number string
	// Webinar says that it is a run of a webinar.
	Webinar bool

	ended bool
	last  time.Time // of its events
}

const (
	// indexIdle is how long the index is kept up to date when nobody asks any more.
	indexIdle = 10 * time.Minute
	// indexWithin is how long a query waits for the index to be read. Then it does without.
	indexWithin = time.Second
	// maxIndexed is how many runs it knows.
	maxIndexed = 20_000
)

// openIndex is an index that is kept up to date.
type openIndex struct {
	began time.Time
	ready chan struct{}

	// Once ready is closed:
	err error
	sub *events.Subscription

	mu   sync.Mutex
	of   map[string]NamedRun // by UUID
	lost bool                // events may be
}

// Find returns the run of a UUID. Where it is not known in time, ok is false; patient waits
// for as long as ctx lasts, and has the error of reading the events.
func (x *Runs) Find(ctx context.Context, bus *events.Bus, served, uuid string, patient bool) (found NamedRun, ok bool, err error) {
	o := x.opened(bus, served)
	if !o.await(ctx, patient) {
		return found, false, ctx.Err()
	}
	if o.err != nil {
		x.drop(o)
		return found, false, o.err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	found, ok = o.of[uuid]
	return found, ok, nil
}

// await waits until the index is read, and reports whether it is.
func (o *openIndex) await(ctx context.Context, patient bool) bool {
	select {
	case <-o.ready: // also long after it was opened
		return true
	default:
	}
	if !patient {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, o.began.Add(indexWithin))
		defer cancel()
	}
	select {
	case <-o.ready:
		return true
	case <-ctx.Done():
		return false
	}
}

// opened returns the index, which it opens where there is none, or where it may lack events.
func (x *Runs) opened(bus *events.Bus, served string) *openIndex {
	x.mu.Lock()
	defer x.mu.Unlock()
	if o := x.open; o != nil && o.isLost() {
		go o.close()
		x.open = nil
	}
	if x.open == nil {
		o := &openIndex{began: time.Now(), ready: make(chan struct{}), of: map[string]NamedRun{}}
		x.open = o
		go o.fill(bus, served)
	}
	if x.idle != nil {
		x.idle.Stop()
	}
	o := x.open
	x.idle = time.AfterFunc(indexIdle, func() { x.drop(o) })
	return o
}

// drop ends an index.
func (x *Runs) drop(o *openIndex) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.open == o {
		x.open = nil
		go o.close()
	}
}

// fill reads which runs there were, while it is told of those that come.
func (o *openIndex) fill(bus *events.Bus, served string) {
	defer close(o.ready)
	ctx, cancel := context.WithTimeout(context.Background(), seedWithin)
	defer cancel()
	filter := events.Filter{Served: served}
	o.sub, _, o.err = bus.Watch(ctx, filter, o.take)
	if o.err == nil {
		o.err = bus.Past(ctx, filter, o.take)
	}
}

func (o *openIndex) close() {
	<-o.ready
	if o.sub != nil {
		o.sub.Close()
	}
}

func (o *openIndex) isLost() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.lost
}

// take notes the run that an event names; nil is that events may be lost.
func (o *openIndex) take(e *events.Stored) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if e == nil {
		o.lost = true
		return
	}
	kind, what, _ := strings.Cut(e.Name, ".")
	numbers, uuids := e.Meetings(), e.Instances()
	if kind != "meeting" && kind != "webinar" || what != "started" && what != "ended" && !strings.HasPrefix(what, "participant_") || len(numbers) == 0 || len(uuids) == 0 {
		return
	}
	run := o.of[uuids[0]]
	run.Account, run.Number, run.Webinar, run.ended = e.AccountID, numbers[0], e.OfWebinar(), run.ended || what == "ended"
	if e.Time.After(run.last) {
		run.last = e.Time
	}
	o.of[uuids[0]] = run
	if len(o.of) > maxIndexed {
		o.forget()
	}
}

// forget forgets a quarter of the runs: first those that have ended, and then those of which
// nothing was told for longest. The caller holds the lock.
func (o *openIndex) forget() {
	ended := func(run NamedRun) int {
		if run.ended {
			return 0
		}
		return 1
	}
	oldest := slices.SortedFunc(maps.Keys(o.of), func(a, b string) int {
		one, other := o.of[a], o.of[b]
		return cmp.Or(ended(one)-ended(other), one.last.Compare(other.last), cmp.Compare(a, b))
	})
	for _, uuid := range oldest[:len(oldest)/4] {
		delete(o.of, uuid)
	}
}
