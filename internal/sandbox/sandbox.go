// Package sandbox is a simulator of Zoom: OAuth, the operations of the table in
// internal/zoom, state, and Zoom's peculiarities. The gateway is tested against it, and users
// test their own apps against it.
//
// It answers as Zoom documents, independently of the gateway's expectations: rate limits by
// label and plan with Zoom's headers and bodies, page tokens that expire, UUIDs that must be
// encoded twice, blank e-mail addresses of guests, one row for each stay, reports that lag,
// deleted users. All data follow from a seed and are generated when they are read, so an
// account of 10,000 users takes no memory until then.
//
// A call passes, in this order: the planned faults, the token, its scopes, the limits, the
// quotas, the lock of one write at a time on one user, the latency, and then the handler that
// is registered for its pattern. Faults of a kind are applied to the answer.
//
// Its limitations:
//   - Meetings do not start by themselves. The past consists of the instances of the
//     seed, those that the API ends, and those that Hold and HoldRandom hold. In a held
//     meeting no participant shares or writes, and roles do not change.
//   - Server-to-Server tokens of one account only: a master account with a few
//     sub accounts. No consent pages, no refresh tokens.
//   - Settings of an account are stored and returned, and have no effect.
//   - Meetings and webinars of a deleted user remain, whatever was to be transferred.
//     Invitations are never accepted. Webinars cannot be changed.
//   - No events except those of held meetings and webinars; no e-mails, calendars or
//     media. A WebSocket accepts any subscription, and delivers all events. Links lead
//     nowhere, except those to files, which contain lines of text whatever their names.
//   - Participants do not answer polls or write in the chat: these data follow from the
//     seed and the day.
//   - GET /report/daily, sign-ins, operation logs, storage and billing are generated,
//     and are not sums over the account's data. The report on hosts is, and takes seconds
//     for 10,000 users; that on phone calls covers the first 200 hosts.
//   - Group filters of reports use the users' groups; storage is generated for each
//     group separately.
//   - The report on a user's joined meetings covers those of the first 200 hosts.
//   - The dashboard covers the instances of the first 200 users, accepts days but not
//     hours, and has three quality samples of each stay. Its figures of chat,
//     satisfaction, rooms, ports and scores are generated and are not sums.
//   - Lists are in the order of creation; Zoom documents none. A recurring meeting occurs
//     once in every list.
//   - Validation covers the types, the required fields and the bounds that the
//     documents state, not every rule that Zoom has. Settings of the account do
//     not restrict the settings of a meeting.
//   - Limits count arrivals in exact windows; Zoom's own algorithm is not public. No
//     other apps use the account's limits.
package sandbox

import (
	"context"
	"net/http"
	"sync/atomic"
	"time"
)

// Sandbox is one simulated Zoom. It is an http.Handler, and safe for concurrent use.
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
	sockets sockets
	latency atomic.Int64
	down    atomic.Bool
}

// New returns a sandbox with its own state.
func New(opt Options) (*Sandbox, error) {
	opt, err := opt.withDefaults()
	if err != nil {
		return nil, err
	}
	table, err := allRoutes()
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

// SetLatency changes the minimum time of every answer from now on.
func (s *Sandbox) SetLatency(d time.Duration) { s.latency.Store(int64(d)) }

// Down makes every call fail with 503 and an HTML page, which is the answer of Zoom's edge
// while Zoom is down. Down(false) ends that.
func (s *Sandbox) Down(down bool) { s.down.Store(down) }

// ServeHTTP answers one call. It routes on the escaped path itself, because a ServeMux would
// clean "//" and decode "%2F", which determine whether a UUID is correct. A fault that closes
// the connection panics with http.ErrAbortHandler, upon which net/http's server closes it.
func (s *Sandbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s.serveFile(w, r) || s.serveSocket(w, r) {
		return // no operation of the API: it is not counted against limits
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

// serve passes a call through the layers and returns its status.
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

// statusClientGone is the ledger's status of a call whose client closed the connection before
// the answer, as in nginx's logs, or got no answer.
const statusClientGone = 499

// sleep waits for d. It returns false if ctx ends first.
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

// admit returns the answer that refuses a call, or nil.
func (s *Sandbox) admit(c *call, f Fault, planned bool) *answer {
	switch {
	case planned && f.Status != 0:
		return f.answer()
	case c.route == nil:
		return notRecognized()
	case c.route.open:
		return nil
	}
	for _, layer := range []func(*call) error{s.authenticate, checkAccount, s.throttle, s.exclude} {
		if err := layer(c); err != nil {
			return refused(err)
		}
	}
	return nil
}

// run calls the handler with the state locked: exclusively for writes, shared for reads.
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
