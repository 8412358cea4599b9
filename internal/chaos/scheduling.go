package main

import (
	"context"
	"fmt"
	"time"

	"zoomql/internal/lab/table"
)

// schedulingDelays are how much longer than requested a goroutine slept, in
// milliseconds: the scheduling latency of the machine. Calls that a replica sends late
// are late at Zoom too, so a row that misses its target by little while these are large
// says more about the machine.
type schedulingDelays struct {
	late []float64
	stop context.CancelFunc
	done chan struct{}
}

func watchScheduling(ctx context.Context) *schedulingDelays {
	const nap = 5 * time.Millisecond
	h := &schedulingDelays{done: make(chan struct{})}
	ctx, h.stop = context.WithCancel(ctx)
	go func() {
		defer close(h.done)
		for {
			began := time.Now()
			if pause(ctx, nap) != nil {
				return
			}
			h.late = append(h.late, table.Millis(time.Since(began)-nap))
		}
	}()
	return h
}

// String ends the measurement and formats it.
func (h *schedulingDelays) String() string {
	h.stop()
	<-h.done
	return fmt.Sprintf("scheduling delay of this machine %s ms p99, %s at most", table.Short(table.Percentile(h.late, 99)), table.Short(table.Percentile(h.late, 100)))
}
