package gateway

import (
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// coarseListener is a listener whose connections meet their read deadlines up to a
// tick late, and whose writes are given up when nobody reads (see coarseConn.Write). net/http moves the deadline of a connection six times a request, and
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
	c := &coarseConn{Conn: conn, clock: &l.clock, unsent: unsentOf(conn)}
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
	until int64 // the read deadline, by Unix, in nanoseconds; 0 is none
	late  bool  // it has passed, and Conn lets nobody read

	unsent  func() int   // bytes that the client has not taken yet; nil where nobody knows
	writing atomic.Bool  // a Write is under way
	written atomic.Int64 // bytes, when the last Write or piece of one ended

	// What watch alone uses: how much has moved since a moment, and what it saw last.
	since, moved int64
	queued, told int64
}

const (
	// writeSpan is how long a client may take too little of what is written to it.
	writeSpan = 30 * time.Second
	// leastTaken is how many bytes it is to take in that time: any reader is faster,
	// and a connection and what hangs on it are not held for a byte now and then.
	leastTaken = 4 << 10
	// writePiece is how much is written at once where only that tells of progress.
	writePiece = 16 << 10
)

// Write implements [net.Conn]. It lasts as long as the client goes on to read,
// however slowly, and fails when it does not.
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

// watch ends writing to a client that does not read. It is for the clock alone.
//
// A Write of megabytes tells nothing before it ends. But as long as the client reads,
// what stands in the connection's buffer shrinks, and grows when it is filled up.
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
		_ = c.SetWriteDeadline(passed) // it fails on a closed connection, where nobody writes
	}
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
