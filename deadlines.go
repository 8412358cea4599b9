package main

import (
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// coarseListener is a listener whose connections meet their read deadlines up to a
// tick late. net/http moves the deadline of a connection six times a request, and
// each time a timer is started, moved or stopped: a twentieth of what a kept answer
// costs. Here a deadline is a number, which is looked at once a tick.
type coarseListener struct {
	net.Listener
	clock coarseClock
}

// tick is how late a deadline may be met: little for one of ten seconds.
const tick = 500 * time.Millisecond

// Accept implements [net.Listener].
func (l *coarseListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	c := &coarseConn{Conn: conn, clock: &l.clock}
	l.clock.add(c)
	return c, nil
}

// coarseClock tells connections the time, as long as there are any. The zero value
// is ready.
type coarseClock struct {
	now atomic.Int64 // at the last tick, by Unix, in nanoseconds

	mu      sync.Mutex
	conns   map[*coarseConn]struct{}
	ticking bool
}

func (k *coarseClock) add(c *coarseConn) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.conns == nil {
		k.conns = map[*coarseConn]struct{}{}
	}
	k.conns[c] = struct{}{}
	if !k.ticking {
		k.ticking = true
		k.now.Store(time.Now().UnixNano())
		time.AfterFunc(tick, k.tick)
	}
}

func (k *coarseClock) remove(c *coarseConn) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.conns, c)
}

func (k *coarseClock) tick() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.now.Store(time.Now().UnixNano())
	for c := range k.conns {
		c.look()
	}
	if k.ticking = len(k.conns) > 0; k.ticking {
		time.AfterFunc(tick, k.tick)
	}
}

// coarseConn is a connection of a coarseListener.
type coarseConn struct {
	net.Conn
	clock *coarseClock

	mu    sync.Mutex
	until int64 // the read deadline, by Unix, in nanoseconds; 0 is none
	late  bool  // it has passed, and Conn lets nobody read
}

// passed is a deadline that is met at once.
var passed = time.Unix(1, 0)

// SetReadDeadline implements [net.Conn]. A time that had passed at the last tick
// ends a Read at once, as net/http does to see whether a client has left.
func (c *coarseConn) SetReadDeadline(t time.Time) error {
	until := int64(0)
	if !t.IsZero() {
		until = t.UnixNano()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.until = until
	return c.apply()
}

// SetDeadline implements [net.Conn].
func (c *coarseConn) SetDeadline(t time.Time) error {
	if err := c.SetReadDeadline(t); err != nil {
		return err
	}
	return c.SetWriteDeadline(t)
}

// look ends reading if it is time.
func (c *coarseConn) look() {
	c.mu.Lock()
	defer c.mu.Unlock()
	_ = c.apply() // it fails on a closed connection, where nobody reads
}

func (c *coarseConn) apply() error {
	late := c.until != 0 && c.until <= c.clock.now.Load()
	if late == c.late {
		return nil
	}
	c.late = late
	if late {
		return c.Conn.SetReadDeadline(passed)
	}
	return c.Conn.SetReadDeadline(time.Time{})
}

// CloseWrite ends what the client reads, where the connection can: net/http does it
// before it closes on a client that still sends.
func (c *coarseConn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// Close implements [net.Conn].
func (c *coarseConn) Close() error {
	c.clock.remove(c)
	return c.Conn.Close()
}
