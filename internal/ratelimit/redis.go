package ratelimit

import (
	"context"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
	"golang.org/x/sync/errgroup"

	"zoomql/internal/ratelimit/window"
	"zoomql/internal/redisname"
)

const (
	keyPrefix   = "zoomql:rl:"
	registryKey = keyPrefix + "replicas"
)

// Redis is a Store that replicas share: one round trip and one atomic script
// for all limits of a call, by the clock of Redis. Its errors are those of the
// client, deadlines included; [Shared] is the store that has none. A call that Redis
// counted remains counted if the reply does not arrive in time.
type Redis struct {
	client  redis.UniversalClient
	timings timings
	names   redisname.Hasher
	name    string // of this replica
	taken   atomic.Uint64
	clocks  clocks
	session atomic.Pointer[session] // nil if there is none

	// subscribes replaces subscribe in tests whose Redis has no connections.
	subscribes func(ctx context.Context, channel string, opened func()) error
}

// NewRedis returns a Store in the Redis that client is connected to. The caller
// closes the client.
func NewRedis(client redis.UniversalClient, options ...Option) *Redis {
	r := &Redis{client: client, timings: timings{}.withDefaults(), name: strconv.FormatUint(rand.Uint64(), 36)}
	for _, set := range options {
		set(r)
	}
	if c, ok := client.(*redis.Client); ok && !c.Options().ContextTimeoutEnabled {
		r.client = c.WithTimeout(r.timings.operation)
	}
	return r
}

// countKey returns the key where a limit is counted, stateKey that of its state.
// The hash tag maps an account's keys to one slot of a Redis Cluster. Keys hold ids and
// e-mail addresses, so their names are hashed: the account, and the rest.
func (r *Redis) countKey(key string) string {
	account, rest, _ := strings.Cut(key, ":")
	return keyPrefix + "{" + r.names.Name(account) + "}:" + r.names.Name(rest)
}

func (r *Redis) stateKey(key string) string { return stateOf(r.countKey(key)) }

// stateOf returns the state key that belongs to a count key.
func stateOf(countKey string) string { return countKey + ":state" }

// epochKey returns the key of the epoch of a limit's account.
func (r *Redis) epochKey(key string) string { return r.countKey(accountOf(key) + ":epoch") }

func accountOf(key string) string {
	account, _, _ := strings.Cut(key, ":")
	return account
}

// spanOf returns the span or guard of a limit and 1 if it is daily, as arguments of the
// scripts.
func spanOf(l *Limit) (span int64, daily int) {
	if l.Daily {
		return l.Margin().Microseconds(), 1
	}
	// Rounded up: Redis counts microseconds, and a span must not become shorter.
	return (l.Span() + time.Microsecond - 1).Microseconds(), 0
}

// Take implements [Store]. It takes the time from Redis, not from now.
func (r *Redis) Take(ctx context.Context, _ time.Time, maxWait time.Duration, limits []Limit) (Decision, error) {
	d, _, err := r.take(ctx, maxWait, limits)
	return d, err
}

// A takeReply is the reply of Redis besides the decision.
type takeReply struct {
	epoch int64 // changes when Redis loses its data
	// usage is, for each limit, the used calls of its day, or the estimate of competing
	// usage of its window.
	usage []int64
}

func (r *Redis) take(ctx context.Context, maxWait time.Duration, limits []Limit) (Decision, takeReply, error) {
	ctx, cancel := context.WithTimeout(ctx, r.timings.operation)
	defer cancel()
	id := r.id()
	keys := make([]string, 1, 1+2*len(limits))
	keys[0] = r.epochKey(limits[0].Key)
	args := make([]any, 0, 2+5*len(limits))
	args = append(args, id, maxWait.Microseconds())
	for i := range limits {
		span, daily := spanOf(&limits[i])
		count := r.countKey(limits[i].Key)
		keys = append(keys, count, stateOf(count))
		args = append(args, limits[i].Calls, span, daily, limits[i].Burst, limits[i].Window.Microseconds())
	}
	sent := time.Now()
	reply, err := takeScript.Run(ctx, r.client, keys, args...).Int64Slice()
	if err != nil {
		return Decision{}, takeReply{}, err
	}
	wait, start := reply[1], reply[2]
	sample := r.clocks.add(accountOf(limits[0].Key), clockSample{sent, time.Now(), start - wait})
	d := Decision{OK: reply[0] == 1, Wait: time.Duration(wait) * time.Microsecond, at: start * 1000, id: id}
	d.due, d.Start = sample.when(start)
	if n := reply[3]; n > 0 {
		d.Limit = limits[n-1]
	}
	return d, takeReply{reply[4], reply[5:]}, nil
}

// id returns the unique name of a reservation.
func (r *Redis) id() string { return r.name + "." + strconv.FormatUint(r.taken.Add(1), 36) }

// Cancel implements [Store].
func (r *Redis) Cancel(ctx context.Context, d Decision, limits []Limit) error {
	ctx, cancel := context.WithTimeout(ctx, r.timings.operation)
	defer cancel()
	keys := make([]string, 0, 2*len(limits))
	args := make([]any, 1, 1+len(limits))
	args[0] = d.id
	for _, l := range limits {
		count := r.countKey(l.Key)
		keys = append(keys, count, stateOf(count))
		if l.Daily {
			args = append(args, l.DayOf(d.at))
		} else {
			args = append(args, -1)
		}
	}
	return cancelScript.Run(ctx, r.client, keys, args...).Err()
}

// Late implements [Store].
func (r *Redis) Late(ctx context.Context, now time.Time, d Decision, windows []Limit) error {
	ctx, cancel := context.WithTimeout(ctx, r.timings.operation)
	defer cancel()
	keys := make([]string, len(windows))
	for i, l := range windows {
		keys[i] = r.countKey(l.Key)
	}
	return lateScript.Run(ctx, r.client, keys, d.id, time.Since(now).Microseconds()).Err()
}

// Block implements [Store].
func (r *Redis) Block(ctx context.Context, key string, until time.Time) error {
	wait := time.Until(until)
	if wait <= 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, r.timings.operation)
	defer cancel()
	return blockScript.Run(ctx, r.client, []string{r.stateKey(key)}, wait.Microseconds()).Err()
}

// Refuse implements [Store].
func (r *Redis) Refuse(ctx context.Context, _ time.Time, l Limit) error {
	return r.estimate(ctx, &l, -1)
}

// estimate updates the estimate of competing usage, from the calls left of a window or,
// if left is -1, from a refusal.
func (r *Redis) estimate(ctx context.Context, l *Limit, left int) error {
	ctx, cancel := context.WithTimeout(ctx, r.timings.operation)
	defer cancel()
	span, _ := spanOf(l)
	return competingScript.Run(ctx, r.client, []string{r.countKey(l.Key), r.stateKey(l.Key)},
		l.Calls, l.Window.Microseconds(), span, time.Duration(l.Slack()).Microseconds(),
		left, window.HoldShort.Microseconds(), window.HoldFirst.Microseconds(), window.HoldConfirmed.Microseconds(),
		window.HoldMax.Microseconds(), window.Remember.Microseconds(), window.InFlight.Microseconds()).Err()
}

// Observe implements [Store].
func (r *Redis) Observe(ctx context.Context, _ time.Time, l Limit, left int) error {
	if !l.Daily {
		return r.estimate(ctx, &l, max(left, 0))
	}
	ctx, cancel := context.WithTimeout(ctx, r.timings.operation)
	defer cancel()
	return observeScript.Run(ctx, r.client, []string{r.countKey(l.Key)}, l.Margin().Microseconds(), l.Calls-left).Err()
}

// Remaining implements [Store].
func (r *Redis) Remaining(ctx context.Context, _ time.Time, limits []Limit) ([]Status, error) {
	ctx, cancel := context.WithTimeout(ctx, r.timings.operation)
	defer cancel()
	pipe := r.client.Pipeline()
	replies := make([]*redis.Cmd, len(limits))
	for i := range limits {
		span, daily := spanOf(&limits[i])
		// Not by its hash: a pipeline cannot send the script when it is not loaded.
		replies[i] = remainingScript.Eval(ctx, pipe, []string{r.countKey(limits[i].Key), r.stateKey(limits[i].Key)}, span, daily)
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return nil, err
	}
	now := time.Now()
	all := make([]Status, len(limits))
	for i, l := range limits {
		a, err := replies[i].Int64Slice()
		if err != nil {
			return nil, err
		}
		used, reset, blocked := int(a[0]), a[1], a[2]
		competing := (&window.Competing{Calls: int(a[3]), Hold: a[5] * 1000}).At(a[4]*1000, &l)
		if blocked > 0 {
			used, reset = l.Calls, max(reset, blocked)
		}
		all[i] = Status{
			Key: l.Key, Calls: l.Calls, Left: max(l.Calls-competing-used, 0), Competing: competing,
			Reset: now.Add(time.Duration(reset) * time.Microsecond),
		}
	}
	return all, nil
}

// record counts calls that were made without Redis: starts of a window, or
// calls of today.
func (r *Redis) record(ctx context.Context, l *Limit, starts []time.Time, calls int) error {
	ctx, cancel := context.WithTimeout(ctx, r.timings.operation)
	defer cancel()
	span, daily := spanOf(l)
	args := []any{span, daily}
	if l.Daily {
		args = append(args, calls)
	}
	for _, t := range starts {
		args = append(args, r.id(), time.Until(t).Microseconds())
	}
	return recordScript.Run(ctx, r.client, []string{r.countKey(l.Key)}, args...).Err()
}

// restore restores the state of a limit that Redis has lost: the calls of today, or, of a
// window whose log is lost, a block until it cannot be full any more, and the
// estimate of competing usage.
func (r *Redis) restore(ctx context.Context, m *lostState) error {
	if m.limit.Daily {
		return r.Observe(ctx, time.Time{}, m.limit, m.limit.Calls-m.used)
	}
	if err := r.Block(ctx, m.limit.Key, m.lostBefore.Add(m.limit.Span()+horizon)); err != nil || m.competing == 0 {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, r.timings.operation)
	defer cancel()
	decayStep := (&window.Competing{Hold: int64(window.HoldFirst)}).DecayStep(&m.limit) / 1000
	return restoreScript.Run(ctx, r.client, []string{r.stateKey(m.limit.Key)}, m.competing, window.HoldFirst.Microseconds(), decayStep).Err()
}

// restoreAll restores many limits at once: hosts and registrants have limits of
// their own.
func (r *Redis) restoreAll(ctx context.Context, all []lostState) error {
	var g errgroup.Group
	g.SetLimit(16)
	for i := range all {
		g.Go(func() error { return r.restore(ctx, &all[i]) })
	}
	return g.Wait()
}

// epoch returns the epoch of an account.
func (r *Redis) epoch(ctx context.Context, account string) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, r.timings.operation)
	defer cancel()
	return epochScript.Run(ctx, r.client, []string{r.epochKey(account)}).Int64()
}

// A heartbeatReply is the reply of Redis to a heartbeat.
type heartbeatReply struct {
	replicas     int   // that are registered
	present      int   // of them, those that are not missing
	now          int64 // in microseconds
	unregistered bool  // this replica was not registered before
}

// Whether a heartbeat found this replica's session.
const (
	sessionUnknown = iota - 1 // the user of Redis lacks the permission, or there is no session
	sessionNone
	sessionFound
)

// sendHeartbeat registers this replica, as missing if it works without Redis. sent is
// the estimated time by the clock of Redis, or 0: a heartbeat that was buffered while
// Redis hung is not current. Replicas whose sessions have ended are forgotten.
func (r *Redis) sendHeartbeat(ctx context.Context, alone bool, sent int64) (heartbeatReply, error) {
	ctx, cancel := context.WithTimeout(ctx, r.timings.operation)
	defer cancel()
	if alone {
		sent = -1
	}
	held := r.session.Load()
	if held == nil {
		held = &session{}
	}
	a, err := heartbeatScript.Run(ctx, r.client, []string{registryKey, sessionsKey}, r.name, r.timings.forgetAfter.Microseconds(),
		r.timings.missingAfter.Microseconds(), r.timings.heartbeatDelay.Microseconds(), sent,
		held.channel, held.since, r.timings.forgetEnded.Microseconds()).Int64Slice()
	if err != nil {
		return heartbeatReply{}, err
	}
	switch {
	case held.channel == "":
	case a[5] == sessionFound && held.since == 0:
		r.session.CompareAndSwap(held, &session{channel: held.channel, since: a[4], end: held.end})
	case a[5] == sessionNone: // for example on a node that no longer has the registry
		held.end()
	}
	return heartbeatReply{int(a[0]), int(a[1]), a[2], a[3] == 1}, nil
}

// retire removes this replica from the registry.
func (r *Redis) retire(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, r.timings.operation)
	defer cancel()
	r.client.ZRem(ctx, registryKey, r.name)
	r.client.HDel(ctx, sessionsKey, r.name)
}
