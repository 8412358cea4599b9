// Package table prints figures: the work, its target, and the measurement.
package table

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// A Row is one figure: the work, a lower bound of its cost, the target of the gateway,
// and the measurement.
type Row struct {
	Work     string             `json:"work"`
	Bound    string             `json:"bound,omitempty"`
	Target   string             `json:"target"` // to be reached
	Measured string             `json:"measured"`
	OK       *bool              `json:"ok"` // nil without a target
	Values   map[string]float64 `json:"values,omitempty"`
}

// Mark returns whether a row meets its target.
func (r Row) Mark() string {
	switch {
	case r.OK == nil:
		return "–"
	case *r.OK:
		return "yes"
	}
	return "NO"
}

// Write prints a row as soon as it is measured; the table comes at the end.
func (r Row) Write(w io.Writer) { fmt.Fprintf(w, "  %-4s%s: %s\n", r.Mark(), r.Work, r.Measured) }

// column is one part of every row.
type column struct {
	head  string
	width int
	cell  func(Row) string
}

// columns fit a wide terminal.
var columns = []column{
	{"work", 38, func(r Row) string { return r.Work }},
	{"bound", 24, func(r Row) string { return r.Bound }},
	{"target", 26, func(r Row) string { return r.Target }},
	{"measured", 46, func(r Row) string { return r.Measured }},
	{"ok", 3, Row.Mark},
}

// Write writes the rows with their cells wrapped, without empty columns.
func Write(w io.Writer, rows []Row) error {
	used := slices.DeleteFunc(slices.Clone(columns), func(c column) bool {
		return !slices.ContainsFunc(rows, func(r Row) bool { return c.cell(r) != "" })
	})
	var b strings.Builder
	line := func(cell func(column) string) {
		wrapped := make([][]string, len(used))
		height := 0
		for i, c := range used {
			wrapped[i] = wrap(cell(c), c.width)
			height = max(height, len(wrapped[i]))
		}
		for at := range height {
			var parts []string
			for i, c := range used {
				part := ""
				if at < len(wrapped[i]) {
					part = wrapped[i][at]
				}
				parts = append(parts, part+strings.Repeat(" ", max(c.width-utf8.RuneCountInString(part), 0)))
			}
			b.WriteString(strings.TrimRight(strings.Join(parts, "  "), " ") + "\n")
		}
	}
	line(func(c column) string { return c.head })
	line(func(c column) string { return strings.Repeat("-", c.width) })
	for _, r := range rows {
		line(func(c column) string { return c.cell(r) })
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// wrap breaks a text between words; its indent is that of every line.
func wrap(text string, width int) []string {
	words := strings.Fields(text)
	indent := text[:len(text)-len(strings.TrimLeft(text, " "))]
	var lines []string
	for _, word := range words {
		if n := len(lines); n > 0 && utf8.RuneCountInString(lines[n-1])+1+utf8.RuneCountInString(word) <= width {
			lines[n-1] += " " + word
		} else {
			lines = append(lines, indent+word)
		}
	}
	return lines
}

// WriteJSON writes the rows with the values behind them.
func WriteJSON(w io.Writer, rows []Row) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(rows)
}

// Stats are the statistics of samples.
type Stats struct{ Median, Min, Max float64 }

// StatsOf returns the stats of samples.
func StatsOf(samples []float64) Stats {
	if len(samples) == 0 {
		return Stats{}
	}
	s := slices.Sorted(slices.Values(samples))
	n := len(s)
	return Stats{Median: (s[(n-1)/2] + s[n/2]) / 2, Min: s[0], Max: s[n-1]}
}

// Percentile returns the sample that p percent of the samples do not exceed (by
// nearest rank), or 0 of none.
func Percentile(samples []float64, p float64) float64 {
	if len(samples) == 0 {
		return 0
	}
	s := slices.Sorted(slices.Values(samples))
	rank := int(math.Ceil(p / 100 * float64(len(s))))
	return s[min(max(rank, 1), len(s))-1]
}

// StatsBy returns the stats of one figure of each item.
func StatsBy[T any](items []T, figure func(T) float64) Stats {
	samples := make([]float64, len(items))
	for i, item := range items {
		samples[i] = figure(item)
	}
	return StatsOf(samples)
}

// Span formats counts, most of which are equal.
func (s Stats) Span() string {
	if s.Min == s.Max {
		return fmt.Sprintf("%.0f", s.Median)
	}
	return fmt.Sprintf("%.0f (%.0f–%.0f)", s.Median, s.Min, s.Max)
}

// Format formats measurements with their unit.
func (s Stats) Format(unit string) string {
	return fmt.Sprintf("%s %s (%s–%s)", Short(s.Median), unit, Short(s.Min), Short(s.Max))
}

// Short formats about three digits.
func Short(v float64) string {
	switch {
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}

// Millis returns a duration in milliseconds.
func Millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
