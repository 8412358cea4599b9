package zoom

import (
	"context"
	"strings"
	"time"

	"zoomql/cache"
)

// EventKinds is a set of kinds of Zoom's events, such as those of meetings.
type EventKinds uint16

// Coverage tells which answers Zoom's events keep right. It MUST be safe for concurrent
// use, and fast: it is asked at each read.
type Coverage interface {
	// Kinds returns the kinds of events that tell of each change of an operation's
	// answers; none where some change has no event.
	Kinds(s *Spec) EventKinds
	// Since returns since when events of all these kinds have come: what was read after
	// that is evicted when it changes. The zero time means that they do not come.
	Since(kinds EventKinds, now time.Time) time.Time
	// Missed tells that an answer which events of these kinds were to keep right has
	// changed, and that no event has told so: Since MUST NOT return a time before this one
	// any more.
	Missed(kinds EventKinds)
}

// CoveredLife is how long an answer is fresh that events keep right, while they come.
// It is no longer than what such an answer is stored for: see [Life.StaleIfError].
const CoveredLife = time.Hour

// lateShare is how much of the time since the last event an answer is fresh that Zoom works
// out later than the event comes (see [Spec.Late]): a fourth. So while an answer is asked for,
// it shows what Zoom had ready some time after the event when a fourth of that time more has
// gone by, however late Zoom is; and it costs some twenty calls an event until it is fresh for
// [CoveredLife]. HTTP calls that heuristic freshness (RFC 9111, section 4.2.2).
const lateShare = 4

// Validity says how long an answer, or a whole made of several, is fresh. How long that is
// depends on whether events come when it is read: it has both times.
type Validity struct {
	// Stored is when Zoom gave the oldest of it.
	Stored time.Time
	// Expires is when it stops being fresh where no events come, and Extended where those
	// of Kinds do, and have since before Since: zero is Stored.
	Expires, Extended time.Time
	Kinds             EventKinds
	Since             time.Time
}

func (v Validity) since() time.Time {
	if v.Since.IsZero() {
		return v.Stored
	}
	return v.Since
}

// comeBefore reports whether events of its kinds have come since before it.
func (v Validity) comeBefore(now time.Time, c Coverage) bool {
	since := c.Since(v.Kinds, now)
	return !since.IsZero() && since.Before(v.since())
}

// Until returns until when it is fresh, as things stand now. A nil c is without events.
func (v Validity) Until(now time.Time, c Coverage) time.Time {
	if c == nil || v.Kinds == 0 || !now.Before(v.Extended) {
		return v.Expires
	}
	if !v.comeBefore(now, c) {
		return v.Expires
	}
	return v.Extended
}

// Fresh reports whether it is fresh at now.
func (v Validity) Fresh(now time.Time, c Coverage) bool {
	return now.Before(v.Expires) || now.Before(v.Until(now, c))
}

// join returns the validity of a whole that both are parts of; the zero value is no part.
func (v Validity) join(w Validity) Validity {
	if v.Stored.IsZero() {
		return w
	}
	return Validity{earlier(v.Stored, w.Stored), earlier(v.Expires, w.Expires), earlier(v.Extended, w.Extended), v.Kinds | w.Kinds, earlier(v.since(), w.since())}
}

// within returns the validity of what holds until t at most.
func (v Validity) within(t time.Time) Validity {
	v.Expires, v.Extended = earlier(v.Expires, t), earlier(v.Extended, t)
	return v
}

// validity returns how long the entry of a request is fresh, given what it holds.
// Events are for the own account, for what people plan and administrators set, and for what
// the clock alone does not change. Of what goes on, they do not tell all; what is closed
// does not change. What Zoom works out late may have been read before it was: see lateShare.
func (a *answerStore) validity(req *Request, value any, e *cache.Entry) Validity {
	v := Validity{Stored: e.Stored, Expires: e.Expires, Extended: e.Expires}
	if a.coverage == nil || req.Account != "" || value == nil || req.byOtherName() || req.Spec.ByClock != nil && req.Spec.ByClock(req) {
		return v
	}
	if _, refused := value.(*Error); refused {
		return v
	}
	if life := req.life(value); life != Scheduled && life != Slow {
		return v
	}
	if v.Kinds = a.coverage.Kinds(req.Spec); v.Kinds == 0 {
		return v
	}
	fresh := CoveredLife
	if req.Spec.Late {
		v.Since = e.UnchangedSince()
		fresh = min(fresh, e.Stored.Sub(v.Since)/lateShare)
	}
	if extended := e.Stored.Add(req.kept(value, fresh)); extended.After(v.Expires) {
		v.Extended = extended
	}
	return v
}

// unchangedSince returns since when no event has evicted the answer to a request, as far as the
// entry tells that a call is about to replace, of what Zoom works out late. The zero time is
// that it is not known: an event has evicted it, or none have come since then.
func (a *answerStore) unchangedSince(ctx context.Context, req *Request) time.Time {
	if !req.Spec.Late || a.coverage == nil {
		return time.Time{}
	}
	old := a.look(ctx, req, everywhere).resp
	if old == nil {
		return time.Time{}
	}
	v := Validity{Kinds: a.coverage.Kinds(req.Spec), Since: old.entry.UnchangedSince()}
	if v.Kinds == 0 || !v.comeBefore(time.Now(), a.coverage) {
		return time.Time{}
	}
	return v.Since
}

// byOtherName reports whether the request names a user by an address or as "me": the events
// of a user have Zoom's id, by which such an answer is not filed (see expand).
func (r *Request) byOtherName() bool {
	for _, value := range r.Vars {
		if value == "me" || strings.Contains(value, "@") {
			return true
		}
	}
	return false
}

// kept returns how much of a lifetime the answer to a request has: see [Page.keep].
func (r *Request) kept(value any, life time.Duration) time.Duration {
	if page, ok := value.(interface {
		keep(life time.Duration, first bool) time.Duration
	}); ok {
		return page.keep(life, !strings.Contains(r.Query, "next_page_token=") && !strings.Contains(r.Query, "page_number="))
	}
	return life
}
