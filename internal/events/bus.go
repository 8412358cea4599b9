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

// Reader reads the stream that events are stored in: [stream.Redis] and [stream.Memory]
// are ones.
type Reader interface {
	// Now returns the cursor of the last message.
	Now(ctx context.Context) (cursor string, err error)
	// After returns the messages after a cursor, some at a time; the error is
	// [stream.ErrExpired] where some of them may be lost.
	After(ctx context.Context, cursor string) ([]stream.Entry, error)
	// Wait returns the messages after a cursor as soon as there are any, or none after
	// some seconds.
	Wait(ctx context.Context, cursor string) ([]stream.Entry, error)
}

// Stored is an event that was read from the stream.
type Stored struct {
	*Event
	// Served is the account that is served: that of the event, or its master.
	Served string
	// Cursor is the event's place in the stream.
	Cursor string
}

// Filter picks events.
type Filter struct {
	// Served is the account that is served. It is needed.
	Served string
	// Account is the account of the events; "" is any that is served by Served.
	Account string
	// Meeting is the number of a meeting or webinar that they name; "" is any.
	Meeting string
	// User is Zoom's id of a user that they name, as the host too; "" is any.
	User string
	// Names are theirs; empty is any.
	Names []string
	// Gaps are the kinds of gaps that it picks too, whatever else it picks: see [Event.Gap].
	Gaps []Gap
}

// has reports whether the filter picks an event.
func (f *Filter) has(e *Stored) bool {
	if e.Gap != "" {
		return slices.Contains(f.Gaps, e.Gap) && e.Served == f.Served
	}
	return e.Served == f.Served && (f.Account == "" || f.Account == e.AccountID) &&
		(f.Meeting == "" || slices.Contains(e.Meetings(), f.Meeting)) &&
		(f.User == "" || slices.Contains(e.Users(), f.User) || slices.Contains(e.Hosts(), f.User)) &&
		(len(f.Names) == 0 || slices.Contains(f.Names, e.Name))
}

// ErrLost is the error of a subscription that may have lost events, since the stream could
// not be read for too long. It is one of [stream.ErrExpired].
var ErrLost = errors.Join(errors.New("events: some may be lost"), stream.ErrExpired)

// Bus hands the events that all replicas take on to who follows them here. It reads the
// stream once for all of them, and only while there are some.
type Bus struct {
	Stream Reader
	Log    *slog.Logger

	mu      sync.Mutex
	at      string        // what was handed on last; "" while nothing is read
	live    chan struct{} // closed when at is known
	wanted  chan struct{} // closed when somebody follows
	topics  map[topic]map[*Subscription]struct{}
	callers int // subscriptions, and those that wait to be
}

// topic is what subscriptions are filed under, lest each event is held against all.
type topic struct{ served, meeting string }

func (f *Filter) topic() topic { return topic{f.Served, f.Meeting} }

const (
	// retryAfter is how long the bus waits when the stream cannot be read.
	retryAfter = time.Second
	// idleFor is how long it goes on to read when nobody follows any more.
	idleFor = time.Minute
	// lostAfterGap is how long the stream may not be read until messages may have gone.
	lostAfterGap = stream.MaxAge / 2
)

// Run reads the stream until ctx ends.
func (b *Bus) Run(ctx context.Context) {
	for ctx.Err() == nil {
		select {
		case <-b.whenWanted():
			b.follow(ctx)
		case <-ctx.Done():
		}
	}
}

// whenWanted returns a channel that is closed when somebody follows.
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

// follow hands events on for as long as somebody follows.
func (b *Bus) follow(ctx context.Context) {
	at, ok := b.begin(ctx)
	if !ok {
		return
	}
	read, used := time.Now(), time.Now()
	failing := false
	for ctx.Err() == nil {
		entries, err := b.Stream.Wait(ctx, at)
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
			b.drop()
		}
		read = now
		if len(entries) > 0 {
			at = entries[len(entries)-1].Cursor
		}
		b.hand(at, entries)
		if b.used() {
			used = now
		} else if now.Sub(used) > idleFor && b.rest() {
			return
		}
	}
}

// begin finds the place from which on events are handed on.
func (b *Bus) begin(ctx context.Context) (at string, ok bool) {
	for ctx.Err() == nil {
		at, err := b.Stream.Now(ctx)
		if err == nil {
			b.handOn(at)
			return at, true
		}
		pause(ctx, retryAfter)
	}
	return "", false
}

// handOn notes that events behind a place are handed on.
func (b *Bus) handOn(at string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.at = at
	close(b.liveOf())
}

// liveOf returns the channel that is closed when events are handed on. The caller holds the
// lock.
func (b *Bus) liveOf() chan struct{} {
	if b.live == nil {
		b.live = make(chan struct{})
	}
	return b.live
}

func (b *Bus) used() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.callers > 0
}

// rest ends reading, unless somebody has begun to follow.
func (b *Bus) rest() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.callers > 0 {
		return false
	}
	b.at, b.live, b.wanted = "", nil, nil
	return true
}

// hand hands messages on.
func (b *Bus) hand(at string, entries []stream.Entry) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.at = at
	for _, entry := range entries {
		e := storedIn(entry)
		if e == nil {
			continue
		}
		if e.Gap != "" {
			b.handToAll(e)
			continue
		}
		b.handTo(topic{served: e.Served}, e)
		for i, meeting := range e.Meetings() {
			if !slices.Contains(e.Meetings()[:i], meeting) {
				b.handTo(topic{e.Served, meeting}, e)
			}
		}
	}
}

func (b *Bus) handTo(t topic, e *Stored) {
	for s := range b.topics[t] {
		if s.filter.has(e) {
			s.take(e)
		}
	}
}

// handToAll hands a gap to who follows anything of the account.
func (b *Bus) handToAll(e *Stored) {
	for t := range b.topics {
		if t.served == e.Served {
			b.handTo(t, e)
		}
	}
}

// drop tells all that events may be lost.
func (b *Bus) drop() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, all := range b.topics {
		for s := range all {
			s.end(ErrLost)
		}
	}
}

// storedIn reads an event from a message; nil where it is none, or not for this process.
func storedIn(entry stream.Entry) *Stored {
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

// Subscription is events that are being followed.
type Subscription struct {
	bus    *Bus
	filter Filter
	room   int
	on     func(*Stored) // gets the events in the place of the queue; may be nil

	mu      sync.Mutex
	queue   []*Stored
	skipped int
	err     error
	ready   chan struct{} // has a token when there is something to take

	// What Next alone uses, and before the bus hands anything on.
	replay  string // up to which stored events were replayed; "" when that is done
	backlog []*Stored
	since   string // what the bus hands on up to it was replayed
}

// enter counts a caller, and waits until events are handed on.
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
	live := b.liveOf()
	b.mu.Unlock()
	select {
	case <-live:
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

// Follow follows events from a cursor on; "" is from now on. At most room events wait to be
// taken by [Subscription.Next]: beyond, the oldest are left out. Those that are stored
// already are read as they are taken, and none of them is left out. The error is
// [stream.ErrExpired], that of ctx, or that of the stream.
func (b *Bus) Follow(ctx context.Context, filter Filter, after string, room int) (*Subscription, error) {
	s := &Subscription{bus: b, filter: filter, room: room, ready: make(chan struct{}, 1), replay: after}
	if err := b.enter(ctx); err != nil {
		return nil, err
	}
	if after != "" {
		if _, err := s.readSome(ctx); err != nil { // an expired cursor is told at once
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

// Watch has f called with each event from now on, in their order, until the subscription is
// closed; or with nil when events may be lost. f MUST NOT block. It returns the cursor from
// which on that is.
func (b *Bus) Watch(ctx context.Context, filter Filter, f func(*Stored)) (s *Subscription, at string, err error) {
	if err := b.enter(ctx); err != nil {
		return nil, "", err
	}
	s = &Subscription{bus: b, filter: filter, on: f, ready: make(chan struct{}, 1)}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.add(s)
	return s, b.at, nil
}

// Past calls f with the stored events that a filter picks, the oldest first.
func (b *Bus) Past(ctx context.Context, filter Filter, f func(*Stored)) error {
	for at := stream.Oldest; ; {
		entries, err := b.Stream.After(ctx, at)
		if err != nil || len(entries) == 0 {
			return err
		}
		for _, entry := range entries {
			if filter.Meeting != "" && !bytes.Contains(entry.Body, []byte(filter.Meeting)) && !bytes.Contains(entry.Body, []byte(`"gap"`)) {
				continue // which spares reading it
			}
			if e := storedIn(entry); e != nil && filter.has(e) {
				f(e)
			}
		}
		at = entries[len(entries)-1].Cursor
	}
}

// add files a subscription. The caller holds the lock.
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

// Close ends a subscription. It is called once.
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

// take takes an event from the bus.
func (s *Subscription) take(e *Stored) {
	if s.on != nil {
		s.on(e)
		return
	}
	if s.since != "" && !stream.Before(s.since, e.Cursor) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.queue) >= s.room {
		s.queue[0] = nil
		s.queue = append(s.queue[:0], s.queue[1:]...)
		s.skipped++
	}
	s.queue = append(s.queue, e)
	s.wake()
}

func (s *Subscription) end(err error) {
	if s.on != nil {
		s.on(nil)
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

// Next returns the next event, and how many were left out before it. The error is that of
// ctx, [ErrLost], or that of the stream.
func (s *Subscription) Next(ctx context.Context) (e *Stored, skipped int, err error) {
	for {
		if len(s.backlog) > 0 {
			e, s.backlog = s.backlog[0], s.backlog[1:]
			return e, 0, nil
		}
		if s.replay != "" {
			if err := s.readOn(ctx); err != nil {
				return nil, 0, err
			}
			continue
		}
		if e, skipped, err := s.taken(); e != nil || err != nil {
			return e, skipped, err
		}
		select {
		case <-s.ready:
		case <-ctx.Done():
			return nil, 0, ctx.Err()
		}
	}
}

func (s *Subscription) taken() (e *Stored, skipped int, err error) {
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

// readOn reads some more of what is stored. When that leads up to what the bus hands on, the
// subscription gets that.
func (s *Subscription) readOn(ctx context.Context) error {
	at, joined := s.join()
	if joined {
		return nil
	}
	some, err := s.readSome(ctx)
	if err == nil && !some && stream.Before(s.replay, at) {
		s.replay = at // a moment: nothing was stored up to it
	}
	return err
}

// readSome reads what is stored after what was replayed: some of it, if there is any.
func (s *Subscription) readSome(ctx context.Context) (some bool, err error) {
	entries, err := s.bus.Stream.After(ctx, s.replay)
	if err != nil || len(entries) == 0 {
		return false, err
	}
	for _, entry := range entries {
		if e := storedIn(entry); e != nil && s.filter.has(e) {
			s.backlog = append(s.backlog, e)
		}
	}
	s.replay = entries[len(entries)-1].Cursor
	return true, nil
}

// join files the subscription if it has replayed all that the bus has handed on, which is up
// to the cursor that it returns.
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
