package zoom

import (
	"context"
	"strings"
	"time"

	"zoomql/cache"
)

// EventKinds is a set of kinds of Zoom's events, such as those of meetings.
type EventKinds uint16

// Coverage reports which answers Zoom's events keep current. It MUST be safe for concurrent
// use, and fast: it is called for each read.
type Coverage interface {
	// Kinds returns the kinds of events that report each change of an operation's answers;
	// none if some change has no event.
	Kinds(s *Spec) EventKinds
	// Since returns since when events of all these kinds have come: an answer read after
	// that is evicted when it changes. The zero time means that they do not come.
	Since(kinds EventKinds, now time.Time) time.Time
	// Missed reports that an answer which events of these kinds should keep current has
	// changed without an event: Since MUST NOT return a time before this call any more.
	Missed(kinds EventKinds)
}

// CoveredLife is how long an answer that events keep current is fresh, while they come. It is
// no longer than such an answer is stored: see [Life.StaleIfError].
const CoveredLife = time.Hour

// lateShare sets how long a late answer (see [Spec.Late]) is fresh: a fourth of the time since
// the last event. So while an answer is requested, a change that Zoom completes some time after
// the event appears within a fourth of that time more, however late Zoom is; and some twenty
// calls an event are made until the answer is fresh for [CoveredLife]. HTTP calls this heuristic
// freshness (RFC 9111, section 4.2.2).
const lateShare = 4

// Validity is how long an answer, or a whole made of several, is fresh. That depends on whether
// events come when it is read, so it has both times.
type Validity struct {
	// Stored is when the oldest part was stored.
	Stored time.Time
	// Expires is when it stops being fresh if no events come, and Extended if those of Kinds
	// come, and have come since before Since; a zero Since means Stored.
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

// Until returns until when it is fresh, by the events that come now. A nil c means none.
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

// within returns the validity limited to t.
func (v Validity) within(t time.Time) Validity {
	v.Expires, v.Extended = earlier(v.Expires, t), earlier(v.Extended, t)
	return v
}

// validity returns how long the entry of a request with this value is fresh. Events extend only
// answers of the own account that are [Scheduled] or [Slow] and do not depend on the clock: they
// do not report every change of live data, and closed data does not change. A late answer may
// have been read before Zoom completed it: see lateShare.
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

// unchangedSince returns since when no event has evicted a late answer, by the entry that a call
// is about to replace. The zero time means that it is unknown: an event has evicted the entry, or
// events have not come since then.
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

// byOtherName reports whether the request names a user by e-mail address or as "me": the events
// of a user have Zoom's id, which is not in the tags of such an answer (see expand).
func (r *Request) byOtherName() bool {
	for _, value := range r.Vars {
		if value == "me" || strings.Contains(value, "@") {
			return true
		}
	}
	return false
}

// kept returns how long of a lifetime the answer to a request may be stored: see [Page.keep].
func (r *Request) kept(value any, life time.Duration) time.Duration {
	if page, ok := value.(interface {
		keep(life time.Duration, first bool) time.Duration
	}); ok {
		return page.keep(life, !strings.Contains(r.Query, "next_page_token=") && !strings.Contains(r.Query, "page_number="))
	}
	return life
}
