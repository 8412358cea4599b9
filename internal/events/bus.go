package events

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"zoomql/internal/stream"
)

// Reader reads the stream in which events are stored: [stream.Redis] or [stream.Memory].
type Reader interface {
	// Now returns the cursor of the last message.
	Now(ctx context.Context) (cursor string, err error)
	// After returns a bounded number of messages after a cursor. The error is
	// [stream.ErrExpired] if messages after the cursor may have been dropped.
	After(ctx context.Context, cursor string) ([]stream.Entry, error)
	// Wait returns messages after a cursor as soon as there are any, or none after some
	// seconds.
	Wait(ctx context.Context, cursor string) ([]stream.Entry, error)
	// Renew returns a cursor at the same position that is valid for [stream.MaxAge] from now on. If
	// there are messages after the cursor, it returns that.
	Renew(ctx context.Context, cursor string) (string, error)
}

// Stored is an event that was read from the stream.
type Stored struct {
	*Event
	// Served is the configured account to which the event belongs: its own, or the master
	// account of that.
	Served string
	// Cursor is the position of the event in the stream.
	Cursor string
}

// Filter selects events, by all fields that are set.
type Filter struct {
	// Served is the configured account. It is required.
	Served string
	// Account is the account of the event: Served, or a sub account of it.
	Account string
	// Meeting is the number of a meeting or webinar that the event names.
	Meeting string
	// User is Zoom's id of a user whom the event names, as the host or otherwise.
	User string
	// Names are names of events.
	Names []string
	// Gaps are kinds of gaps of Served that are selected in addition, whatever Account,
	// Meeting, User and Names are.
	Gaps []Gap
}

// has reports whether the filter selects an event.
func (f *Filter) has(e *Stored) bool {
	if e.Gap != "" {
		return slices.Contains(f.Gaps, e.Gap) && e.Served == f.Served
	}
	return e.Served == f.Served && (f.Account == "" || f.Account == e.AccountID) &&
		(f.Meeting == "" || slices.Contains(e.Meetings(), f.Meeting)) &&
		(f.User == "" || slices.Contains(e.Users(), f.User) || slices.Contains(e.Hosts(), f.User)) &&
		(len(f.Names) == 0 || slices.Contains(f.Names, e.Name))
}

// ErrLost is the error of a subscription that may have missed events, because the stream could
// not be read for too long. It wraps [stream.ErrExpired].
var ErrLost = errors.Join(errors.New("events: some may be lost"), stream.ErrExpired)

// Bus delivers the events that any replica has accepted to the subscriptions of this one. It
// reads the stream once for all of them, and only while there are any.
type Bus struct {
	Stream Reader
	Log    *slog.Logger

	mu      sync.Mutex
	at      string        // cursor up to which messages were dispatched; "" while none are read
	started chan struct{} // closed when at is known
	wanted  chan struct{} // closed when there is a subscription
	topics  map[topic]map[*Subscription]struct{}
	callers int // subscriptions, including those that are being opened
}

// topic is the key of subscriptions in a Bus, so that an event is compared only with the
// filters that may select it. meeting is "" for filters without one.
type topic struct{ served, meeting string }

func (f *Filter) topic() topic { return topic{f.Served, f.Meeting} }

const (
	// retryAfter is the time between attempts to read a stream that cannot be read.
	retryAfter = time.Second
	// idleFor is how long the bus continues to read after the last subscription was closed.
	idleFor = time.Minute
	// lostAfterGap is the time without a successful read after which messages may have been
	// dropped unread.
	lostAfterGap = stream.MaxAge / 2
	// renewAfter is the time without events after which the cursor is renewed, so that subscriptions
	// get cursors of about their full lifetime.
	renewAfter = stream.MaxAge / 60
)

// Run reads the stream for the subscriptions until ctx ends.
func (b *Bus) Run(ctx context.Context) {
	for ctx.Err() == nil {
		select {
		case <-b.whenWanted():
			b.read(ctx)
		case <-ctx.Done():
		}
	}
}

// whenWanted returns a channel that is closed when there is a subscription.
func (b *Bus) whenWanted() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.wanted == nil {
		b.wanted = make(chan struct{})
		if b.callers > 0 {
			close(b.wanted)
		}
	}
	return b.wanted
}

// read dispatches events until ctx ends, or there has been no subscription for idleFor.
func (b *Bus) read(ctx context.Context) {
	at, ok := b.start(ctx)
	if !ok {
		return
	}
	read, used := time.Now(), time.Now()
	var renewed time.Time
	failing := false
	for ctx.Err() == nil {
		entries, err := b.Stream.Wait(ctx, at)
		if err == nil && len(entries) == 0 && time.Since(renewed) > renewAfter {
			if anew, err := b.Stream.Renew(ctx, at); err == nil {
				at, renewed = anew, time.Now()
			}
		}
		if err != nil {
			if ctx.Err() == nil && !failing {
				failing = true
				b.Log.LogAttrs(ctx, slog.LevelWarn, "events cannot be read; subscriptions wait", slog.String("error", err.Error()))
			}
			pause(ctx, retryAfter)
			continue
		}
		now := time.Now()
		if failing {
			failing = false
			b.Log.LogAttrs(ctx, slog.LevelInfo, "events are read again")
		}
		if now.Sub(read) > lostAfterGap {
			b.failAll()
		}
		read = now
		if len(entries) > 0 {
			at, renewed = entries[len(entries)-1].Cursor, now
		}
		b.dispatch(at, entries)
		if b.inUse() {
			used = now
		} else if now.Sub(used) > idleFor && b.stopIfUnused() {
			return
		}
	}
}

// start returns the cursor of the last message, after which events are dispatched.
func (b *Bus) start(ctx context.Context) (at string, ok bool) {
	failing := false
	for ctx.Err() == nil {
		at, err := b.Stream.Now(ctx)
		if err == nil {
			if failing {
				b.Log.LogAttrs(ctx, slog.LevelInfo, "events are read again")
			}
			b.setStarted(at)
			return at, true
		}
		if ctx.Err() == nil && !failing {
			failing = true
			b.Log.LogAttrs(ctx, slog.LevelWarn, "events cannot be read; subscriptions wait", slog.String("error", err.Error()))
		}
		pause(ctx, retryAfter)
	}
	return "", false
}

// setStarted records that events after a cursor are dispatched.
func (b *Bus) setStarted(at string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.at = at
	close(b.startedChan())
}

// startedChan returns the channel that is closed when events are dispatched. The caller holds
// the lock.
func (b *Bus) startedChan() chan struct{} {
	if b.started == nil {
		b.started = make(chan struct{})
	}
	return b.started
}

func (b *Bus) inUse() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.callers > 0
}

// stopIfUnused records that reading ends, and reports true, if there is no subscription.
func (b *Bus) stopIfUnused() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.callers > 0 {
		return false
	}
	b.at, b.started, b.wanted = "", nil, nil
	return true
}

// dispatch delivers the events of messages to the subscriptions whose filters select them. at
// is the cursor of the last message.
func (b *Bus) dispatch(at string, entries []stream.Entry) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.at = at
	for _, entry := range entries {
		e := decodeEntry(entry)
		if e == nil {
			continue
		}
		if e.Gap != "" {
			b.dispatchGap(e)
			continue
		}
		b.dispatchTo(topic{served: e.Served}, e)
		for i, meeting := range e.Meetings() {
			if !slices.Contains(e.Meetings()[:i], meeting) {
				b.dispatchTo(topic{e.Served, meeting}, e)
			}
		}
	}
}

func (b *Bus) dispatchTo(t topic, e *Stored) {
	for s := range b.topics[t] {
		if s.filter.has(e) {
			s.deliver(e)
		}
	}
}

// dispatchGap delivers a gap to the subscriptions of its account, whatever their meeting.
func (b *Bus) dispatchGap(e *Stored) {
	for t := range b.topics {
		if t.served == e.Served {
			b.dispatchTo(t, e)
		}
	}
}

// failAll ends all subscriptions with ErrLost.
func (b *Bus) failAll() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, all := range b.topics {
		for s := range all {
			s.fail(ErrLost)
		}
	}
}

// decodeEntry returns the event of a message, or nil if this process cannot read it.
func decodeEntry(entry stream.Entry) *Stored {
	e, served, err := readRecord(entry.Body)
	if err != nil {
		return nil
	}
	return &Stored{e, served, entry.Cursor}
}

// pause returns after some time, or when ctx is done.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// Subscription is a subscription to events of a Bus.
type Subscription struct {
	bus      *Bus
	filter   Filter
	capacity int
	callback func(*Stored) // replaces the queue, unless it is nil

	mu      sync.Mutex
	queue   []*Stored
	skipped int
	err     error
	ready   chan struct{} // has a token if queue or err has changed

	// Used by Next alone. since is not changed once the Bus has the subscription.
	replay  string    // cursor up to which stored events were replayed; "" when all were
	backlog []*Stored // replayed, and not returned by Next yet
	since   string    // cursor up to which events were replayed, and are not delivered again
}

// enter counts a caller, and waits until the bus reads the stream.
func (b *Bus) enter(ctx context.Context) error {
	b.mu.Lock()
	b.callers++
	if b.wanted == nil {
		b.wanted = make(chan struct{})
	}
	if b.callers == 1 {
		select {
		case <-b.wanted:
		default:
			close(b.wanted)
		}
	}
	started := b.startedChan()
	b.mu.Unlock()
	select {
	case <-started:
		return nil
	case <-ctx.Done():
		b.leave()
		return ctx.Err()
	}
}

func (b *Bus) leave() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.callers--
}

// Follow subscribes to the events after a cursor, or to those from now on if it is "". At most
// room events wait for [Subscription.Next]: beyond that, the oldest are skipped. Stored events
// are read as Next returns them, and none of them is skipped. The caller closes the
// subscription. The error is [stream.ErrExpired], that of ctx, or that of the stream.
func (b *Bus) Follow(ctx context.Context, filter Filter, after string, room int) (*Subscription, error) {
	s := &Subscription{bus: b, filter: filter, capacity: room, ready: make(chan struct{}, 1), replay: after}
	if err := b.enter(ctx); err != nil {
		return nil, err
	}
	if after != "" {
		if _, err := s.replaySome(ctx); err != nil { // so that Follow reports an expired cursor
			b.leave()
			return nil, err
		}
		return s, nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.add(s)
	return s, nil
}

// Watch calls f with each event after the cursor at, in their order, until the subscription is
// closed, and with nil if events may have been missed. f is called under a lock of the Bus: it
// MUST NOT block or use the Bus. The error is that of ctx.
func (b *Bus) Watch(ctx context.Context, filter Filter, f func(*Stored)) (s *Subscription, at string, err error) {
	if err := b.enter(ctx); err != nil {
		return nil, "", err
	}
	s = &Subscription{bus: b, filter: filter, callback: f, ready: make(chan struct{}, 1)}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.add(s)
	return s, b.at, nil
}

// Past calls f with the stored events that a filter selects, the oldest first.
func (b *Bus) Past(ctx context.Context, filter Filter, f func(*Stored)) error {
	for at := stream.Oldest; ; {
		entries, err := b.Stream.After(ctx, at)
		if err != nil || len(entries) == 0 {
			return err
		}
		for _, entry := range entries {
			if filter.Meeting != "" && !bytes.Contains(entry.Body, []byte(filter.Meeting)) && !bytes.Contains(entry.Body, []byte(`"gap"`)) {
				continue // not worth decoding
			}
			if e := decodeEntry(entry); e != nil && filter.has(e) {
				f(e)
			}
		}
		at = entries[len(entries)-1].Cursor
	}
}

// add adds a subscription to its topic. The caller holds the lock.
func (b *Bus) add(s *Subscription) {
	if b.topics == nil {
		b.topics = map[topic]map[*Subscription]struct{}{}
	}
	t := s.filter.topic()
	if b.topics[t] == nil {
		b.topics[t] = map[*Subscription]struct{}{}
	}
	b.topics[t][s] = struct{}{}
}

// Close ends a subscription. It MUST be called once.
func (s *Subscription) Close() {
	b := s.bus
	b.mu.Lock()
	defer b.mu.Unlock()
	b.callers--
	t := s.filter.topic()
	delete(b.topics[t], s)
	if len(b.topics[t]) == 0 {
		delete(b.topics, t)
	}
}

// deliver receives an event of the bus, whose lock the caller holds.
func (s *Subscription) deliver(e *Stored) {
	if s.callback != nil {
		s.callback(e)
		return
	}
	if s.since != "" && !stream.Before(s.since, e.Cursor) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.queue) >= s.capacity {
		s.queue[0] = nil
		s.queue = append(s.queue[:0], s.queue[1:]...)
		s.skipped++
	}
	s.queue = append(s.queue, e)
	s.wake()
}

func (s *Subscription) fail(err error) {
	if s.callback != nil {
		s.callback(nil)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
	s.wake()
}

func (s *Subscription) wake() {
	select {
	case s.ready <- struct{}{}:
	default:
	}
}

// Next waits for the next event. skipped is the number of events before it that were skipped.
// The error is that of ctx, [ErrLost], or that of the stream. Next MUST NOT be called
// concurrently.
func (s *Subscription) Next(ctx context.Context) (e *Stored, skipped int, err error) {
	for {
		if len(s.backlog) > 0 {
			e, s.backlog = s.backlog[0], s.backlog[1:]
			return e, 0, nil
		}
		if s.replay != "" {
			if err := s.catchUp(ctx); err != nil {
				return nil, 0, err
			}
			continue
		}
		if e, skipped, err := s.pop(); e != nil || err != nil {
			return e, skipped, err
		}
		select {
		case <-s.ready:
		case <-ctx.Done():
			return nil, 0, ctx.Err()
		}
	}
}

func (s *Subscription) pop() (e *Stored, skipped int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.queue) == 0 {
		return nil, 0, s.err
	}
	e, skipped = s.queue[0], s.skipped
	s.queue[0], s.skipped = nil, 0
	s.queue = s.queue[1:]
	if len(s.queue) == 0 {
		s.queue = nil
	}
	return e, skipped, nil
}

// catchUp replays more stored events. Once it has replayed all that the bus has dispatched, the
// bus delivers the following ones.
func (s *Subscription) catchUp(ctx context.Context) error {
	at, joined := s.join()
	if joined {
		return nil
	}
	some, err := s.replaySome(ctx)
	if err == nil && !some && stream.Before(s.replay, at) {
		s.replay = at // the cursors of two moments, with no message in between
	}
	return err
}

// replaySome adds a bounded number of stored events after replay to the backlog, and reports
// whether it has read any messages.
func (s *Subscription) replaySome(ctx context.Context) (some bool, err error) {
	entries, err := s.bus.Stream.After(ctx, s.replay)
	if err != nil || len(entries) == 0 {
		return false, err
	}
	for _, entry := range entries {
		if e := decodeEntry(entry); e != nil && s.filter.has(e) {
			s.backlog = append(s.backlog, e)
		}
	}
	s.replay = entries[len(entries)-1].Cursor
	return true, nil
}

// join adds the subscription to the bus if it has replayed all that the bus has dispatched. at
// is the cursor up to which that is.
func (s *Subscription) join() (at string, joined bool) {
	s.bus.mu.Lock()
	defer s.bus.mu.Unlock()
	at = s.bus.at
	if stream.Before(s.replay, at) {
		return at, false
	}
	s.since, s.replay = s.replay, ""
	s.bus.add(s)
	return at, true
}
