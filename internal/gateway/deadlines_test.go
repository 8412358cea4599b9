package gateway

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// pipes is a listener without a network: it fits into a bubble of testing/synctest.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newPipes() *pipes { return &pipes{conns: make(chan net.Conn), closed: make(chan struct{})} }

func (p *pipes) dial() net.Conn {
	here, there := net.Pipe()
	p.conns <- there
	return here
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

// accepted returns both ends of a connection of a coarseListener.
func accepted(t *testing.T) (*coarseListener, net.Conn, net.Conn) {
	t.Helper()
	inner := newPipes()
	l := &coarseListener{Listener: inner}
	dialled := make(chan net.Conn)
	go func() { dialled <- inner.dial() }()
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	return l, conn, <-dialled
}

func TestCoarseDeadlines(t *testing.T) {
	for _, c := range []struct {
		why string
		set func(net.Conn)
		// how long a Read lasts at least; a tick more at most
		lasts time.Duration
	}{
		{"as it was set", func(c net.Conn) { _ = c.SetReadDeadline(time.Now().Add(10 * time.Second)) }, 10 * time.Second},
		{"both at once", func(c net.Conn) { _ = c.SetDeadline(time.Now().Add(10 * time.Second)) }, 10 * time.Second},
		{"moved back", func(c net.Conn) {
			_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
			_ = c.SetReadDeadline(time.Now().Add(30 * time.Second))
		}, 30 * time.Second},
		{"moved forward", func(c net.Conn) {
			_ = c.SetReadDeadline(time.Now().Add(30 * time.Second))
			_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
		}, 10 * time.Second},
		{"after one that has passed", func(c net.Conn) {
			_ = c.SetReadDeadline(passed)
			_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
		}, 10 * time.Second},
		{"set while it is read", func(c net.Conn) {
			time.AfterFunc(3*time.Second, func() { _ = c.SetReadDeadline(time.Now().Add(4 * time.Second)) })
		}, 7 * time.Second},
		{"passed while it is read", func(c net.Conn) {
			time.AfterFunc(3*time.Second, func() { _ = c.SetReadDeadline(passed) })
		}, 3 * time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			_, conn, other := accepted(t)
			c.set(conn)
			began := time.Now()
			_, err := conn.Read(make([]byte, 1))
			if took := time.Since(began); !errors.Is(err, os.ErrDeadlineExceeded) || took < c.lasts || took > c.lasts+tick {
				t.Errorf("%s: %v after %s, want about %s", c.why, err, took, c.lasts)
			}
			_ = conn.SetReadDeadline(time.Time{})
			go func() {
				time.Sleep(time.Hour)
				_, _ = other.Write([]byte("x"))
			}()
			if _, err := conn.Read(make([]byte, 1)); err != nil {
				t.Errorf("%s: it can be read no more: %v", c.why, err)
			}
			_, _ = conn.Close(), other.Close()
		})
	}
}

// The clock stands still when there is nobody to look after, and is one clock
// however often connections come and go.
func TestCoarseClockStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, first, _ := accepted(t)
		for range 5 {
			_ = first.Close()
			time.Sleep(tick / 7)
			inner := l.Listener.(*pipes)
			go inner.dial()
			first, _ = l.Accept()
		}
		looks := map[int64]bool{}
		for range 70 { // ten ticks
			time.Sleep(tick / 7)
			synctest.Wait()
			looks[l.clock.now.Load()] = true
		}
		if n := len(looks); n < 9 || n > 11 {
			t.Errorf("%d looks in ten ticks", n)
		}
		_ = first.Close()
		time.Sleep(2 * tick)
		synctest.Wait()
		at := l.clock.now.Load()
		time.Sleep(time.Minute)
		if l.clock.now.Load() != at || l.clock.ticking {
			t.Error("somebody looks for nobody")
		}
	})
}

// net/http closes on who sends nothing, too little or too slowly, serves who takes
// his time between two questions, and hears when one leaves.
func TestServerOverCoarseDeadlines(t *testing.T) {
	const get = "GET / HTTP/1.1\r\nHost: h\r\n\r\n"
	ask := func(t *testing.T, c net.Conn, in *bufio.Reader) {
		t.Helper()
		if _, err := io.WriteString(c, get); err != nil {
			t.Fatal(err)
		}
		resp, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
	}
	within := func(t *testing.T, began time.Time, want time.Duration) {
		t.Helper()
		if took := time.Since(began); took < want || took > want+tick {
			t.Errorf("after %s, want about %s", took, want)
		}
	}
	for why, talk := range map[string]func(t *testing.T, c net.Conn, left <-chan struct{}){
		"one who says nothing": func(t *testing.T, c net.Conn, _ <-chan struct{}) {
			began := time.Now()
			_, _ = c.Read(make([]byte, 1))
			within(t, began, 10*time.Second)
		},
		"half a header": func(t *testing.T, c net.Conn, _ <-chan struct{}) {
			began := time.Now()
			_, _ = io.WriteString(c, get[:10])
			_, _ = io.Copy(io.Discard, c)
			within(t, began, 10*time.Second)
		},
		"half a body": func(t *testing.T, c net.Conn, _ <-chan struct{}) {
			began := time.Now()
			_, _ = io.WriteString(c, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\n{")
			_, _ = io.Copy(io.Discard, c)
			within(t, began, 30*time.Second)
		},
		"many questions, and then nothing": func(t *testing.T, c net.Conn, _ <-chan struct{}) {
			in := bufio.NewReader(c)
			for range 5 {
				ask(t, c, in)
				time.Sleep(time.Minute)
			}
			ask(t, c, in)
			began := time.Now()
			_, _ = in.ReadByte()
			within(t, began, 2*time.Minute)
		},
		"one who leaves": func(t *testing.T, c net.Conn, left <-chan struct{}) {
			began := time.Now()
			_, _ = io.WriteString(c, "GET /wait HTTP/1.1\r\nHost: h\r\n\r\n")
			time.Sleep(time.Second)
			_ = c.Close()
			<-left
			within(t, began, time.Second)
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			left := make(chan struct{})
			inner := newPipes()
			server := newServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				if r.URL.Path == "/wait" {
					<-r.Context().Done()
					close(left)
				}
			}))
			served := make(chan error)
			go func() { served <- server.Serve(&coarseListener{Listener: inner}) }()
			c := inner.dial()
			t.Log(why)
			talk(t, c, left)
			_ = c.Close()
			_ = server.Close()
			<-served
		})
	}
}

// halfway is a connection of which one half can be closed.
type halfway struct {
	net.Conn
	halves int
}

func (h *halfway) CloseWrite() error { h.halves++; return nil }

// net/http asks for it by this interface, and goes without where it is not there.
func TestCoarseConnClosesHalf(t *testing.T) {
	inner := &halfway{}
	var conn net.Conn = &coarseConn{Conn: inner}
	half, ok := conn.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil || inner.halves != 1 {
		t.Errorf("it was closed %d times", inner.halves)
	}
}
