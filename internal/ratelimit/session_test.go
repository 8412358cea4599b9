package ratelimit

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"zoomql/cache/redistest"
)

// TestHeartbeat_endedSession_isForgotten: a missing replica is forgotten when its session has ended
// in the Redis that had it, and in no other case.
func TestHeartbeat_endedSession_isForgotten(t *testing.T) {
	quick := slowTimings
	quick.forgetEnded = time.Microsecond
	for name, open := range map[string]func() redis.UniversalClient{
		"one server": func() redis.UniversalClient { return redistest.Start(t).Client() },
		"a cluster":  func() redis.UniversalClient { return redistest.Cluster(t) },
	} {
		t.Run(name, func(t *testing.T) {
			client := open()
			for _, c := range []struct {
				why       string
				before    func(a, b *replica) // before the last heartbeat of a
				after     func(a, b *replica)
				forgotten bool
			}{
				{"it is killed", func(a, b *replica) { b.open(); b.beat(); a.open() }, func(a, _ *replica) { a.kill() }, true},
				{"it is cut off", func(a, b *replica) { b.open(); b.beat(); a.open() }, func(*replica, *replica) {}, false},
				{"it has no session", func(_, b *replica) { b.open(); b.beat() }, func(*replica, *replica) {}, false},
				{"the other has no session", func(a, _ *replica) { a.open() }, func(a, _ *replica) { a.kill() }, false},
				{"Redis was restarted", func(a, b *replica) { b.open(); b.beat(); a.open() }, func(a, b *replica) { a.kill(); b.kill(); b.open(); b.beat() }, false},
			} {
				client.Del(t.Context(), registryKey, sessionsKey)
				a, b := newReplica(t, client, quick), newReplica(t, client, quick)
				c.before(a, b)
				a.beat()
				c.after(a, b)
				client.ZIncrBy(t.Context(), registryKey, -float64(quick.missingAfter.Microseconds()), a.name) // as if so much time had passed
				b.beat()
				if forgotten := b.beat().replicas == 1; forgotten != c.forgotten {
					t.Errorf("%s: it is forgotten is %t", c.why, forgotten)
				}
				a.kill()
				b.kill()
			}
		})
	}
}

// replica is a replica whose heartbeats and session a test directs.
type replica struct {
	*Redis
	t    *testing.T
	held *Shared
	end  context.CancelFunc
	done sync.WaitGroup
}

func newReplica(t *testing.T, client redis.UniversalClient, timings timings) *replica {
	r := NewRedis(client, withTimings(timings))
	return &replica{Redis: r, t: t, held: &Shared{redis: r, log: discard}}
}

func (r *replica) beat() heartbeatReply {
	r.t.Helper()
	reply, err := r.sendHeartbeat(r.t.Context(), false, 0)
	if err != nil {
		r.t.Fatal(err)
	}
	return reply
}

// open opens a session.
func (r *replica) open() {
	r.t.Helper()
	ctx, end := context.WithCancel(r.t.Context())
	r.end = end
	r.done.Go(func() { r.held.holdSession(ctx) })
	eventually(r.t, "the session is open", func() bool { return r.session.Load() != nil })
}

// kill ends the session, and waits until Redis has no subscriber.
func (r *replica) kill() {
	r.t.Helper()
	if r.end == nil {
		return
	}
	r.end()
	r.done.Wait()
	r.end = nil
	eventually(r.t, "Redis has closed the session", func() bool {
		open, err := r.client.PubSubChannels(r.t.Context(), sessionChannel+r.name+"*").Result()
		return err == nil && len(open) == 0
	})
}

// TestSession_isOpenedAgain: a replica opens another session when Redis has ended its own.
func TestSession_isOpenedAgain(t *testing.T) {
	server := redistest.Start(t)
	s := openShared(t, server)
	counted := func() bool { held := s.redis.session.Load(); return held != nil && held.since > 0 }
	eventually(t, "a heartbeat finds its session", counted)
	first := s.redis.session.Load().channel
	server.Client().ClientKillByFilter(t.Context(), "TYPE", "pubsub")
	eventually(t, "a heartbeat finds another session", func() bool { return counted() && s.redis.session.Load().channel != first })
}

// cutOff is a client of a virtualRedis whose commands are lost while it is cut off: its connections
// stay open.
type cutOff struct {
	*virtualRedis
	lost atomic.Bool
}

// EvalSha runs a script, or loses it.
func (c *cutOff) EvalSha(ctx context.Context, hash string, keys []string, args ...any) *redis.Cmd {
	if c.lost.Load() {
		<-ctx.Done()
		cmd := redis.NewCmd(ctx)
		cmd.SetErr(ctx.Err())
		return cmd
	}
	return c.virtualRedis.EvalSha(ctx, hash, keys, args...)
}

// TestTake_replicaKilled_othersSpendItsShare: three replicas make all calls that they may, and one
// is killed. Within two seconds the others make them all, also when Redis is killed five seconds
// later, and the origin refuses none.
func TestTake_replicaKilled_othersSpendItsShare(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, v *virtualRedis) {
		v.latency = always(time.Millisecond)
		o := &origin{calls: 80, window: time.Second}
		var wg sync.WaitGroup
		ctx, end := context.WithCancel(t.Context())
		dying, die := context.WithCancel(ctx)
		all := v.three(t)
		for i, s := range all {
			lives := ctx
			if i == 0 {
				lives = dying
			}
			o.drain(lives, &wg, NewLimiter(s, time.Minute), paced, always(10*time.Millisecond))
		}
		time.Sleep(5 * time.Second)
		die()
		all[0].stop() // its session ends, and it does not retire
		killed := time.Now()
		time.Sleep(5 * time.Second)
		v.Kill()
		gone := time.Now()
		time.Sleep(10 * time.Second)
		end()
		wg.Wait()
		full := int(80 * time.Second / paced.Span())
		for _, c := range []struct {
			why  string
			from time.Time
			sec  int
		}{{"after it was killed", killed.Add(2 * time.Second), 3}, {"without Redis", gone.Add(2 * time.Second), 7}} {
			n := between(o.ours, c.from, c.from.Add(time.Duration(c.sec)*time.Second))
			t.Logf("%s: %d of %d calls", c.why, n, full*c.sec)
			if n < full*c.sec*95/100 {
				t.Errorf("%s: %d of %d calls", c.why, n, full*c.sec)
			}
		}
		if len(o.refused) > 0 {
			t.Errorf("%d calls were refused", len(o.refused))
		}
	})
}

// TestTake_replicaCutOff_keepsItsShare: a replica that does not reach Redis, and is not killed,
// makes the calls of its share, and the origin refuses none. When it is killed then, the others
// make them.
func TestTake_replicaCutOff_keepsItsShare(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, v *virtualRedis) {
		v.latency = always(time.Millisecond)
		o := &origin{calls: 80, window: time.Second}
		var wg sync.WaitGroup
		ctx, end := context.WithCancel(t.Context())
		dying, die := context.WithCancel(ctx)
		client := &cutOff{virtualRedis: v}
		others := v.pair(t)
		own := NewShared(client, discard, withSessions(v.subscribe))
		t.Cleanup(own.Close)
		eventually(t, "all count three", func() bool { return own.counts(3) && others[0].counts(3) && others[1].counts(3) })
		time.Sleep(time.Second) // and their sessions are found
		own.drains(dying, &wg, o)
		for _, s := range others {
			s.drains(ctx, &wg, o)
		}
		time.Sleep(3 * time.Second)
		client.lost.Store(true)
		time.Sleep(20 * time.Second)
		ours, _ := o.seen()
		if n := between(ours, time.Now().Add(-10*time.Second), time.Now()); !own.down.Load() || n < 10*(26+53)*90/100 {
			t.Errorf("%d calls in ten seconds, want %d", n, 10*(26+53))
		}
		die()
		own.stop()
		time.Sleep(2 * time.Second)
		killed := time.Now()
		time.Sleep(4 * time.Second)
		end()
		wg.Wait()
		full := int(80 * time.Second / paced.Span())
		if n := between(o.ours, killed, killed.Add(4*time.Second)); n < 4*full*95/100 {
			t.Errorf("%d of %d calls after it was killed", n, 4*full)
		}
		if len(o.refused) > 0 {
			t.Errorf("%d calls were refused", len(o.refused))
		}
	})
}

// drains makes as many calls as a replica may.
func (s *Shared) drains(ctx context.Context, wg *sync.WaitGroup, o *origin) {
	o.drain(ctx, wg, NewLimiter(s, time.Minute), paced, always(10*time.Millisecond))
}

// three returns three replicas that count each other, and whose sessions were found.
func (v *virtualRedis) three(t *testing.T) []*Shared {
	all := append(v.pair(t), v.shared(t))
	for _, s := range all {
		eventually(t, "all replicas count three", func() bool { return s.counts(3) })
	}
	time.Sleep(time.Second)
	return all
}
