package cache

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"time"

	"github.com/redis/go-redis/v9"
)

// quiet is how long a subscription may say nothing before it is asked whether
// it is alive.
const quiet = 5 * time.Second

// errSubscription is why the link goes down when a subscription breaks.
var errSubscription = errors.New("cache: subscription lost")

// Subscribe calls evict with the tags that other processes evict, one call at a
// time, until Close. After every (re)connection it calls evict(All), since
// something may have been missed. [NewTiered] does this for its first tier.
//
// While there is no connection, nothing is heard: a near store then serves what
// others evict until it expires.
func (r *Redis) Subscribe(evict func(tags ...string)) {
	r.link.tasks.Go(func() {
		for wait := probeFirst; ; wait = min(2*wait, probeEvery) {
			if r.listen(evict) && r.link.ctx.Err() == nil {
				// Redis may have crashed and lost evictions, while the
				// client hid that by connecting again.
				r.link.trip(errSubscription)
				wait = probeFirst
			}
			if !sleep(r.link.ctx, wait) {
				return
			}
		}
	})
}

// listen serves one subscription and reports whether it ever stood.
func (r *Redis) listen(evict func(tags ...string)) (stood bool) {
	ctx := r.link.ctx
	sub := r.client.Subscribe(ctx, channel)
	defer sub.Close()
	// A read under way does not see the end of ctx.
	defer context.AfterFunc(ctx, func() { sub.Close() })()

	asked := false
	for {
		msg, err := sub.ReceiveTimeout(ctx, quiet)
		if timeout := net.Error(nil); errors.As(err, &timeout) && timeout.Timeout() && !asked && stood {
			asked = true
			err = sub.Ping(ctx)
			msg = nil
		}
		if err != nil {
			return stood
		}
		switch msg := msg.(type) {
		case *redis.Subscription:
			if stood {
				return stood // it connected again behind our back
			}
			stood = true
			evict(All)
		case *redis.Pong:
			asked = false
		case *redis.Message:
			asked = false
			if from, tags, ok := r.decodeEvicted(msg.Payload); !ok {
				evict(All)
			} else if from != r.id {
				evict(tags...)
			}
		}
	}
}

// encodeEvicted and decodeEvicted are the message of an eviction: who did it,
// since it has evicted in its own near store already, and the tags.
func (r *Redis) encodeEvicted(tags []string) []byte {
	return appendTags(binary.BigEndian.AppendUint64(nil, r.id), tags)
}

func (r *Redis) decodeEvicted(payload string) (from uint64, tags []string, ok bool) {
	if len(payload) < 8 {
		return 0, nil, false
	}
	from = binary.BigEndian.Uint64([]byte(payload[:8]))
	rest := &reader{b: []byte(payload[8:])}
	tags = rest.tags()
	return from, tags, !rest.broken
}
