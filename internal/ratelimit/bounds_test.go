package ratelimit

import (
	"strconv"
	"testing"
	"testing/synctest"
	"time"
)

// TestMemory_madeUpKeys_areBounded: callers that make up hosts and registrants do not
// fill the memory, and a day that is nearly used up is not dropped.
func TestMemory_madeUpKeys_areBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &Memory{}
		now := time.Now()
		label := Limit{Key: "a:LIGHT", Calls: 80, Window: time.Second}
		pool := Limit{Key: "a:pool", Calls: 60_000, Daily: true}
		take := func(limits ...Limit) Decision {
			t.Helper()
			d, err := m.Take(t.Context(), now, 0, limits)
			if err != nil {
				t.Fatal(err)
			}
			return d
		}
		for range 50 {
			take(label, pool)
		}
		full := Limit{Key: "a:host:full", Calls: 3, Daily: true}
		for range 3 {
			take(full)
		}
		for i := range 3 * maxCounters {
			take(Limit{Key: "a:registrant:" + strconv.Itoa(i), Calls: 3, Daily: true})
			if err := m.Block(t.Context(), "a:blocked:"+strconv.Itoa(i), now.Add(time.Hour)); err != nil {
				t.Fatal(err)
			}
		}
		if len(m.counters) > maxCounters {
			t.Errorf("%d counters are stored", len(m.counters))
		}
		if take(full).OK {
			t.Error("a day that was used up has calls again")
		}
		all, err := m.Remaining(t.Context(), now, []Limit{label, pool})
		if err != nil || all[0].Left != 30 || all[1].Left != 60_000-50 {
			t.Errorf("the account's own: %+v, %v", all, err)
		}
	})
}

// TestShared_madeUpKeys_areBounded: the state retained for a Redis that loses it is
// bounded.
func TestShared_madeUpKeys_areBounded(t *testing.T) {
	s := &Shared{local: &Memory{}, seen: map[string]*lastSeen{}, blocks: map[string]time.Time{}, epochs: map[string]int64{}, replicas: 1, present: 1, log: discard}
	s.down.Store(true)
	for i := range maxLastSeen + 1_000 {
		l := Limit{Key: "a:registrant:" + strconv.Itoa(i), Calls: 3, Daily: true}
		if _, err := s.Take(t.Context(), time.Now(), 0, []Limit{l}); err != nil {
			t.Fatal(err)
		}
		if i > maxBlocks+1_000 {
			continue
		}
		if err := s.Block(t.Context(), l.Key, time.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	if len(s.seen) > maxLastSeen || len(s.blocks) > maxBlocks || len(s.local.counters) > maxCounters {
		t.Errorf("%d limits last seen, %d blocks, %d counters", len(s.seen), len(s.blocks), len(s.local.counters))
	}
}
