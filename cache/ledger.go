package cache

import (
	"context"
	"crypto/rand"
	"time"

	"github.com/redis/go-redis/v9"
)

// A Ledger notes what must be done once among processes, and what came of it.
// Unlike entries, notes have no tags: no eviction makes them invisible, and they
// are never dropped to be asked for again. So they last as long as Redis keeps
// them, and no longer.
type Ledger interface {
	// Claim returns what is noted at key; where nothing is, it notes that the
	// caller is about to do it, and returns his claim. While another process
	// has the claim it waits, for the note of what he did, or for the end of ctx.
	// Both are nil when ctx has ended. When there is no Redis to agree by, everybody
	// has a claim, and what comes of it is noted if Redis is back by then.
	//
	// A note without an outcome is one whose claim ended with its process, or was
	// left: then nobody knows what was done, and nobody gets the claim.
	Claim(ctx context.Context, key string, life time.Duration) (*Note, *Claim)
}

// A Note is what a ledger holds of one thing to be done.
type Note struct {
	// Outcome is what came of it; nil is not known.
	Outcome []byte
}

// A Claim is the right to do a thing once. It MUST be ended by one of its methods;
// after the first of them the others do nothing.
type Claim struct {
	lease *Lease
	begun []byte // the note as it stands, which is no other's
	life  time.Duration
}

// formatNote begins a note without keys. Behind the checksum stand whether there
// is an outcome, 16 random bytes, and the outcome. With keys this is sealed like
// an entry.
const (
	formatNote = 6
	notePrefix = "zoomql:v1:n:"
	nonceSize  = 16
)

// claims is the lane of claims: who reads what is at a key does not wait for them.
const claims lane = "n:"

// noteNames returns the names that scripts of claims use, in this order.
func noteNames(key string) []string {
	names := claims.names(key)
	names[0] = named(notePrefix, key)
	return names
}

// claim returns how long the claim of another is sure to last, and notes that
// somebody waits; else what is noted; else the fence of a new claim.
var claim = redis.NewScript(`
local left = redis.call('PTTL', KEYS[2])
if left > 0 then
	redis.call('SET', KEYS[4], '1', 'PX', left + 1000)
	return {false, '', left}
end
local note = redis.call('GET', KEYS[1])
if note then return {note, '', 0} end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
redis.call('SET', KEYS[2], ARGV[4], 'PX', ARGV[3])
return {false, ARGV[4], 0}`)

// settle puts the outcome in the place of the holder's own note, or of none, and
// ends his claim. An outcome of no bytes takes the note away.
var settle = redis.NewScript(`
local note = redis.call('GET', KEYS[1])
if note and note ~= ARGV[1] then return 0 end
if ARGV[2] == '' then redis.call('DEL', KEYS[1]) else redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) end
if redis.call('GET', KEYS[2]) == ARGV[4] then redis.call('DEL', KEYS[2]) end
if redis.call('DEL', KEYS[4]) == 1 then redis.call('PUBLISH', ARGV[5], ARGV[6]) end
return 1`)

// Claim implements [Ledger]. Notes live as long as life says.
func (r *Redis) Claim(ctx context.Context, key string, life time.Duration) (*Note, *Claim) {
	q := &claimant{redis: r, key: key, life: life, fence: rand.Text(), begun: r.note(key, nil, false)}
	if q.try(ctx) {
		return q.note, q.claim
	}
	woken, leave := r.waiters.join(key)
	defer leave()
	for !q.try(ctx) {
		if !(&quest{redis: r, left: q.left}).wait(ctx, woken) {
			return nil, nil
		}
	}
	return q.note, q.claim
}

// claimant is one call of Claim.
type claimant struct {
	redis *Redis
	key   string
	life  time.Duration
	fence string
	begun []byte
	left  time.Duration // how long the claim of another lasts

	note  *Note
	claim *Claim
}

// try reports false when another has the claim.
func (q *claimant) try(ctx context.Context) bool {
	r := q.redis
	began := time.Now()
	parts := q.ask(ctx)
	if ctx.Err() != nil && parts == nil {
		return true
	}
	if len(parts) == 3 {
		if text, found := parts[0].(string); found {
			q.note = r.readNote(q.key, []byte(text))
			return true
		}
		if left, _ := parts[2].(int64); left > 0 {
			q.left = time.Duration(left) * time.Millisecond
			return false
		}
	}
	q.claim = &Claim{newLease(&quest{redis: r, key: q.key, lane: claims}, q.fence, began), q.begun, q.life}
	return true
}

// ask returns what Redis says, nil where it says nothing.
func (q *claimant) ask(ctx context.Context) []any {
	r := q.redis
	if r.link.down() {
		return nil
	}
	ctx, cancel := context.WithTimeoutCause(ctx, opTimeout, errSlow)
	defer cancel()
	var answer *redis.Cmd
	if !r.scripted(ctx, func(pipe redis.Pipeliner, eval evaluate) {
		answer = eval(claim, ctx, pipe, noteNames(q.key), q.begun, q.life.Milliseconds(), r.lease.Milliseconds(), q.fence)
	}) {
		return nil
	}
	parts, err := answer.Slice()
	if err != nil {
		return nil
	}
	return parts
}

// Settle notes what came of it, and wakes who waits. It reports false where that
// could not be noted: then nobody else knows.
func (c *Claim) Settle(outcome []byte) bool {
	return c.end(c.lease.redis.note(c.lease.key, outcome, true))
}

// Abandon takes the note away, since nothing was done: the next one may try.
func (c *Claim) Abandon() { c.end(nil) }

// Leave ends the claim and notes that nobody knows what came of it.
func (c *Claim) Leave() { c.end(c.begun) }

func (c *Claim) end(note []byte) bool {
	if !c.lease.end() {
		return false
	}
	r, key := c.lease.redis, c.lease.key
	if r.link.down() {
		return false
	}
	ctx, cancel := context.WithTimeoutCause(context.Background(), opTimeout, errSlow)
	defer cancel()
	var done *redis.Cmd
	ok := r.scripted(ctx, func(pipe redis.Pipeliner, eval evaluate) {
		done = eval(settle, ctx, pipe, noteNames(key), c.begun, note, c.life.Milliseconds(), c.lease.fence, freed, key)
	})
	n, err := done.Int()
	return ok && err == nil && n == 1
}

// note returns what Redis keeps of a note.
func (r *Redis) note(key string, outcome []byte, known bool) []byte {
	plain := make([]byte, headerSize, headerSize+1+nonceSize+len(outcome))
	plain[0] = formatNote
	flag := byte(0)
	if known {
		flag = 1
	}
	plain = append(plain, flag)
	plain = append(plain, rand.Text()[:nonceSize]...)
	plain = seal(append(plain, outcome...))
	if r.keys.Len() == 0 {
		return plain
	}
	sealed := make([]byte, headerSize, len(plain)+headerSize+maxKeyID+64)
	sealed[0] = formatSealed
	return seal(r.keys.seal(sealed, plain, named(notePrefix, key)))
}

// readNote reads a note. One that cannot be read, because its key is gone, has no
// outcome: what it tells of was begun.
func (r *Redis) readNote(key string, b []byte) *Note {
	if r.keys.Len() > 0 {
		if !sound(b) || b[0] != formatSealed {
			return &Note{}
		}
		b, _ = r.keys.open(b[headerSize:], named(notePrefix, key))
	}
	if !sound(b) || b[0] != formatNote || len(b) < headerSize+1+nonceSize || b[headerSize] == 0 {
		return &Note{}
	}
	return &Note{Outcome: b[headerSize+1+nonceSize:]}
}
