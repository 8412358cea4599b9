package ratelimit

import (
	"context"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"zoomql/cache/redistest"
)

// slowAnswers is a Redis whose answers are slow to come, as on a busy machine.
type slowAnswers struct{ by time.Duration }

func (*slowAnswers) DialHook(next redis.DialHook) redis.DialHook { return next }

func (*slowAnswers) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

func (s *slowAnswers) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		err := next(ctx, cmd)
		time.Sleep(s.by)
		return err
	}
}

// Starts are as far apart here as they are in Redis, however slow an answer is; and
// when it was the first one, the call is known to be late.
func TestSlowAnswers(t *testing.T) {
	client := redistest.Start(t).Client()
	slow := &slowAnswers{}
	client.AddHook(slow)
	take := func(s *Redis) Decision {
		t.Helper()
		d, err := s.Take(t.Context(), time.Now(), time.Minute, []Limit{{Key: "a:slow", Calls: 1, Window: 2 * time.Second}})
		if err != nil || !d.OK {
			t.Fatal(d, err)
		}
		return d
	}
	s := NewRedis(client)
	first := take(s)
	slow.by = 200 * time.Millisecond
	second := take(s)
	if got, want := second.Start.Sub(first.Start), time.Duration(second.at-first.at); got != want {
		t.Errorf("the second call starts %s after the first, not %s", got, want)
	}
	if d := take(NewRedis(client)); d.Start.Sub(d.due) < slow.by {
		t.Errorf("a start that may be %s late is known to be %s late", slow.by, d.Start.Sub(d.due))
	}
}

// A slow answer does not make its start late; a clock that was set, or that has not
// been read for long, is believed anew.
func TestClocks(t *testing.T) {
	began := time.Now()
	at := func(asked, told time.Duration, showed int64) glance {
		return glance{began.Add(asked), began.Add(told), showed}
	}
	const ms = time.Millisecond
	for _, c := range []struct {
		why   string
		looks []glance
		start time.Duration // when the last one's clock shows 2 s, at the latest
	}{
		{"the only one", []glance{at(0, 20*ms, 1_000_000)}, 1020 * ms},
		{"a slow one after a fast one", []glance{at(0, ms, 1_000_000), at(100*ms, 150*ms, 1_120_000)}, 1001 * ms},
		{"a fast one after a slow one", []glance{at(0, 50*ms, 1_000_000), at(100*ms, 101*ms, 1_090_000)}, 1011 * ms},
		{"the clock was set on", []glance{at(0, ms, 1_000_000), at(100*ms, 110*ms, 1_300_000)}, 810 * ms},
		{"the clock was set back", []glance{at(0, ms, 1_000_000), at(100*ms, 110*ms, 900_000)}, 1210 * ms},
		{"the fast one was long ago", []glance{at(0, ms, -4_500_000), at(5500*ms, 5600*ms, 1_010_000)}, 6590 * ms},
	} {
		var all clocks
		var best glance
		for _, g := range c.looks {
			best = all.look("account", g)
		}
		earliest, latest := best.when(2_000_000)
		if got := latest.Sub(began); got != c.start {
			t.Errorf("%s: %s, not %s", c.why, got, c.start)
		}
		if earliest.After(latest) {
			t.Errorf("%s: %s is not before %s", c.why, earliest, latest)
		}
		if other := all.look("another", at(0, time.Second, 0)); other.showed != 0 {
			t.Errorf("%s: the clock of another account is read by this one's", c.why)
		}
	}
}
