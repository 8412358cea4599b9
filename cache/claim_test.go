package cache

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

	"zoomql/cache/redistest"
)

// claimOf takes the claim that must be free.
func claimOf(t testing.TB, l Ledger, key string) *Claim {
	t.Helper()
	note, claim, err := l.Claim(t.Context(), key, time.Hour)
	if note != nil || claim == nil || err != nil {
		t.Fatalf("noted is %v, and the claim %v, %v", note, claim, err)
	}
	return claim
}

// noteOf returns the outcome that must be noted.
func noteOf(t testing.TB, l Ledger, key string) []byte {
	t.Helper()
	note, claim, err := l.Claim(t.Context(), key, time.Hour)
	if note == nil || err != nil {
		t.Fatalf("nothing is noted; the claim is %v, %v", claim, err)
	}
	return note.Outcome
}

// ledgers are those of two processes that hear each other.
func ledgers(t *testing.T, dial func() redis.UniversalClient, lease time.Duration) (a, b *Redis) {
	t.Helper()
	one, _ := replica(t, dial(), lease).l2.(*Redis)
	two, _ := replica(t, dial(), lease).l2.(*Redis)
	return one, two
}

func TestLedgerOnEveryRedis(t *testing.T) {
	for name, client := range map[string]func(testing.TB) func() redis.UniversalClient{
		"redis": func(t testing.TB) func() redis.UniversalClient {
			s := redistest.Start(t)
			return func() redis.UniversalClient { return s.Client() }
		},
		"cluster": func(t testing.TB) func() redis.UniversalClient {
			c := redistest.Cluster(t)
			return func() redis.UniversalClient { return c }
		},
	} {
		t.Run(name, func(t *testing.T) {
			a, b := ledgers(t, client(t), 5*time.Second)

			c := claimOf(t, a, "done")
			c.Settle([]byte("made 7"))
			for _, l := range []*Redis{a, b} {
				if got := noteOf(t, l, "done"); string(got) != "made 7" {
					t.Errorf("noted is %q", got)
				}
			}
			a.Evict(t.Context(), All)
			if got := noteOf(t, b, "done"); string(got) != "made 7" {
				t.Errorf("after an eviction of all, %q", got)
			}

			claimOf(t, a, "refused").Abandon()
			claimOf(t, b, "refused").Abandon()

			claimOf(t, a, "unknown").SettleUnknown()
			if got := noteOf(t, b, "unknown"); got != nil {
				t.Errorf("nobody knows, and noted is %q", got)
			}
			c.Settle([]byte("twice"))
			if got := noteOf(t, b, "done"); string(got) != "made 7" {
				t.Errorf("a claim was ended twice, and noted is %q", got)
			}
		})
	}
}

// Who comes while another is at it waits, and is woken by the outcome.
func TestOneClaimsForAll(t *testing.T) {
	s := redistest.Start(t)
	a, b := ledgers(t, func() redis.UniversalClient { return s.Client() }, time.Minute)
	var done atomic.Int32
	var all sync.WaitGroup
	for i := range 20 {
		l := []*Redis{a, b}[i%2]
		all.Go(func() {
			note, claim, err := l.Claim(t.Context(), "k", time.Hour)
			switch {
			case err != nil:
				t.Error(err)
			case claim != nil:
				done.Add(1)
				claim.Settle([]byte("made"))
			case note == nil || string(note.Outcome) != "made":
				t.Errorf("told %v", note)
			}
		})
	}
	all.Wait()
	if done.Load() != 1 {
		t.Errorf("it was done %d times", done.Load())
	}

	claim := claimOf(t, a, "slow")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if note, other, err := b.Claim(ctx, "slow", time.Hour); note != nil || other != nil || !errors.Is(err, context.Canceled) {
		t.Errorf("a caller that had left was given %v, %v, %v", note, other, err)
	}
	claim.Abandon()
}

// A process that ends with a claim leaves a note without an outcome: it may have
// done the thing. One that was only slow notes what came of it all the same.
func TestClaimOfAProcessThatEnded(t *testing.T) {
	s := redistest.Start(t)
	a, b := ledgers(t, func() redis.UniversalClient { return s.Client() }, 60*time.Millisecond)
	c := claimOf(t, a, "k")
	c.renewTimer.Stop() // as if it had been killed
	for range 2 {
		if got := noteOf(t, b, "k"); got != nil {
			t.Errorf("noted is %q", got)
		}
	}
	c.Settle([]byte("made"))
	if got := noteOf(t, b, "k"); string(got) != "made" {
		t.Errorf("the outcome came late, and noted is %q", got)
	}
}

// A holder that was cut off for longer than a lease is waited for once more.
func TestClaim_leaseEndsWhileHolderIsCutOff(t *testing.T) {
	s := redistest.Start(t)
	a, b := ledgers(t, func() redis.UniversalClient { return s.Client() }, time.Second)
	c := claimOf(t, a, "k")
	c.renewTimer.Stop()
	client := s.Client()
	holder := noteKeys(c.key, "")[1]
	eventually(t, "the lease ends", func() bool { return client.Exists(t.Context(), holder).Val() == 0 })
	told := make(chan []byte)
	go func() { told <- noteOf(t, b, "k") }()
	eventually(t, "the lease is prolonged for the holder", func() bool { return client.Get(t.Context(), holder).Val() == c.fence })
	c.renew()
	if state := client.HGet(t.Context(), noteKeys(c.key, "")[0], "state").Val(); state != "begun" {
		t.Errorf("the holder is back, and the state is %q", state)
	}
	c.Settle([]byte("made"))
	if got := <-told; string(got) != "made" {
		t.Errorf("noted is %q", got)
	}
}

// Without an answer of Redis nobody may, and what was tried then keeps nobody from
// it later.
func TestClaim_withoutRedis(t *testing.T) {
	for why, c := range map[string]struct {
		fail, mend func(*redistest.Server, *redistest.Wire)
	}{
		"no connection": {func(_ *redistest.Server, w *redistest.Wire) { w.Cut() }, func(_ *redistest.Server, w *redistest.Wire) { w.Mend() }},
		"no answer":     {func(s *redistest.Server, _ *redistest.Wire) { s.Hang() }, func(s *redistest.Server, _ *redistest.Wire) { s.Resume() }},
	} {
		t.Run(why, func(t *testing.T) {
			s := redistest.Start(t)
			wire := s.Wire()
			hasty := generous
			hasty.Operation, hasty.Attempt, hasty.Claim = 50*time.Millisecond, 50*time.Millisecond, 200*time.Millisecond
			l := openRedis(t, wire.Client, WithTimings(hasty))
			eventually(t, "there is a connection", func() bool { return l.client.Ping(t.Context()).Err() == nil })
			c.fail(s, wire)
			before := time.Now()
			note, claim, err := l.Claim(t.Context(), "k", time.Hour)
			var refused *UnavailableError
			if note != nil || claim != nil || !errors.As(err, &refused) || !refused.RetryAt.After(before) {
				t.Errorf("given %v, %v, %v", note, claim, err)
			}
			c.mend(s, wire)
			eventually(t, "the attempt is withdrawn", func() bool {
				l.unrecorded.mu.Lock()
				defer l.unrecorded.mu.Unlock()
				return !l.unrecorded.running
			})
			claimOf(t, openRedis(t, s.Client()), "k").Abandon()
		})
	}
}

// A claim that Redis reads after it was withdrawn is not granted.
func TestClaim_arrivesAfterItWasWithdrawn(t *testing.T) {
	s := redistest.Start(t)
	a, b := ledgers(t, func() redis.UniversalClient { return s.Client() }, time.Hour)
	late := &Claim{redis: a, key: "k", fence: "late", life: time.Hour, attempts: 1}
	late.Abandon()
	if answer, ok := late.request(t.Context()); !ok || answer.state != "withdrawn" {
		t.Fatalf("answered %v, %v", answer, ok)
	}
	claimOf(t, b, "k").Abandon()
}

// A claim whose answer was lost may be asked for again: it is the same one.
func TestClaim_sentTwice(t *testing.T) {
	s := redistest.Start(t)
	a, _ := ledgers(t, func() redis.UniversalClient { return s.Client() }, time.Hour)
	c := &Claim{redis: a, key: "k", fence: "one", life: time.Hour}
	for range 2 {
		if answer, ok := c.request(t.Context()); !ok || answer.state != "granted" {
			t.Errorf("answered %v, %v", answer, ok)
		}
	}
}

// What comes of a claim while Redis is away is noted when it is back, and those who
// wait for it go on waiting until then.
func TestClaim_settledWithoutRedis(t *testing.T) {
	for name, c := range map[string]struct {
		end  func(*Claim)
		want string // "" is a claim
	}{
		"made":    {func(c *Claim) { c.Settle([]byte("made")) }, "made"},
		"refused": {(*Claim).Abandon, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := redistest.Start(t)
			wire := s.Wire()
			a, b := openRedis(t, wire.Client), openRedis(t, s.Client())
			claim := claimOf(t, a, "k")
			wire.Cut()
			c.end(claim)
			if claim.isRecorded() {
				t.Error("Redis was told without a connection")
			}
			wire.Mend()
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			note, again, err := b.Claim(ctx, "k", time.Hour)
			switch {
			case err != nil:
				t.Error(err)
			case c.want == "" && again == nil, c.want != "" && (note == nil || string(note.Outcome) != c.want):
				t.Errorf("given %v, %v", note, again)
			}
		})
	}
}

// A Redis that has lost the note may have given the claim to another, whose note
// stands.
func TestClaim_endsAfterAnotherHasIt(t *testing.T) {
	s := redistest.Start(t)
	a, b := ledgers(t, func() redis.UniversalClient { return s.Client() }, time.Hour)
	first := claimOf(t, a, "k")
	if err := s.Client().FlushAll(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	second := claimOf(t, b, "k")
	second.Settle([]byte("second"))
	first.Settle([]byte("first"))
	if got := noteOf(t, a, "k"); string(got) != "second" {
		t.Errorf("noted is %q", got)
	}
}

// The ends of claims that Redis cannot be told of are bounded.
func TestUnsettled_bound(t *testing.T) {
	s := redistest.Start(t)
	wire := s.Wire()
	l := openRedis(t, wire.Client)
	wire.Cut()
	for range maxUnrecorded + 10 {
		(&Claim{redis: l, key: "k", fence: "f", attempts: 1}).Abandon()
	}
	l.unrecorded.mu.Lock()
	n := len(l.unrecorded.ends)
	l.unrecorded.mu.Unlock()
	if n != maxUnrecorded {
		t.Errorf("%d ends are kept, want %d", n, maxUnrecorded)
	}
	wire.Mend()
	eventually(t, "all are told", func() bool {
		l.unrecorded.mu.Lock()
		defer l.unrecorded.mu.Unlock()
		return len(l.unrecorded.ends) == 0
	})
}

// Four processes try to do the same things while Redis stalls again and again:
// nothing is done twice, and in the end everybody is told what was done.
func TestClaim_stalls(t *testing.T) {
	s := redistest.Start(t)
	const replicas, keys = 4, 60
	var ledgers [replicas]*Redis
	for i := range ledgers {
		hasty := generous
		hasty.Operation, hasty.Attempt, hasty.Claim = 5*time.Millisecond, 20*time.Millisecond, 100*time.Millisecond
		ledgers[i] = openRedis(t, s.Client(), WithTimings(hasty))
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
					t.Errorf("%d: noted is %q", k, note.Outcome)
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
			t.Errorf("%d was done %d times, and a repeat is given %v, %v, %v", k, n, note, claim, err)
		}
	}
	t.Logf("%d of %d claims were refused", refused.Load(), replicas*keys)
}

// What is noted is sealed where there are keys, for its own place.
func TestNotesAreSealed(t *testing.T) {
	s := redistest.Start(t)
	keys, err := ParseKeys("one:" + base64.StdEncoding.EncodeToString([]byte(strings.Repeat("k", 32))))
	if err != nil {
		t.Fatal(err)
	}
	sealed, bare := openRedis(t, s.Client(), WithKeys(keys)), openRedis(t, s.Client())
	claimOf(t, sealed, "a").Settle([]byte("canary"))
	raw, err := s.Client().HGetAll(t.Context(), redisKey(notePrefix, hashed("a"))).Result()
	if err != nil || raw["state"] != "done" || strings.Contains(raw["outcome"], "canary") {
		t.Errorf("Redis holds %q, %v", raw, err)
	}
	if got := noteOf(t, sealed, "a"); string(got) != "canary" {
		t.Errorf("with the key, %q is read", got)
	}
	if got := noteOf(t, bare, "a"); got != nil {
		t.Errorf("without a key, %q is read", got)
	}
	if err := s.Client().HSet(t.Context(), redisKey(notePrefix, hashed("b")), raw).Err(); err != nil {
		t.Fatal(err)
	}
	if got := noteOf(t, sealed, "b"); got != nil {
		t.Errorf("a note was read in the place of another: %q", got)
	}
	claimOf(t, bare, "c").Settle([]byte("plain"))
	if got := noteOf(t, sealed, "c"); got != nil {
		t.Errorf("what is not sealed was read where all is: %q", got)
	}
}
