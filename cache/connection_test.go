package cache

import (
	"context"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"
)

// An eviction that found the connection down is not postponed when it has come up
// since: nothing would carry it out.
func TestPostpone_connectionIsUpAgain(t *testing.T) {
	l := newConnection(nil, Timings{}.withDefaults(), slog.New(slog.DiscardHandler))
	l.isDown.Store(true)
	if !l.postpone([]tagName{"a"}) || len(l.pending) != 1 {
		t.Errorf("while the connection is down, %v is pending", l.pending)
	}
	clear(l.pending)
	l.isDown.Store(false)
	if l.postpone([]tagName{"a"}) || len(l.pending) > 0 {
		t.Errorf("while the connection is up, %v is pending", l.pending)
	}
}

// Evictions that come faster than Redis executes them do not keep the connection down.
func TestConnection_comesUpUnderEvictions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l *connection
		calls := 0
		l = newConnection(func(context.Context, []tagName) error {
			if calls++; calls > 100 {
				return errRedisTimeout
			}
			if l.mu.TryLock() { // an eviction at the same time
				l.addPending([]tagName{"a"})
				l.mu.Unlock()
			}
			return nil
		}, Timings{}.withDefaults(), slog.New(slog.DiscardHandler))
		defer l.close()
		l.trip(errRedisTimeout)
		time.Sleep(time.Second)
		synctest.Wait()
		if l.down() || len(l.pending) > 0 {
			t.Errorf("the connection is down: %v, after %d evictions", l.down(), calls)
		}
	})
}
