package zoom

import (
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
}

// CoveredLife is how long an answer is fresh that events keep right, while they come.
// It is no longer than what such an answer is stored for: see [Life.StaleIfError].
const CoveredLife = time.Hour

// Validity says how long an answer, or a whole made of several, is fresh. How long that is
// depends on whether events come when it is read: it has both times.
type Validity struct {
	// Stored is when Zoom gave the oldest of it.
	Stored time.Time
	// Expires is when it stops being fresh where no events come, and Extended where those
	// of Kinds do, and have since before Stored.
	Expires, Extended time.Time
	Kinds             EventKinds
}

// Until returns until when it is fresh, as things stand now. A nil c is without events.
func (v Validity) Until(now time.Time, c Coverage) time.Time {
	if c == nil || v.Kinds == 0 || !now.Before(v.Extended) {
		return v.Expires
	}
	if since := c.Since(v.Kinds, now); since.IsZero() || !since.Before(v.Stored) {
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
	return Validity{earlier(v.Stored, w.Stored), earlier(v.Expires, w.Expires), earlier(v.Extended, w.Extended), v.Kinds | w.Kinds}
}

// within returns the validity of what holds until t at most.
func (v Validity) within(t time.Time) Validity {
	v.Expires, v.Extended = earlier(v.Expires, t), earlier(v.Extended, t)
	return v
}

// validity returns how long the entry of a request is fresh, given what it holds.
// Events are for the own account, for what people plan and administrators set, and for what
// the clock alone does not change. Of what goes on, they do not tell all; what is closed
// does not change.
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
	if v.Kinds = a.coverage.Kinds(req.Spec); v.Kinds != 0 {
		v.Extended = e.Stored.Add(kept(value, CoveredLife))
	}
	return v
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

// kept returns how much of a lifetime an answer has: a page no more than its token.
func kept(value any, life time.Duration) time.Duration {
	if page, ok := value.(interface {
		keep(time.Duration) time.Duration
	}); ok {
		return page.keep(life)
	}
	return life
}
