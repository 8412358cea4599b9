package attendance

import (
	"slices"
	"time"
)

// Point is the number of people who were present from a time on.
type Point struct {
	At    time.Time
	Count int
}

// curveOf returns the number of people who were present, at each time at which it changed.
func curveOf(persons []*Person) []Point {
	type change struct {
		at time.Time
		by int
	}
	var changes []change
	for _, p := range persons {
		for _, t := range p.Times {
			if t.From.Before(t.To) {
				changes = append(changes, change{t.From, 1}, change{t.To, -1})
			}
		}
	}
	slices.SortFunc(changes, func(a, b change) int { return a.at.Compare(b.at) })
	var curve []Point
	count := 0
	for i, c := range changes {
		count += c.by
		if i+1 < len(changes) && changes[i+1].at.Equal(c.at) {
			continue
		}
		if n := len(curve); n == 0 || curve[n-1].Count != count {
			curve = append(curve, Point{c.at, count})
		}
	}
	return curve
}

func peakOf(curve []Point) (peak Point) {
	for _, p := range curve {
		if p.Count > peak.Count {
			peak = p
		}
	}
	return peak
}

// Curve returns the number of people who were present during the meeting, in a maximum
// number of points: all its changes or, if these are more, the largest number in each of
// equal intervals of whole seconds. The last point is 0 (unless the maximum is 1).
func (a *Attendance) Curve(most int) []Point {
	if len(a.curve) <= most || most < 2 {
		return a.curve[:min(len(a.curve), max(most, 0))]
	}
	first, last := a.curve[0].At, a.curve[len(a.curve)-1]
	step := (last.At.Sub(first)/time.Duration(most-1) + time.Second - 1).Truncate(time.Second)
	points, before, i := make([]Point, 0, most), 0, 0
	for at := first; at.Before(last.At); at = at.Add(step) {
		largest := before
		for i < len(a.curve) && a.curve[i].At.Before(at.Add(step)) {
			if i == 0 || a.curve[i].At.Equal(at) {
				largest = a.curve[i].Count // the earlier number ends here
			}
			largest = max(largest, a.curve[i].Count)
			before = a.curve[i].Count
			i++
		}
		points = append(points, Point{at, largest})
	}
	return append(points, last)
}
