package ratelimit

import (
	"slices"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// A history holds all starts of a test and checks the rule in its simplest form.
type history map[string][]int64

// broken returns the key of a limit that a call at t, together with those in the
// history, would break, or "".
func (h history) broken(t int64, limits []Limit) string {
	for _, l := range limits {
		n := 0
		if l.Daily {
			for _, s := range h[l.Key] {
				if l.DayOf(s) == l.DayOf(t) {
					n++
				}
			}
			if n >= l.Calls {
				return l.Key
			}
			continue
		}
		all := slices.Sorted(slices.Values(append([]int64{t}, h[l.Key]...)))
		for i := l.Calls; i < len(all); i++ {
			if all[i]-all[i-l.Calls] < int64(l.Span()) && all[i-l.Calls] <= t && t <= all[i] {
				return l.Key
			}
		}
	}
	return ""
}

// check fails unless d, requested at now, is the first start that the rule allows. It
// adds a start that was reserved. Times are those of the store.
func (h history) check(t interface{ Fatalf(string, ...any) }, d Decision, now int64, maxWait time.Duration, limits []Limit) {
	if key := h.broken(d.at, limits); key != "" {
		t.Fatalf("a start at %d breaks %s: %v", d.at, key, h[key])
	}
	sooner := []int64{now}
	for _, l := range limits {
		if l.Daily {
			sooner = append(sooner, l.DayStart(l.DayOf(now)+1))
		}
		for _, s := range h[l.Key] {
			sooner = append(sooner, s+int64(l.Span()))
		}
	}
	for _, s := range sooner {
		if s >= now && s < d.at && h.broken(s, limits) == "" {
			t.Fatalf("it waits until %d, but could start at %d", d.at, s)
		}
	}
	if wait := time.Duration(d.at - now); wait != d.Wait {
		t.Fatalf("it waits for %v, start is in %v", d.Wait, wait)
	}
	if d.OK != (d.Wait <= maxWait) {
		t.Fatalf("OK is %v, waits %v, may wait %v", d.OK, d.Wait, maxWait)
	}
	if (d.Limit.Key != "") != (d.Wait > 0) {
		t.Fatalf("waits %v because of %q", d.Wait, d.Limit.Key)
	}
	if d.OK {
		h.add(d.at, limits)
	}
}

func (h history) add(t int64, limits []Limit) {
	for _, l := range limits {
		h[l.Key] = append(h[l.Key], t)
	}
}

func (h history) remove(t int64, limits []Limit) {
	for _, l := range limits {
		i := slices.Index(h[l.Key], t)
		h[l.Key] = slices.Delete(slices.Clone(h[l.Key]), i, i+1)
	}
}

// TestMemoryTake_isExact takes under any limits at any times: each start must be the
// first that the rule allows, no sooner and no later.
func TestMemoryTake_isExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limits := make([]Limit, rapid.IntRange(1, 4).Draw(t, "limits"))
		for i := range limits {
			limits[i] = Limit{
				Key:    "a:" + strconv.Itoa(i),
				Calls:  rapid.IntRange(1, 4).Draw(t, "calls"),
				Window: time.Duration(rapid.IntRange(1, 20).Draw(t, "window")),
				Daily:  rapid.IntRange(0, 5).Draw(t, "daily") == 0,
				Guard:  time.Duration(rapid.IntRange(-1, 3).Draw(t, "guard")),
			}
		}
		var (
			m    Memory
			h    = history{}
			held [][2]any
			// Near midnight, so that days pass.
			now = time.Unix(0, 20_000*int64(day)-int64(rapid.IntRange(0, 50).Draw(t, "before midnight")))
		)
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.SampledFrom([]int{0, 0, 0, 1, 3, 10, 50}).Draw(t, "pause")))
			if len(held) > 0 && rapid.IntRange(0, 4).Draw(t, "cancel") == 0 {
				i := rapid.IntRange(0, len(held)-1).Draw(t, "which")
				d, under := held[i][0].(Decision), held[i][1].([]Limit)
				held = slices.Delete(held, i, i+1)
				if d.at < now.UnixNano() {
					continue // it has started
				}
				m.Cancel(t.Context(), d, under)
				h.remove(d.at, under)
				continue
			}
			var under []Limit
			for _, l := range limits {
				if rapid.Bool().Draw(t, "under") {
					under = append(under, l)
				}
			}
			maxWait := time.Duration(rapid.SampledFrom([]int64{0, 5, 30, 100, int64(2 * day)}).Draw(t, "max wait"))
			d, _ := m.Take(t.Context(), now, maxWait, under)
			h.check(t, d, now.UnixNano(), maxWait, under)
			if d.OK {
				held = append(held, [2]any{d, under})
			}
		}
	})
}

func TestMemoryTake_midnight(t *testing.T) {
	midnight := time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)
	l := []Limit{{Key: "a:day", Calls: 2, Daily: true}}
	var m Memory
	for _, step := range []struct {
		why  string
		at   time.Duration // from midnight
		wait time.Duration
		ok   bool
	}{
		{"the day before has two calls", -time.Hour, 0, true},
		{"", -time.Minute, 0, true},
		{"and no more", -time.Minute, time.Minute + 2*time.Second, false},
		{"nor right after midnight, when the origin's clock may be behind", time.Second, time.Second, false},
		{"then the new day has two", 2 * time.Second, 0, true},
		{"", 12 * time.Hour, 0, true},
		{"and no more", 13 * time.Hour, 11*time.Hour + 2*time.Second, false},
	} {
		d, _ := m.Take(t.Context(), midnight.Add(step.at), 0, l)
		if d.OK != step.ok || d.Wait != step.wait {
			t.Errorf("%s: at %v: %v, wait %v; want %v, %v", step.why, step.at, d.OK, d.Wait, step.ok, step.wait)
		}
	}
}

func TestMemory_dropsIdleCounters(t *testing.T) {
	var m Memory
	now := time.Unix(1_800_000_000, 0)
	for i := range 100_000 {
		now = now.Add(time.Millisecond)
		m.Take(t.Context(), now, 0, []Limit{{Key: "a:host" + strconv.Itoa(i), Calls: 1, Window: time.Second}})
	}
	if n := len(m.counters); n > 5000 {
		t.Errorf("%d counters for 1000 that matter", n)
	}
}

func BenchmarkMemoryTake(b *testing.B) {
	second := Limit{Key: "a:LIGHT", Calls: 80, Window: time.Second}
	for name, limits := range map[string][]Limit{
		"OneLimit":    {second},
		"ThreeLimits": {second, {Key: "a:day", Calls: 1 << 40, Daily: true}, {Key: "a:host", Calls: 1 << 40, Daily: true}},
	} {
		b.Run(name, func(b *testing.B) {
			var m Memory
			now := time.Unix(1_800_000_000, 0)
			b.ReportAllocs()
			for b.Loop() {
				now = now.Add(13 * time.Millisecond) // a little below the limit
				m.Take(b.Context(), now, time.Minute, limits)
			}
		})
	}
	// All wait, 2400 of them: half a minute of the largest account.
	b.Run("LongQueue", func(b *testing.B) {
		var m Memory
		now := time.Unix(1_800_000_000, 0)
		for range 2400 {
			m.Take(b.Context(), now, time.Hour, []Limit{second})
		}
		for b.Loop() {
			now = now.Add(12875 * time.Microsecond)
			m.Take(b.Context(), now, time.Hour, []Limit{second})
		}
	})
}
