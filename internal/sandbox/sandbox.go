// Package sandbox is a Zoom in this process: OAuth, the operations of the table
// in internal/zoom, state, and Zoom's unpleasant habits. The gateway is tested
// on it, and users test their own apps on it.
//
// It answers what Zoom documents, not what the gateway happens to expect: rate
// limits by label and plan with the headers and bodies of Zoom, page tokens that
// expire, UUIDs that must be encoded twice, blank e-mails of guests, one row for
// each stay, reports that lag, deleted users. All of it follows from a seed and
// is made when it is asked for, so an account of 10,000 users costs nothing
// until somebody reads it.
//
// A call meets, in this order: the planned faults, the token, its scopes, the
// limits, the quotas, one write at a time on one user, the latency, and then the
// one function that is registered for its pattern. Faults of a kind then make the
// answer odd.
//
// What it does not do:
//   - Meetings do not start by themselves as time goes by: what has happened is what
//     had happened when it was made, what the API ends, and what Hold holds. In a
//     meeting that is held nobody shares, writes or enters a breakout room, and
//     webinars are not held.
//   - Server-to-Server tokens of one account only: a master account with a few
//     sub accounts. No consent pages, no refresh tokens.
//   - Settings of an account are kept and answered, and change nothing else.
//   - A user who is deleted leaves meetings and webinars behind, whatever was to
//     be transferred. Nobody accepts an invitation. Webinars cannot be changed.
//   - No events but those of meetings that are held, and these as webhooks alone; no
//     e-mails, calendars or media. Its links lead nowhere, but for
//     those to files, which hold lines of text whatever they are called.
//   - Nobody answers a poll or writes in the chat: what stands there follows from
//     the seed and the day.
//   - GET /report/daily, sign-ins, operation logs, storage and billing are made up
//     and do not add up to what the account does. The report on hosts does, and
//     takes seconds for 10,000 users; that on phone calls knows the first 200 hosts.
//   - Group filters of reports look at the users' groups; storage is made up anew
//     for each group.
//   - The dashboard looks at the first 200 users' runs, takes days and no hours,
//     and has three samples of a stay's quality. Its figures of chat, satisfaction,
//     rooms, ports and scores are made up and add up to nothing.
//   - Lists come in the order in which things were made; Zoom promises none.
//     A recurring meeting stands once in every list.
//   - Validation covers the types, the required fields and the bounds that the
//     documents state, not every rule that Zoom has. Settings of the account do
//     not restrain what a meeting may set.
//   - Limits count what arrives, in exact windows; nobody knows Zoom's own
//     arithmetic. Other apps of the account spend nothing.
package sandbox

import (
	"context"
	"net/http"
	"sync/atomic"
	"time"
)

// Sandbox is one Zoom. It is an http.Handler, and safe for concurrent use.
type Sandbox struct {
	opt     Options
	routes  *routes
	world   *world // the token's own account
	subs    accounts
	tokens  tokens
	limits  *limits
	locks   locks
	faults  faults
	ledger  ledger
	latency atomic.Int64
	down    atomic.Bool
}

// New returns a sandbox. Each one has a state of its own.
func New(opt Options) (*Sandbox, error) {
	opt, err := opt.withDefaults()
	if err != nil {
		return nil, err
	}
	table, err := newRoutes()
	if err != nil {
		return nil, err
	}
	s := &Sandbox{opt: opt, routes: table, world: newWorld(opt), limits: newLimits(opt.Plan)}
	s.tokens.init(opt)
	s.subs.init(s.world)
	s.SetLatency(opt.Latency)
	s.Fault(opt.Faults...)
	return s, nil
}

// SetLatency changes how long every answer takes from now on.
func (s *Sandbox) SetLatency(d time.Duration) { s.latency.Store(int64(d)) }

// Down makes every call fail with 503 and an HTML page, as the edge before
// Zoom answers when Zoom does not; Down(false) ends that.
func (s *Sandbox) Down(down bool) { s.down.Store(down) }

// ServeHTTP answers one call. It routes on the escaped path itself, because a
// ServeMux would clean "//" away and decode "%2F", which are what makes a UUID
// right or wrong. A fault that closes the connection panics with
// http.ErrAbortHandler, which net/http's server turns into just that.
func (s *Sandbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s.serveFile(w, r) {
		return // no operation of the API: it spends nothing
	}
	c := s.call(r)
	entry := s.ledger.begin(c, r)
	status := statusClientGone
	defer func() {
		c.release()
		s.ledger.end(entry, status, s.opt.Now())
	}()
	status = s.serve(w, r, c)
}

// serve carries a call through the layers and returns the status it got.
func (s *Sandbox) serve(w http.ResponseWriter, r *http.Request, c *call) int {
	if s.down.Load() {
		return send(w, c, unavailable(), Fault{})
	}
	f, planned := s.faults.take(c.pattern(), r.URL)
	a := s.admit(c, f, planned)
	wait := time.Duration(s.latency.Load()) + f.Delay
	if f.Hang || !sleep(r.Context(), wait) {
		<-r.Context().Done()
		return statusClientGone
	}
	if a == nil {
		a = s.runOdd(c, &f)
		if len(c.odd) > 0 {
			s.ledger.odd(c.seq, c.odd)
		}
	}
	return send(w, c, a, f)
}

// statusClientGone stands in the ledger for a call whose caller left before
// there was an answer, as nginx logs it, or got none.
const statusClientGone = 499

// sleep waits, and reports whether the caller is still there.
func sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// admit returns why a call goes no further, or nil.
func (s *Sandbox) admit(c *call, f Fault, planned bool) *answer {
	switch {
	case planned && f.Status != 0:
		return f.answer()
	case c.route == nil:
		return notRecognized()
	case c.route.open:
		return nil
	}
	for _, layer := range []func(*call) error{s.authenticate, located, s.throttle, s.exclude} {
		if err := layer(c); err != nil {
			return refused(err)
		}
	}
	return nil
}

// run calls the handler with the state locked: writes alone, reads together.
func (s *Sandbox) run(c *call) *answer {
	if c.route.spec != nil && c.route.spec.Reads() {
		c.world.mu.RLock()
		defer c.world.mu.RUnlock()
	} else {
		c.world.mu.Lock()
		defer c.world.mu.Unlock()
	}
	body, err := c.route.handler(c)
	if err != nil {
		return refused(err)
	}
	a := &answer{status: c.route.status(body), body: body}
	return a.encode()
}
