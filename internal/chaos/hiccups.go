package main

import (
	"context"
	"fmt"
	"time"

	"zoomql/internal/bench/table"
)

// hiccups are how much longer than asked a sleeper of this program slept, in
// milliseconds: how far the machine is from giving every process its turn. Calls
// that a replica sends late are late at Zoom too, so a row that misses by little
// while these are large says more about the machine.
type hiccups struct {
	late []float64
	stop context.CancelFunc
	done chan struct{}
}

func watchHiccups(ctx context.Context) *hiccups {
	const nap = 5 * time.Millisecond
	h := &hiccups{done: make(chan struct{})}
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

// String ends the watch and says what it saw.
func (h *hiccups) String() string {
	h.stop()
	<-h.done
	return fmt.Sprintf("this machine woke sleepers %s ms late p99, %s at most", table.Short(table.Percentile(h.late, 99)), table.Short(table.Percentile(h.late, 100)))
}
