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
// for all limits of a call, by the clock of Redis. It returns the errors of
// Redis; [Shared] is the one to use. A call that Redis counted but could not
// tell us of in time stays counted.
type Redis struct {
	client  redis.UniversalClient
	timings timings
	names   redisname.Hasher
	name    string // of this replica
	taken   atomic.Uint64
	clocks  clocks
}

// NewRedis returns a Store in the Redis that client is connected to, which
// stays the caller's to close.
func NewRedis(client redis.UniversalClient, options ...Option) *Redis {
	r := &Redis{client: client, timings: timings{}.withDefaults(), name: strconv.FormatUint(rand.Uint64(), 36)}
	for _, set := range options {
		set(r)
	}
	if c, ok := client.(*redis.Client); ok && !c.Options().ContextTimeoutEnabled {
		r.client = c.WithTimeout(r.timings.Operation)
	}
	return r
}

// countKey is where a limit is counted, stateKey what else is known of it. The
// braces make a Redis Cluster keep an account's keys together. Keys hold ids and
// e-mail addresses, so their names are hashed: the account, and the rest.
func (r *Redis) countKey(key string) string {
	account, rest, _ := strings.Cut(key, ":")
	return keyPrefix + "{" + r.names.Name(account) + "}:" + r.names.Name(rest)
}

func (r *Redis) stateKey(key string) string { return stateOf(r.countKey(key)) }

// stateOf returns the state key that belongs to a count key.
func stateOf(countKey string) string { return countKey + ":state" }

// epochKey is of the account of a limit.
func (r *Redis) epochKey(key string) string { return r.countKey(accountOf(key) + ":epoch") }

func accountOf(key string) string {
	account, _, _ := strings.Cut(key, ":")
	return account
}

// spanOf returns what the scripts want to know of a limit's time.
func spanOf(l *Limit) (span int64, daily int) {
	if l.Daily {
		return l.Margin().Microseconds(), 1
	}
	// Rounded up: a span must not lose what Redis cannot count.
	return (l.Span() + time.Microsecond - 1).Microseconds(), 0
}

// Take implements [Store]. It takes the time from Redis, not from now.
func (r *Redis) Take(ctx context.Context, _ time.Time, maxWait time.Duration, limits []Limit) (Decision, error) {
	d, _, err := r.take(ctx, maxWait, limits)
	return d, err
}

// news is what Redis says beside a decision.
type news struct {
	epoch int64 // another one after Redis has lost its memory
	// of is, for each limit, what is used of its day, or what others spend of
	// its window.
	of []int64
}

func (r *Redis) take(ctx context.Context, maxWait time.Duration, limits []Limit) (Decision, news, error) {
	ctx, cancel := context.WithTimeout(ctx, r.timings.Operation)
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
	asked := time.Now()
	answer, err := takeScript.Run(ctx, r.client, keys, args...).Int64Slice()
	if err != nil {
		return Decision{}, news{}, err
	}
	wait := time.Duration(answer[1]) * time.Microsecond
	look := r.clocks.look(accountOf(limits[0].Key), glance{asked, time.Now(), answer[2] - answer[1]})
	d := Decision{OK: answer[0] == 1, Wait: wait, at: answer[2] * 1000, id: id}
	d.due, d.Start = look.when(answer[2])
	if n := answer[3]; n > 0 {
		d.Limit = limits[n-1]
	}
	return d, news{answer[4], answer[5:]}, nil
}

// id returns a name that no other reservation has.
func (r *Redis) id() string { return r.name + "." + strconv.FormatUint(r.taken.Add(1), 36) }

// Cancel implements [Store].
func (r *Redis) Cancel(ctx context.Context, d Decision, limits []Limit) error {
	ctx, cancel := context.WithTimeout(ctx, r.timings.Operation)
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
	ctx, cancel := context.WithTimeout(ctx, r.timings.Operation)
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
	ctx, cancel := context.WithTimeout(ctx, r.timings.Operation)
	defer cancel()
	return blockScript.Run(ctx, r.client, []string{r.stateKey(key)}, wait.Microseconds()).Err()
}

// Refuse implements [Store].
func (r *Redis) Refuse(ctx context.Context, _ time.Time, l Limit) error {
	return r.others(ctx, &l, -1)
}

// others learns from a refusal, which is -1, or from what is left of a window.
func (r *Redis) others(ctx context.Context, l *Limit, left int) error {
	ctx, cancel := context.WithTimeout(ctx, r.timings.Operation)
	defer cancel()
	span, _ := spanOf(l)
	return othersScript.Run(ctx, r.client, []string{r.countKey(l.Key), r.stateKey(l.Key)},
		l.Calls, l.Window.Microseconds(), span, time.Duration(l.Slack()).Microseconds(),
		left, window.HoldShort.Microseconds(), window.HoldFirst.Microseconds(), window.HoldConfirmed.Microseconds(), window.HoldMax.Microseconds(), window.Remember.Microseconds(), window.InFlight.Microseconds()).Err()
}

// Observe implements [Store].
func (r *Redis) Observe(ctx context.Context, _ time.Time, l Limit, left int) error {
	if !l.Daily {
		return r.others(ctx, &l, max(left, 0))
	}
	ctx, cancel := context.WithTimeout(ctx, r.timings.Operation)
	defer cancel()
	return observeScript.Run(ctx, r.client, []string{r.countKey(l.Key)}, l.Margin().Microseconds(), l.Calls-left).Err()
}

// Remaining implements [Store].
func (r *Redis) Remaining(ctx context.Context, _ time.Time, limits []Limit) ([]Status, error) {
	ctx, cancel := context.WithTimeout(ctx, r.timings.Operation)
	defer cancel()
	pipe := r.client.Pipeline()
	answers := make([]*redis.Cmd, len(limits))
	for i := range limits {
		span, daily := spanOf(&limits[i])
		// Not by its hash: a pipeline cannot send the script when it is unknown.
		answers[i] = remainingScript.Eval(ctx, pipe, []string{r.countKey(limits[i].Key), r.stateKey(limits[i].Key)}, span, daily)
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return nil, err
	}
	now := time.Now()
	all := make([]Status, len(limits))
	for i, l := range limits {
		a, err := answers[i].Int64Slice()
		if err != nil {
			return nil, err
		}
		used, reset, blocked := int(a[0]), a[1], a[2]
		competing := (&window.Competing{Calls: int(a[3]), Hold: a[5] * 1000}).At(a[4]*1000, &l)
		if blocked > 0 {
			used, reset = l.Calls, max(reset, blocked)
		}
		all[i] = Status{Key: l.Key, Calls: l.Calls, Left: max(l.Calls-competing-used, 0), Competing: competing, Reset: now.Add(time.Duration(reset) * time.Microsecond)}
	}
	return all, nil
}

// record counts calls that were made without Redis: starts of a window, or
// calls of today.
func (r *Redis) record(ctx context.Context, l *Limit, starts []time.Time, calls int) error {
	ctx, cancel := context.WithTimeout(ctx, r.timings.Operation)
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

// restore gives Redis back what this replica remembers of a limit: that so many
// calls of today are used, or, of a window whose log is lost, that it may be full
// and what others spend of it.
func (r *Redis) restore(ctx context.Context, v *lostSight) error {
	if v.limit.Daily {
		return r.Observe(ctx, time.Time{}, v.limit, v.limit.Calls-v.used)
	}
	if err := r.Block(ctx, v.limit.Key, v.at.Add(v.limit.Span()+horizon)); err != nil || v.other == 0 {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, r.timings.Operation)
	defer cancel()
	doubt := (&window.Competing{Hold: int64(window.HoldFirst)}).DecayStep(&v.limit) / 1000
	return remindScript.Run(ctx, r.client, []string{r.stateKey(v.limit.Key)}, v.other, window.HoldFirst.Microseconds(), doubt).Err()
}

// restoreAll restores many at once: hosts and registrants have limits of their
// own.
func (r *Redis) restoreAll(ctx context.Context, all []lostSight) error {
	var g errgroup.Group
	g.SetLimit(16)
	for i := range all {
		g.Go(func() error { return r.restore(ctx, &all[i]) })
	}
	return g.Wait()
}

// epoch returns the epoch of an account.
func (r *Redis) epoch(ctx context.Context, account string) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, r.timings.Operation)
	defer cancel()
	return epochScript.Run(ctx, r.client, []string{r.epochKey(account)}).Int64()
}

// A muster is what a beat found.
type muster struct {
	replicas int   // that are there
	present  int   // of them, those that are not alone
	now      int64 // in microseconds
	new      bool  // whether this replica was not known
}

// beat says that this replica is there, and whether it is alone. sent is the time
// by the clock of Redis, as far as this replica can tell, or 0: a beat that lay in
// a Redis that hung says nothing of now.
func (r *Redis) beat(ctx context.Context, alone bool, sent int64) (muster, error) {
	ctx, cancel := context.WithTimeout(ctx, r.timings.Operation)
	defer cancel()
	if alone {
		sent = -1
	}
	a, err := beatScript.Run(ctx, r.client, []string{registryKey}, r.name, r.timings.Gone.Microseconds(), r.timings.Lapsed.Microseconds(), r.timings.Stale.Microseconds(), sent).Int64Slice()
	if err != nil {
		return muster{}, err
	}
	return muster{int(a[0]), int(a[1]), a[2], a[3] == 1}, nil
}

// retire takes this replica out of the registry.
func (r *Redis) retire(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, r.timings.Operation)
	defer cancel()
	r.client.ZRem(ctx, registryKey, r.name)
}
