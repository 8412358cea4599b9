package cache

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// A Ledger notes what must be done at most once among processes, and what came of
// it. Unlike entries, notes have no tags: no eviction makes them invisible, and
// they are never dropped to be asked for again. So they last as long as Redis keeps
// them, and no longer.
type Ledger interface {
	// Claim returns what is noted at key; where nothing is, it notes that the
	// caller is about to do it, and returns the claim. While another process holds
	// the claim it waits, for the note of the outcome, or for the end of ctx.
	//
	// Without an answer of Redis nobody gets a claim: after some seconds the error
	// is an [*UnavailableError]. When ctx ends, it is the cause of that. After
	// either, the attempt is withdrawn from Redis as soon as Redis can be reached,
	// so that it keeps nobody else from the claim.
	//
	// A note without an outcome is one whose claim ended with its process, or by
	// [Claim.Leave]: then it is not known what was done, and nobody gets the claim.
	Claim(ctx context.Context, key string, life time.Duration) (*Note, *Claim, error)
}

// A Note is what a ledger holds of one thing to be done.
type Note struct {
	// Outcome is what came of it; nil is not known.
	Outcome []byte
}

// ErrUnavailable is why a claim is refused: Redis does not answer, and without it
// several processes could each do the thing. See [UnavailableError].
var ErrUnavailable = errors.New("cache: Redis does not answer, so processes cannot agree")

// An UnavailableError is an [ErrUnavailable] with the time at which to try again.
type UnavailableError struct{ RetryAt time.Time }

func (*UnavailableError) Error() string { return ErrUnavailable.Error() }

// Unwrap returns [ErrUnavailable].
func (*UnavailableError) Unwrap() error { return ErrUnavailable }

// Names of what belongs to claims. A note is a hash of the claim's fence, its state,
// and the outcome.
const (
	notePrefix      = "zoomql:v1:n:"
	holderPrefix    = "zoomql:v1:h:"
	claimantPrefix  = "zoomql:v1:c:" // somebody waits for the holder
	withdrawnPrefix = "zoomql:v1:x:" // a fence whose claim must not be granted any more
)

// withdrawnLife is how long a withdrawn claim is remembered. The command that made
// it may lie in the buffers of a connection for as long as TCP tries to deliver it.
const withdrawnLife = time.Hour

// maxUnsettled bounds the ends of claims that Redis has not been told of.
const maxUnsettled = 4096

// noteNames returns the names that scripts of claims use, in this order. All of them
// hold the key in the same braces.
func noteNames(key, fence string) []string {
	return []string{named(notePrefix, key), named(holderPrefix, key), named(claimantPrefix, key), named(withdrawnPrefix+fence, key)}
}

// claim grants the claim, says that another holds it, or says what is noted. It may
// be sent again with the same fence: the answer is the same.
//
// A holder that was cut off from Redis for longer than a lease may be alive, and
// about to tell the outcome. So the lease is prolonged once in the holder's name
// before the outcome counts as unknown.
var claim = redis.NewScript(`
local fence, life, lease = ARGV[1], ARGV[2], ARGV[3]
if redis.call('EXISTS', KEYS[4]) == 1 then return {'withdrawn', '', 0} end
local note = redis.call('HMGET', KEYS[1], 'by', 'state', 'outcome')
local by, state, outcome = note[1], note[2], note[3]
if state == 'done' then return {'done', outcome, 0} end
if by and by ~= fence then
	local left = redis.call('PTTL', KEYS[2])
	if left <= 0 then
		if state == 'missing' then
			redis.call('HSET', KEYS[1], 'state', 'unknown')
			state = 'unknown'
		elseif state == 'begun' then
			redis.call('HSET', KEYS[1], 'state', 'missing')
			redis.call('SET', KEYS[2], by, 'PX', lease)
			left = tonumber(lease)
		end
	end
	if state == 'unknown' then return {'unknown', '', 0} end
	redis.call('SET', KEYS[3], '1', 'PX', left + 1000)
	return {'held', '', left}
end
redis.call('HSET', KEYS[1], 'by', fence, 'state', 'begun')
redis.call('PEXPIRE', KEYS[1], life)
redis.call('SET', KEYS[2], fence, 'PX', lease)
return {'granted', '', 0}`)

// hold prolongs the lease of a claim that has not ended, also one that was believed
// to be lost.
var hold = redis.NewScript(`
if redis.call('HGET', KEYS[1], 'by') ~= ARGV[1] then return 0 end
if redis.call('HGET', KEYS[1], 'state') == 'done' then return 0 end
redis.call('HSET', KEYS[1], 'state', 'begun')
redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])
return 1`)

// settle ends a claim with a state: done with an outcome, unknown, or none, which
// takes the note away. A Redis that has lost the note gets it again. The claim that
// it ends is not granted any more, should its command arrive after this one.
var settle = redis.NewScript(`
local fence, state, outcome, life = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
if ARGV[5] ~= '0' then redis.call('SET', KEYS[4], '1', 'PX', ARGV[5]) end
local by = redis.call('HGET', KEYS[1], 'by')
if by and by ~= fence then return 0 end
if state == '' then
	redis.call('DEL', KEYS[1])
else
	redis.call('HSET', KEYS[1], 'by', fence, 'state', state, 'outcome', outcome)
	redis.call('PEXPIRE', KEYS[1], life)
end
if redis.call('GET', KEYS[2]) == fence then redis.call('DEL', KEYS[2]) end
if redis.call('DEL', KEYS[3]) == 1 then redis.call('PUBLISH', ARGV[6], ARGV[7]) end
return 1`)

// Claim implements [Ledger]. Notes live as long as life says.
func (r *Redis) Claim(ctx context.Context, key string, life time.Duration) (*Note, *Claim, error) {
	key = r.names.Name(key)
	c := &Claim{redis: r, key: key, fence: rand.Text(), life: life}
	woken, leave := r.waiters.join(key)
	defer leave()
	var silent time.Time // since when Redis has not answered
	for {
		answer, answered := c.ask(ctx)
		switch answer.state {
		case "granted":
			c.granted = true
			c.renew = time.AfterFunc(longestLease, c.prolong)
			c.renew.Reset(r.lease / 3) // not before c.renew is set, which prolong reads
			return nil, c, nil
		case "done":
			return &Note{Outcome: c.open(answer.outcome)}, nil, nil
		case "unknown":
			return &Note{}, nil, nil
		}
		wait := r.timings.ProbeFirst
		switch {
		case answered:
			silent = time.Time{}
			wait = min(answer.left, r.lease/checks) + time.Millisecond
		case silent.IsZero():
			silent = time.Now()
		}
		late := !silent.IsZero() && time.Since(silent) > r.timings.Claim || r.link.downFor() > r.timings.Claim
		if !late && waitFor(ctx, woken, wait) {
			continue
		}
		c.Abandon()
		if late || !silent.IsZero() && errors.Is(ctx.Err(), context.DeadlineExceeded) {
			return nil, nil, &UnavailableError{RetryAt: time.Now().Add(r.timings.Claim)}
		}
		return nil, nil, context.Cause(ctx)
	}
}

// waitFor waits until it is told, or for d. It reports false when ctx ends.
func waitFor(ctx context.Context, told <-chan struct{}, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-told:
	case <-timer.C:
	}
	return true
}

// A Claim is the right to do a thing once. It MUST be ended by one of its methods;
// after the first of them the others do nothing. It is held for as long as its
// process lives and can reach Redis.
type Claim struct {
	redis *Redis
	key   string // hashed
	fence string
	life  time.Duration
	renew *time.Timer

	attempts int
	granted  bool

	mu    sync.Mutex
	ended bool // by its holder
	told  bool // Redis has been told of the end
}

// claimAnswer is what Redis says to a claimant.
type claimAnswer struct {
	state   string
	outcome string
	left    time.Duration // how long another is sure to hold it
}

// ask sends the claim, and reports whether an answer came.
func (c *Claim) ask(ctx context.Context) (claimAnswer, bool) {
	r := c.redis
	if r.link.down() {
		return claimAnswer{}, false
	}
	c.attempts++
	ctx, cancel := context.WithTimeoutCause(ctx, r.timings.Attempt, errSlow)
	defer cancel()
	var answer *redis.Cmd
	if !r.scripted(ctx, func(pipe redis.Pipeliner, eval evaluate) {
		answer = eval(claim, ctx, pipe, noteNames(c.key, c.fence), c.fence, c.life.Milliseconds(), r.lease.Milliseconds())
	}) {
		return claimAnswer{}, false
	}
	parts, err := answer.Slice()
	if err != nil || len(parts) != 3 {
		return claimAnswer{}, false
	}
	var a claimAnswer
	a.state, _ = parts[0].(string)
	a.outcome, _ = parts[1].(string)
	left, _ := parts[2].(int64)
	a.left = time.Duration(left) * time.Millisecond
	return a, true
}

// prolong renews the claim until Redis has been told of its end: those who wait for
// the outcome go on waiting while it is on its way.
func (c *Claim) prolong() {
	r := c.redis
	if c.hasTold() || r.link.ctx.Err() != nil {
		return
	}
	ctx, cancel := context.WithTimeout(r.link.ctx, r.timings.Attempt)
	defer cancel()
	held, err := hold.Run(ctx, r.client, noteNames(c.key, c.fence), c.fence, r.lease.Milliseconds()).Int()
	if err == nil && held == 0 {
		return // Redis has lost the note, or knows the outcome
	}
	c.renew.Reset(r.lease / 3)
}

func (c *Claim) hasTold() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.told
}

// Settle notes what came of it, and wakes those who wait. Where Redis does not
// answer, that is tried again in the background.
func (c *Claim) Settle(outcome []byte) { c.end(&ending{c, "done", outcome}) }

// Abandon takes the note away, since nothing was done: the next one may try.
func (c *Claim) Abandon() { c.end(&ending{Claim: c}) }

// Leave notes that it is not known what came of it.
func (c *Claim) Leave() { c.end(&ending{Claim: c, state: "unknown"}) }

func (c *Claim) end(e *ending) {
	c.mu.Lock()
	again := c.ended
	c.ended = true
	c.mu.Unlock()
	if again || c.attempts == 0 {
		return
	}
	if !e.tell(c.redis.timings.Operation) {
		c.redis.unsettled.add(e)
	}
}

// ending is the end of a claim, of which Redis is to be told. Without a state it
// takes back what was noted.
type ending struct {
	*Claim
	state   string
	outcome []byte
}

// tell reports whether Redis has been told.
func (e *ending) tell(limit time.Duration) bool {
	r := e.redis
	if r.link.down() {
		return false
	}
	ctx, cancel := context.WithTimeoutCause(r.link.ctx, limit, errSlow)
	defer cancel()
	var done *redis.Cmd
	ok := r.scripted(ctx, func(pipe redis.Pipeliner, eval evaluate) {
		done = eval(settle, ctx, pipe, noteNames(e.key, e.fence), e.fence, e.state, e.seal(e.outcome),
			e.life.Milliseconds(), e.withdrawnLife().Milliseconds(), freed, e.key)
	})
	if !ok || done.Err() != nil {
		return false
	}
	e.mu.Lock()
	e.told = true
	e.mu.Unlock()
	if e.renew != nil {
		e.renew.Stop()
	}
	return true
}

// withdrawnLife is how long the fence must be refused. Where the claim was sent once
// and granted, no command of it is on its way any more.
func (e *ending) withdrawnLife() time.Duration {
	if e.state != "" || e.granted && e.attempts == 1 {
		return 0
	}
	return withdrawnLife
}

// What stands before an outcome in Redis.
const (
	plainOutcome  = 'p'
	sealedOutcome = 's'
)

// seal returns an outcome as Redis keeps it: sealed where there are keys, for its
// own place.
func (c *Claim) seal(outcome []byte) []byte {
	if c.redis.keys.Len() == 0 {
		return append([]byte{plainOutcome}, outcome...)
	}
	return c.redis.keys.seal([]byte{sealedOutcome}, outcome, named(notePrefix, c.key))
}

// open returns nil for an outcome that cannot be read: its key is gone, or it is not
// sealed although there are keys.
func (c *Claim) open(kept string) []byte {
	keys := c.redis.keys
	switch {
	case kept == "":
	case keys.Len() == 0 && kept[0] == plainOutcome:
		return []byte(kept[1:])
	case keys.Len() > 0 && kept[0] == sealedOutcome:
		if outcome, ok := keys.open([]byte(kept[1:]), named(notePrefix, c.key)); ok {
			return outcome
		}
	}
	return nil
}

// unsettled are the ends of claims that Redis has not been told of, since it did not
// answer. It is told as soon as it does.
type unsettled struct {
	redis *Redis

	mu      sync.Mutex
	ends    []*ending
	running bool
}

// add has Redis told of an end in the background. Beyond a bound the oldest is
// dropped: its note stays without an outcome.
func (u *unsettled) add(e *ending) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if len(u.ends) == maxUnsettled {
		u.ends = u.ends[1:]
		u.redis.link.log.Warn("cache: the outcome of a create cannot be noted; a repeat of it is answered as not known")
	}
	u.ends = append(u.ends, e)
	if !u.running {
		u.running = u.redis.link.start(u.run)
	}
}

// run ends when nothing is left to tell, or with the store.
func (u *unsettled) run() {
	for sleep(u.redis.link.ctx, u.redis.timings.ProbeFirst) && !u.tell() {
	}
}

// tell reports whether nothing is left to tell.
func (u *unsettled) tell() bool {
	u.mu.Lock()
	ends := slices.Clone(u.ends)
	u.mu.Unlock()
	for _, e := range ends {
		if !e.tell(u.redis.timings.Attempt) {
			break
		}
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.ends = slices.DeleteFunc(u.ends, (*ending).hasTold)
	u.running = len(u.ends) > 0
	return !u.running
}
