package ratelimit

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestAhead_matchesOrder: ahead returns how many waiters are served first, unless a
// priority was passed maxPassed times, and never more than that.
func TestAhead_matchesOrder(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var q scheduler
		draw := func() *waiter {
			return &waiter{
				caller:   rapid.SampledFrom([]string{"", "a", "b", "c"}).Draw(rt, "caller"),
				priority: Priority(rapid.IntRange(0, int(priorities)-1).Draw(rt, "priority")),
			}
		}
		var in []*waiter
		for range rapid.IntRange(0, 60).Draw(rt, "steps") {
			switch rapid.IntRange(0, 5).Draw(rt, "step") {
			case 0:
				if len(in) > 0 {
					i := rapid.IntRange(0, len(in)-1).Draw(rt, "which")
					q.remove(in[i])
					in = slices.Delete(in, i, i+1)
				}
			case 1:
				if len(in) > 0 {
					w := q.pop()
					in = slices.DeleteFunc(in, func(o *waiter) bool { return o == w })
				}
			default:
				w := draw()
				q.push(w)
				in = append(in, w)
			}
		}
		w := draw()
		ahead := q.ahead(w.priority, w.caller)
		q.push(w)
		order := q.order()
		if len(order) != len(in)+1 || q.size != len(order) {
			rt.Fatalf("%d are in order, %d wait", len(order), len(in)+1)
		}
		before := slices.Index(order, w)
		early := 0
		for _, o := range order[:before] {
			if o.priority > w.priority {
				early++
			}
		}
		if w.priority == Interactive && ahead != before-early {
			rt.Fatalf("%d are ahead, it returns %d", before, ahead)
		}
		if ahead > before+1 {
			rt.Fatalf("%d are ahead, it returns more: %d", before, ahead)
		}
	})
}

func serve(q *scheduler, n int) string {
	var names strings.Builder
	for range n {
		names.WriteString(q.pop().caller)
	}
	return names.String()
}

func TestPop_roundRobinOverCallers(t *testing.T) {
	var q scheduler
	for range 5 {
		q.push(&waiter{caller: "a"})
	}
	for range 2 {
		q.push(&waiter{caller: "b"})
	}
	if got := serve(&q, 3); got != "aba" {
		t.Errorf("got %s", got)
	}
	q.push(&waiter{caller: "c"})
	if got := serve(&q, 5); got != "bacaa" {
		t.Errorf("got %s", got)
	}
}

// TestPop_refreshIsNotStarved: however many interactive calls wait, a part of the starts
// goes to refreshes.
func TestPop_refreshIsNotStarved(t *testing.T) {
	var q scheduler
	for _, p := range []Priority{Refresh, Interactive} {
		for range 2000 {
			q.push(&waiter{caller: string('i' + rune(p)), priority: p})
		}
	}
	var of [priorities]int
	for range 1000 {
		of[q.pop().priority]++
	}
	if of[Refresh] < 25 || of[Interactive] < 960 {
		t.Errorf("of 1000 starts: %v", of)
	}
}
