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
	// kindAliveFor is the same for the events of one kind: a subscription may lack them.
	kindAliveFor = 24 * time.Hour
	// refreshEvery is the interval at which a replica reads the marks of all replicas, and
	// lostAfter how long these are valid: without Redis, a replica receives no evictions
	// either. The replica with the WebSocket notes at the same interval that it is connected,
	// and counts as disconnected after lostAfter.
	refreshEvery = 2 * time.Second
	lostAfter    = 10 * time.Second
	// settling is added to the time since which no event can have been missed: clocks differ,
	// and the answer may have been in flight.
	settling = 30 * time.Second
)

// Liveness reports whether the events of an account arrive, on any replica. It is a
// [zoom.Coverage] while [Liveness.Keep] runs.
type Liveness struct {
	// Account is Zoom's id of the account.
	Account string
	// Sources are the sources of its events: webhooks, the WebSocket, or both.
	Sources []types.EventSource
	// Stream has the marks of deliveries, and is shared by all replicas.
	Stream Stream
	// Log receives a line when events begin to arrive, when they stop, when some may have been
	// missed, and when an answer has changed without an event.
	Log *slog.Logger

	seen   atomic.Pointer[snapshot]
	missed atomic.Uint32 // kinds of events whose marks are to be removed: see Missed

	// As of the last refresh; used by Keep alone.
	wasAlive       bool
	connectedSince time.Time // of the WebSocket
}

// snapshot is the state of the marks when they were last read from the stream.
type snapshot struct {
	at      time.Time
	sources []sourceMarks // in the order of Sources
}

// sourceMarks has the marks of one source.
type sourceMarks struct {
	source types.EventSource
	// open is noted by the replicas that accept webhooks, or by the one with the WebSocket,
	// where each connection begins a new span.
	open  stream.Span
	all   stream.Span   // of all deliveries
	kinds []stream.Span // in the order of the table kinds
}

// The names of the marks of a source, in addition to the kinds.
const (
	openMark = "up"
	allMark  = ""
)

func markName(account string, source types.EventSource, what string) string {
	return strings.Join([]string{account, string(source), what}, "\x00")
}

// marks returns the marks of a delivery: that of all deliveries, and that of its kind. An event of
// a sub account has no mark of its kind, since it does not prove that such events of the account
// itself arrive.
func (e *Event) marks(source types.EventSource, served string) []stream.Mark {
	marks := []stream.Mark{{Name: markName(served, source, allMark), Gap: AliveFor}}
	if e.AccountID == served && kindsOf(e.kindOf()) != 0 {
		marks = append(marks, stream.Mark{Name: markName(served, source, e.kindOf()), Gap: kindAliveFor})
	}
	return marks
}

// upMark is the mark that all replicas note at each refresh. A gap in it means that no replica
// was running: webhooks failed, and Zoom repeats them late.
func upMark(account string) stream.Mark {
	return stream.Mark{Name: markName(account, types.EventSourceWebhook, openMark), Gap: lostAfter}
}

// Keep reads the marks every two seconds, until ctx ends.
func (l *Liveness) Keep(ctx context.Context) {
	ticker := time.NewTicker(refreshEvery)
	defer ticker.Stop()
	for {
		l.refresh(ctx)
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

func (l *Liveness) refresh(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, refreshEvery)
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
		s := &snapshot{at: at}
		spans = spans[1:]
		for n, source := range l.Sources {
			of := spans[n*(2+len(kinds)):][:2+len(kinds)]
			s.sources = append(s.sources, sourceMarks{source, of[0], of[1], of[2:]})
		}
		l.seen.Store(s)
		l.missed.CompareAndSwap(forgotten, 0) // fails if further kinds were missed since
		l.logGap(ctx, s)
	}
	if alive, last, _ := l.Status(time.Now()); alive != l.wasAlive {
		l.wasAlive = alive
		l.log(ctx, alive, last)
	}
}

// forget removes the marks of the kinds of which an event was missed, and returns these kinds. If
// Redis does not reply, the next refresh tries again.
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
	l.Log.LogAttrs(ctx, slog.LevelWarn, "no events arrive, or Redis is unavailable; lifetimes are short", slog.Time("last", last))
}

// logGap logs that the WebSocket was connected again: Zoom does not deliver the events before.
func (l *Liveness) logGap(ctx context.Context, s *snapshot) {
	for _, of := range s.sources {
		if of.source != types.EventSourceWebsocket || of.open.Since.IsZero() {
			continue
		}
		// The same span may be converted to slightly different times, since Redis returns its age.
		if !l.connectedSince.IsZero() && of.open.Since.Sub(l.connectedSince) > time.Second {
			l.Log.LogAttrs(ctx, slog.LevelWarn, "the WebSocket was closed: events may have been missed; what was read before lives no longer", slog.Time("until", of.open.Since))
		}
		l.connectedSince = of.open.Since
	}
}

// Status returns whether events arrive, when the last one arrived (the zero time if none is
// known), and their source: if there are two, that of the last event.
func (l *Liveness) Status(now time.Time) (alive bool, last time.Time, source types.EventSource) {
	if len(l.Sources) > 0 {
		source = l.Sources[0]
	}
	s := l.seen.Load()
	if s == nil {
		return false, time.Time{}, source
	}
	for _, of := range s.sources {
		arrive := now.Sub(s.at) <= lostAfter && of.alive(now)
		if arrive && !alive || arrive == alive && of.all.Last.After(last) {
			source = of.source
		}
		alive = alive || arrive
		if of.all.Last.After(last) {
			last = of.all.Last
		}
	}
	return alive, last, source
}

// alive reports whether events arrive: a recent webhook did, or the WebSocket is connected.
func (s *sourceMarks) alive(now time.Time) bool {
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
	for n := range s.sources { // one source suffices
		at := s.sources[n].since(set, now)
		if !at.IsZero() && (since.IsZero() || at.Before(since)) {
			since = at
		}
	}
	if since.IsZero() {
		return since
	}
	return since.Add(settling)
}

// since returns the time since which no event of the kinds can have been missed, or the zero time
// if events, or those of one of the kinds, do not arrive.
func (s *sourceMarks) since(set zoom.EventKinds, now time.Time) time.Time {
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

// Missed implements [zoom.Coverage]: the events of the kinds count as not arriving until the next
// one of each.
func (l *Liveness) Missed(set zoom.EventKinds) {
	l.missed.Or(uint32(set))
	var names []string
	for ; set != 0; set &= set - 1 {
		names = append(names, kinds[bits.TrailingZeros16(uint16(set))])
	}
	l.Log.LogAttrs(context.Background(), slog.LevelWarn, "an answer has changed without an event; lifetimes of its kind are short until the next one comes", slog.String("kinds", strings.Join(names, " ")))
}
