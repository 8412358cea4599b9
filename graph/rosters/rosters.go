// Package rosters keeps up to date who is in the meetings that callers follow, each meeting
// once however many callers there are. A roster begins with Zoom's events of the last hour,
// continues with those that come, and is compared with the dashboard where the account's plan
// includes that. A roster that a query reads uses events alone, and costs no call.
//
// [Rosters] has the rosters, [Roster.Runs] what was told of each run of a meeting, and [Runs]
// finds the meeting of a run's UUID. Package roster works out who is there from the events.
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

// Rosters are those that somebody follows, each once. It MUST NOT be copied.
type Rosters struct {
	// Bus has the events.
	Bus *events.Bus
	// Served is Zoom's id of the account that the events are delivered to.
	Served string

	mu   sync.Mutex
	of   map[Key]*Roster
	last int // serial number
}

// Key names a roster.
type Key struct {
	// Account is Zoom's id of the account that the meeting is in.
	Account string
	// Number is the meeting's.
	Number types.MeetingNumber
	// Webinar tells that it is a webinar's.
	Webinar bool

	light bool // it hangs on events alone: it was read for a query
}

// Roster is who is in a meeting, kept up to date.
type Roster struct {
	// Key names the roster among those that there are.
	Key Key
	// Serial names it among all that there were.
	Serial int

	ready chan struct{}

	// Once ready is closed:
	room *roster.Room
	err  error
	sub  *events.Subscription

	lost chan struct{} // closed when events may be lost

	history history

	client      *zoom.Client // of the first subscriber
	noDashboard atomic.Bool  // Zoom has refused it

	// What follows is guarded by Rosters.mu.
	users  int
	idle   *time.Timer
	due    *time.Timer // of the next comparison
	closed bool
}

const (
	// Idle is how long a roster is kept up to date that nobody follows any more.
	Idle = time.Minute
	// seedWithin is how long it may take to find out who is there.
	seedWithin = 30 * time.Second
)

// join returns the roster of a meeting, which seed makes where there is none. Others wait for it,
// too: the context of seed does not end with ctx, but after seedWithin.
func (l *Rosters) join(ctx context.Context, key Key, seed func(context.Context, *Roster)) *Roster {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.of[key]
	if s == nil {
		l.last++
		s = &Roster{Key: key, Serial: l.last, ready: make(chan struct{}), lost: make(chan struct{})}
		if l.of == nil {
			l.of = map[Key]*Roster{}
		}
		l.of[key] = s
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
	s.users++
	if s.idle != nil {
		s.idle.Stop()
		s.idle = nil
	}
	return s
}

// Read returns the roster of a meeting for a query, to whom events alone do: that which
// somebody follows, or one of its own. leave MUST be called in the end.
func (l *Rosters) Read(ctx context.Context, key Key) (s *Roster, leave func()) {
	if s := l.followed(ctx, key); s != nil {
		return s, func() { l.Leave(s) }
	}
	key.light = true
	s = l.join(ctx, key, l.replay)
	select {
	case <-s.lost: // since it was read last
		l.Drop(s)
		l.Leave(s)
		s = l.join(ctx, key, l.replay)
	default:
	}
	return s, func() { l.Leave(s) }
}

// followed joins a roster if it is there.
func (l *Rosters) followed(ctx context.Context, key Key) *Roster {
	l.mu.Lock()
	s := l.of[key]
	l.mu.Unlock()
	if s == nil {
		return nil
	}
	select {
	case <-s.lost:
		return nil
	case <-s.ready:
		if s.err != nil {
			return nil
		}
		return l.join(ctx, key, func(context.Context, *Roster) {})
	default:
		return nil // it may wait for the dashboard
	}
}

// Leave is called once for each [Rosters.Follow].
func (l *Rosters) Leave(s *Roster) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if s.users--; s.users > 0 {
		return
	}
	s.idle = time.AfterFunc(Idle, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if s.users > 0 {
			return
		}
		if l.of[s.Key] == s {
			delete(l.of, s.Key)
		}
		s.closed = true
		if s.due != nil {
			s.due.Stop()
		}
		go s.close()
	})
}

// Drop has nobody join a roster any more.
func (l *Rosters) Drop(s *Roster) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.of[s.Key] == s {
		delete(l.of, s.Key)
	}
}

func (s *Roster) close() {
	<-s.ready
	if s.sub != nil {
		s.sub.Close()
		s.room.Close()
	}
}

// Follow joins the roster of a meeting or webinar that the caller may see, and that may go on as far
// as it says so.
func (l *Rosters) Follow(ctx context.Context, client *zoom.Client, key Key, mayBeLive bool) *Roster {
	return l.join(ctx, key, func(ctx context.Context, shared *Roster) {
		shared.client = client
		l.seed(ctx, mayBeLive, shared)
	})
}

// seed finds out who is there: by the events of the last hour, or, where these do not tell
// of the start, by the dashboard.
func (l *Rosters) seed(ctx context.Context, mayBeLive bool, shared *Roster) {
	if l.replay(ctx, shared); shared.err != nil {
		return
	}
	room := shared.room
	defer l.compareNext(shared)
	defer room.Flush()
	if now, _ := room.Now(); now.Complete {
		return
	}
	if now, _ := room.Now(); now.State == roster.Unknown && !mayBeLive {
		room.NotHeld(room.Ask(time.Now()))
		return
	}
	_ = shared.seedByDashboard(ctx) // events alone: the roster says so
}

// replay begins a roster by the events of the last hour, and has those that come counted in.
func (l *Rosters) replay(ctx context.Context, shared *Roster) {
	room := roster.New("", time.Now())
	shared.room = room
	filter := events.Filter{Served: l.Served, Account: shared.Key.Account, Meeting: shared.Key.Number.String(), Gaps: events.AllGaps}
	lost := sync.OnceFunc(func() { close(shared.lost) })
	sub, at, err := l.Bus.Watch(ctx, filter, func(e *events.Stored) {
		if e == nil {
			lost()
			return
		}
		room.Apply(e)
		if e.Gap == events.GapEnded && !shared.Key.light {
			l.compareSoon(shared)
		}
	})
	if err != nil {
		shared.err = err
		return
	}
	if shared.err = l.Bus.Past(ctx, filter, room.Apply); shared.err != nil {
		sub.Close()
		return
	}
	shared.sub = sub
	room.Reached(at)
	room.Flush()
}

// Await waits until it is known who is there. The error is that of ctx, or of reading the
// events.
func (s *Roster) Await(ctx context.Context) error {
	select {
	case <-s.ready:
		return s.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Room returns who is there, once [Roster.Await] has returned no error.
func (s *Roster) Room() *roster.Room { return s.room }

// Lost is closed when events may be lost. Then the roster is to be dropped.
func (s *Roster) Lost() <-chan struct{} { return s.lost }
