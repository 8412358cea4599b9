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
	// Names of one key hold it in the same braces, so that a cluster keeps them
	// together and one script may use them all.
	entryPrefix  = "zoomql:v1:e:"
	leasePrefix  = "zoomql:v1:l:"
	fencePrefix  = "zoomql:v1:f:"
	waiterPrefix = "zoomql:v1:w:"

	tagPrefix = "zoomql:v1:t:"
	counter   = "zoomql:v1:evictions" // how many there were
	channel   = "zoomql:v1:evicted"
	freed     = "zoomql:v1:freed" // the channel of keys whose lease has ended

	// maxLife bounds the life of entries and of the versions of tags. A
	// version that expires only makes misses.
	maxLife = 7 * 24 * time.Hour
)

// named returns the name of a hashed key under a prefix.
func named(prefix, key string) string { return prefix + "{:" + key + "}" }

// versionKey returns the key in Redis at which the version of a tag is.
func versionKey(name tagName) string { return tagPrefix + string(name) }

// Redis is a Store that processes share. Entries are kept compressed, and
// encrypted where there are keys, and a hit costs one round trip. Each command
// uses names of one key only, so a Redis Cluster serves as well; the client MUST
// read from primaries.
//
// # Versions
//
// The version of a tag is a random stamp, made by the first read that misses
// it; evicting deletes it. A counter would be as fast, but it begins at zero
// again when Redis drops it for lack of memory, and answers from before the
// eviction would be back. A stamp that is lost is only a miss, so Redis may run
// with any eviction policy and without persistence.
//
// # Names
//
// Keys and tags may be ids and e-mail addresses. In the names of keys in Redis, in
// what is published and in tickets they stand hashed (see [WithNames]).
//
// # Without Redis
//
// When Redis fails, reads miss and writes are dropped, at no cost, until a
// probe finds it well. Evictions are remembered and done before the first
// read then.
type Redis struct {
	client  redis.UniversalClient
	id      uint64 // of this process, among those that share the Redis
	link    *link
	keys    Keys
	names   redisname.Hasher
	timings Timings
	lease   time.Duration // how long a lease lasts unless it is renewed
	waiters waiters
	hearing hearing

	watchers  watchers
	subscribe sync.Once

	unsettled     unsettled
	uncoordinated uncoordinated
}

// RedisOption changes how a [Redis] works.
type RedisOption func(*Redis)

// WithKeys has entries encrypted.
func WithKeys(k Keys) RedisOption { return func(r *Redis) { r.keys = k } }

// WithNames has the names of keys made by h, which MUST be the same in all processes
// that share the Redis: those with another one see neither entries nor evictions.
func WithNames(h redisname.Hasher) RedisOption { return func(r *Redis) { r.names = h } }

// NewRedis returns a Store in the Redis that client is connected to, which
// stays the caller's to close, after this. Unless it comes from [Dial], its
// options SHOULD set ContextTimeoutEnabled, without which a cluster that hangs
// costs a ReadTimeout for each call until it is given up. A nil log is
// slog.Default.
func NewRedis(client redis.UniversalClient, log *slog.Logger, options ...RedisOption) *Redis {
	if log == nil {
		log = slog.Default()
	}
	r := &Redis{client: client, id: rand.Uint64(), timings: Timings{}.withDefaults()}
	r.unsettled.redis = r
	for _, set := range options {
		set(r)
	}
	r.lease, r.uncoordinated.log = r.timings.Lease, log
	if c, ok := client.(*redis.Client); ok && !c.Options().ContextTimeoutEnabled {
		r.client = c.WithTimeout(r.timings.Operation)
	}
	r.hearing.evict = func(names ...tagName) { r.watchers.call(Eviction{names, r.tagName}) }
	r.link = newLink(r.evict, r.timings, log)
	return r
}

// Close ends what runs in the background. The store misses from then on.
func (r *Redis) Close() { r.link.close() }

// tagName returns what a tag is called outside this process.
func (r *Redis) tagName(tag Tag) tagName {
	if tag == All {
		return allName
	}
	return tagName(r.names.Name(string(tag)))
}

// TagName implements [L2].
func (r *Redis) TagName(tag Tag) string { return string(r.tagName(tag)) }

// tagNames returns what tags are called outside this process.
func (r *Redis) tagNames(tags []Tag) []tagName { return namesOf(tags, r.tagName) }

// Get implements [Store].
func (r *Redis) Get(ctx context.Context, key string, tags ...Tag) (*Entry, Ticket) {
	if r.link.down() {
		return nil, Ticket{}
	}
	key = r.names.Name(key)
	names := r.tagNames(tags)
	ctx, cancel := r.limit(ctx)
	defer cancel()

	pipe := r.client.Pipeline()
	body := pipe.Get(ctx, named(entryPrefix, key))
	versions := getStamps(ctx, pipe, names)
	if !r.exec(ctx, pipe) {
		return nil, Ticket{}
	}
	now := Ticket{names: names, stamps: readStamps(versions)}
	if data, err := body.Bytes(); err == nil {
		if e, t := r.read(ctx, key, data, &now); e != nil {
			return e, t
		}
	}
	if !r.fill(ctx, &now) {
		return nil, Ticket{}
	}
	return nil, now
}

// read returns the entry that data is, or nil when it is past its time or was
// evicted, as far as the ticket of now tells.
func (r *Redis) read(ctx context.Context, key string, data []byte, now *Ticket) (*Entry, Ticket) {
	e, t, ok := r.codec(key).decode(data)
	if !ok || !time.Now().Before(e.until()) || !r.stands(ctx, &t, now) {
		return nil, Ticket{}
	}
	return e, t
}

func (r *Redis) codec(key string) codec { return codec{r.keys, named(entryPrefix, key)} }

// Set implements [Store].
func (r *Redis) Set(ctx context.Context, key string, t Ticket, e *Entry) { r.SetLeased(ctx, key, t, e) }

// SetLeased implements [L2].
func (r *Redis) SetLeased(ctx context.Context, key string, t Ticket, e *Entry) bool {
	life := min(time.Until(e.until()), maxLife)
	if len(t.stamps) == 0 || life < time.Millisecond || r.link.down() {
		return true
	}
	key = r.names.Name(key)
	data, ok := r.codec(key).encode(e, &t)
	if !ok {
		return true
	}
	ctx, cancel := r.limit(context.WithoutCancel(ctx))
	defer cancel()

	lease := t.lease
	if lease != nil && (lease.key != key || lease.redis != r) {
		lease = nil
	}
	var done *redis.Cmd
	ok = r.scripted(ctx, func(pipe redis.Pipeliner, eval evaluate) {
		if lease == nil {
			pipe.Set(ctx, named(entryPrefix, key), data, life)
		} else {
			done = lease.file(ctx, pipe, eval, data, life)
		}
		pipe.Expire(ctx, versionKey(allName), maxLife)
		for _, name := range t.names {
			pipe.Expire(ctx, versionKey(name), maxLife)
		}
	})
	if !ok || lease == nil || lease.filed(done) {
		return true
	}
	r.uncoordinated.add()
	return false
}

// Evict implements [Store].
func (r *Redis) Evict(ctx context.Context, tags ...Tag) {
	if len(tags) > 0 {
		r.link.evict(context.WithoutCancel(ctx), r.tagNames(tags))
	}
}

// tell counts an eviction and tells of it, with its number behind the message: who
// hears the numbers knows whether he heard all.
// A Redis that is full cannot count, but still tells.
var tell = redis.NewScript(`
local n = redis.pcall('INCR', KEYS[1])
if type(n) ~= 'number' then n = '' end
return redis.call('PUBLISH', ARGV[1], ARGV[2] .. n)`)

// evict deletes the versions of tags, given by their names, then tells other processes.
func (r *Redis) evict(ctx context.Context, names []tagName) error {
	ctx, cancel := r.limit(ctx)
	defer cancel()
	pipe := r.client.Pipeline()
	for _, name := range names {
		pipe.Del(ctx, versionKey(name))
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return err
	}
	// Only now: in a cluster the news would overtake the deed, and another
	// process would fill its near store with what is about to be evicted.
	return tell.Run(ctx, r.client, []string{counter}, channel, r.encodeEvicted(names)).Err()
}
