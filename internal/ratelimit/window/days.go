package window

// DayOf returns the day that counts at time t for a daily limit, in days since
// 1970. A day begins the guard after midnight, when the origin's clock has surely
// passed it.
func (l *Limit) DayOf(t int64) int64 {
	d := t - int64(l.Margin())
	if d < 0 {
		return -1
	}
	return d / int64(Day)
}

// DayStart returns when a day begins: the inverse of DayOf.
func (l *Limit) DayStart(d int64) int64 { return d*int64(Day) + int64(l.Margin()) }

// Days counts calls per UTC day. At most two days matter at any time: today and,
// for calls that wait over midnight, tomorrow. The zero value has counted nothing.
type Days []dayCount

type dayCount struct {
	day  int64
	used int
}

// Forget drops the days before d.
func (ds *Days) Forget(d int64) {
	old := 0
	for old < len(*ds) && (*ds)[old].day < d {
		old++
	}
	*ds = (*ds)[:copy(*ds, (*ds)[old:])]
}

// Used returns how many calls day d has counted.
func (ds Days) Used(d int64) int {
	for _, c := range ds {
		if c.day == d {
			return c.used
		}
	}
	return 0
}

// Add counts n more calls on day d. A negative n counts fewer, but not below zero.
func (ds *Days) Add(d int64, n int) {
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

// Earliest returns the first time from t on whose day has a call of the limit left.
func (ds Days) Earliest(t int64, l *Limit) int64 {
	for d := l.DayOf(t); ds.Used(d) >= max(l.Calls, 1); {
		d++
		t = l.DayStart(d)
	}
	return t
}
