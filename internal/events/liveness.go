package events

import (
	"context"
	"log/slog"
	"math/bits"
	"sync/atomic"
	"time"

	"zoomql/internal/stream"
	"zoomql/internal/zoom"
)

const (
	// AliveFor is how long after the last delivery the events of an account count as
	// coming.
	AliveFor = 15 * time.Minute
	// kindAliveFor is the same for the events of one kind: a subscription that lacks them
	// brings none.
	kindAliveFor = 24 * time.Hour
	// lookEvery is how often a replica looks at what all replicas have taken, and lostAfter
	// how long what it saw holds: without Redis it learns of no eviction either.
	lookEvery = 2 * time.Second
	lostAfter = 10 * time.Second
	// settling is how much older than an answer the first event must be: clocks differ, and
	// the answer may have been under way.
	settling = 30 * time.Second
)

// Liveness tells whether the events of an account come, on whichever replica. It is a
// [zoom.Coverage], as long as [Liveness.Keep] runs.
type Liveness struct {
	// Account is Zoom's id of the account.
	Account string
	// Stream is where the deliveries are noted.
	Stream Stream
	// Log gets a line when events begin to come, and when they have stopped.
	Log *slog.Logger

	seen atomic.Pointer[sight]
	was  bool // alive, at the last look
}

// sight is what the stream has told.
type sight struct {
	at    time.Time
	up    stream.Span   // of replicas that can take events
	all   stream.Span   // of deliveries
	kinds []stream.Span // by the place in kinds
}

// marks are what a delivery of the account is noted by: that it came, and of which kind it
// was. One of a sub account has no kind, since it tells nothing of the own one's.
func (e *Event) marks(served string) []stream.Mark {
	marks := []stream.Mark{{Name: served, Gap: AliveFor}}
	if e.AccountID == served && kindsOf(e.kindOf()) != 0 {
		marks = append(marks, stream.Mark{Name: markName(served, e.kindOf()), Gap: kindAliveFor})
	}
	return marks
}

func markName(account, kind string) string { return account + "\x00" + kind }

// upMark is noted by all replicas at each look. While there is none, deliveries fail: Zoom
// repeats them, but late.
func upMark(account string) stream.Mark {
	return stream.Mark{Name: markName(account, "up"), Gap: lostAfter}
}

// Keep looks at what has come, until ctx ends.
func (l *Liveness) Keep(ctx context.Context) {
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for {
		l.look(ctx)
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

func (l *Liveness) look(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, lookEvery)
	defer cancel()
	names := []string{l.Account}
	for _, kind := range kinds {
		names = append(names, markName(l.Account, kind))
	}
	at := time.Now()
	if spans, err := l.Stream.Note(ctx, upMark(l.Account), names...); err == nil {
		l.seen.Store(&sight{at, spans[0], spans[1], spans[2:]})
	}
	if alive, last := l.Status(time.Now()); alive != l.was {
		l.was = alive
		l.log(ctx, alive, last)
	}
}

func (l *Liveness) log(ctx context.Context, alive bool, last time.Time) {
	if alive {
		l.Log.LogAttrs(ctx, slog.LevelInfo, "events come", slog.String("lifetime", zoom.CoveredLife.String()))
		return
	}
	l.Log.LogAttrs(ctx, slog.LevelWarn, "events do not come, or Redis does not tell; lifetimes are short", slog.Time("last", last))
}

// Status returns whether events come, and when the last one came as far as is known; the
// zero time where none did.
func (l *Liveness) Status(now time.Time) (alive bool, last time.Time) {
	s := l.seen.Load()
	if s == nil {
		return false, time.Time{}
	}
	return now.Sub(s.at) <= lostAfter && within(s.all, now, AliveFor), s.all.Last
}

// within reports whether a mark was noted lately.
func within(s stream.Span, now time.Time, gap time.Duration) bool {
	return !s.Last.IsZero() && now.Sub(s.Last) <= gap
}

// Kinds implements [zoom.Coverage].
func (l *Liveness) Kinds(s *zoom.Spec) zoom.EventKinds { return keptBy[s.Pattern] }

// Since implements [zoom.Coverage].
func (l *Liveness) Since(set zoom.EventKinds, now time.Time) time.Time {
	s := l.seen.Load()
	if s == nil || now.Sub(s.at) > lostAfter || !within(s.all, now, AliveFor) {
		return time.Time{}
	}
	since := s.all.Since
	if s.up.Since.After(since) {
		since = s.up.Since
	}
	for ; set != 0; set &= set - 1 {
		kind := s.kinds[bits.TrailingZeros16(uint16(set))]
		if !within(kind, now, kindAliveFor) {
			return time.Time{}
		}
		if kind.Since.After(since) {
			since = kind.Since
		}
	}
	return since.Add(settling)
}
