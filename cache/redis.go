package cache

import (
	"context"
	"encoding/binary"
	"errors"
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

// errSlow is why a context ends when Redis used up its time, not the caller.
var errSlow = errors.New("cache: Redis is slow")

// stamp is the version of a tag; 0 is none.
type stamp uint64

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

// stands reports whether the ticket of an entry has the versions of today.
// Those that now does not tell cost a round trip.
func (r *Redis) stands(ctx context.Context, t, now *Ticket) bool {
	if t.stamps[0] != now.stamps[0] {
		return false
	}
	known := make(map[string]stamp, len(now.tags))
	for i, tag := range now.tags {
		known[tag] = now.stamps[i+1]
	}
	var more []string
	for i, tag := range t.tags {
		if s, ok := known[tag]; !ok {
			more = append(more, tag)
		} else if s != t.stamps[i+1] {
			return false
		}
	}
	if len(more) == 0 {
		return true
	}
	pipe := r.client.Pipeline()
	versions := getStamps(ctx, pipe, more)
	if !r.exec(ctx, pipe) {
		return false
	}
	for i, s := range readStamps(versions)[1:] {
		known[more[i]] = s
	}
	for i, tag := range t.tags {
		if known[tag] != t.stamps[i+1] {
			return false
		}
	}
	return true
}

// fill makes versions for the tags of a ticket that have none. That is one more
// round trip, paid once for each tag and eviction, before a call to the origin
// that costs a hundred times as much.
func (r *Redis) fill(ctx context.Context, t *Ticket) bool {
	var (
		pipe redis.Pipeliner
		made = make(map[int]*redis.StringCmd)
	)
	for i, s := range t.stamps {
		if s != 0 {
			continue
		}
		if pipe == nil {
			pipe = r.client.Pipeline()
		}
		name := tagPrefix + All
		if i > 0 {
			name = tagPrefix + t.tags[i-1]
		}
		// Another process may do the same: who is first makes the version.
		pipe.SetNX(ctx, name, binary.BigEndian.AppendUint64(nil, rand.Uint64()|1), maxLife)
		made[i] = pipe.Get(ctx, name)
	}
	if pipe == nil {
		return true
	}
	if !r.exec(ctx, pipe) {
		return false
	}
	for i, cmd := range made {
		// Evicted between the two commands: a ticket without a version
		// would be filed where it may be found, so there is none.
		if t.stamps[i] = readStamp(cmd); t.stamps[i] == 0 {
			return false
		}
	}
	return true
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

// exec runs a pipeline and reports whether Redis answered it. A command that
// Redis refuses for its own reasons keeps its error.
func (r *Redis) exec(ctx context.Context, pipe redis.Pipeliner) bool {
	cmds, err := pipe.Exec(ctx)
	if err != nil {
		err = nil
		for _, cmd := range cmds {
			if e := cmd.Err(); e != nil && !answered(e) {
				err = e
				break
			}
		}
	}
	if deadline, ok := ctx.Deadline(); ok && err != nil && time.Now().After(deadline) {
		<-ctx.Done() // the connection may notice a moment before the context
	}
	if ctx.Err() != nil && context.Cause(ctx) != errSlow {
		return false // the caller had no time, which says nothing of Redis
	}
	return r.link.saw(err)
}

// answered reports whether an error is the answer of a Redis that is well.
func answered(err error) bool {
	return err == redis.Nil || redis.HasErrorPrefix(err, "WRONGTYPE") || redis.HasErrorPrefix(err, "OOM")
}

// getStamps asks for the versions of All and of tags.
func getStamps(ctx context.Context, pipe redis.Pipeliner, tags []string) []*redis.StringCmd {
	cmds := make([]*redis.StringCmd, 0, 1+len(tags))
	cmds = append(cmds, pipe.Get(ctx, tagPrefix+All))
	for _, tag := range tags {
		cmds = append(cmds, pipe.Get(ctx, tagPrefix+tag))
	}
	return cmds
}

func readStamps(cmds []*redis.StringCmd) []stamp {
	stamps := make([]stamp, len(cmds))
	for i, cmd := range cmds {
		stamps[i] = readStamp(cmd)
	}
	return stamps
}

func readStamp(cmd *redis.StringCmd) stamp {
	if b, err := cmd.Bytes(); err == nil && len(b) == 8 {
		return stamp(binary.BigEndian.Uint64(b))
	}
	return 0
}
