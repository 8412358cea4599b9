package cache

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"strconv"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// errSubscription takes a connection down when its subscription ends.
var errSubscription = errors.New("cache: subscription lost")

// Watch implements [Store]. The first call subscribes to the evictions of other
// processes, until Close.
//
// Evictions are numbered, so a gap is detected: then, and after every (re)connection,
// f is called with an [Eviction] of all.
//
// Without a connection f is not called: an L1 then serves entries that others evict
// until they expire, or until the connection is back. The section "A slow Redis" of the
// package states how long that may be.
func (r *Redis) Watch(f func(Eviction)) {
	r.watchers.add(f)
	r.subscribe.Do(func() {
		r.conn.tasks.Go(r.subscribeAlways)
		r.conn.tasks.Go(r.compareAlways)
	})
}

// subscribeAlways serves one subscription after the other.
func (r *Redis) subscribeAlways() {
	for wait := r.timings.ProbeMin; ; wait = min(2*wait, r.timings.ProbeMax) {
		if r.serveSubscription() && r.conn.ctx.Err() == nil {
			// Redis may have crashed and lost evictions, while the
			// client hid that by connecting again.
			r.conn.trip(errSubscription)
			wait = r.timings.ProbeMin
		}
		if !waitFor(r.conn.ctx, nil, wait) {
			return
		}
	}
}

// serveSubscription serves one subscription and reports whether it was ever
// established.
func (r *Redis) serveSubscription() (established bool) {
	// The number is read first: an eviction between the two counts as missed.
	done, err := r.evictionCount()
	if err != nil {
		return false
	}
	ctx := r.conn.ctx
	sub := r.client.Subscribe(ctx, evictedChannel, releasedChannel)
	defer sub.Close()
	// A read under way does not see the end of ctx.
	defer context.AfterFunc(ctx, func() { sub.Close() })()

	pinged := false
	for {
		msg, err := sub.ReceiveTimeout(ctx, r.timings.PingAfter)
		if timeout := net.Error(nil); errors.As(err, &timeout) && timeout.Timeout() && !pinged && established {
			pinged = true
			err = sub.Ping(ctx)
			msg = nil
		}
		if err != nil {
			return established
		}
		switch msg := msg.(type) {
		case *redis.Subscription:
			if msg.Channel != evictedChannel {
				continue
			}
			if established {
				return established // go-redis has reconnected by itself
			}
			established = true
			r.invalidations.reset(done)
		case *redis.Pong:
			pinged = false
		case *redis.Message:
			pinged = false
			r.receive(msg)
		}
	}
}

func (r *Redis) receive(msg *redis.Message) {
	if msg.Channel == releasedChannel {
		r.waiters.wake(msg.Payload)
		return
	}
	from, names, number, ok := decodeEvicted(msg.Payload)
	switch {
	case !ok:
		names = []tagName{allName}
	case from == r.id:
		names = nil
	}
	r.invalidations.receive(number, names)
}

// compareAlways compares the evictions received with those done, at intervals, and when
// the connection has come up again.
func (r *Redis) compareAlways() {
	var (
		restored = false // the connection has come up since the last comparison
		failures = 0
		timer    = time.NewTimer(r.timings.CompareEvery)
	)
	defer timer.Stop()
	for {
		select {
		case <-r.conn.ctx.Done():
			return
		case <-r.conn.restored:
			restored = true
		case <-timer.C:
		}
		next := r.timings.CompareEvery
		if r.conn.down() {
			failures = 0
		} else if done, err := r.evictionCount(); err == nil {
			r.invalidations.compare(done, restored)
			restored, failures = false, 0
		} else if failures++; failures < failuresToTrip {
			next = r.timings.ProbeMin
		} else {
			// Other operations may succeed, on other nodes of a cluster or by chance.
			// Without the number no gap can be detected.
			r.conn.trip(err)
			failures = 0
		}
		timer.Reset(next)
	}
}

// evictionCount returns the number of evictions done, by all processes.
func (r *Redis) evictionCount() (uint64, error) {
	ctx, cancel := r.withTimeout(r.conn.ctx)
	defer cancel()
	n, err := r.client.Get(ctx, evictionCounter).Uint64()
	if isReply(err) {
		err = nil
	}
	if r.conn.ctx.Err() == nil {
		r.conn.observe(err)
	}
	return n, err
}

// invalidations are the evictions that this process has received. If one is missing, all
// entries are evicted.
type invalidations struct {
	evict func(names ...tagName)

	mu    sync.Mutex
	known bool   // whether last and due are
	last  uint64 // the number of the last eviction received
	due   uint64 // the number that must have been received at the next comparison
}

// reset restarts the count at done evictions: some of them may have been missed.
func (v *invalidations) reset(done uint64) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.known, v.last, v.due = true, done, done
	v.evict(allName)
}

// receive handles the message of an eviction; its number is 0 if Redis could not count.
func (v *invalidations) receive(number uint64, names []tagName) {
	v.mu.Lock()
	defer v.mu.Unlock()
	switch {
	case number == 0 || (v.known && number <= v.last):
	case v.known && number != v.last+1:
		names = []tagName{allName}
		fallthrough
	default:
		v.known, v.last = true, number
	}
	if len(names) > 0 {
		v.evict(names...)
	}
}

// compare takes the number of evictions done until now. Messages of some of them may be
// on their way; when the connection was down, none is waited for.
func (v *invalidations) compare(done uint64, restored bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	missed := v.due > v.last || done < v.due // Redis has restarted the count
	if restored {
		missed = done != v.last
	}
	if missed || !v.known {
		v.evict(allName)
		v.known, v.last = true, done
	}
	v.due = done
}

// encodeEvicted and decodeEvicted convert the message of an eviction: the id of the process
// that did it, since that has evicted in its own L1 already, the names of the tags, and
// the number in digits, which Redis appends.
func (r *Redis) encodeEvicted(names []tagName) []byte {
	return appendNames(binary.BigEndian.AppendUint64(nil, r.id), names)
}

func decodeEvicted(payload string) (from uint64, names []tagName, number uint64, ok bool) {
	if len(payload) < 8 {
		return 0, nil, 0, false
	}
	from = binary.BigEndian.Uint64([]byte(payload[:8]))
	rest := &reader{b: []byte(payload[8:])}
	names = rest.names()
	number, _ = strconv.ParseUint(string(rest.b), 10, 64)
	return from, names, number, !rest.broken
}
