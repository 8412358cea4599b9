// Package wallclock is the clock of caches of otter's whose entries expire.
package wallclock

import "time"

// Clock is time.Now for otter. It never ticks, so that no goroutine outlives a cache:
// entries past their time go when room is needed or when they are asked for.
type Clock struct{}

// NowNano returns the time in Unix nanoseconds.
func (Clock) NowNano() int64 { return time.Now().UnixNano() }

// Tick returns a channel that nothing is sent to.
func (Clock) Tick(time.Duration) <-chan time.Time { return nil }
