package cache

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"zoomql/internal/redisname"
)

const (
	// Keys in Redis that belong to one key of the cache have it as their hash tag, so
	// that a cluster maps them to one slot and one script may use them all.
	entryPrefix  = "zoomql:v1:e:"
	leasePrefix  = "zoomql:v1:l:"
	fencePrefix  = "zoomql:v1:f:"
	waiterPrefix = "zoomql:v1:w:"

	tagPrefix       = "zoomql:v1:t:"
	evictionCounter = "zoomql:v1:evictions" // the number of evictions so far
	evictedChannel  = "zoomql:v1:evicted"
	releasedChannel = "zoomql:v1:freed" // of keys whose lease or claim has ended

	// maxLife bounds the lifetime of entries and of the versions of tags. A
	// version that expires only causes misses.
	maxLife = 7 * 24 * time.Hour
)

// redisKey returns the key in Redis of a hashed key under a prefix.
func redisKey(prefix, key string) string { return prefix + "{:" + key + "}" }

// versionKey returns the key in Redis of the version of a tag.
func versionKey(name tagName) string { return tagPrefix + string(name) }

// Redis is a [Store] and a [Ledger] that processes share, and an [L2]. Entries are
// stored compressed, and encrypted if there are keys, and a hit costs one round
// trip. Each command uses keys of one slot only, so a Redis Cluster serves as well; the
// client MUST read from primaries.
//
// # Versions
//
// The version of a tag is a random number, made by the first read that finds none;
// evicting deletes it. A counter would be as fast, but it begins at zero
// again when Redis drops it for lack of memory, and answers from before the eviction
// would be served again. A lost version is only a miss, so Redis may run with any
// eviction policy and without persistence.
//
// # Names
//
// Keys and tags may contain ids and e-mail addresses. In the keys in Redis, in
// messages and in tickets they are hashed (see [WithNames]).
//
// # Without Redis
//
// When Redis fails, reads miss and writes are dropped, at no cost, until a
// probe succeeds. Evictions are recorded, and done before the first read after that.
type Redis struct {
	client  redis.UniversalClient
	id      uint64 // of this process, among those that share the Redis
	conn    *connection
	keys    Keys
	names   redisname.Hasher
	timings Timings
	lease   time.Duration // how long a lease lasts unless it is renewed
	waiters waiters

	invalidations invalidations
	watchers      watchers
	subscribe     sync.Once

	unrecorded unrecorded
	unleased   unleasedCalls
}

// RedisOption changes how a [Redis] works.
type RedisOption func(*Redis)

// WithKeys encrypts entries and outcomes. All processes that share the Redis
// SHOULD have the same keys: an entry that one of them cannot decrypt is a miss.
func WithKeys(k Keys) RedisOption { return func(r *Redis) { r.keys = k } }

// WithNames hashes keys and tags with h, which MUST be the same in all processes
// that share the Redis: those with another one see neither entries nor evictions.
func WithNames(h redisname.Hasher) RedisOption { return func(r *Redis) { r.names = h } }

// NewRedis returns a store in the Redis that client is connected to. The caller closes
// client, after this store. Unless it comes from [Dial], its
// options SHOULD set ContextTimeoutEnabled, without which a cluster that hangs
// costs a ReadTimeout for each call until it counts as unreachable. A nil log is
// slog.Default. Redis need not be reachable yet.
func NewRedis(client redis.UniversalClient, log *slog.Logger, options ...RedisOption) *Redis {
	if log == nil {
		log = slog.Default()
	}
	r := &Redis{client: client, id: rand.Uint64(), timings: Timings{}.withDefaults()}
	for _, set := range options {
		set(r)
	}
	r.lease, r.unleased.log, r.unrecorded.redis = r.timings.Lease, log, r
	if c, ok := client.(*redis.Client); ok && !c.Options().ContextTimeoutEnabled {
		r.client = c.WithTimeout(r.timings.Operation)
	}
	r.invalidations.evict = func(names ...tagName) { r.watchers.call(Eviction{names, r.tagName}) }
	r.conn = newConnection(r.evict, r.timings, log)
	return r
}

// Close stops the goroutines of the store and waits for them. From then on every Get is a
// miss.
func (r *Redis) Close() { r.conn.close() }

// tagName returns the name of a tag outside this process.
func (r *Redis) tagName(tag Tag) tagName {
	if tag == All {
		return allName
	}
	return tagName(r.names.Name(string(tag)))
}

// TagName implements [L2].
func (r *Redis) TagName(tag Tag) string { return string(r.tagName(tag)) }

// Get implements [Store].
func (r *Redis) Get(ctx context.Context, key string, tags ...Tag) (*Entry, Ticket) {
	if r.conn.down() {
		return nil, Ticket{}
	}
	key = r.names.Name(key)
	names := namesOf(tags, r.tagName)
	ctx, cancel := r.withTimeout(ctx)
	defer cancel()

	pipe := r.client.Pipeline()
	body := pipe.Get(ctx, redisKey(entryPrefix, key))
	replies := getVersions(ctx, pipe, names)
	if !r.exec(ctx, pipe) {
		return nil, Ticket{}
	}
	now := Ticket{names: names, versions: readVersions(replies)}
	if data, err := body.Bytes(); err == nil {
		if e, t := r.read(ctx, key, data, &now); e != nil {
			return e, t
		}
	}
	if !r.createVersions(ctx, &now) {
		return nil, Ticket{}
	}
	return nil, now
}

// read decodes an entry. It returns nil when the entry has expired, or is outdated by
// the versions in the ticket of now.
func (r *Redis) read(ctx context.Context, key string, data []byte, now *Ticket) (*Entry, Ticket) {
	e, t, ok := r.codec(key).decode(data)
	if !ok || !time.Now().Before(e.usableUntil()) || !r.isCurrent(ctx, &t, now) {
		return nil, Ticket{}
	}
	return e, t
}

func (r *Redis) codec(key string) codec { return codec{r.keys, redisKey(entryPrefix, key)} }

// Set implements [Store].
func (r *Redis) Set(ctx context.Context, key string, t Ticket, e *Entry) { r.SetLeased(ctx, key, t, e) }

// SetLeased implements [L2].
func (r *Redis) SetLeased(ctx context.Context, key string, t Ticket, e *Entry) bool {
	life := min(time.Until(e.usableUntil()), maxLife)
	if len(t.versions) == 0 || life < time.Millisecond || r.conn.down() {
		return true
	}
	key = r.names.Name(key)
	data, ok := r.codec(key).encode(e, &t)
	if !ok {
		return true
	}
	ctx, cancel := r.withTimeout(context.WithoutCancel(ctx))
	defer cancel()

	lease := t.lease
	if lease != nil && (lease.key != key || lease.redis != r) {
		lease = nil
	}
	var reply *redis.Cmd
	ok = r.execScripts(ctx, func(pipe redis.Pipeliner, eval evaluate) {
		if lease == nil {
			pipe.Set(ctx, redisKey(entryPrefix, key), data, life)
		} else {
			reply = lease.store(ctx, pipe, eval, data, life)
		}
		pipe.Expire(ctx, versionKey(allName), maxLife)
		for _, name := range t.names {
			pipe.Expire(ctx, versionKey(name), maxLife)
		}
	})
	if !ok || lease == nil || lease.stored(reply) {
		return true
	}
	r.unleased.add()
	return false
}

// Evict implements [Store].
func (r *Redis) Evict(ctx context.Context, tags ...Tag) bool {
	return len(tags) == 0 || r.conn.evict(context.WithoutCancel(ctx), namesOf(tags, r.tagName))
}

// publishScript counts an eviction and publishes it, with its number behind the
// message: by the numbers a receiver detects that it has missed one.
// A Redis that is full cannot count, but still publishes.
var publishScript = redis.NewScript(`
local n = redis.pcall('INCR', KEYS[1])
if type(n) ~= 'number' then n = '' end
return redis.call('PUBLISH', ARGV[1], ARGV[2] .. n)`)

// evict deletes the versions of tags, then informs other processes.
func (r *Redis) evict(ctx context.Context, names []tagName) error {
	ctx, cancel := r.withTimeout(ctx)
	defer cancel()
	pipe := r.client.Pipeline()
	for _, name := range names {
		pipe.Del(ctx, versionKey(name))
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return err
	}
	// In a second round trip: in a cluster the message could overtake the deletions,
	// and another process would fill its L1 with entries about to be evicted.
	return publishScript.Run(ctx, r.client, []string{evictionCounter}, evictedChannel, r.encodeEvicted(names)).Err()
}
