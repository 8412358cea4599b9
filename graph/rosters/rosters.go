// Package rosters has the rosters of the meetings and webinars that callers follow, each once for
// all of them. A roster begins with Zoom's events of the last hour, is updated by new events, and is
// compared with the dashboard if the account's plan includes it. A roster that is made for a query
// uses events only, and costs no call.
//
// [Rosters] has the rosters, [Roster.Runs] the history of each instance of a meeting, and [Runs]
// finds the meeting of an instance's UUID. Package roster computes the rosters from events and lists.
package rosters

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"zoomql/internal/events"
	"zoomql/internal/roster"
	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

// Rosters has the rosters in use, one for each [Key]. It MUST NOT be copied.
type Rosters struct {
	// Bus delivers the events.
	Bus *events.Bus
	// Served is Zoom's id of the account that the events are delivered to.
	Served string

	mu         sync.Mutex
	byKey      map[Key]*Roster
	lastSerial int
}

// Key identifies a roster among those in use.
type Key struct {
	// Account is Zoom's id of the account that the meeting is in.
	Account string
	// Number is that of the meeting or webinar.
	Number types.MeetingNumber
	// Webinar says that it is the number of a webinar.
	Webinar bool

	eventsOnly bool // made for a query: no comparisons
}

// Roster is the roster of a meeting or webinar, updated while it is in use.
type Roster struct {
	// Key identifies the roster among those in use.
	Key Key
	// Serial identifies it among all rosters that the [Rosters] has had.
	Serial int

	ready chan struct{}

	// Set before ready is closed:
	room *roster.Room
	err  error
	sub  *events.Subscription

	lost chan struct{} // closed when an event may have been lost

	history history

	client      *zoom.Client // of the first follower; nil if eventsOnly
	noDashboard atomic.Bool  // Zoom has refused it: see withoutDashboard

	// Guarded by Rosters.mu:
	users        int         // followers and queries
	idleTimer    *time.Timer // closes it; set while users is 0
	compareTimer *time.Timer // of the next comparison
	closed       bool
}

const (
	// Idle is how long a roster without users is kept.
	Idle = time.Minute
	// seedWithin bounds the time to make a roster, and that of a comparison.
	seedWithin = 30 * time.Second
)

// join returns the roster of a key, and adds a user. A new roster is made by seed, in a context that
// does not end with ctx, since other users wait for it, but after seedWithin.
func (l *Rosters) join(ctx context.Context, key Key, seed func(context.Context, *Roster)) *Roster {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.byKey[key]
	if s == nil {
		l.lastSerial++
		s = &Roster{Key: key, Serial: l.lastSerial, ready: make(chan struct{}), lost: make(chan struct{})}
		if l.byKey == nil {
			l.byKey = map[Key]*Roster{}
		}
		l.byKey[key] = s
		go func() {
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), seedWithin)
			defer cancel()
			seed(ctx, s)
			if s.err != nil {
				l.Drop(s)
			}
			close(s.ready)
		}()
	}
	s.use()
	return s
}

// use adds a user. The caller holds the lock.
func (s *Roster) use() {
	s.users++
	if s.idleTimer != nil {
		s.idleTimer.Stop()
		s.idleTimer = nil
	}
}

// Read returns a roster for a query: the one that is followed, if it is ready, or else one by
// events only. The caller MUST call leave once.
func (l *Rosters) Read(ctx context.Context, key Key) (s *Roster, leave func()) {
	if s := l.followed(key); s != nil {
		return s, func() { l.Leave(s) }
	}
	key.eventsOnly = true
	s = l.join(ctx, key, l.replay)
	select {
	case <-s.lost: // since the last query
		l.Drop(s)
		l.Leave(s)
		s = l.join(ctx, key, l.replay)
	default:
	}
	return s, func() { l.Leave(s) }
}

// followed adds a user to the roster of a key if one is in use, ready, and without an error; otherwise
// it returns nil. It holds the lock throughout: between two holds, the roster could be closed.
func (l *Rosters) followed(key Key) *Roster {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.byKey[key]
	if s == nil || s.isLost() {
		return nil
	}
	select {
	case <-s.ready:
		if s.err != nil {
			return nil
		}
		s.use()
		return s
	default:
		return nil // it may be waiting for the dashboard
	}
}

func (s *Roster) isLost() bool {
	select {
	case <-s.lost:
		return true
	default:
		return false
	}
}

// Leave removes a user of a roster. It MUST be called once for each [Rosters.Follow].
func (l *Rosters) Leave(s *Roster) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.leave(s)
}

// leave is Leave for a caller that holds the lock.
func (l *Rosters) leave(s *Roster) {
	if s.users--; s.users > 0 {
		return
	}
	var timer *time.Timer
	timer = time.AfterFunc(Idle, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if s.idleTimer != timer {
			return // it fired before a user could stop it; another timer may run
		}
		if l.byKey[s.Key] == s {
			delete(l.byKey, s.Key)
		}
		s.closed = true
		if s.compareTimer != nil {
			s.compareTimer.Stop()
		}
		go s.close()
	})
	s.idleTimer = timer
}

// Drop ensures that a roster has no new users: the next one of its key makes another.
func (l *Rosters) Drop(s *Roster) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.byKey[s.Key] == s {
		delete(l.byKey, s.Key)
	}
}

func (s *Roster) close() {
	<-s.ready
	if s.sub != nil {
		s.sub.Close()
		s.room.Close()
	}
}

// Follow joins the roster of a meeting or webinar. The caller has checked that it may read the
// meeting. mayBeLive is false if the meeting says that it is not in progress (see [MayBeLive]).
func (l *Rosters) Follow(ctx context.Context, client *zoom.Client, key Key, mayBeLive bool) *Roster {
	return l.join(ctx, key, func(ctx context.Context, s *Roster) {
		s.client = client
		l.seed(ctx, mayBeLive, s)
	})
}

// seed makes a roster that is followed: by the events of the last hour and, if these lack the start,
// by the dashboard.
func (l *Rosters) seed(ctx context.Context, mayBeLive bool, s *Roster) {
	if l.replay(ctx, s); s.err != nil {
		return
	}
	room := s.room
	defer l.compareNext(s)
	defer room.Flush()
	if now, _ := room.Now(); now.Complete {
		return
	}
	if now, _ := room.Now(); now.State == roster.Unknown && !mayBeLive {
		room.NotHeld(room.Request(time.Now()))
		return
	}
	_ = s.seedByDashboard(ctx) // with an error it is by events only, and not complete
}

// replay makes a roster by the events of the last hour, and subscribes it to new ones.
func (l *Rosters) replay(ctx context.Context, s *Roster) {
	room := roster.New("", time.Now())
	s.room = room
	filter := events.Filter{Served: l.Served, Account: s.Key.Account, Meeting: s.Key.Number.String(), Gaps: events.AllGaps}
	lost := sync.OnceFunc(func() { close(s.lost) })
	sub, at, err := l.Bus.Watch(ctx, filter, func(e *events.Stored) {
		if e == nil {
			lost()
			return
		}
		room.Apply(e)
		if e.Gap == events.GapEnded && !s.Key.eventsOnly {
			l.compareSoon(s)
		}
	})
	if err != nil {
		s.err = err
		return
	}
	if s.err = l.Bus.Past(ctx, filter, room.Apply); s.err != nil {
		sub.Close()
		return
	}
	s.sub = sub
	room.Reached(at)
	room.Flush()
}

// Await waits until the roster is ready. The error is that of ctx, or of reading the events.
func (s *Roster) Await(ctx context.Context) error {
	select {
	case <-s.ready:
		return s.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Room returns the room of the roster. The caller has called [Roster.Await], which returned no error.
func (s *Roster) Room() *roster.Room { return s.room }

// Lost returns a channel that is closed when an event may have been lost. Callers then [Rosters.Drop]
// the roster.
func (s *Roster) Lost() <-chan struct{} { return s.lost }
