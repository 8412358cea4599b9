package events

import (
	"context"
	"log/slog"
	"math/bits"
	"strings"
	"sync/atomic"
	"time"

	"zoomql/internal/stream"
	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

const (
	// AliveFor is how long after the last webhook the events of an account count as arriving.
	AliveFor = 15 * time.Minute
	// kindAliveFor is the same for the events of one kind: a subscription that lacks them
	// brings none.
	kindAliveFor = 24 * time.Hour
	// lookEvery is the interval at which a replica reads the marks of all replicas, and
	// lostAfter how long these are valid: without Redis, a replica receives no evictions
	// either. The replica with the WebSocket notes at the same interval that it is connected,
	// and counts as gone after lostAfter.
	lookEvery = 2 * time.Second
	lostAfter = 10 * time.Second
	// settling is the least age of the first event before an answer: clocks differ, and the
	// answer may have been in flight.
	settling = 30 * time.Second
)

// Liveness reports whether the events of an account arrive, on any replica. It is a
// [zoom.Coverage] while [Liveness.Keep] runs.
type Liveness struct {
	// Account is Zoom's id of the account.
	Account string
	// Sources are the sources of its events: one or both.
	Sources []types.EventSource
	// Stream has the marks of deliveries.
	Stream Stream
	// Log receives a line when events begin to arrive, when they stop, when some may have been
	// missed, and when an answer has changed without an event.
	Log *slog.Logger

	seen   atomic.Pointer[sight]
	missed atomic.Uint32 // kinds of events whose marks are to be removed: see Missed

	was       bool      // alive, at the last look
	connected time.Time // since when the WebSocket was, at the last look
}

// sight has the marks that were last read from the stream.
type sight struct {
	at time.Time
	of []sourceSight // by the place in Sources
}

// sourceSight has the marks of one source.
type sourceSight struct {
	source types.EventSource
	// open is the mark of replicas that accept webhooks, or of the one with the WebSocket,
	// which starts again with each connection.
	open  stream.Span
	all   stream.Span   // of deliveries
	kinds []stream.Span // by the place in kinds
}

// The marks of each source of an account's events, beside those of kinds.
const (
	openMark = "up"
	allMark  = ""
)

func markName(account string, source types.EventSource, what string) string {
	return strings.Join([]string{account, string(source), what}, "\x00")
}

// marks returns the marks of a delivery: one for any delivery, and one for its kind. An event of a
// sub account has no kind, since it proves nothing about the own account's.
func (e *Event) marks(source types.EventSource, served string) []stream.Mark {
	marks := []stream.Mark{{Name: markName(served, source, allMark), Gap: AliveFor}}
	if e.AccountID == served && kindsOf(e.kindOf()) != 0 {
		marks = append(marks, stream.Mark{Name: markName(served, source, e.kindOf()), Gap: kindAliveFor})
	}
	return marks
}

// upMark is noted by all replicas at each look. Without it, webhooks fail, and Zoom repeats them
// late.
func upMark(account string) stream.Mark {
	return stream.Mark{Name: markName(account, types.EventSourceWebhook, openMark), Gap: lostAfter}
}

// Keep reads the marks regularly, until ctx ends.
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
	forgotten := l.forget(ctx)
	var names []string
	for _, source := range l.Sources {
		names = append(names, markName(l.Account, source, openMark), markName(l.Account, source, allMark))
		for _, kind := range kinds {
			names = append(names, markName(l.Account, source, kind))
		}
	}
	at := time.Now()
	if spans, err := l.Stream.Note(ctx, upMark(l.Account), names...); err == nil {
		s := &sight{at: at}
		spans = spans[1:]
		for n, source := range l.Sources {
			of := spans[n*(2+len(kinds)):][:2+len(kinds)]
			s.of = append(s.of, sourceSight{source, of[0], of[1], of[2:]})
		}
		l.seen.Store(s)
		l.missed.CompareAndSwap(forgotten, 0) // otherwise, more were missed since
		l.tellGap(ctx, s)
	}
	if alive, last, _ := l.Status(time.Now()); alive != l.was {
		l.was = alive
		l.log(ctx, alive, last)
	}
}

// forget removes the marks of the kinds of which an event was missed, and returns these kinds. If
// Redis does not reply, the next look tries again.
func (l *Liveness) forget(ctx context.Context) (forgotten uint32) {
	missed := l.missed.Load()
	var names []string
	for set := missed; set != 0; set &= set - 1 {
		for _, source := range l.Sources {
			names = append(names, markName(l.Account, source, kinds[bits.TrailingZeros32(set)]))
		}
	}
	if len(names) == 0 || l.Stream.Forget(ctx, names...) != nil {
		return 0
	}
	return missed
}

func (l *Liveness) log(ctx context.Context, alive bool, last time.Time) {
	if alive {
		l.Log.LogAttrs(ctx, slog.LevelInfo, "events come", slog.String("lifetime", zoom.CoveredLife.String()))
		return
	}
	l.Log.LogAttrs(ctx, slog.LevelWarn, "events do not come, or Redis does not tell; lifetimes are short", slog.Time("last", last))
}

// tellGap logs that the WebSocket was connected again: Zoom does not deliver the events before.
func (l *Liveness) tellGap(ctx context.Context, s *sight) {
	for _, of := range s.of {
		if of.source != types.EventSourceWebsocket || of.open.Since.IsZero() {
			continue
		}
		// Ages are in milliseconds of another clock.
		if !l.connected.IsZero() && of.open.Since.Sub(l.connected) > time.Second {
			l.Log.LogAttrs(ctx, slog.LevelWarn, "the WebSocket was closed: events may have been missed; what was read before lives no longer", slog.Time("until", of.open.Since))
		}
		l.connected = of.open.Since
	}
}

// Status returns whether events arrive, when the last known one arrived, which is the zero time
// where none did, and their source: that of the last one where there are two.
func (l *Liveness) Status(now time.Time) (alive bool, last time.Time, source types.EventSource) {
	if len(l.Sources) > 0 {
		source = l.Sources[0]
	}
	s := l.seen.Load()
	if s == nil {
		return false, time.Time{}, source
	}
	for _, of := range s.of {
		comes := now.Sub(s.at) <= lostAfter && of.alive(now)
		if comes && !alive || comes == alive && of.all.Last.After(last) {
			source = of.source
		}
		alive = alive || comes
		if of.all.Last.After(last) {
			last = of.all.Last
		}
	}
	return alive, last, source
}

// alive reports whether events arrive: a recent webhook did, or the WebSocket is connected.
func (s *sourceSight) alive(now time.Time) bool {
	if s.source == types.EventSourceWebsocket {
		return within(s.open, now, lostAfter)
	}
	return within(s.all, now, AliveFor)
}

// within reports whether a mark was noted recently.
func within(s stream.Span, now time.Time, gap time.Duration) bool {
	return !s.Last.IsZero() && now.Sub(s.Last) <= gap
}

// Kinds implements [zoom.Coverage].
func (l *Liveness) Kinds(s *zoom.Spec) zoom.EventKinds { return keptBy[s.Pattern] }

// Since implements [zoom.Coverage].
func (l *Liveness) Since(set zoom.EventKinds, now time.Time) (since time.Time) {
	s := l.seen.Load()
	if s == nil || now.Sub(s.at) > lostAfter || uint32(set)&l.missed.Load() != 0 {
		return time.Time{}
	}
	for n := range s.of { // one source is enough
		at := s.of[n].since(set, now)
		if !at.IsZero() && (since.IsZero() || at.Before(since)) {
			since = at
		}
	}
	if since.IsZero() {
		return since
	}
	return since.Add(settling)
}

// since returns the time since which no event of some kinds can have been missed; the zero time
// where one may have been.
func (s *sourceSight) since(set zoom.EventKinds, now time.Time) time.Time {
	if !s.alive(now) {
		return time.Time{}
	}
	since := s.open.Since
	// While the WebSocket is connected, no event is missed, however long none arrives.
	if s.source == types.EventSourceWebhook && s.all.Since.After(since) {
		since = s.all.Since
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
	return since
}

// Missed implements [zoom.Coverage]: the kinds count as not arriving until their next event.
func (l *Liveness) Missed(set zoom.EventKinds) {
	l.missed.Or(uint32(set))
	var names []string
	for ; set != 0; set &= set - 1 {
		names = append(names, kinds[bits.TrailingZeros16(uint16(set))])
	}
	l.Log.LogAttrs(context.Background(), slog.LevelWarn, "an answer has changed without an event; lifetimes of its kind are short until the next one comes", slog.String("kinds", strings.Join(names, " ")))
}
