package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"zoomql/internal/sandbox"
)

// A process is a server under measurement: in a process of its own, its memory
// and its time are its own.
type process struct {
	name  string
	addr  string
	cmd   *exec.Cmd
	log   *os.File
	began time.Time
	ended chan struct{} // closed when the process has ended, with err
	err   error
}

// start runs a program that is to listen on addr, with nothing of our own
// environment, which may configure a gateway.
func (b *bench) start(ctx context.Context, name, addr string, env []string, program string, args ...string) (*process, error) {
	log, err := os.CreateTemp(b.tmp, name+"-*.log")
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = slices.Concat(env, []string{"PATH=" + os.Getenv("PATH"), "HOME=" + b.tmp})
	cmd.Dir, cmd.Stdout, cmd.Stderr = b.tmp, log, log
	p := &process{name: name, addr: addr, cmd: cmd, log: log, began: time.Now(), ended: make(chan struct{})}
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(err, log.Close())
	}
	go func() {
		p.err = cmd.Wait()
		close(p.ended)
	}()
	if err := p.listening(ctx); err != nil {
		p.stop()
		said, _ := os.ReadFile(log.Name())
		return nil, fmt.Errorf("%s: %w\n%s", name, err, said)
	}
	return p, nil
}

// listening waits until the process takes connections.
func (p *process) listening(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	for {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", p.addr)
		if err == nil {
			return conn.Close()
		}
		select {
		case <-p.ended:
			return fmt.Errorf("it ended before it listened: %w", p.err)
		case <-ctx.Done():
			return err
		case <-time.After(200 * time.Microsecond):
		}
	}
}

// stop ends the process and everything that is left of it.
func (p *process) stop() {
	_ = p.cmd.Process.Kill() // it may have ended by itself
	<-p.ended
	_ = p.log.Close()
	_ = os.Remove(p.log.Name())
}

// memory is what a process has in memory, in MiB.
type memory struct{ now, most float64 }

// memory reads what the process has in memory, program text included.
func (p *process) memory() (memory, error) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return memory{}, err
	}
	var m memory
	for line := range strings.Lines(string(raw)) {
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		kib, _ := strconv.ParseFloat(fields[1], 64)
		switch fields[0] {
		case "VmRSS:":
			m.now = kib / 1024
		case "VmHWM:":
			m.most = kib / 1024
		}
	}
	return m, nil
}

// cpu returns the time that the process has spent on the cores, from the
// scheduler's own account of each thread: the one of the process is in steps of
// 10 ms.
func (p *process) cpu() (time.Duration, error) {
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", p.cmd.Process.Pid))
	if err != nil || threads == nil {
		return 0, fmt.Errorf("/proc: no threads of %s", p.name)
	}
	var sum time.Duration
	for _, t := range threads {
		raw, err := os.ReadFile(t)
		if err != nil {
			continue // it has just ended
		}
		spent, _, _ := strings.Cut(string(raw), " ")
		n, err := strconv.ParseInt(spent, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("%s: %w", t, err)
		}
		sum += time.Duration(n)
	}
	return sum, nil
}

// freeAddr returns an address that nobody listens on.
func freeAddr(ctx context.Context) (string, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// A contender is a GraphQL server that can be measured.
type contender struct {
	name  string
	path  string // of the endpoint
	start func(ctx context.Context, env ...string) (*process, error)
}

// gateway is the program that users run. Settings in env come on top.
func (b *bench) gateway() contender {
	return contender{"gateway", "/graphql", func(ctx context.Context, env ...string) (*process, error) {
		addr, err := freeAddr(ctx)
		if err != nil {
			return nil, err
		}
		settings := append([]string{"ADDR=" + addr, "ZOOM_PLAN=none"}, b.account()...)
		return b.start(ctx, "gateway", addr, append(settings, env...), b.zoomql)
	}}
}

// baseline is the server of package baseline.
func (b *bench) baseline() contender {
	return contender{"baseline", "/graphql", func(ctx context.Context, _ ...string) (*process, error) {
		addr, err := freeAddr(ctx)
		if err != nil {
			return nil, err
		}
		return b.start(ctx, "baseline", addr, b.account(), b.self, "baseline", addr)
	}}
}

// account is the environment that leads to the sandbox.
func (b *bench) account() []string {
	return []string{
		"ZOOM_API_URL=http://" + b.up.addr + "/v2", "ZOOM_OAUTH_URL=http://" + b.up.addr,
		"ZOOM_ACCOUNT_ID=" + sandbox.AccountID, "ZOOM_CLIENT_ID=" + sandbox.ClientID, "ZOOM_CLIENT_SECRET=" + sandbox.ClientSecret,
	}
}

// static starts a server that answers with these bytes.
func (b *bench) static(ctx context.Context, body []byte) (*process, error) {
	addr, err := freeAddr(ctx)
	if err != nil {
		return nil, err
	}
	args := []string{addr}
	if body != nil {
		file := filepath.Join(b.tmp, "body")
		if err := os.WriteFile(file, body, 0o600); err != nil {
			return nil, err
		}
		args = append(args, file)
	}
	return b.start(ctx, "static", addr, nil, b.bare, args...)
}

// build makes a program of this module, as "make build" does.
func (b *bench) build(ctx context.Context, output, pkg string, flags ...string) error {
	args := append([]string{"build", "-trimpath", "-ldflags", "-s -w", "-o", output}, flags...)
	cmd := exec.CommandContext(ctx, "go", append(args, pkg)...)
	cmd.Dir, cmd.Env = b.root, append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go build %s: %w\n%s", pkg, err, out)
	}
	return nil
}

// serve listens until the program is killed.
func serve(addr string, h http.Handler) error {
	server := &http.Server{Addr: addr, Handler: h, ReadHeaderTimeout: 10 * time.Second}
	return server.ListenAndServe()
}
