package gateway

import (
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// A client that does not read, or hardly, is written to no longer; one that reads on
// is, however slowly.
func TestWritesLastAsLongAsTheyAreRead(t *testing.T) {
	for _, c := range []struct {
		why   string
		read  int           // bytes
		every time.Duration // 0 is never
		cut   bool
	}{
		{"nothing", 0, 0, true},
		{"a byte now and then", 1, 10 * time.Second, true},
		{"slowly", 1 << 10, time.Second, false},
		{"in steps with long waits", writePiece, 25 * time.Second, false},
		{"fast", 1 << 20, time.Millisecond, false},
	} {
		synctest.Test(t, func(t *testing.T) {
			_, conn, other := accepted(t)
			ended := make(chan struct{})
			go func() {
				for c.every > 0 {
					select {
					case <-time.After(c.every):
						_, _ = io.CopyN(io.Discard, other, int64(c.read))
					case <-ended:
						return
					}
				}
			}()
			began := time.Now()
			n, err := conn.Write(make([]byte, 256<<10))
			took := time.Since(began)
			if cut := errors.Is(err, os.ErrDeadlineExceeded); cut != c.cut || !cut && n != 256<<10 {
				t.Errorf("%s: %d bytes in %s: %v", c.why, n, took, err)
			}
			if c.cut && (took < writeSpan || took > writeSpan+3*tick) {
				t.Errorf("%s: after %s", c.why, took)
			}
			if _, err := conn.Write([]byte("x")); c.cut && err == nil {
				t.Errorf("%s: it is written to again", c.why)
			}
			close(ended)
			_, _ = other.Close(), conn.Close()
		})
	}
}

// stuckConn is a connection whose client takes nothing by itself.
type stuckConn struct {
	net.Conn
	cut bool
}

func (s *stuckConn) SetWriteDeadline(time.Time) error {
	s.cut = true
	return nil
}

// Within one long Write, what moves in the connection's buffer tells that the client
// reads.
func TestProgressWithinAWrite(t *testing.T) {
	for _, c := range []struct {
		why   string
		taken int // a second
		cut   bool
	}{
		{"nothing", 0, true},
		{"a byte now and then", 1, true},
		{"slowly", 500, false},
	} {
		stuck := &stuckConn{}
		queued := 1 << 20
		conn := &coarseConn{Conn: stuck, clock: &coarseClock{}, unsent: func() int { return queued }}
		conn.writing.Store(true)
		for s := range 120 {
			if queued -= c.taken; s%40 == 39 {
				queued = 1 << 20 // it is filled up
			}
			if c.taken < 100 {
				queued = 1<<20 - c.taken*(s%10)
			}
			conn.watch(int64(time.Duration(s+1) * time.Second))
		}
		if stuck.cut != c.cut {
			t.Errorf("%s: cut %v", c.why, stuck.cut)
		}
	}
}

// Over a real connection the kernel tells what is on its way.
func TestUnsent(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	client, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	unsent := unsentOf(conn)
	if runtime.GOOS != "linux" {
		if unsent != nil {
			t.Error("it says that it knows")
		}
		return
	}
	const more = 64 << 20 // than the buffers of both ends hold
	written := make(chan error, 1)
	go func() {
		_, err := io.Copy(conn, strings.NewReader(strings.Repeat("x", more)))
		written <- err
	}()
	for unsent() == 0 { // until the client's buffer is full
		runtime.Gosched()
	}
	if _, err := io.CopyN(io.Discard, client, more); err != nil {
		t.Fatal(err)
	}
	if err := <-written; err != nil {
		t.Fatal(err)
	}
	for unsent() > 0 { // until the kernel has seen to it
		runtime.Gosched()
	}
}
