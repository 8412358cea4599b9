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

// A Ledger records operations that must be done at most once among processes, and
// their outcomes. Unlike entries, notes have no tags: no eviction makes them invisible,
// and they are never dropped to be done again. So they last as long as Redis retains
// them, and no longer.
type Ledger interface {
	// Claim returns the note at key; if there is none, it records that the
	// caller is about to do the operation, and returns the claim. While another
	// process holds the claim it waits, for the outcome, or for the end of ctx. The
	// note lasts for life.
	//
	// Without a reply from Redis no claim is granted: after some seconds the error is
	// an [*UnavailableError]. When ctx ends, it is the cause of that. After either, the
	// attempt is withdrawn from Redis as soon as Redis can be reached, so that it
	// blocks no other process.
	//
	// A note without an outcome is one whose claim ended with its process, or by
	// [Claim.SettleUnknown]: then the outcome is unknown, and no later claim is
	// granted.
	Claim(ctx context.Context, key string, life time.Duration) (*Note, *Claim, error)
}

// A Note is the record of one operation that another claim has covered.
type Note struct {
	// Outcome is the argument of [Claim.Settle]; nil means unknown.
	Outcome []byte
}

// ErrUnavailable is the error of a claim that is refused because Redis does not reply:
// without it several processes could each do the operation. See [UnavailableError].
var ErrUnavailable = errors.New("cache: Redis does not reply, so processes cannot agree")

// An UnavailableError is an [ErrUnavailable] with the time at which to try again.
type UnavailableError struct {
	// RetryAt is when an attempt may succeed: Timings.Claim after the refusal.
	RetryAt time.Time
}

// Error returns the text of [ErrUnavailable].
func (*UnavailableError) Error() string { return ErrUnavailable.Error() }

// Unwrap returns [ErrUnavailable].
func (*UnavailableError) Unwrap() error { return ErrUnavailable }

// Prefixes of the keys that belong to claims. A note is a Redis hash of the claim's fence,
// its state, and the outcome.
const (
	notePrefix      = "zoomql:v1:n:"
	holderPrefix    = "zoomql:v1:h:"
	claimantPrefix  = "zoomql:v1:c:" // there is a waiter
	withdrawnPrefix = "zoomql:v1:x:" // a fence whose claim must not be granted any more
)

// withdrawnLife is how long Redis stores a withdrawn claim. The command that made
// it may lie in the buffers of a connection for as long as TCP tries to deliver it.
const withdrawnLife = time.Hour

// maxUnrecorded bounds the ends of claims that are not recorded in Redis yet.
const maxUnrecorded = 4096

// noteKeys returns the keys in Redis that scripts of claims use, in this order. All of
// them have the key as their hash tag.
func noteKeys(key, fence string) []string {
	return []string{redisKey(notePrefix, key), redisKey(holderPrefix, key), redisKey(claimantPrefix, key), redisKey(withdrawnPrefix+fence, key)}
}

// claimScript grants the claim, or returns that another process holds it, or the note.
// It may be sent again with the same fence: the reply is the same.
//
// A holder that was disconnected from Redis for longer than a lease may be alive, and
// about to settle. So the lease is prolonged once in the holder's name
// before the outcome counts as unknown.
var claimScript = redis.NewScript(`
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

// renewClaimScript prolongs the lease of a claim that has not ended, also of one that
// counted as lost.
var renewClaimScript = redis.NewScript(`
if redis.call('HGET', KEYS[1], 'by') ~= ARGV[1] then return 0 end
if redis.call('HGET', KEYS[1], 'state') == 'done' then return 0 end
redis.call('HSET', KEYS[1], 'state', 'begun')
redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])
return 1`)

// settleScript ends a claim with a state: done with an outcome, unknown, or none, which
// deletes the note. If Redis has lost the note, it is written again. The claim that
// it ends is not granted any more, even if its command arrives after this one.
var settleScript = redis.NewScript(`
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

// Claim implements [Ledger].
func (r *Redis) Claim(ctx context.Context, key string, life time.Duration) (*Note, *Claim, error) {
	key = r.names.Name(key)
	c := &Claim{redis: r, key: key, fence: rand.Text(), life: life}
	woken, leave := r.waiters.add(key)
	defer leave()
	var noReplySince time.Time
	for {
		reply, replied := c.request(ctx)
		switch reply.state {
		case "granted":
			c.granted = true
			c.renewTimer = time.AfterFunc(maxLeaseTime, c.renew)
			c.renewTimer.Reset(r.lease / 3) // not before c.renewTimer is set, which renew reads
			return nil, c, nil
		case "done":
			return &Note{Outcome: c.open(reply.outcome)}, nil, nil
		case "unknown":
			return &Note{}, nil, nil
		}
		wait := r.timings.ProbeMin
		switch {
		case replied:
			noReplySince = time.Time{}
			wait = min(reply.left, r.lease/pollsPerLease) + time.Millisecond
		case noReplySince.IsZero():
			noReplySince = time.Now()
		}
		late := !noReplySince.IsZero() && time.Since(noReplySince) > r.timings.Claim || r.conn.downFor() > r.timings.Claim
		if !late && waitFor(ctx, woken, wait) {
			continue
		}
		c.Abandon()
		if late || !noReplySince.IsZero() && errors.Is(ctx.Err(), context.DeadlineExceeded) {
			return nil, nil, &UnavailableError{RetryAt: time.Now().Add(r.timings.Claim)}
		}
		return nil, nil, context.Cause(ctx)
	}
}

// A Claim is the right to do an operation once. It MUST be ended by one of its methods;
// after the first of them the others have no effect. It is held for as long as its
// process lives and can reach Redis.
type Claim struct {
	redis      *Redis
	key        string // hashed
	fence      string
	life       time.Duration
	renewTimer *time.Timer

	attempts int
	granted  bool

	mu       sync.Mutex
	ended    bool // by its holder
	recorded bool // in Redis
}

// claimReply is the reply to a claim.
type claimReply struct {
	state   string
	outcome string
	left    time.Duration // until another process's lease on it expires
}

// request sends the claim, and reports whether a reply came.
func (c *Claim) request(ctx context.Context) (claimReply, bool) {
	r := c.redis
	if r.conn.down() {
		return claimReply{}, false
	}
	c.attempts++
	ctx, cancel := context.WithTimeoutCause(ctx, r.timings.Attempt, errRedisTimeout)
	defer cancel()
	var cmd *redis.Cmd
	if !r.execScripts(ctx, func(pipe redis.Pipeliner, eval evaluate) {
		cmd = eval(claimScript, ctx, pipe, noteKeys(c.key, c.fence), c.fence, c.life.Milliseconds(), r.lease.Milliseconds())
	}) {
		return claimReply{}, false
	}
	parts, err := cmd.Slice()
	if err != nil || len(parts) != 3 {
		return claimReply{}, false
	}
	var reply claimReply
	reply.state, _ = parts[0].(string)
	reply.outcome, _ = parts[1].(string)
	left, _ := parts[2].(int64)
	reply.left = time.Duration(left) * time.Millisecond
	return reply, true
}

// renew prolongs the claim until its end is recorded in Redis, so that waiters wait for
// an outcome that is on its way.
func (c *Claim) renew() {
	r := c.redis
	if c.isRecorded() || r.conn.ctx.Err() != nil {
		return
	}
	ctx, cancel := context.WithTimeout(r.conn.ctx, r.timings.Attempt)
	defer cancel()
	held, err := renewClaimScript.Run(ctx, r.client, noteKeys(c.key, c.fence), c.fence, r.lease.Milliseconds()).Int()
	if err == nil && held == 0 {
		return // Redis has lost the note, or holds the outcome
	}
	c.renewTimer.Reset(r.lease / 3)
}

func (c *Claim) isRecorded() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.recorded
}

// Settle records the outcome, and wakes the waiters. If Redis does not reply, that
// is retried in the background.
func (c *Claim) Settle(outcome []byte) { c.end(&claimEnd{c, "done", outcome}) }

// Abandon deletes the note, since the operation was not done: the next claim is granted.
func (c *Claim) Abandon() { c.end(&claimEnd{Claim: c}) }

// SettleUnknown records that the outcome is not known: no later claim is granted.
func (c *Claim) SettleUnknown() { c.end(&claimEnd{Claim: c, state: "unknown"}) }

func (c *Claim) end(e *claimEnd) {
	c.mu.Lock()
	again := c.ended
	c.ended = true
	c.mu.Unlock()
	if again || c.attempts == 0 {
		return
	}
	if !e.record(c.redis.timings.Operation) {
		c.redis.unrecorded.add(e)
	}
}

// claimEnd is the end of a claim, to be recorded in Redis. Without a state it
// deletes the note.
type claimEnd struct {
	*Claim
	state   string
	outcome []byte
}

// record reports whether the end is recorded in Redis.
func (e *claimEnd) record(timeout time.Duration) bool {
	r := e.redis
	if r.conn.down() {
		return false
	}
	ctx, cancel := context.WithTimeoutCause(r.conn.ctx, timeout, errRedisTimeout)
	defer cancel()
	var cmd *redis.Cmd
	ok := r.execScripts(ctx, func(pipe redis.Pipeliner, eval evaluate) {
		cmd = eval(settleScript, ctx, pipe, noteKeys(e.key, e.fence), e.fence, e.state, e.seal(e.outcome),
			e.life.Milliseconds(), e.withdrawFor().Milliseconds(), releasedChannel, e.key)
	})
	if !ok || cmd.Err() != nil {
		return false
	}
	e.mu.Lock()
	e.recorded = true
	e.mu.Unlock()
	if e.renewTimer != nil {
		e.renewTimer.Stop()
	}
	return true
}

// withdrawFor returns how long the fence must be refused. If the claim was sent once
// and granted, no command of it is on its way any more.
func (e *claimEnd) withdrawFor() time.Duration {
	if e.state != "" || e.granted && e.attempts == 1 {
		return 0
	}
	return withdrawnLife
}

// The first byte of an outcome in Redis.
const (
	plainOutcome  = 'p'
	sealedOutcome = 's'
)

// seal returns an outcome as Redis stores it: encrypted if there are keys, and bound
// to its key.
func (c *Claim) seal(outcome []byte) []byte {
	if c.redis.keys.Len() == 0 {
		return append([]byte{plainOutcome}, outcome...)
	}
	return c.redis.keys.seal([]byte{sealedOutcome}, outcome, redisKey(notePrefix, c.key))
}

// open returns nil for an outcome that cannot be read: its key is gone, or it is not
// encrypted although there are keys.
func (c *Claim) open(stored string) []byte {
	keys := c.redis.keys
	switch {
	case stored == "":
	case keys.Len() == 0 && stored[0] == plainOutcome:
		return []byte(stored[1:])
	case keys.Len() > 0 && stored[0] == sealedOutcome:
		if outcome, ok := keys.open([]byte(stored[1:]), redisKey(notePrefix, c.key)); ok {
			return outcome
		}
	}
	return nil
}

// unrecorded are the ends of claims that could not be recorded, since Redis did not
// reply. They are recorded as soon as it does.
type unrecorded struct {
	redis *Redis

	mu      sync.Mutex
	ends    []*claimEnd
	running bool
}

// add records an end in the background. Beyond a bound the oldest is
// dropped: its note stays without an outcome.
func (u *unrecorded) add(e *claimEnd) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if len(u.ends) == maxUnrecorded {
		u.ends = u.ends[1:]
		u.redis.conn.log.Warn("cache: the outcome of a create cannot be recorded; a repeat of it is answered as unknown")
	}
	u.ends = append(u.ends, e)
	if !u.running {
		u.running = u.redis.conn.start(u.run)
	}
}

// run ends when all are recorded, or with the store.
func (u *unrecorded) run() {
	for waitFor(u.redis.conn.ctx, nil, u.redis.timings.ProbeMin) && !u.recordAll() {
	}
}

// recordAll reports whether all are recorded.
func (u *unrecorded) recordAll() bool {
	u.mu.Lock()
	ends := slices.Clone(u.ends)
	u.mu.Unlock()
	for _, e := range ends {
		if !e.record(u.redis.timings.Attempt) {
			break
		}
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.ends = slices.DeleteFunc(u.ends, (*claimEnd).isRecorded)
	u.running = len(u.ends) > 0
	return !u.running
}
