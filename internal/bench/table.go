package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// A row is one figure: what was done, the least that it can cost, what is asked
// of the gateway, and what was measured.
type row struct {
	Work     string             `json:"work"`
	Bound    string             `json:"bound"`
	Asked    string             `json:"asked"`
	Measured string             `json:"measured"`
	OK       *bool              `json:"ok"` // nil where nothing is asked
	Values   map[string]float64 `json:"values,omitempty"`
}

// mark says at a glance whether a row is as asked.
func (r row) mark() string {
	switch {
	case r.OK == nil:
		return "–"
	case *r.OK:
		return "yes"
	}
	return "NO"
}

// write prints a row as soon as it is measured; the table comes at the end.
func (r row) write(w io.Writer) { fmt.Fprintf(w, "  %-4s%s: %s\n", r.mark(), r.Work, r.Measured) }

// widths are those of the columns: together they fit a wide terminal.
var widths = [...]int{38, 24, 26, 46, 3}

// writeTable writes the rows with their cells wrapped.
func writeTable(w io.Writer, rows []row) error {
	var b strings.Builder
	line := func(cells [len(widths)]string) {
		var wrapped [len(widths)][]string
		height := 0
		for i, cell := range cells {
			wrapped[i] = wrap(cell, widths[i])
			height = max(height, len(wrapped[i]))
		}
		for at := range height {
			var parts []string
			for i, width := range widths {
				part := ""
				if at < len(wrapped[i]) {
					part = wrapped[i][at]
				}
				parts = append(parts, part+strings.Repeat(" ", max(width-utf8.RuneCountInString(part), 0)))
			}
			b.WriteString(strings.TrimRight(strings.Join(parts, "  "), " ") + "\n")
		}
	}
	var rule [len(widths)]string
	for i, width := range widths {
		rule[i] = strings.Repeat("-", width)
	}
	line([...]string{"work", "bound", "asked", "measured", "ok"})
	line(rule)
	for _, r := range rows {
		line([...]string{r.Work, r.Bound, r.Asked, r.Measured, r.mark()})
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// wrap breaks a text between words; what stands before the first word stands
// before every line.
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

func writeJSON(w io.Writer, rows []row) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(rows)
}

// stats are what many samples of one thing come to.
type stats struct{ median, min, max float64 }

func statsOf(samples []float64) stats {
	if len(samples) == 0 {
		return stats{}
	}
	s := slices.Sorted(slices.Values(samples))
	n := len(s)
	return stats{median: (s[(n-1)/2] + s[n/2]) / 2, min: s[0], max: s[n-1]}
}

// statsBy are the stats of one figure of each item.
func statsBy[T any](items []T, figure func(T) float64) stats {
	samples := make([]float64, len(items))
	for i, item := range items {
		samples[i] = figure(item)
	}
	return statsOf(samples)
}

// span writes counts, which are mostly all the same.
func (s stats) span() string {
	if s.min == s.max {
		return fmt.Sprintf("%.0f", s.median)
	}
	return fmt.Sprintf("%.0f (%.0f–%.0f)", s.median, s.min, s.max)
}

func (s stats) format(unit string) string {
	return fmt.Sprintf("%s %s (%s–%s)", short(s.median), unit, short(s.min), short(s.max))
}

// short writes three digits or so.
func short(v float64) string {
	switch {
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}

func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
