package cache_test

import (
	"context"
	"encoding/base64"
	"errors"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"zoomql/cache"
	"zoomql/cache/redistest"
)

// claimOf acquires a claim; it fails the test when none is granted.
func claimOf(t testing.TB, l cache.Ledger, key string) *cache.Claim {
	t.Helper()
	note, claim, err := l.Claim(t.Context(), key, time.Hour)
	if note != nil || claim == nil || err != nil {
		t.Fatalf("got the note %v, the claim %v, %v", note, claim, err)
	}
	return claim
}

// outcomeOf returns the outcome of a note; it fails the test when there is no note.
func outcomeOf(t testing.TB, l cache.Ledger, key string) []byte {
	t.Helper()
	note, claim, err := l.Claim(t.Context(), key, time.Hour)
	if note == nil || err != nil {
		t.Fatalf("no note; got the claim %v, %v", claim, err)
	}
	return note.Outcome
}

// ledgers returns the ledgers of two processes that receive each other's messages.
func ledgers(t *testing.T, dial func() redis.UniversalClient, lease time.Duration) (a, b *cache.Redis) {
	t.Helper()
	one, _ := replica(t, dial(), lease).L2().(*cache.Redis)
	two, _ := replica(t, dial(), lease).L2().(*cache.Redis)
	return one, two
}

func TestClaim_everyRedis(t *testing.T) {
	for name, client := range redises {
		t.Run(name, func(t *testing.T) {
			a, b := ledgers(t, client(t), 5*time.Second)

			c := claimOf(t, a, "done")
			c.Settle([]byte("made 7"))
			for _, l := range []*cache.Redis{a, b} {
				if got := outcomeOf(t, l, "done"); string(got) != "made 7" {
					t.Errorf("got the outcome %q", got)
				}
			}
			a.Evict(t.Context(), cache.All)
			if got := outcomeOf(t, b, "done"); string(got) != "made 7" {
				t.Errorf("after an eviction of all, got the outcome %q", got)
			}

			claimOf(t, a, "refused").Abandon()
			claimOf(t, b, "refused").Abandon()

			claimOf(t, a, "unknown").SettleUnknown()
			if got := outcomeOf(t, b, "unknown"); got != nil {
				t.Errorf("got the outcome %q, want none", got)
			}
			c.Settle([]byte("twice"))
			if got := outcomeOf(t, b, "done"); string(got) != "made 7" {
				t.Errorf("a claim was ended twice: got the outcome %q", got)
			}
		})
	}
}

// Of concurrent callers one gets the claim; the others wait and get its outcome.
func TestClaim_concurrentCallersOnTwoProcesses(t *testing.T) {
	s := redistest.Start(t)
	a, b := ledgers(t, func() redis.UniversalClient { return s.Client() }, time.Minute)
	var done atomic.Int32
	var all sync.WaitGroup
	for i := range 20 {
		l := []*cache.Redis{a, b}[i%2]
		all.Go(func() {
			note, claim, err := l.Claim(t.Context(), "k", time.Hour)
			switch {
			case err != nil:
				t.Error(err)
			case claim != nil:
				done.Add(1)
				claim.Settle([]byte("made"))
			case note == nil || string(note.Outcome) != "made":
				t.Errorf("got the note %v", note)
			}
		})
	}
	all.Wait()
	if done.Load() != 1 {
		t.Errorf("the claim was granted %d times", done.Load())
	}

	claim := claimOf(t, a, "slow")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if note, other, err := b.Claim(ctx, "slow", time.Hour); note != nil || other != nil || !errors.Is(err, context.Canceled) {
		t.Errorf("a caller whose context had ended got %v, %v, %v", note, other, err)
	}
	claim.Abandon()
}

// A process that ends with a claim leaves a note without an outcome: it may have
// done the operation. A process that was only slow still records the outcome.
func TestClaim_holderProcessEnded(t *testing.T) {
	s := redistest.Start(t)
	a, b := ledgers(t, func() redis.UniversalClient { return s.Client() }, 60*time.Millisecond)
	c := claimOf(t, a, "k")
	c.StopRenewing() // as if its process had been killed
	for range 2 {
		if got := outcomeOf(t, b, "k"); got != nil {
			t.Errorf("got the outcome %q", got)
		}
	}
	c.Settle([]byte("made"))
	if got := outcomeOf(t, b, "k"); string(got) != "made" {
		t.Errorf("settled late: got the outcome %q", got)
	}
}

// A holder that was disconnected for longer than a lease is waited for once more.
func TestClaim_leaseExpiresWhileHolderIsDisconnected(t *testing.T) {
	s := redistest.Start(t)
	a, b := ledgers(t, func() redis.UniversalClient { return s.Client() }, time.Second)
	c := claimOf(t, a, "k")
	c.StopRenewing()
	client := s.Client()
	holder := c.NoteKeys()[1]
	eventually(t, "the lease ends", func() bool { return client.Exists(t.Context(), holder).Val() == 0 })
	outcome := make(chan []byte)
	go func() { outcome <- outcomeOf(t, b, "k") }()
	eventually(t, "the lease is prolonged for the holder", func() bool { return client.Get(t.Context(), holder).Val() == c.Fence() })
	c.Renew()
	if state := client.HGet(t.Context(), c.NoteKeys()[0], "state").Val(); state != "begun" {
		t.Errorf("the holder is connected again: got the state %q", state)
	}
	c.Settle([]byte("made"))
	if got := <-outcome; string(got) != "made" {
		t.Errorf("got the outcome %q", got)
	}
}

// Without a reply from Redis no claim is granted, and the attempt blocks no later one.
func TestClaim_withoutRedis(t *testing.T) {
	for why, c := range map[string]struct {
		fail, mend func(*redistest.Server, *redistest.Wire)
	}{
		"no connection": {func(_ *redistest.Server, w *redistest.Wire) { w.Cut() }, func(_ *redistest.Server, w *redistest.Wire) { w.Mend() }},
		"no reply":      {func(s *redistest.Server, _ *redistest.Wire) { s.Hang() }, func(s *redistest.Server, _ *redistest.Wire) { s.Resume() }},
	} {
		t.Run(why, func(t *testing.T) {
			s := redistest.Start(t)
			wire := s.Wire()
			short := generous
			short.Operation, short.Attempt, short.Claim = 50*time.Millisecond, 50*time.Millisecond, 200*time.Millisecond
			l := openRedis(t, wire.Client, cache.WithTimings(short))
			eventually(t, "there is a connection", func() bool { return wire.Ping(t.Context()).Err() == nil })
			c.fail(s, wire)
			before := time.Now()
			note, claim, err := l.Claim(t.Context(), "k", time.Hour)
			var refused *cache.UnavailableError
			if note != nil || claim != nil || !errors.As(err, &refused) || !refused.RetryAt.After(before) {
				t.Errorf("got %v, %v, %v", note, claim, err)
			}
			c.mend(s, wire)
			eventually(t, "the attempt is withdrawn", func() bool {
				_, running := l.Unrecorded()
				return !running
			})
			claimOf(t, openRedis(t, s.Client()), "k").Abandon()
		})
	}
}

// A claim that Redis reads after it was withdrawn is not granted.
func TestClaim_arrivesAfterWithdrawal(t *testing.T) {
	s := redistest.Start(t)
	a, b := ledgers(t, func() redis.UniversalClient { return s.Client() }, time.Hour)
	late := cache.NewClaim(a, "k", "late", 1)
	late.Abandon()
	if state, ok := late.Request(t.Context()); !ok || state != "withdrawn" {
		t.Fatalf("got the reply %q, %v", state, ok)
	}
	claimOf(t, b, "k").Abandon()
}

// A claim whose reply was lost may be sent again: it is granted again.
func TestClaim_sentTwice(t *testing.T) {
	s := redistest.Start(t)
	a, _ := ledgers(t, func() redis.UniversalClient { return s.Client() }, time.Hour)
	c := cache.NewClaim(a, "k", "one", 0)
	for range 2 {
		if state, ok := c.Request(t.Context()); !ok || state != "granted" {
			t.Errorf("got the reply %q, %v", state, ok)
		}
	}
}

// An outcome that is settled while Redis is unreachable is recorded when it is back, and
// waiters wait until then.
func TestClaim_settledWithoutRedis(t *testing.T) {
	for name, c := range map[string]struct {
		end  func(*cache.Claim)
		want string // "": another claim is granted
	}{
		"made":    {func(c *cache.Claim) { c.Settle([]byte("made")) }, "made"},
		"refused": {(*cache.Claim).Abandon, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := redistest.Start(t)
			wire := s.Wire()
			a, b := openRedis(t, wire.Client), openRedis(t, s.Client())
			claim := claimOf(t, a, "k")
			wire.Cut()
			c.end(claim)
			if claim.Recorded() {
				t.Error("recorded without a connection")
			}
			wire.Mend()
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			note, again, err := b.Claim(ctx, "k", time.Hour)
			switch {
			case err != nil:
				t.Error(err)
			case c.want == "" && again == nil, c.want != "" && (note == nil || string(note.Outcome) != c.want):
				t.Errorf("got %v, %v", note, again)
			}
		})
	}
}

// A Redis that has lost a note may grant the claim to another caller, whose outcome
// counts.
func TestClaim_settledAfterAnotherHolder(t *testing.T) {
	s := redistest.Start(t)
	a, b := ledgers(t, func() redis.UniversalClient { return s.Client() }, time.Hour)
	first := claimOf(t, a, "k")
	if err := s.Client().FlushAll(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	second := claimOf(t, b, "k")
	second.Settle([]byte("second"))
	first.Settle([]byte("first"))
	if got := outcomeOf(t, a, "k"); string(got) != "second" {
		t.Errorf("got the outcome %q", got)
	}
}

// The ends of claims that cannot be recorded are bounded.
func TestClaim_unrecordedEndsAreBounded(t *testing.T) {
	s := redistest.Start(t)
	wire := s.Wire()
	l := openRedis(t, wire.Client)
	wire.Cut()
	for range cache.MaxUnrecorded + 10 {
		cache.NewClaim(l, "k", "f", 1).Abandon()
	}
	if n, _ := l.Unrecorded(); n != cache.MaxUnrecorded {
		t.Errorf("%d ends are pending, want %d", n, cache.MaxUnrecorded)
	}
	wire.Mend()
	eventually(t, "all are recorded", func() bool {
		n, _ := l.Unrecorded()
		return n == 0
	})
}

// Four processes attempt the same operations while Redis stalls repeatedly: none is
// done twice, and in the end every process gets the outcomes.
func TestClaim_redisStallsRepeatedly(t *testing.T) {
	s := redistest.Start(t)
	const replicas, keys = 4, 60
	var ledgers [replicas]*cache.Redis
	for i := range ledgers {
		short := generous
		short.Operation, short.Attempt, short.Claim = 5*time.Millisecond, 20*time.Millisecond, 100*time.Millisecond
		ledgers[i] = openRedis(t, s.Client(), cache.WithTimings(short))
	}
	var done [keys]atomic.Int32
	var refused atomic.Int32
	stop, stalled := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stalled)
		random := rand.New(rand.NewPCG(1, 2))
		for {
			select {
			case <-stop:
				return
			default:
				s.Hang()
				time.Sleep(time.Duration(random.IntN(200)) * time.Millisecond)
				s.Resume()
				time.Sleep(time.Duration(random.IntN(50)) * time.Millisecond)
			}
		}
	}()
	var all sync.WaitGroup
	for i, l := range ledgers {
		all.Go(func() {
			random := rand.New(rand.NewPCG(3, uint64(i)))
			for _, k := range random.Perm(keys) {
				note, claim, err := l.Claim(t.Context(), strconv.Itoa(k), time.Hour)
				switch {
				case claim != nil && random.IntN(4) == 0:
					claim.Abandon()
				case claim != nil:
					done[k].Add(1)
					claim.Settle([]byte(strconv.Itoa(k)))
				case err != nil:
					refused.Add(1)
				case string(note.Outcome) != strconv.Itoa(k):
					t.Errorf("%d: got the outcome %q", k, note.Outcome)
				}
			}
		})
	}
	all.Wait()
	close(stop)
	<-stalled
	l := openRedis(t, s.Client())
	for k := range done {
		note, claim, err := l.Claim(t.Context(), strconv.Itoa(k), time.Hour)
		switch n := done[k].Load(); {
		case n > 1:
			t.Errorf("%d was done %d times", k, n)
		case err != nil, n == 1 && (note == nil || string(note.Outcome) != strconv.Itoa(k)), n == 0 && claim == nil:
			t.Errorf("%d was done %d times, and a repeat gets %v, %v, %v", k, n, note, claim, err)
		}
	}
	t.Logf("%d of %d claims were refused", refused.Load(), replicas*keys)
}

// An outcome is encrypted where there are keys, and bound to its key in Redis.
func TestClaim_outcomeIsEncrypted(t *testing.T) {
	s := redistest.Start(t)
	keys, err := cache.ParseKeys("one:" + base64.StdEncoding.EncodeToString([]byte(strings.Repeat("k", 32))))
	if err != nil {
		t.Fatal(err)
	}
	sealed, bare := openRedis(t, s.Client(), cache.WithKeys(keys)), openRedis(t, s.Client())
	claimOf(t, sealed, "a").Settle([]byte("canary"))
	raw, err := s.Client().HGetAll(t.Context(), cache.RedisKey(cache.NotePrefix, hashed("a"))).Result()
	if err != nil || raw["state"] != "done" || strings.Contains(raw["outcome"], "canary") {
		t.Errorf("Redis holds %q, %v", raw, err)
	}
	if got := outcomeOf(t, sealed, "a"); string(got) != "canary" {
		t.Errorf("with the key, %q is read", got)
	}
	if got := outcomeOf(t, bare, "a"); got != nil {
		t.Errorf("without a key, %q is read", got)
	}
	if err := s.Client().HSet(t.Context(), cache.RedisKey(cache.NotePrefix, hashed("b")), raw).Err(); err != nil {
		t.Fatal(err)
	}
	if got := outcomeOf(t, sealed, "b"); got != nil {
		t.Errorf("a note copied to another key was read: %q", got)
	}
	claimOf(t, bare, "c").Settle([]byte("plain"))
	if got := outcomeOf(t, sealed, "c"); got != nil {
		t.Errorf("an outcome that is not encrypted was read: %q", got)
	}
}
