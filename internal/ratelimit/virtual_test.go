package ratelimit

import (
	"context"
	"net"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"

	"zoomql/internal/ratelimit/window"
)

// virtualRedis is a Redis in a bubble of testing/synctest, where times are exact
// however slow the machine is. A Memory replaces the scripts: storeIsExact and
// TestScripts_agreeWithWindow prove that both do the same.
type virtualRedis struct {
	redis.UniversalClient // nil: no other command is used
	latency               func() time.Duration
	ahead                 time.Duration // by which its clock is ahead of ours

	mu       sync.Mutex
	dead     bool
	hangs    bool
	stalled  []func() // commands that came while it hangs
	memory   *Memory
	reserved map[string]reservation
	replicas map[string]time.Time // when each is forgotten
	epochs   map[string]int64
	beats    int64                   // heartbeats
	sessions map[string]*openSession // by channel
	lastBeat map[string]lastBeat     // by replica
}

// lastBeat is the last heartbeat of a replica that found its session.
type lastBeat struct {
	number  int64
	channel string
}

// openSession is a session that ends with the run of Redis.
type openSession struct{ end context.CancelFunc }

type reservation struct {
	Decision
	under map[string]Limit
}

// inVirtualTime runs a test in a bubble with a Redis that replies at once.
func inVirtualTime(t *testing.T, test func(t *testing.T, v *virtualRedis)) {
	OneAtATime(t)
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(hour) // bubbles begin at midnight, where days change
		v := &virtualRedis{latency: always(0), ahead: 90 * time.Minute}
		v.forget()
		test(t, v)
	})
}

// shared returns a replica, closed when the bubble ends.
func (v *virtualRedis) shared(t *testing.T) *Shared {
	s := NewShared(v, discard, withSessions(v.subscribe))
	t.Cleanup(s.Close)
	return s
}

// withSessions sets what opens sessions.
func withSessions(subscribe func(context.Context, string, func()) error) Option {
	return func(r *Redis) { r.subscribes = subscribe }
}

// subscribe holds a session, as Redis.subscribe does.
func (v *virtualRedis) subscribe(ctx context.Context, channel string, opened func()) error {
	ctx, end := context.WithCancel(ctx)
	defer end()
	own := &openSession{end}
	if _, err := v.do(ctx, v.latency, func() any { v.sessions[channel] = own; return nil }); err != nil {
		return err
	}
	opened()
	<-ctx.Done()
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.sessions[channel] == own {
		delete(v.sessions, channel)
	}
	return ctx.Err()
}

// pair returns two replicas that count each other.
func (v *virtualRedis) pair(t *testing.T) []*Shared {
	all := []*Shared{v.shared(t), v.shared(t)}
	for _, s := range all {
		eventually(t, "both replicas count two", func() bool { return s.counts(2) })
	}
	return all
}

func (v *virtualRedis) forget() {
	v.memory, v.reserved = &Memory{}, map[string]reservation{}
	v.replicas, v.epochs = map[string]time.Time{}, map[string]int64{}
	for _, session := range v.sessions {
		session.end()
	}
	v.beats, v.sessions, v.lastBeat = 0, map[string]*openSession{}, map[string]lastBeat{}
}

// Kill ends it as a crash would.
func (v *virtualRedis) Kill() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.dead, v.stalled = true, nil
	v.forget()
}

// Run starts it again after Kill, empty.
func (v *virtualRedis) Run() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.dead = false
}

// Hang makes it accept commands and not reply, until Resume.
func (v *virtualRedis) Hang() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.hangs = true
}

// Resume ends Hang: the commands that came in between run now.
func (v *virtualRedis) Resume() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.hangs = false
	for _, run := range v.stalled {
		run()
	}
	v.stalled = nil
}

// EvalSha runs one of the scripts.
func (v *virtualRedis) EvalSha(ctx context.Context, hash string, keys []string, args ...any) *redis.Cmd {
	cmd := redis.NewCmd(ctx)
	latency := v.latency
	switch hash {
	case recordScript.Hash(), restoreScript.Hash(), blockScript.Hash():
		// Shared.rejoin sends these under its lock, and the time of a bubble does not
		// advance while a goroutine waits for a lock.
		latency = always(0)
	}
	reply, err := v.do(ctx, latency, func() any {
		return virtualScripts[hash](v, time.Now().Add(v.ahead).Truncate(time.Microsecond), keys, args)
	})
	cmd.SetVal(reply)
	cmd.SetErr(err)
	return cmd
}

// ZRem removes a replica from the registry.
func (v *virtualRedis) ZRem(ctx context.Context, _ string, members ...any) *redis.IntCmd {
	cmd := redis.NewIntCmd(ctx)
	_, err := v.do(ctx, v.latency, func() any {
		delete(v.replicas, members[0].(string))
		return nil
	})
	cmd.SetErr(err)
	return cmd
}

// HDel removes a replica's session.
func (v *virtualRedis) HDel(ctx context.Context, _ string, fields ...string) *redis.IntCmd {
	cmd := redis.NewIntCmd(ctx)
	_, err := v.do(ctx, v.latency, func() any {
		delete(v.lastBeat, fields[0])
		return nil
	})
	cmd.SetErr(err)
	return cmd
}

func (v *virtualRedis) do(ctx context.Context, latency func() time.Duration, run func() any) (any, error) {
	time.Sleep(latency())
	v.mu.Lock()
	switch {
	case v.dead:
		v.mu.Unlock()
		return nil, &net.OpError{Op: "dial", Net: "unix", Err: syscall.ECONNREFUSED}
	case v.hangs:
		replied := make(chan any, 1)
		v.stalled = append(v.stalled, func() { replied <- run() })
		v.mu.Unlock()
		select {
		case reply := <-replied:
			return reply, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	reply := run()
	v.mu.Unlock()
	time.Sleep(latency())
	return reply, nil
}

func int64Of(arg any) int64 {
	if n, ok := arg.(int); ok {
		return int64(n)
	}
	return arg.(int64)
}

func micros(arg any) time.Duration { return time.Duration(int64Of(arg)) * time.Microsecond }

// limitOf returns a limit from the arguments of a script.
func limitOf(key string, calls, span, daily, window any) Limit {
	l := Limit{Key: strings.TrimSuffix(key, ":state"), Calls: int(int64Of(calls)), Daily: int64Of(daily) == 1, Window: micros(window)}
	l.Guard = micros(span)
	if !l.Daily {
		l.Guard -= l.Window
	}
	if l.Guard == 0 {
		l.Guard = -1
	}
	return l
}

// virtualScripts are the scripts by their hashes, with the time by the clock of Redis.
// They are called under the lock.
var virtualScripts = map[string]func(v *virtualRedis, now time.Time, keys []string, args []any) any{
	takeScript.Hash():      (*virtualRedis).take,
	cancelScript.Hash():    (*virtualRedis).cancel,
	competingScript.Hash(): (*virtualRedis).estimate,
	recordScript.Hash():    (*virtualRedis).record,
	heartbeatScript.Hash(): (*virtualRedis).heartbeat,
	lateScript.Hash(): func(v *virtualRedis, now time.Time, keys []string, args []any) any {
		r := v.reserved[args[0].(string)]
		_ = v.memory.Late(context.Background(), now.Add(-micros(args[1])), r.Decision, r.of(keys))
		return int64(0)
	},
	blockScript.Hash(): func(v *virtualRedis, now time.Time, keys []string, args []any) any {
		_ = v.memory.Block(context.Background(), strings.TrimSuffix(keys[0], ":state"), now.Add(micros(args[0])))
		return int64(0)
	},
	observeScript.Hash(): func(v *virtualRedis, now time.Time, keys []string, args []any) any {
		_ = v.memory.Observe(context.Background(), now, limitOf(keys[0], args[1], args[0], 1, 0), 0)
		return int64(0)
	},
	restoreScript.Hash(): func(v *virtualRedis, now time.Time, keys []string, args []any) any {
		l := Limit{Key: strings.TrimSuffix(keys[0], ":state")}
		if est := &v.memory.counter(&l, now.UnixNano()).Competing; est.Calls == 0 {
			hold := micros(args[1])
			*est = window.Competing{Calls: int(int64Of(args[0])), Until: now.Add(hold).UnixNano(), Hold: int64(hold), Refused: now.Add(-hold).UnixNano()}
		}
		return int64(0)
	},
	epochScript.Hash(): func(v *virtualRedis, now time.Time, keys []string, _ []any) any {
		return v.epoch(keys[0], now)
	},
}

func (r *reservation) of(keys []string) (limits []Limit) {
	for _, key := range keys {
		if l, ok := r.under[key]; ok {
			limits = append(limits, l)
		}
	}
	return limits
}

func (v *virtualRedis) epoch(key string, now time.Time) int64 {
	if v.epochs[key] == 0 {
		v.epochs[key] = now.UnixMicro()
	}
	return v.epochs[key]
}

func (v *virtualRedis) take(now time.Time, keys []string, args []any) any {
	r := reservation{under: map[string]Limit{}}
	var limits []Limit
	for i := 0; 2*i+1 < len(keys); i++ {
		a := args[2+5*i:]
		l := limitOf(keys[1+2*i], a[0], a[1], a[2], a[4])
		l.Burst = int(int64Of(a[3]))
		limits = append(limits, l)
		r.under[l.Key] = l
	}
	r.Decision, _ = v.memory.Take(context.Background(), now, micros(args[1]), limits)
	reply := []any{int64(0), r.Wait.Microseconds(), r.at / 1000, int64(0), v.epoch(keys[0], now)}
	if r.OK {
		v.reserved[args[0].(string)] = r
		reply[0] = int64(1)
	}
	for i, l := range limits {
		if l == r.Limit {
			reply[3] = int64(i + 1)
		}
		c := v.memory.counter(&l, now.UnixNano())
		if l.Daily {
			reply = append(reply, int64(c.Days.Used(l.DayOf(now.UnixNano()))))
		} else {
			reply = append(reply, int64(c.Competing.At(now.UnixNano(), &l)))
		}
	}
	return reply
}

func (v *virtualRedis) cancel(_ time.Time, keys []string, args []any) any {
	if r, ok := v.reserved[args[0].(string)]; ok {
		_ = v.memory.Cancel(context.Background(), r.Decision, r.of(keys))
	}
	return int64(0)
}

func (v *virtualRedis) estimate(now time.Time, keys []string, args []any) any {
	l := limitOf(keys[0], args[0], args[2], 0, args[1])
	if slack := micros(args[3]); slack > 0 {
		l.Burst = 1 + int((slack+time.Duration(l.Step(l.Calls))/2)/time.Duration(l.Step(l.Calls)))
	}
	if left := int(int64Of(args[4])); left >= 0 {
		_ = v.memory.Observe(context.Background(), now, l, left)
	} else {
		_ = v.memory.Refuse(context.Background(), now, l)
	}
	return int64(0)
}

func (v *virtualRedis) record(now time.Time, keys []string, args []any) any {
	l := limitOf(keys[0], 1, args[0], args[1], 0)
	c := v.memory.counter(&l, now.UnixNano())
	if l.Daily {
		c.Days.Add(l.DayOf(now.UnixNano()), int(int64Of(args[2])))
		return int64(0)
	}
	for i := 2; i < len(args); i += 2 {
		c.Log.Add(now.Add(micros(args[i+1])).UnixNano())
	}
	return int64(0)
}

func (v *virtualRedis) heartbeat(now time.Time, _ []string, args []any) any {
	name, lifetime, missingAfter, maxDelay, sent := args[0].(string), micros(args[1]), micros(args[2]), micros(args[3]), int64Of(args[4])
	fresh := int64(1)
	if _, known := v.replicas[name]; known {
		fresh = 0
	}
	v.replicas[name] = now.Add(lifetime)
	if sent < 0 || sent > 0 && now.Sub(time.UnixMicro(sent)) > maxDelay {
		v.replicas[name] = now.Add(lifetime - missingAfter)
	}
	v.beats++
	channel, since, forgetEnded := args[5].(string), int64Of(args[6]), micros(args[7])
	found := int64(-1)
	if channel != "" {
		found = v.isOpen(channel)
	}
	delete(v.lastBeat, name)
	if found == 1 {
		v.lastBeat[name] = lastBeat{v.beats, channel}
	}
	present := int64(0)
	for name, till := range v.replicas {
		missing := !till.After(now.Add(lifetime - missingAfter))
		if last := v.lastBeat[name]; found == 1 && since > 0 && missing && till.After(now.Add(forgetEnded)) && last.number > since && v.isOpen(last.channel) == 0 {
			till = now.Add(forgetEnded)
			v.replicas[name] = till
		}
		switch {
		case !till.After(now):
			delete(v.replicas, name)
			delete(v.lastBeat, name)
		case !missing:
			present++
		}
	}
	return []any{int64(len(v.replicas)), present, now.UnixMicro(), fresh, v.beats, found}
}

func (v *virtualRedis) isOpen(channel string) int64 {
	if v.sessions[channel] != nil {
		return 1
	}
	return 0
}
