package window

// A Counter is the state of one limit, which Redis stores in two keys. The zero value
// has counted nothing. It is for one limit only: all methods MUST be given the same
// one, except for its Calls and Burst, which may differ from call to call.
type Counter struct {
	Log       Log       // the starts of a window
	Competing Competing // the estimate of competing usage of a window
	Pace      Pace      // of the starts of a window
	Days      Days      // the calls of a day; a limit has a window or days
	Blocked   int64     // nothing starts before

	idle   int64 // from when on nothing of this matters
	window bool
}

// Forget drops state that no longer matters at now.
func (c *Counter) Forget(now int64, l *Limit) {
	if l.Daily {
		c.Days.Forget(l.DayOf(now))
	} else {
		c.window = true
		c.Log.Forget(now, int64(l.Span()))
	}
}

// Earliest returns the first time from t on at which the limit allows a call. now is
// the time at which competing usage is estimated.
func (c *Counter) Earliest(t, now int64, l *Limit) int64 {
	t = max(t, c.Blocked)
	if l.Daily {
		return c.Days.Earliest(t, l)
	}
	competing := c.Competing.At(now, l)
	return c.Log.Earliest(max(t, c.Pace.from(l)), int64(l.Effective(competing)), max(l.Calls-competing, 1))
}

// Earliest returns the first time from now on at which all of the limits allow a
// call, and which of them decided that, -1 if none did.
//
// Each limit may push the start to where another forbids it, so this repeats until all
// agree. The start only ever grows, and beyond the last reservation every limit allows
// it.
func Earliest(now int64, counters []*Counter, limits []Limit) (start int64, last int) {
	start, last = now, -1
	for agreed, i := 0, 0; agreed < len(limits); i = (i + 1) % len(limits) {
		if t := counters[i].Earliest(start, now, &limits[i]); t > start {
			start, last, agreed = t, i, 0
		}
		agreed++
	}
	return start, last
}

// Add counts a call that starts at t, requested at now.
func (c *Counter) Add(t, now int64, l *Limit) {
	if l.Daily {
		d := l.DayOf(t)
		c.Days.Add(d, 1)
		c.idle = max(c.idle, l.DayStart(d+1))
		return
	}
	c.Log.Add(t)
	c.Pace.add(t, now, max(l.Calls-c.Competing.At(now, l), 1), l)
	c.idle = max(c.idle, t+int64(l.Span()), c.Pace.next)
}

// Cancel undoes Add of a call that was to start at t.
func (c *Counter) Cancel(t int64, l *Limit) {
	if l.Daily {
		c.Days.Add(l.DayOf(t), -1)
		return
	}
	c.Log.Remove(t)
	c.Pace.remove()
}

// Delay moves the start of a call from at to a later time.
func (c *Counter) Delay(at, to int64) {
	if to > at && c.Log.Remove(at) {
		c.Log.Add(to)
	}
}

// Block forbids starts before until. A shorter block never lifts a longer one.
func (c *Counter) Block(until int64) {
	c.Blocked = max(c.Blocked, until)
	c.idle = max(c.idle, c.Blocked)
}

// Refuse records that the origin refused a call at now, because the window was full:
// other applications have used the rest of it.
func (c *Counter) Refuse(now int64, l *Limit) {
	block := c.Competing.Refuse(now, c.Log.Count(now-int64(l.Window), now), l)
	c.Blocked = max(c.Blocked, now+int64(block))
	c.estimated(now, l)
}

// Observe records the origin's figure of how many calls are left at now. It never
// lowers the count of a day.
func (c *Counter) Observe(now int64, left int, l *Limit) {
	if !l.Daily {
		c.Competing.Observe(now, c.Log.Count(now-int64(l.Window), now), left, l)
		c.estimated(now, l)
		return
	}
	d := l.DayOf(now)
	if more := l.Calls - left - c.Days.Used(d); more > 0 {
		c.Days.Add(d, more)
		c.idle = max(c.idle, l.DayStart(d+1))
	}
}

// estimated prevents a burst after the estimate has changed.
func (c *Counter) estimated(now int64, l *Limit) {
	c.Pace.endBurst(now, l)
	c.idle = max(c.idle, now+5*c.Competing.Hold+int64(Remember)+60*int64(l.Span()))
}

// Usage is how much of a limit is used.
type Usage struct {
	Calls     int   // counted here: of the window, reservations included, or of the day
	Competing int   // of a window, by other applications
	Reset     int64 // when all calls will be free again if none is made; at least now
}

// Usage returns how much of the limit is used at now. Under a block it is all.
func (c *Counter) Usage(now int64, l *Limit) Usage {
	u := Usage{Reset: now}
	if l.Daily {
		d := l.DayOf(now)
		u.Calls, u.Reset = c.Days.Used(d), l.DayStart(d+1)
	} else {
		u.Competing = c.Competing.At(now, l)
		if s := c.Log.Starts(); len(s) > 0 {
			u.Calls, u.Reset = len(s), s[len(s)-1]+int64(l.Span())
		}
	}
	if c.Blocked > now {
		u.Calls, u.Reset = l.Calls, max(u.Reset, c.Blocked)
	}
	return u
}

// Idle reports whether nothing that was counted matters at now.
func (c *Counter) Idle(now int64) bool { return c.idle < now }

// Window reports whether the counter is that of a window, and not of a day.
func (c *Counter) Window() bool { return c.window }

// Weight returns how much is lost with the counter of a day: its calls, and one for
// a block.
func (c *Counter) Weight() (calls int) {
	for _, d := range c.Days {
		calls = max(calls, d.used)
	}
	if c.Blocked > 0 {
		calls++
	}
	return calls
}
