// Package background runs tasks beside those that start them.
package background

import (
	"context"
	"sync"
)

// Run runs a task, whose context is done when ctx is or when end is called. end returns when
// the task has returned.
func Run(ctx context.Context, task func(context.Context)) (end func()) {
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() { task(ctx) })
	return func() {
		cancel()
		running.Wait()
	}
}
