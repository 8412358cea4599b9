// Package redistest runs real Redis servers for tests, and breaks them.
package redistest

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// A Server is a redis-server process of one test, empty at first, without persistence,
// on a Unix socket in a directory of its own.
type Server struct {
	t      testing.TB
	dir    string
	socket string
	args   []string
	cmd    *exec.Cmd
}

// slack is longer than a healthy server takes on a busy machine. Tests limit
// operations themselves, by contexts.
const slack = time.Minute

// discardLogger drops the log of go-redis: a line for each failed connection.
type discardLogger struct{}

func (discardLogger) Printf(context.Context, string, ...any) {}

func init() { redis.SetLogger(discardLogger{}) }

// Start runs a server until the end of the test, or skips the test where
// redis-server is not installed.
func Start(t testing.TB) *Server {
	t.Helper()
	return start(t, "--port", "0")
}

// StartTCP is Start with a TCP address, which it returns too.
func StartTCP(t testing.TB) (s *Server, addr string) {
	t.Helper()
	port := freePort(t)
	return start(t, "--port", port, "--bind", "127.0.0.1"), "127.0.0.1:" + port
}

// Cluster runs a cluster until the end of the test, and returns a client of it. It has
// one node only, which rejects commands with keys of several slots as a larger one
// does.
func Cluster(t testing.TB) *redis.ClusterClient {
	t.Helper()
	_, addr := ClusterNode(t)
	c := redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{addr}, ContextTimeoutEnabled: true,
		DialTimeout: slack, ReadTimeout: slack, WriteTimeout: slack,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}})
	t.Cleanup(func() { c.Close() })
	return c
}

// ClusterNode runs a node that is a cluster by itself, and returns its address.
func ClusterNode(t testing.TB) (s *Server, addr string) {
	t.Helper()
	// The node also listens 10000 ports higher, so a free port is not enough.
	port := 0
	for port == 0 || !free(addr) || !free("127.0.0.1:"+strconv.Itoa(port+10_000)) {
		port = 20_000 + rand.IntN(20_000)
		addr = "127.0.0.1:" + strconv.Itoa(port)
	}
	s = start(t, "--port", strconv.Itoa(port), "--bind", "127.0.0.1", "--cluster-enabled", "yes")
	node := s.Client()
	if err := node.ClusterAddSlotsRange(t.Context(), 0, 16383).Err(); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(slack); ; time.Sleep(2 * time.Millisecond) {
		info, _ := node.ClusterInfo(t.Context()).Result()
		if strings.Contains(info, "cluster_state:ok") {
			return s, addr
		}
		if time.Now().After(end) {
			t.Fatal("the cluster does not form: " + info)
		}
	}
}

// Sentinel runs a server and a Sentinel that monitors it under the name "main",
// until the end of the test, and returns the Sentinel's URL for Dial.
func Sentinel(t testing.TB) string {
	t.Helper()
	port := freePort(t)
	s := start(t, "--port", port, "--bind", "127.0.0.1")
	own := freePort(t)
	conf := filepath.Join(s.dir, "sentinel.conf")
	text := "port " + own + "\nbind 127.0.0.1\nsentinel monitor main 127.0.0.1 " + port + " 1\n"
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("redis-server", conf, "--sentinel")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return "redis://127.0.0.1:" + own + "?master_name=main"
}

func freePort(t testing.TB) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

func free(addr string) bool {
	l, err := net.Listen("tcp", addr)
	if err == nil {
		l.Close()
	}
	return err == nil
}

func start(t testing.TB, args ...string) *Server {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		t.Skip("redis-server is not installed: this test needs a real one")
	}
	// Not t.TempDir: the path of a socket must be short.
	dir, err := os.MkdirTemp("", "redis")
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{t: t, dir: dir, socket: filepath.Join(dir, "s"), args: args}
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
	cmd := exec.Command("redis-server", append([]string{"--unixsocket", s.socket,
		"--save", "", "--appendonly", "no", "--dir", s.dir}, s.args...)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.cmd = cmd
	for end := time.Now().Add(slack); ; time.Sleep(2 * time.Millisecond) {
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

// Hang makes the server accept connections and not reply, until Resume.
func (s *Server) Hang() { s.cmd.Process.Signal(syscall.SIGSTOP) }

// Resume ends Hang.
func (s *Server) Resume() { s.cmd.Process.Signal(syscall.SIGCONT) }

// Client returns a client of the server, closed at the end of the test.
func (s *Server) Client() *redis.Client { return s.Wire().Client }

// URL returns the server's address, for Dial and for other processes.
func (s *Server) URL() string { return "unix://" + s.socket }

// A Wire is a client whose connections can be broken: cut, so that both ends see it,
// or made to lose all data sent, so that neither does.
type Wire struct {
	*redis.Client
	mu    sync.Mutex
	cut   bool
	conns map[net.Conn]bool
	lossy atomic.Bool
}

var errCut = errors.New("redistest: the wire is cut")

// Wire returns a client of the server, closed at the end of the test.
func (s *Server) Wire() *Wire {
	w := &Wire{conns: make(map[net.Conn]bool)}
	w.Client = redis.NewClient(&redis.Options{
		Addr: s.socket, ContextTimeoutEnabled: true, DialerRetries: 1,
		DialTimeout: slack, ReadTimeout: slack, WriteTimeout: slack,
		Dialer:                   func(ctx context.Context, _, _ string) (net.Conn, error) { return w.dial(ctx, s.socket) },
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	})
	s.t.Cleanup(func() { w.Close() })
	return w
}

func (w *Wire) dial(ctx context.Context, socket string) (net.Conn, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.cut {
		return nil, errCut
	}
	c, err := (&net.Dialer{}).DialContext(ctx, "unix", socket)
	if err != nil {
		return nil, err
	}
	w.conns[c] = true
	raw, _ := c.(syscall.Conn) // by which go-redis checks that it is alive
	return struct {
		lossyConn
		syscall.Conn
	}{lossyConn{c, &w.lossy}, raw}, nil
}

// Cut breaks all connections and refuses new ones, until Mend.
func (w *Wire) Cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cut = true
	w.closeAll()
}

// Lose drops all that is sent either way, until Mend. Connections stay open, and new
// ones are accepted and get no reply.
func (w *Wire) Lose() { w.lossy.Store(true) }

// Mend ends Cut and Lose. Connections that may have lost something are closed.
func (w *Wire) Mend() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.lossy.Load() {
		w.closeAll() // first: a partly lost command must not continue
	}
	w.lossy.Store(false)
	w.cut = false
}

func (w *Wire) closeAll() {
	for c := range w.conns {
		c.Close()
	}
	clear(w.conns)
}

// lossyConn is a connection that loses all data sent while its wire does.
type lossyConn struct {
	net.Conn
	lossy *atomic.Bool
}

func (c lossyConn) Write(b []byte) (int, error) {
	if c.lossy.Load() {
		return len(b), nil
	}
	return c.Conn.Write(b)
}

func (c lossyConn) Read(b []byte) (int, error) {
	for {
		n, err := c.Conn.Read(b)
		if err != nil || !c.lossy.Load() {
			return n, err
		}
	}
}
