package table

import (
	"strings"
	"testing"
)

func TestStats(t *testing.T) {
	for _, c := range []struct {
		samples []float64
		want    Stats
	}{
		{nil, Stats{}},
		{[]float64{3}, Stats{Median: 3, Min: 3, Max: 3}},
		{[]float64{9, 1, 4}, Stats{Median: 4, Min: 1, Max: 9}},
		{[]float64{4, 1, 2, 9}, Stats{Median: 3, Min: 1, Max: 9}},
	} {
		if got := StatsOf(c.samples); got != c.want {
			t.Errorf("%v: %v, want %v", c.samples, got, c.want)
		}
	}
}

func TestTable(t *testing.T) {
	yes, no := true, false
	var b strings.Builder
	err := Write(&b, []Row{
		{Work: "one work whose name is longer than the column of names is wide", Bound: "–", Target: "≤ 1.0 × baseline", Measured: "0.50 ×", OK: &yes},
		{Work: "  baseline", Bound: "–", Target: "–", Measured: "as it is"},
		{Work: "another", Bound: "–", Target: "–", Measured: "bad", OK: &no},
	})
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(b.String()), "\n")
	if len(lines) != 6 {
		t.Fatalf("%d lines, want 6: two of heading, two of the long row\n%s", len(lines), b.String())
	}
	for i, end := range map[int]string{2: "yes", 4: "–", 5: "NO"} {
		if !strings.HasSuffix(lines[i], " "+end) {
			t.Errorf("line %d does not end with %q: %s", i, end, lines[i])
		}
	}
	if !strings.HasPrefix(lines[4], "  baseline ") {
		t.Errorf("not indented: %q", lines[4])
	}
}

// An empty column is left out.
func TestTableWithoutBounds(t *testing.T) {
	var b strings.Builder
	if err := Write(&b, []Row{{Work: "w", Target: "a", Measured: "m"}}); err != nil {
		t.Fatal(err)
	}
	if head, _, _ := strings.Cut(b.String(), "\n"); strings.Join(strings.Fields(head), " ") != "work target measured ok" {
		t.Errorf("heading: %q", head)
	}
}

func TestPercentile(t *testing.T) {
	hundred := make([]float64, 100)
	for i := range hundred {
		hundred[i] = float64(100 - i)
	}
	for _, c := range []struct {
		why     string
		samples []float64
		p, want float64
	}{
		{"nothing", nil, 99, 0},
		{"one sample is every percentile", []float64{7}, 99, 7},
		{"one in a hundred may exceed the 99th", hundred, 99, 99},
		{"the highest", hundred, 100, 100},
		{"the lowest", hundred, 0, 1},
		{"between ranks, the higher", []float64{1, 2, 3}, 50, 2},
	} {
		if got := Percentile(c.samples, c.p); got != c.want {
			t.Errorf("%s: %v, want %v", c.why, got, c.want)
		}
	}
}
