// Package redistest runs real Redis servers for tests, and breaks them.
package redistest

import (
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// A Server is a redis-server process of the test's own, empty at first, without
// persistence, on a Unix socket in a directory of its own.
type Server struct {
	t      testing.TB
	dir    string
	socket string
	cmd    *exec.Cmd
}

// silence drops what go-redis logs: a line for each connection that fails.
type silence struct{}

func (silence) Printf(context.Context, string, ...any) {}

func init() { redis.SetLogger(silence{}) }

// Start runs a server until the end of the test, or skips the test where
// redis-server is not installed.
func Start(t testing.TB) *Server {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		t.Skip("redis-server is not installed: this test needs a real one")
	}
	// Not t.TempDir: the path of a socket must be short.
	dir, err := os.MkdirTemp("", "redis")
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{t: t, dir: dir, socket: filepath.Join(dir, "s")}
	t.Cleanup(func() {
		s.Kill()
		os.RemoveAll(dir)
	})
	s.Run()
	return s
}

// Run starts the server again after Kill, empty.
func (s *Server) Run() {
	s.t.Helper()
	os.Remove(s.socket)
	cmd := exec.Command("redis-server", "--port", "0", "--unixsocket", s.socket,
		"--save", "", "--appendonly", "no", "--dir", s.dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.cmd = cmd
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(2 * time.Millisecond) {
		if c, err := net.Dial("unix", s.socket); err == nil {
			c.Close()
			return
		}
		if time.Now().After(end) {
			s.t.Fatal("redis-server does not listen")
		}
	}
}

// Kill ends the server as a crash would.
func (s *Server) Kill() {
	if s.cmd != nil {
		s.cmd.Process.Kill()
		s.cmd.Wait()
		s.cmd = nil
	}
}

// Hang makes the server take connections and say nothing, until Resume.
func (s *Server) Hang() { s.cmd.Process.Signal(syscall.SIGSTOP) }

// Resume ends Hang.
func (s *Server) Resume() { s.cmd.Process.Signal(syscall.SIGCONT) }

// Client returns a client of the server, closed at the end of the test.
func (s *Server) Client() *redis.Client { return s.Wire().Client }

// A Wire is a client whose connection can be cut.
type Wire struct {
	*redis.Client
	mu    sync.Mutex
	cut   bool
	conns map[net.Conn]bool
}

var errCut = errors.New("redistest: the wire is cut")

// Wire returns a client of the server, closed at the end of the test.
func (s *Server) Wire() *Wire {
	w := &Wire{conns: make(map[net.Conn]bool)}
	w.Client = redis.NewClient(&redis.Options{
		Addr: s.socket, ContextTimeoutEnabled: true, DialerRetries: 1,
		Dialer: func(ctx context.Context, _, _ string) (net.Conn, error) {
			w.mu.Lock()
			defer w.mu.Unlock()
			if w.cut {
				return nil, errCut
			}
			c, err := (&net.Dialer{}).DialContext(ctx, "unix", s.socket)
			if err == nil {
				w.conns[c] = true
			}
			return c, err
		},
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	})
	s.t.Cleanup(func() { w.Close() })
	return w
}

// Cut breaks all connections and refuses new ones, until Mend.
func (w *Wire) Cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cut = true
	for c := range w.conns {
		c.Close()
	}
	clear(w.conns)
}

// Mend ends Cut.
func (w *Wire) Mend() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cut = false
}
