package cache

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	// maxLeaseTime ends the renewal of a lease that is never released.
	maxLeaseTime = 2 * time.Minute
	// fenceLife is how long Redis stores the fence of the last lease. It outlives every
	// lease, or a late holder would look like the current one.
	fenceLife = 2 * maxLeaseTime
	// pollsPerLease is how often, within a lease, a waiter polls: messages may be
	// lost.
	pollsPerLease = 5
)

// A Want states which entry is acceptable, and whether a caller waits for it.
type Want struct {
	// Acceptable reports whether an entry makes a call to the origin unnecessary.
	Acceptable func(*Entry) bool
	// Refresh marks a call that no caller waits for: such a lease excludes other
	// refreshes only, since it may take long until the call is made.
	Refresh bool
}

// A Lease is the right to call the origin for one key while others wait. It renews
// itself until it is released, and expires soon after its process ends. Its fencing
// token is a number higher than that of each lease before it.
type Lease struct {
	redis      *Redis
	key        string // hashed
	kind       leaseKind
	fence      string
	acquiredAt time.Time
	renewTimer *time.Timer
	ended      atomic.Bool
}

// A leaseKind is one of the two kinds of leases that a key has. Fences are common to
// both.
type leaseKind string

const (
	foreground leaseKind = ""
	background leaseKind = "r:"
)

// keys returns the keys in Redis that scripts use, in this order.
func (k leaseKind) keys(key string) []string {
	return []string{redisKey(entryPrefix, key), redisKey(leasePrefix+string(k), key), redisKey(fencePrefix, key), redisKey(waiterPrefix+string(k), key)}
}

// acquireScript returns the entry at the key; else, a new lease; else, how long the
// lease of another process lasts, and records that there is a waiter. An entry that
// begins with ARGV[1], the head of one that the caller has found not acceptable, does
// not count.
//
// A fence is the time in microseconds: a counter would begin again when Redis
// loses it.
var acquireScript = redis.NewScript(`
local e = redis.pcall('GET', KEYS[1])
if type(e) == 'string' and string.sub(e, 1, 5) ~= ARGV[1] then return {e} end
local left = redis.call('PTTL', KEYS[2])
if left > 0 then
	redis.call('SET', KEYS[4], '1', 'PX', left + 1000)
	return {false, '', left}
end
local t = redis.call('TIME')
local fence = math.max(t[1] * 1000000 + t[2], tonumber(redis.call('GET', KEYS[3]) or '0') + 1)
fence = string.format('%.0f', fence)
redis.call('SET', KEYS[2], fence, 'PX', ARGV[2])
redis.call('SET', KEYS[3], fence, 'PX', ARGV[3])
return {false, fence, 0}`)

// renewScript prolongs a lease that is still held.
var renewScript = redis.NewScript(`
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[2], ARGV[2])`)

// releaseScript ends a lease that is still held, and wakes its waiters.
var releaseScript = redis.NewScript(`
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[2])
if redis.call('DEL', KEYS[4]) == 1 then redis.call('PUBLISH', ARGV[2], ARGV[3]) end
return 1`)

// storeScript stores an entry, unless there was a lease after the holder's, and
// releases the holder's. SET replaces a value of any type.
var storeScript = redis.NewScript(`
if tonumber(redis.call('GET', KEYS[3]) or '0') > tonumber(ARGV[1]) then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
if redis.call('GET', KEYS[2]) == ARGV[1] then redis.call('DEL', KEYS[2]) end
if redis.call('DEL', KEYS[4]) == 1 then redis.call('PUBLISH', ARGV[4], ARGV[5]) end
return 1`)

// GetOrLease implements [Leaser]. Messages wake the waiters while there is a
// [Redis.Watch]; without it they poll a few times within a lease.
func (r *Redis) GetOrLease(ctx context.Context, key string, want Want, tags ...Tag) (*Entry, Ticket, *Lease) {
	key = r.names.Name(key)
	a := &acquisition{redis: r, key: key, acceptable: want.Acceptable, names: namesOf(tags, r.tagName)}
	if want.Refresh {
		a.kind = background
	}
	if a.try(ctx) {
		return a.result(ctx)
	}
	// A waiter registers before it tries again: a release in between wakes it.
	woken, leave := r.waiters.add(key)
	defer leave()
	for !a.try(ctx) {
		next := min(a.left, r.lease/pollsPerLease)
		if !waitFor(ctx, woken, next+time.Millisecond+rand.N(next/8+1)) { // jitter
			return nil, Ticket{}, nil
		}
	}
	return a.result(ctx)
}

// acquisition is one call of GetOrLease.
type acquisition struct {
	redis      *Redis
	key        string // hashed
	acceptable func(*Entry) bool
	kind       leaseKind
	names      []tagName
	rejected   string        // the head of an entry that was not acceptable
	left       time.Duration // how long the lease of another process lasts

	entry  *Entry
	ticket Ticket
	lease  *Lease
}

// result returns the entry or the lease of the last try. A caller that gets neither
// entry nor lease, and still has time, calls the origin without a lease.
func (a *acquisition) result(ctx context.Context) (*Entry, Ticket, *Lease) {
	if a.entry == nil && a.lease == nil && ctx.Err() == nil {
		a.redis.unleased.add()
	}
	return a.entry, a.ticket, a.lease
}

// try reports false when another process has the lease.
func (a *acquisition) try(ctx context.Context) bool {
	ctx, cancel := a.redis.withTimeout(ctx)
	defer cancel()
	for {
		data, now, ok := a.request(ctx)
		if !ok {
			return true
		}
		if data == nil {
			return a.makeTicket(ctx, now)
		}
		if e, t := a.redis.read(ctx, a.key, data, now); e != nil && a.acceptable(e) {
			a.entry, a.ticket = e, t
			return true
		}
		a.rejected = string(data[:min(len(data), headerSize)])
	}
}

// request requests the entry or the lease, and the versions of the tags, in one
// round trip. It reports false when Redis does not reply.
func (a *acquisition) request(ctx context.Context) (data []byte, now *Ticket, ok bool) {
	r := a.redis
	if r.conn.down() {
		return nil, nil, false
	}
	var (
		reply    *redis.Cmd
		versions []*redis.StringCmd
	)
	began := time.Now()
	ok = r.execScripts(ctx, func(pipe redis.Pipeliner, eval evaluate) {
		reply = eval(acquireScript, ctx, pipe, a.kind.keys(a.key), a.rejected, r.lease.Milliseconds(), fenceLife.Milliseconds())
		versions = getVersions(ctx, pipe, a.names)
	})
	parts, err := reply.Slice()
	if !ok || err != nil || len(parts) == 0 {
		return nil, nil, false
	}
	now = &Ticket{names: a.names, versions: readVersions(versions)}
	if text, found := parts[0].(string); found {
		return []byte(text), now, true
	}
	a.lease, a.left = nil, 0
	if fence, _ := parts[1].(string); fence != "" {
		a.lease = newLease(a, fence, began)
	} else {
		left, _ := parts[2].(int64)
		a.left = time.Duration(left) * time.Millisecond
	}
	return nil, now, true
}

// makeTicket makes the ticket of a lease, and reports false if there is no lease.
func (a *acquisition) makeTicket(ctx context.Context, now *Ticket) bool {
	if a.lease == nil {
		return false
	}
	if a.redis.createVersions(ctx, now) {
		a.ticket = *now
		a.ticket.lease = a.lease
	}
	return true
}

func newLease(a *acquisition, fence string, acquiredAt time.Time) *Lease {
	l := &Lease{redis: a.redis, key: a.key, kind: a.kind, fence: fence, acquiredAt: acquiredAt}
	l.renewTimer = time.AfterFunc(maxLeaseTime, l.renew)
	l.renewTimer.Reset(l.redis.lease / 3) // not before l.renewTimer is set, which renew reads
	return l
}

// renew prolongs the lease as long as it is held and not released.
func (l *Lease) renew() {
	r := l.redis
	if l.ended.Load() || r.conn.ctx.Err() != nil || time.Since(l.acquiredAt) > maxLeaseTime {
		return
	}
	ctx, cancel := r.withTimeout(r.conn.ctx)
	defer cancel()
	held, err := renewScript.Run(ctx, r.client, l.kind.keys(l.key), l.fence, r.lease.Milliseconds()).Int()
	if err == nil && held == 0 {
		return // another process has it
	}
	l.renewTimer.Reset(r.lease / 3)
}

// Release ends the lease and wakes its waiters. It may be called more than
// once, and on nil.
func (l *Lease) Release() {
	if l == nil || !l.end() {
		return
	}
	ctx, cancel := l.redis.withTimeout(context.Background())
	defer cancel()
	// If it fails, the lease expires.
	_ = releaseScript.Run(ctx, l.redis.client, l.kind.keys(l.key), l.fence, releasedChannel, l.key).Err()
}

// end stops the renewal and reports whether the lease had not ended yet.
func (l *Lease) end() bool {
	l.renewTimer.Stop()
	return l.ended.CompareAndSwap(false, true)
}

// store adds to a pipeline the command that stores an entry under the lease.
func (l *Lease) store(ctx context.Context, pipe redis.Pipeliner, eval evaluate, data []byte, life time.Duration) *redis.Cmd {
	return eval(storeScript, ctx, pipe, l.kind.keys(l.key), l.fence, data, life.Milliseconds(), releasedChannel, l.key)
}

// stored reads the reply to store. It reports false when the lease was lost.
func (l *Lease) stored(reply *redis.Cmd) bool {
	stored, err := reply.Int()
	if err == nil {
		l.end()
	}
	return err != nil || stored == 1
}

// waiters are the goroutines of this process that wait for leases and claims.
type waiters struct {
	mu    sync.Mutex
	byKey map[string]map[chan struct{}]struct{}
}

// add returns a channel that receives when the lease of the key is released, until leave.
func (w *waiters) add(key string) (woken chan struct{}, leave func()) {
	woken = make(chan struct{}, 1)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.byKey == nil {
		w.byKey = make(map[string]map[chan struct{}]struct{})
	}
	if w.byKey[key] == nil {
		w.byKey[key] = make(map[chan struct{}]struct{})
	}
	w.byKey[key][woken] = struct{}{}
	return woken, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		if delete(w.byKey[key], woken); len(w.byKey[key]) == 0 {
			delete(w.byKey, key)
		}
	}
}

func (w *waiters) wake(key string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for woken := range w.byKey[key] {
		select {
		case woken <- struct{}{}:
		default: // a signal is pending already
		}
	}
}
