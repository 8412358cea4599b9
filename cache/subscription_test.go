package cache

import (
	"strings"
	"testing"
)

func TestInvalidations_gaps(t *testing.T) {
	received := func(n uint64, names ...tagName) func(*invalidations) {
		return func(h *invalidations) { h.receive(n, names) }
	}
	compared := func(n uint64, back bool) func(*invalidations) { return func(h *invalidations) { h.compare(n, back) } }
	reset := func(n uint64) func(*invalidations) { return func(h *invalidations) { h.reset(n) } }
	for _, c := range []struct {
		why   string
		steps []func(*invalidations)
		want  string
	}{
		{"one after the other", []func(*invalidations){received(7, "a"), received(8, "b")}, "a b"},
		{"one is missing", []func(*invalidations){received(7, "a"), received(9, "c")}, "a *"},
		{"one is missing, then none", []func(*invalidations){received(7, "a"), received(9, "c"), received(10, "d")}, "a * d"},
		{"one comes late", []func(*invalidations){received(7, "a"), received(9, "c"), received(8, "b")}, "a * b"},
		{"own ones", []func(*invalidations){received(7), received(8)}, ""},
		{"after own ones", []func(*invalidations){received(7), received(8, "b")}, "b"},
		{"one without a number", []func(*invalidations){received(7, "a"), received(0, "b"), received(8, "c")}, "a b c"},
		{"after a reconnection", []func(*invalidations){received(7, "a"), reset(19), received(20, "b")}, "a * b"},
		{"all were received", []func(*invalidations){received(7, "a"), compared(7, false), compared(7, false)}, "a"},
		{"one is on its way", []func(*invalidations){received(7, "a"), compared(8, false), received(8, "b"), compared(8, false)}, "a b"},
		{"one is lost", []func(*invalidations){received(7, "a"), compared(8, false), compared(8, false), compared(8, false)}, "a *"},
		{"one is late after a comparison", []func(*invalidations){received(7, "a"), compared(8, false), compared(8, false), received(8, "b"), received(9, "c")}, "a * b c"},
		{"one is missing when the connection is restored", []func(*invalidations){received(7, "a"), compared(8, true)}, "a *"},
		{"none is missing when the connection is restored", []func(*invalidations){received(7, "a"), compared(7, true)}, "a"},
		{"after a reconnection, one is missing", []func(*invalidations){received(7, "a"), reset(19), received(21, "c")}, "a * *"},
		{"after a reconnection, the first is lost", []func(*invalidations){reset(7), compared(8, false), compared(8, false)}, "* *"},
		{"none was received yet", []func(*invalidations){reset(7), compared(7, false), received(8, "b"), compared(8, false)}, "* b"},
		{"without a subscription", []func(*invalidations){compared(7, false), compared(7, false), compared(8, false), compared(8, false)}, "* *"},
		{"Redis restarts the count", []func(*invalidations){received(7, "a"), compared(7, false), compared(1, false), received(2, "b")}, "a * b"},
	} {
		var got []string
		h := &invalidations{evict: func(names ...tagName) {
			for _, name := range names {
				got = append(got, string(name))
			}
		}}
		for _, step := range c.steps {
			step(h)
		}
		if s := strings.Join(got, " "); s != c.want {
			t.Errorf("%s: evicted %q, want %q", c.why, s, c.want)
		}
	}
}
