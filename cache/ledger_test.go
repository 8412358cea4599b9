package cache

import (
	"context"
	"encoding/base64"
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
	note, claim := l.Claim(t.Context(), key, time.Hour)
	if note != nil || claim == nil {
		t.Fatalf("noted is %v, and the claim %v", note, claim)
	}
	return claim
}

// noted returns what is noted, which somebody must have.
func noteOf(t testing.TB, l Ledger, key string) []byte {
	t.Helper()
	note, claim := l.Claim(t.Context(), key, time.Hour)
	if note == nil {
		t.Fatalf("nothing is noted; the claim is %v", claim)
	}
	return note.Outcome
}

// ledgers are those of two processes that hear each other.
func ledgers(t *testing.T, dial func() redis.UniversalClient, lease time.Duration) (a, b *Redis) {
	t.Helper()
	one, _ := replica(t, dial(), lease).second.(*Redis)
	two, _ := replica(t, dial(), lease).second.(*Redis)
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
			if !c.Settle([]byte("made 7")) {
				t.Error("the outcome is not noted")
			}
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

			claimOf(t, a, "unknown").Leave()
			if got := noteOf(t, b, "unknown"); got != nil {
				t.Errorf("nobody knows, and noted is %q", got)
			}
			if c.Settle([]byte("twice")) {
				t.Error("a claim was ended twice")
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
			note, claim := l.Claim(t.Context(), "k", time.Hour)
			switch {
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
	if note, other := b.Claim(ctx, "slow", time.Hour); note != nil || other != nil {
		t.Errorf("who had left was given %v, %v", note, other)
	}
	claim.Abandon()
}

// A process that ends with a claim leaves a note without an outcome: it may have
// done the thing. One that was only slow notes what came of it all the same.
func TestClaimOfAProcessThatEnded(t *testing.T) {
	s := redistest.Start(t)
	a, b := ledgers(t, func() redis.UniversalClient { return s.Client() }, 60*time.Millisecond)
	c := claimOf(t, a, "k")
	c.lease.renew.Stop() // as if it had been killed
	if got := noteOf(t, b, "k"); got != nil {
		t.Errorf("noted is %q", got)
	}
	if !c.Settle([]byte("made")) || string(noteOf(t, b, "k")) != "made" {
		t.Error("the outcome came late and is not noted")
	}
}

// Without Redis everybody may; what came of it is noted if Redis is back.
func TestLedgerWithoutRedis(t *testing.T) {
	s := redistest.Start(t)
	wire := s.Wire()
	l := openRedis(t, wire.Client)
	wire.Cut()
	first, second := claimOf(t, l, "k"), claimOf(t, l, "k")
	if second.Settle([]byte("nobody hears")) {
		t.Error("an outcome was noted without Redis")
	}
	wire.Mend()
	eventually(t, "Redis is back", func() bool { return !l.link.down() && first.lease.redis.client.Ping(t.Context()).Err() == nil })
	if !first.Settle([]byte("made")) || string(noteOf(t, l, "k")) != "made" {
		t.Error("the outcome is not noted though Redis is back")
	}
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
	raw, err := s.Client().Get(t.Context(), named(notePrefix, "a")).Result()
	if err != nil || strings.Contains(raw, "canary") {
		t.Errorf("Redis holds %q, %v", raw, err)
	}
	if got := noteOf(t, sealed, "a"); string(got) != "canary" {
		t.Errorf("who has the key reads %q", got)
	}
	if got := noteOf(t, bare, "a"); got != nil {
		t.Errorf("who has no key reads %q", got)
	}
	if err := s.Client().Set(t.Context(), named(notePrefix, "b"), raw, time.Hour).Err(); err != nil {
		t.Fatal(err)
	}
	if got := noteOf(t, sealed, "b"); got != nil {
		t.Errorf("a note was read in the place of another: %q", got)
	}
}
