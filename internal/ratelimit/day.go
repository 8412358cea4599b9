package ratelimit

// days counts calls per UTC day, counted from 1970. Two days matter at most
// times, today and, for who waits over midnight, tomorrow.
type days []dayCount

type dayCount struct {
	day  int64
	used int
}

// dayOf returns the day that counts at time t. It begins guard after midnight,
// when the origin's clock has surely passed it.
func dayOf(t, guard int64) int64 {
	d := t - guard
	if d < 0 {
		return -1
	}
	return d / int64(day)
}

// dayStart is the inverse: when day d begins.
func dayStart(d, guard int64) int64 { return d*int64(day) + guard }

// forget drops the days before d.
func (ds *days) forget(d int64) {
	old := 0
	for old < len(*ds) && (*ds)[old].day < d {
		old++
	}
	*ds = (*ds)[:copy(*ds, (*ds)[old:])]
}

func (ds days) used(d int64) int {
	for _, c := range ds {
		if c.day == d {
			return c.used
		}
	}
	return 0
}

// add counts n more calls on day d, or fewer, but not below zero.
func (ds *days) add(d int64, n int) {
	i := 0
	for ; i < len(*ds) && (*ds)[i].day <= d; i++ {
		if c := &(*ds)[i]; c.day == d {
			c.used = max(c.used+n, 0)
			return
		}
	}
	if n > 0 {
		*ds = append(*ds, dayCount{})
		copy((*ds)[i+1:], (*ds)[i:])
		(*ds)[i] = dayCount{d, n}
	}
}

// earliest returns the first time from t on whose day has a call left of n.
func (ds days) earliest(t, guard int64, n int) int64 {
	for d := dayOf(t, guard); ds.used(d) >= n; {
		d++
		t = dayStart(d, guard)
	}
	return t
}
