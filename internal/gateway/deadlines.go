package gateway

import (
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// coarseListener is a listener whose connections enforce read deadlines up to a tick late, and
// abort writes to clients that do not read (see coarseConn.Write). net/http sets the deadline of
// a connection six times per request, and each time a timer is started, reset or stopped: a
// twentieth of the cost of a cached answer. Here, a deadline is a number that is checked once
// per tick.
type coarseListener struct {
	net.Listener
	clock coarseClock
}

// tick is the longest delay of a deadline, small compared to timeouts of ten seconds.
const tick = 500 * time.Millisecond

// Accept implements [net.Listener].
func (l *coarseListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	c := &coarseConn{Conn: conn, clock: &l.clock, unsent: unsentOf(conn)}
	l.clock.add(c)
	return c, nil
}

// coarseClock checks the deadlines of connections, as long as there are any. The zero
// value is ready to use.
type coarseClock struct {
	now atomic.Int64 // at the last tick, in Unix nanoseconds

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
	now := k.now.Load()
	for c := range k.conns {
		c.look()
		c.watch(now)
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
	until int64 // the read deadline, in Unix nanoseconds; 0 is none
	late  bool  // it has passed, and reads from Conn fail

	unsent  func() int   // bytes that the client has not acknowledged; nil if unavailable
	writing atomic.Bool  // a Write is under way
	written atomic.Int64 // bytes of completed Writes and pieces

	// For watch alone: the bytes moved since a time, and the values of its last call.
	since, moved int64
	queued, told int64
}

const (
	// writeSpan is the period in which a client has to read leastTaken bytes.
	writeSpan = 30 * time.Second
	// leastTaken is less than any client in use reads in that time, but a client cannot
	// hold a connection by reading a byte now and then.
	leastTaken = 4 << 10
	// writePiece is the number of bytes per write if only completed writes show progress.
	writePiece = 16 << 10
)

// Write implements [net.Conn]. It fails if the client reads fewer than leastTaken bytes
// within writeSpan.
func (c *coarseConn) Write(p []byte) (n int, err error) {
	c.writing.Store(true)
	defer c.writing.Store(false)
	for {
		piece := p[n:]
		if c.unsent == nil {
			piece = piece[:min(len(piece), writePiece)]
		}
		m, err := c.Conn.Write(piece)
		n += m
		c.written.Add(int64(m))
		if err != nil || n == len(p) {
			return n, err
		}
	}
}

// watch aborts a Write to a client that does not read. Only the clock calls it.
//
// A Write of megabytes shows no progress before it ends. But while the client reads, the
// connection's send buffer shrinks, and grows when it is refilled.
func (c *coarseConn) watch(now int64) {
	if !c.writing.Load() {
		c.since = 0
		return
	}
	written, queued := c.written.Load(), int64(0)
	if c.unsent != nil {
		queued = int64(c.unsent())
	}
	c.moved += written - c.told + max(queued-c.queued, c.queued-queued)
	c.told, c.queued = written, queued
	switch {
	case c.since == 0 || c.moved >= leastTaken:
		c.since, c.moved = now, 0
	case now-c.since >= int64(writeSpan):
		_ = c.SetWriteDeadline(passed) // fails only on a closed connection
	}
}

// passed is a deadline in the past.
var passed = time.Unix(1, 0)

// SetReadDeadline implements [net.Conn]. A time before the last tick ends a Read at once:
// net/http ends its background read, which detects that a client has left, in this way.
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

// look ends reads if the deadline has passed.
func (c *coarseConn) look() {
	c.mu.Lock()
	defer c.mu.Unlock()
	_ = c.apply() // fails only on a closed connection
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

// CloseWrite closes the writing side, if the connection supports it: net/http calls it
// before it closes the connection of a client that still sends.
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
