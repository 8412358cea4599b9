package day

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"zoomql/internal/lab/table"
	"zoomql/internal/sandbox"
	"zoomql/internal/zoom"
)

// usualSeed is a seed with a lost event that makes a roster old.
const usualSeed = 2

var (
	users = flag.Int("day.users", 0, "simulate a whole day of an account with that many users, and print the table")
	seed  = flag.Uint64("day.seed", usualSeed, "seed of the day")
	lost  = flag.Float64("day.lost", usuallyLost, "share of the events of a whole day that never arrive")
)

// figures are the results of all contenders.
type figures struct {
	Model
	events, lifetimes, without, plain *tally
	lifetime                          time.Duration // of the contender with lifetimes only
}

// measure simulates the day of each contender. The lifetime of the contender with lifetimes only is
// the 99th percentile of the age of answers with events, and at least a second, which is to its
// advantage.
func measure(t *testing.T, m Model) *figures {
	f := &figures{Model: m}
	f.events = contender{name: "events on", plan: sandbox.PlanBusiness, events: true}.run(t, m)
	age := time.Duration(table.Percentile(f.events.allAges(), 99) * float64(time.Second))
	f.lifetime = max(age.Truncate(time.Millisecond), time.Second)
	f.lifetimes = contender{name: "lifetimes only", plan: sandbox.PlanNone, lifetime: f.lifetime}.run(t, m)
	if m.Few { // only to see that the next two work
		m.Until, m.Warm = m.Open+6*time.Minute, 0
	}
	f.without = contender{name: "without events", plan: sandbox.PlanBusiness}.run(t, m)
	f.plain = contender{name: "plain", plan: sandbox.PlanBusiness, plain: true}.run(t, m)
	return f
}

func (y *tally) allAges() []float64 { return slices.Concat(y.ages[:]...) }

// maxAge is the bound of an answer's age: without its event, an answer is fresh for CoveredLife,
// and a call and its wait for the budget take some time.
const maxAge = zoom.CoveredLife + 30*time.Second

// maxRosterAge is the bound of a roster's age: it is compared with the dashboard every five
// minutes.
const maxRosterAge = 5*time.Minute + 30*time.Second

// asked is the least factor by which lifetimes only must cost more calls than events.
const asked = 10

func (f *figures) fewer() float64 { return float64(f.lifetimes.total()) / float64(f.events.total()) }

// TestDay simulates a part of a day of a small account. With -day.users it simulates a whole day,
// and prints the table: "make day".
func TestDay(t *testing.T) {
	if *users > 0 {
		f := measure(t, Model{Seed: *seed, Users: *users, Until: 24 * time.Hour, Open: 7 * time.Hour, Closed: 19 * time.Hour, Late: usuallyLate, Lost: *lost})
		if err := table.Write(os.Stdout, f.rows()); err != nil {
			t.Fatal(err)
		}
		return
	}
	m := Model{Seed: *seed, Users: 40, Few: true, From: 9 * time.Hour, Until: 9*time.Hour + 40*time.Minute, Open: 9*time.Hour + 2*time.Minute, Closed: 10 * time.Hour, Warm: 10 * time.Minute}
	f := measure(t, m)
	for name, y := range map[string]*tally{"events on": f.events, "lifetimes only": f.lifetimes, "without events": f.without} {
		y.check(t, name)
	}
	if f.fewer() < asked {
		t.Errorf("lifetimes alone cost %.1f times the calls, want %d times", f.fewer(), asked)
	}
	for _, name := range []string{"GET /users/{userId}/meetings", "GET /meetings/{meetingId}/registrants"} {
		if events, lifetimes := f.events.operations[name], f.lifetimes.operations[name]; lifetimes < asked*max(events, 1) {
			t.Errorf("%s: %d calls with events, %d with lifetimes alone, want %d times as many", name, events, lifetimes, asked)
		}
	}
}

// check fails the test for answers 429, and for queries without answers, or with failed or odd ones.
func (y *tally) check(t *testing.T, name string) {
	t.Helper()
	if y.throttled > 0 {
		t.Errorf("%s: Zoom answered 429 %d times", name, y.throttled)
	}
	for q := range questions {
		if y.answers[q] == 0 || y.odd[q] > 0 || y.failed[q] > 0 {
			t.Errorf("%s, %s: of %d answers %d failed, and %d show a state that never existed: %s", name, questionNames[q], y.answers[q], y.failed[q], y.odd[q], y.why)
		}
	}
}

// TestDay_lostEvents loses one of ten events, and expects answers that are no older than the bounds.
func TestDay_lostEvents(t *testing.T) {
	m := Model{Seed: *seed, Users: 40, Few: true, From: 9 * time.Hour, Until: 9*time.Hour + 40*time.Minute, Open: 9*time.Hour + 2*time.Minute, Closed: 10 * time.Hour, Late: 0.02, Lost: 0.1}
	y := contender{name: "events on", plan: sandbox.PlanBusiness, events: true}.run(t, m)
	y.check(t, "events on")
	oldest, roster := table.Percentile(y.allAges(), 100), table.Percentile(y.ages[walls], 100)
	if y.lost == 0 || *seed == usualSeed && roster < 30 || roster > maxRosterAge.Seconds() || oldest > maxAge.Seconds() {
		t.Errorf("%d events were lost; the oldest roster was %.0f s old, want %v at most, the oldest answer %.0f s, want %v", y.lost, roster, maxRosterAge, oldest, maxAge)
	}
}

// rows returns the rows of the table.
func (f *figures) rows() []table.Row {
	ok := func(b bool) *bool { return &b }
	ages := f.events.allAges()
	span := fmt.Sprintf("%02.0f:00–%02.0f:00", f.From.Hours(), f.Until.Hours())
	list := []table.Row{
		{Work: fmt.Sprintf("%d users, %d meetings, %s, seed %d", f.Users, f.Meetings(), span, f.Seed),
			Measured: fmt.Sprintf("%d walls, %d boards, %d trainers; %d events delivered, %d lost (a share of %g), %g late", f.Walls(), f.Boards(), f.Trainings(), f.events.events, f.events.lost, f.Lost, f.Late)},
		{Work: "events on", Target: "0 × 429", Measured: f.events.byLabel(), OK: ok(f.events.throttled == 0)},
		{Work: fmt.Sprintf("lifetimes only, all of %s, no limits", f.lifetime), Measured: f.lifetimes.byLabel()},
		{Work: "the gateway's own lifetimes, without events", Measured: f.without.byLabel() + "; age " + spanOf(f.without.allAges())},
		{Work: "plain gqlgen server with dataloaders", Measured: f.plain.byLabel()},
		{Work: "answers, events on", Target: "none with errors", Measured: fmt.Sprintf("%d, %d with errors", sum(f.events.answers), sum(f.events.failed)), OK: ok(sum(f.events.failed) == 0)},
		{Work: "calls, lifetimes only ÷ events on", Target: fmt.Sprintf("≥ %d ×", asked), Measured: fmt.Sprintf("%.1f ×", f.fewer()), OK: ok(f.fewer() >= asked)},
		{Work: "calls, plain ÷ events on", Measured: fmt.Sprintf("%.1f ×", float64(f.plain.total())/float64(f.events.total()))},
		{Work: "age of answers, events on", Target: "≤ " + maxAge.String(), Measured: spanOf(ages), OK: ok(table.Percentile(ages, 100) <= maxAge.Seconds())},
	}
	rosters := f.events.ages[walls]
	list = append(list, table.Row{Work: "age of live rosters, events on", Target: "≤ " + maxRosterAge.String(), Measured: spanOf(rosters), OK: ok(table.Percentile(rosters, 100) <= maxRosterAge.Seconds())})
	for q := range questions {
		list = append(list, table.Row{Work: "  " + questionNames[q], Measured: fmt.Sprintf("%d answers, %s", f.events.answers[q], spanOf(f.events.ages[q]))})
	}
	all := map[string]bool{}
	for _, y := range []*tally{f.events, f.lifetimes, f.without, f.plain} {
		for name := range y.operations {
			all[name] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		list = append(list, table.Row{Work: "  " + name, Measured: fmt.Sprintf("events %d, lifetimes %d, without events %d, plain %d", f.events.operations[name], f.lifetimes.operations[name], f.without.operations[name], f.plain.operations[name])})
	}
	return list
}

func spanOf(ages []float64) string {
	return fmt.Sprintf("p50 %.1f s, p99 %.1f s, max %.0f s", table.Percentile(ages, 50), table.Percentile(ages, 99), table.Percentile(ages, 100))
}

// byLabel returns the calls by label, as text.
func (y *tally) byLabel() string {
	parts := []string{fmt.Sprintf("%d calls", y.total())}
	for _, rate := range zoom.Rates {
		if n := y.calls[rate]; n > 0 {
			parts = append(parts, fmt.Sprintf("%s %d", rate, n))
		}
	}
	return strings.Join(append(parts, fmt.Sprintf("429 × %d", y.throttled), fmt.Sprintf("%d answers with errors", sum(y.failed))), "; ")
}

func sum(counts [questions]int) (n int) {
	for _, count := range counts {
		n += count
	}
	return n
}
