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

// errSubscription is why the link goes down when a subscription breaks.
var errSubscription = errors.New("cache: subscription lost")

// Watch implements [Store]. The first call subscribes to what other processes
// evict, until Close.
//
// Evictions are numbered, so it is noticed when one was not heard of: then, and
// after every (re)connection, f is told that all was evicted.
//
// While there is no connection, nothing is heard: an L1 then serves what
// others evict until it expires, or until the connection is back. The section "A
// slow Redis" of the package says how long that may be.
func (r *Redis) Watch(f func(Eviction)) {
	r.watchers.add(f)
	r.subscribe.Do(func() {
		r.link.tasks.Go(r.listenAlways)
		r.link.tasks.Go(r.check)
	})
}

// listenAlways serves one subscription after the other.
func (r *Redis) listenAlways() {
	for wait := r.timings.ProbeFirst; ; wait = min(2*wait, r.timings.ProbeEvery) {
		if r.listen() && r.link.ctx.Err() == nil {
			// Redis may have crashed and lost evictions, while the
			// client hid that by connecting again.
			r.link.trip(errSubscription)
			wait = r.timings.ProbeFirst
		}
		if !sleep(r.link.ctx, wait) {
			return
		}
	}
}

// listen serves one subscription and reports whether it ever stood.
func (r *Redis) listen() (stood bool) {
	// The number is read first: what is done between the two counts as missed.
	done, err := r.evictions()
	if err != nil {
		return false
	}
	ctx := r.link.ctx
	sub := r.client.Subscribe(ctx, channel, freed)
	defer sub.Close()
	// A read under way does not see the end of ctx.
	defer context.AfterFunc(ctx, func() { sub.Close() })()

	asked := false
	for {
		msg, err := sub.ReceiveTimeout(ctx, r.timings.Quiet)
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
			if msg.Channel != channel {
				continue
			}
			if stood {
				return stood // it connected again behind our back
			}
			stood = true
			r.hearing.began(done)
		case *redis.Pong:
			asked = false
		case *redis.Message:
			asked = false
			r.heard(msg)
		}
	}
}

func (r *Redis) heard(msg *redis.Message) {
	if msg.Channel == freed {
		r.waiters.wake(msg.Payload)
		return
	}
	from, tags, number, ok := decodeEvicted(msg.Payload)
	switch {
	case !ok:
		tags = []tagName{allName}
	case from == r.id:
		tags = nil
	}
	r.hearing.heard(number, tags)
}

// check compares what was heard with what was done, now and then, and when the
// link has come up again.
func (r *Redis) check() {
	var (
		back     = false // the link has come up since the last comparison
		failures = 0
		timer    = time.NewTimer(r.timings.Check)
	)
	defer timer.Stop()
	for {
		select {
		case <-r.link.ctx.Done():
			return
		case <-r.link.back:
			back = true
		case <-timer.C:
		}
		next := r.timings.Check
		if r.link.down() {
			failures = 0
		} else if done, err := r.evictions(); err == nil {
			r.hearing.compare(done, back)
			back, failures = false, 0
		} else if failures++; failures < failuresToTrip {
			next = r.timings.ProbeFirst
		} else {
			// Other operations may go well, on other nodes of a cluster or by
			// luck. Without the number nobody can tell what was missed.
			r.link.trip(err)
			failures = 0
		}
		timer.Reset(next)
	}
}

// evictions asks Redis how many evictions there were.
func (r *Redis) evictions() (uint64, error) {
	ctx, cancel := r.limit(r.link.ctx)
	defer cancel()
	n, err := r.client.Get(ctx, counter).Uint64()
	if answered(err) {
		err = nil
	}
	if r.link.ctx.Err() == nil {
		r.link.saw(err)
	}
	return n, err
}

// hearing is what this process has heard of evictions.
type hearing struct {
	evict func(names ...tagName)

	mu    sync.Mutex
	known bool   // whether the numbers are
	last  uint64 // the number of the last eviction heard of
	due   uint64 // what must have been heard when it is compared again
}

// began begins anew, when there had been so many evictions: something may have been
// missed.
func (h *hearing) began(done uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.known, h.last, h.due = true, done, done
	h.evict(allName)
}

// heard takes note of an eviction; a program that does not number them says 0.
func (h *hearing) heard(number uint64, tags []tagName) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case number == 0 || (h.known && number <= h.last):
	case h.known && number != h.last+1:
		tags = []tagName{allName}
		fallthrough
	default:
		h.known, h.last = true, number
	}
	if len(tags) > 0 {
		h.evict(tags...)
	}
}

// compare is told how many evictions there were until now. Some of them may be on
// their way; when the link was down, none is waited for.
func (h *hearing) compare(done uint64, back bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	missed := h.due > h.last || done < h.due // Redis has begun to count anew
	if back {
		missed = done != h.last
	}
	if missed || !h.known {
		h.evict(allName)
		h.known, h.last = true, done
	}
	h.due = done
}

// encodeEvicted and decodeEvicted are the message of an eviction: who did it,
// since it has evicted in its own near store already, the names of the tags, and its number in
// digits, which Redis appends.
func (r *Redis) encodeEvicted(tags []tagName) []byte {
	return appendNames(binary.BigEndian.AppendUint64(nil, r.id), tags)
}

func decodeEvicted(payload string) (from uint64, tags []tagName, number uint64, ok bool) {
	if len(payload) < 8 {
		return 0, nil, 0, false
	}
	from = binary.BigEndian.Uint64([]byte(payload[:8]))
	rest := &reader{b: []byte(payload[8:])}
	tags = rest.names()
	number, _ = strconv.ParseUint(string(rest.b), 10, 64)
	return from, tags, number, !rest.broken
}
