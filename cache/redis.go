package cache

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	entryPrefix = "zoomql:v1:e:"
	tagPrefix   = "zoomql:v1:t:"
	channel     = "zoomql:v1:evicted"

	// opTimeout bounds what a read may cost when Redis is slow. The origin
	// takes about as long, so waiting longer would be slower than no cache.
	opTimeout = 100 * time.Millisecond

	// maxLife bounds the life of entries and of the versions of tags. A
	// version that expires only makes misses.
	maxLife = 7 * 24 * time.Hour
)

// Redis is a Store that processes share. Entries are kept compressed, and a
// hit costs one round trip. Each command has a key of its own, so a Redis
// Cluster serves as well; the client MUST read from primaries.
//
// # Versions
//
// The version of a tag is a random stamp, made by the first read that misses
// it; evicting deletes it. A counter would be as fast, but it begins at zero
// again when Redis drops it for lack of memory, and answers from before the
// eviction would be back. A stamp that is lost is only a miss, so Redis may run
// with any eviction policy and without persistence.
//
// # Without Redis
//
// When Redis fails, reads miss and writes are dropped, at no cost, until a
// probe finds it well. Evictions are remembered and done before the first
// read then.
type Redis struct {
	client redis.UniversalClient
	id     uint64 // of this process, among those that share the Redis
	link   *link
}

// NewRedis returns a Store in the Redis that client is connected to, which
// stays the caller's to close, after this. Unless it comes from [Dial], its
// options SHOULD set ContextTimeoutEnabled, without which a cluster that hangs
// costs a ReadTimeout for each call until it is given up. A nil log is
// slog.Default.
func NewRedis(client redis.UniversalClient, log *slog.Logger) *Redis {
	if log == nil {
		log = slog.Default()
	}
	r := &Redis{client: client, id: rand.Uint64()}
	if c, ok := client.(*redis.Client); ok && !c.Options().ContextTimeoutEnabled {
		r.client = c.WithTimeout(opTimeout)
	}
	r.link = newLink(r.evict, log)
	return r
}

// Close ends what runs in the background. The store misses from then on.
func (r *Redis) Close() { r.link.close() }

// Get implements [Store].
func (r *Redis) Get(ctx context.Context, key string, tags ...string) (*Entry, Ticket) {
	if r.link.down() {
		return nil, Ticket{}
	}
	ctx, cancel := context.WithTimeoutCause(ctx, opTimeout, errSlow)
	defer cancel()

	pipe := r.client.Pipeline()
	body := pipe.Get(ctx, entryPrefix+key)
	versions := getStamps(ctx, pipe, tags)
	if !r.exec(ctx, pipe) {
		return nil, Ticket{}
	}
	now := Ticket{tags: tags, stamps: readStamps(versions)}

	if data, err := body.Bytes(); err == nil {
		if e, t, ok := decodeEntry(data); ok && time.Now().Before(e.until()) && r.stands(ctx, &t, &now) {
			return e, t
		}
	}
	if !r.fill(ctx, &now) {
		return nil, Ticket{}
	}
	return nil, now
}

// Set implements [Store].
func (r *Redis) Set(ctx context.Context, key string, t Ticket, e *Entry) {
	life := min(time.Until(e.until()), maxLife)
	if len(t.stamps) == 0 || life < time.Millisecond || r.link.down() {
		return
	}
	data, ok := encodeEntry(e, &t)
	if !ok {
		return
	}
	ctx, cancel := context.WithTimeoutCause(context.WithoutCancel(ctx), opTimeout, errSlow)
	defer cancel()

	pipe := r.client.Pipeline()
	pipe.Set(ctx, entryPrefix+key, data, life)
	pipe.Expire(ctx, tagPrefix+All, maxLife)
	for _, tag := range t.tags {
		pipe.Expire(ctx, tagPrefix+tag, maxLife)
	}
	r.exec(ctx, pipe)
}

// Evict implements [Store].
func (r *Redis) Evict(ctx context.Context, tags ...string) {
	if len(tags) > 0 {
		r.link.evict(context.WithoutCancel(ctx), tags)
	}
}

// evict deletes the versions of tags, then tells other processes.
func (r *Redis) evict(ctx context.Context, tags []string) error {
	ctx, cancel := context.WithTimeout(ctx, opTimeout)
	defer cancel()
	pipe := r.client.Pipeline()
	for _, tag := range tags {
		pipe.Del(ctx, tagPrefix+tag)
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return err
	}
	// Only now: in a cluster the news would overtake the deed, and another
	// process would fill its near store with what is about to be evicted.
	return r.client.Publish(ctx, channel, r.encodeEvicted(tags)).Err()
}
