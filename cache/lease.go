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
	// longestLease ends the renewal of a lease that nobody released.
	longestLease = 2 * time.Minute
	// fenceLife is how long the fence of the last lease is known. It outlives
	// every lease, or a late holder would not be told from a good one.
	fenceLife = 2 * longestLease
	// checks is how often, within a lease, a waiter looks for himself: news
	// may be lost.
	checks = 5
)

// A Wish says what is good enough, and how urgent it is.
type Wish struct {
	// Good reports whether an entry need not be asked for.
	Good func(*Entry) bool
	// Refresh tells that nobody waits for it: such a lease keeps off other
	// refreshes only, since it may be long before it comes to its turn.
	Refresh bool
}

// A Lease is the right to ask the origin for what belongs at a key while others
// wait. It renews itself until it is released, and ends by itself soon after its
// process does. Its fence is a number higher than that of each lease before it.
type Lease struct {
	redis *Redis
	key   string // hashed
	lane  lane
	fence string
	began time.Time
	renew *time.Timer
	done  atomic.Bool
}

// A lane is one of the two kinds of leases that a key has. Fences are common to
// both.
type lane string

const (
	urgent  lane = ""
	refresh lane = "r:"
)

// names returns the names that scripts use, in this order.
func (l lane) names(key string) []string {
	return []string{named(entryPrefix, key), named(leasePrefix+string(l), key), named(fencePrefix, key), named(waiterPrefix+string(l), key)}
}

// take returns what is at the key; else, a new lease; else, how long the lease of
// another lasts, and notes that somebody waits. What begins with ARGV[1], the
// head of an entry that the caller has seen and found useless, does not count.
//
// A fence is the time in microseconds: a counter would begin again when Redis
// loses it.
var take = redis.NewScript(`
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

// renewal prolongs a lease that is still held.
var renewal = redis.NewScript(`
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[2], ARGV[2])`)

// release ends a lease that is still held, and wakes who waits for it.
var release = redis.NewScript(`
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[2])
if redis.call('DEL', KEYS[4]) == 1 then redis.call('PUBLISH', ARGV[2], ARGV[3]) end
return 1`)

// file keeps an entry, unless there was a lease after the holder's, and releases
// his. The type of what stood there before does not matter to SET.
var file = redis.NewScript(`
if tonumber(redis.call('GET', KEYS[3]) or '0') > tonumber(ARGV[1]) then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
if redis.call('GET', KEYS[2]) == ARGV[1] then redis.call('DEL', KEYS[2]) end
if redis.call('DEL', KEYS[4]) == 1 then redis.call('PUBLISH', ARGV[4], ARGV[5]) end
return 1`)

// GetOrLease implements [Leaser]. Waiters are woken by what [Redis.Watch]
// receives; without it they look a few times within a lease.
func (r *Redis) GetOrLease(ctx context.Context, key string, wish Wish, tags ...Tag) (*Entry, Ticket, *Lease) {
	key = r.names.Name(key)
	q := &quest{redis: r, key: key, good: wish.Good, names: r.tagNames(tags)}
	if wish.Refresh {
		q.lane = refresh
	}
	if q.try(ctx) {
		return q.result(ctx)
	}
	// Who waits listens before he looks again: what is freed in between wakes him.
	woken, leave := r.waiters.join(key)
	defer leave()
	for !q.try(ctx) {
		if !q.wait(ctx, woken) {
			return nil, Ticket{}, nil
		}
	}
	return q.result(ctx)
}

// result returns what the last try brought. A caller that gets neither entry nor
// lease, and still has time, asks the origin by itself.
func (q *quest) result(ctx context.Context) (*Entry, Ticket, *Lease) {
	if q.entry == nil && q.lease == nil && ctx.Err() == nil {
		q.redis.uncoordinated.add()
	}
	return q.entry, q.ticket, q.lease
}

// quest is one call of GetOrLease.
type quest struct {
	redis *Redis
	key   string // hashed, as the tags are
	good  func(*Entry) bool
	lane  lane
	names []tagName
	seen  string        // the head of an entry that was of no use
	left  time.Duration // how long the lease of another lasts

	entry  *Entry
	ticket Ticket
	lease  *Lease
}

// try reports false when another has the lease.
func (q *quest) try(ctx context.Context) bool {
	ctx, cancel := q.redis.limit(ctx)
	defer cancel()
	for {
		data, now, done := q.ask(ctx)
		if done {
			return true
		}
		if data == nil {
			return q.taken(ctx, now)
		}
		if e, t := q.redis.read(ctx, q.key, data, now); e != nil && q.good(e) {
			q.entry, q.ticket = e, t
			return true
		}
		q.seen = string(data[:min(len(data), headerSize)])
	}
}

// ask asks for the entry or the lease and for the versions of the tags, in one
// round trip. done is true when there is no Redis that could tell.
func (q *quest) ask(ctx context.Context) (data []byte, now *Ticket, done bool) {
	r := q.redis
	if r.link.down() {
		return nil, nil, true
	}
	var (
		answer   *redis.Cmd
		versions []*redis.StringCmd
	)
	began := time.Now()
	ok := r.scripted(ctx, func(pipe redis.Pipeliner, eval evaluate) {
		answer = eval(take, ctx, pipe, q.lane.names(q.key), q.seen, r.lease.Milliseconds(), fenceLife.Milliseconds())
		versions = getStamps(ctx, pipe, q.names)
	})
	parts, err := answer.Slice()
	if !ok || err != nil || len(parts) == 0 {
		return nil, nil, true
	}
	now = &Ticket{names: q.names, stamps: readStamps(versions)}
	if text, found := parts[0].(string); found {
		return []byte(text), now, false
	}
	q.lease, q.left = nil, 0
	if fence, _ := parts[1].(string); fence != "" {
		q.lease = newLease(q, fence, began)
	} else {
		left, _ := parts[2].(int64)
		q.left = time.Duration(left) * time.Millisecond
	}
	return nil, now, false
}

// taken makes the ticket of a lease, and reports false where there is none.
func (q *quest) taken(ctx context.Context, now *Ticket) bool {
	if q.lease == nil {
		return false
	}
	if q.redis.fill(ctx, now) {
		q.ticket = *now
		q.ticket.lease = q.lease
	}
	return true
}

// wait waits until it is worth trying again; it reports false when ctx ends.
func (q *quest) wait(ctx context.Context, woken <-chan struct{}) bool {
	next := min(q.left, q.redis.lease/checks)
	timer := time.NewTimer(next + time.Millisecond + rand.N(next/8+1)) // not all at once
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-woken:
	case <-timer.C:
	}
	return true
}

func newLease(q *quest, fence string, began time.Time) *Lease {
	l := &Lease{redis: q.redis, key: q.key, lane: q.lane, fence: fence, began: began}
	l.renew = time.AfterFunc(longestLease, l.prolong)
	l.renew.Reset(l.redis.lease / 3) // not before l.renew is set, which prolong reads
	return l
}

// prolong renews the lease as long as it is held and wanted.
func (l *Lease) prolong() {
	r := l.redis
	if l.done.Load() || r.link.ctx.Err() != nil || time.Since(l.began) > longestLease {
		return
	}
	ctx, cancel := r.limit(r.link.ctx)
	defer cancel()
	held, err := renewal.Run(ctx, r.client, l.lane.names(l.key), l.fence, r.lease.Milliseconds()).Int()
	if err == nil && held == 0 {
		return // it is another's
	}
	l.renew.Reset(r.lease / 3)
}

// Release ends the lease and wakes who waits for it. It may be called more than
// once, and on nil.
func (l *Lease) Release() {
	if l == nil || !l.end() {
		return
	}
	ctx, cancel := l.redis.limit(context.Background())
	defer cancel()
	// Where it fails, the lease ends by itself.
	_ = release.Run(ctx, l.redis.client, l.lane.names(l.key), l.fence, freed, l.key).Err()
}

// end reports whether the lease had not ended yet.
func (l *Lease) end() bool {
	l.renew.Stop()
	return l.done.CompareAndSwap(false, true)
}

// file adds to a pipeline what keeps an entry under the lease.
func (l *Lease) file(ctx context.Context, pipe redis.Pipeliner, eval evaluate, data []byte, life time.Duration) *redis.Cmd {
	return eval(file, ctx, pipe, l.lane.names(l.key), l.fence, data, life.Milliseconds(), freed, l.key)
}

// filed reads what file said.
func (l *Lease) filed(done *redis.Cmd) bool {
	kept, err := done.Int()
	if err == nil {
		l.end()
	}
	return err != nil || kept == 1
}

// waiters are those in this process who wait for leases.
type waiters struct {
	mu sync.Mutex
	at map[string]map[chan struct{}]struct{}
}

// join has the channel told when the key's lease is freed, until leave.
func (w *waiters) join(key string) (woken chan struct{}, leave func()) {
	woken = make(chan struct{}, 1)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.at == nil {
		w.at = make(map[string]map[chan struct{}]struct{})
	}
	if w.at[key] == nil {
		w.at[key] = make(map[chan struct{}]struct{})
	}
	w.at[key][woken] = struct{}{}
	return woken, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		if delete(w.at[key], woken); len(w.at[key]) == 0 {
			delete(w.at, key)
		}
	}
}

func (w *waiters) wake(key string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for woken := range w.at[key] {
		select {
		case woken <- struct{}{}:
		default: // he has been told
		}
	}
}
