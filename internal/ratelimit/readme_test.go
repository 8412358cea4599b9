package ratelimit_test

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"zoomql/internal/ratelimit"
)

// TestReadme runs the tables of README.md: those of events on a Memory at the times
// that they state, those of shares by the arithmetic, and those of waiting calls on a
// Limiter.
func TestReadme(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	var e *example
	tables := map[string]func(cells []string) (got, want string){
		"| at | event | result |": func(cells []string) (got, want string) {
			return e.run(t, cells[0], cells[1]), cells[2]
		},
		"| limit | replicas | share of one |": func(cells []string) (got, want string) {
			n, _ := strconv.Atoi(cells[1])
			l := limitOf(t, cells[0])
			share := l.Share(n)
			share.Guard = 0 // the table leaves it out
			return fmt.Sprint(share), fmt.Sprint(limitOf(t, cells[2]))
		},
		"| waiting, in order of arrival | granted |": func(cells []string) (got, want string) {
			return granted(t, strings.Fields(cells[0])), cells[1]
		},
	}
	var run func(cells []string) (got, want string)
	rows := map[string]int{}
	header := ""
	for i, line := range strings.Split(string(text), "\n") {
		switch {
		case strings.HasPrefix(line, "`") && strings.HasSuffix(line, "`") && strings.Count(line, "`") == 2:
			e = &example{limit: limitOf(t, strings.Trim(line, "`"))}
		case !strings.HasPrefix(line, "|"):
			run = nil
		case tables[line] != nil:
			header, run = line, tables[line]
		case run != nil && !strings.HasPrefix(line, "|---"):
			rows[header]++
			cells := strings.Split(strings.Trim(line, "| "), " | ")
			if got, want := run(cells); got != want {
				t.Errorf("README.md:%d: the result is %s, not %s", i+1, got, want)
			}
		}
	}
	if len(rows) != len(tables) {
		t.Errorf("only these tables were found: %v", rows)
	}
}

// TestReadme_figures tests the figures in the text.
func TestReadme_figures(t *testing.T) {
	l := ratelimit.Limit{Calls: 80, Window: time.Second}
	if got := l.Effective(26); got != 1005*time.Millisecond {
		t.Errorf("with 26 competing calls a window is %v", got)
	}
	if got := l.Portion(2, 3).Calls; got != 53 {
		t.Errorf("two of three replicas spend %d calls", got)
	}
	if got := ratelimit.DetectionTime(); got != 750*time.Millisecond {
		t.Errorf("the detection time is %v", got)
	}
}

// An example is a store with one limit.
type example struct {
	store ratelimit.Memory
	limit ratelimit.Limit
}

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// at reads a time: seconds from noon, or a time of day. format is its inverse.
func at(t *testing.T, text string) time.Time {
	t.Helper()
	h, rest, clock := strings.Cut(text, ":")
	if !clock {
		s, err := time.ParseDuration(text + "s")
		if err != nil {
			t.Fatal(err)
		}
		return noon.Add(s)
	}
	d, err := time.ParseDuration(h + "h" + strings.Replace(rest, ":", "m", 1) + "s")
	if err != nil {
		t.Fatal(err)
	}
	return noon.Add(d - 12*time.Hour)
}

func format(like string, at time.Time) string {
	d := at.Sub(noon)
	if !strings.Contains(like, ":") {
		return fmt.Sprintf("%.3f", d.Seconds())
	}
	d += 12 * time.Hour
	return fmt.Sprintf("%02d:%02d:%02d", int(d.Hours()), int(d.Minutes())%60, int(d.Seconds())%60)
}

// limitOf reads a limit: "4 calls in 1s, burst 2" or "3 calls a day".
func limitOf(t *testing.T, text string) ratelimit.Limit {
	t.Helper()
	m := regexp.MustCompile(`^(\d+) calls? (?:in (\w+)|(a day))(?:, burst (\d+))?$`).FindStringSubmatch(text)
	if m == nil {
		t.Fatalf("no limit: %q", text)
	}
	l := ratelimit.Limit{Key: "A:example", Daily: m[3] != ""}
	l.Calls, _ = strconv.Atoi(m[1])
	l.Window, _ = time.ParseDuration(m[2])
	l.Burst, _ = strconv.Atoi(m[4])
	return l
}

// run runs an event and returns its result.
func (e *example) run(t *testing.T, when, event string) string {
	t.Helper()
	ctx, now := t.Context(), at(t, when)
	number := func(pattern string) (n int, ok bool) {
		m := regexp.MustCompile("^" + pattern + "$").FindStringSubmatch(event)
		if m == nil {
			return 0, false
		}
		n, err := strconv.Atoi(m[1])
		return n, err == nil
	}
	if n, ok := number(`(\d+) calls?(?:, within [\d.]+)?`); ok {
		return e.take(t, when, event, n)
	}
	left, observed := number(`(\d+) left`)
	until, blocked := strings.CutPrefix(event, "block until ")
	var err error
	switch {
	case event == "nothing":
	case event == "429":
		err = e.store.Refuse(ctx, now, e.limit)
	case observed:
		err = e.store.Observe(ctx, now, e.limit, left)
	case blocked:
		err = e.store.Block(ctx, e.limit.Key, at(t, until))
	default:
		t.Fatalf("no event: %q", event)
	}
	if err != nil {
		t.Fatal(err)
	}
	all, err := e.store.Remaining(ctx, now, []ratelimit.Limit{e.limit})
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("competing %d, left %d", all[0].Competing, all[0].Left)
}

// take takes calls, which all have the same result.
func (e *example) take(t *testing.T, when, event string, calls int) (result string) {
	t.Helper()
	within := time.Hour
	if _, limited, ok := strings.Cut(event, "within "); ok {
		within = at(t, limited).Sub(noon)
	}
	for range calls {
		d, err := e.store.Take(t.Context(), at(t, when), within, []ratelimit.Limit{e.limit})
		if err != nil {
			t.Fatal(err)
		}
		got := "start at " + format(when, d.Start)
		if !d.OK {
			got = "refused until " + format(when, d.Start)
		}
		if result != "" && got != result {
			return result + ", then " + got
		}
		result = got
	}
	return result
}

// granted makes calls wait, each named by the letter of its caller and a number, and
// returns them in the order in which they are granted.
func granted(t *testing.T, calls []string) string {
	t.Helper()
	// Two timers that fire at once crash a bubble under -race (golang/go#78156).
	before := runtime.GOMAXPROCS(1)
	defer runtime.GOMAXPROCS(before)
	starts := map[string]time.Time{}
	synctest.Test(t, func(t *testing.T) {
		l := ratelimit.NewLimiter(&ratelimit.Memory{}, time.Hour)
		one := []ratelimit.Limit{{Key: "A:one", Calls: 1, Window: time.Second}}
		if _, err := l.Reserve(t.Context(), one); err != nil {
			t.Fatal(err)
		}
		started := make(chan string, len(calls))
		for _, name := range calls {
			go func(ctx context.Context) {
				if _, err := l.Reserve(ctx, one); err != nil {
					t.Error(err)
				}
				started <- name
			}(ratelimit.WithCaller(t.Context(), name[:1]))
			synctest.Wait()
		}
		for range calls {
			starts[<-started] = time.Now()
		}
	})
	slices.SortFunc(calls, func(a, b string) int { return starts[a].Compare(starts[b]) })
	return strings.Join(calls, " ")
}
