package ratelimit

import (
	"testing"
	"time"
)

// TestRedisTake_slowReply_startsOnTime: starts are as far apart here as they are in
// Redis, however slow a reply is. After a first reply that was slow, the call is known
// to be late.
func TestRedisTake_slowReply_startsOnTime(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, v *virtualRedis) {
		take := func(s *Redis) Decision {
			t.Helper()
			return Take(t, s, time.Minute, Limit{Key: "a:slow", Calls: 1, Window: 2 * time.Second})
		}
		s := NewRedis(v)
		first := take(s)
		v.latency = always(100 * time.Millisecond)
		second := take(s)
		if got, want := second.Start.Sub(first.Start), time.Duration(second.at-first.at); got != want {
			t.Errorf("the second call starts %s after the first, not %s", got, want)
		}
		if d := take(NewRedis(v)); d.Start.Sub(d.due) != 200*time.Millisecond {
			t.Errorf("a start that may be 200ms late is known to be %s late", d.Start.Sub(d.due))
		}
	})
}

// TestClocks_bestSample: a wide sample does not replace a narrow one of the same clock,
// unless that is old. A sample of a clock that was set does.
func TestClocks_bestSample(t *testing.T) {
	began := time.Now()
	at := func(sent, received time.Duration, shown int64) clockSample {
		return clockSample{began.Add(sent), began.Add(received), shown}
	}
	const ms = time.Millisecond
	for _, c := range []struct {
		why     string
		samples []clockSample
		start   time.Duration // when the last one's clock shows 2 s, at the latest
	}{
		{"the only one", []clockSample{at(0, 20*ms, 1_000_000)}, 1020 * ms},
		{"a slow one after a fast one", []clockSample{at(0, ms, 1_000_000), at(100*ms, 150*ms, 1_120_000)}, 1001 * ms},
		{"a fast one after a slow one", []clockSample{at(0, 50*ms, 1_000_000), at(100*ms, 101*ms, 1_090_000)}, 1011 * ms},
		{"the clock was set on", []clockSample{at(0, ms, 1_000_000), at(100*ms, 110*ms, 1_300_000)}, 810 * ms},
		{"the clock was set back", []clockSample{at(0, ms, 1_000_000), at(100*ms, 110*ms, 900_000)}, 1210 * ms},
		{"the fast one was long ago", []clockSample{at(0, ms, -4_500_000), at(5500*ms, 5600*ms, 1_010_000)}, 6590 * ms},
	} {
		var all clocks
		var best clockSample
		for _, g := range c.samples {
			best = all.add("account", g)
		}
		earliest, latest := best.when(2_000_000)
		if got := latest.Sub(began); got != c.start {
			t.Errorf("%s: %s, not %s", c.why, got, c.start)
		}
		if earliest.After(latest) {
			t.Errorf("%s: %s is not before %s", c.why, earliest, latest)
		}
		if other := all.add("another", at(0, time.Second, 0)); other.shown != 0 {
			t.Errorf("%s: the clock of another account is read by this one's", c.why)
		}
	}
}
