// Package proc runs the programs that are measured, each in a process of its own.
package proc

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
	"syscall"
	"time"
)

// A Place is where programs are built and run: a module and a directory for what
// they write.
type Place struct {
	Root string // of the module
	Tmp  string // made by NewPlace, gone after Close
	// Keep leaves what the processes wrote in Tmp.
	Keep bool
}

// NewPlace returns a place in the gateway's module, for a caller that is run in it, or
// in a module that requires it.
func NewPlace(ctx context.Context, name string) (*Place, error) {
	dir, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", "zoomql").Output()
	if err != nil {
		return nil, fmt.Errorf("go list -m zoomql: %w", err)
	}
	p := &Place{Root: strings.TrimSpace(string(dir))}
	p.Tmp, err = os.MkdirTemp("", name+"-")
	return p, err
}

// Close removes the directory, unless it is to be kept.
func (p *Place) Close() {
	if !p.Keep {
		_ = os.RemoveAll(p.Tmp) // nothing of it is worth a word
	}
}

// Guide is the profile that the gateway is compiled by, below the module's root:
// "make pgo" writes it.
//
// Source: https://go.dev/doc/pgo. It is no default.pgo, by which every test of the
// gateway's package would compile all that it needs once more.
const Guide = "internal/bench/gateway.pgo"

// BuildGateway makes the gateway as "make build" does.
func (p *Place) BuildGateway(ctx context.Context, output string) error {
	return p.Build(ctx, output, ".", "-pgo", filepath.Join(p.Root, Guide))
}

// Build makes a program of this module for use, with more flags where they are
// given.
func (p *Place) Build(ctx context.Context, output, pkg string, flags ...string) error {
	args := slices.Concat([]string{"build", "-trimpath", "-ldflags", "-s -w", "-o", output}, flags, []string{pkg})
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir, cmd.Env = p.Root, append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go build %s: %w\n%s", pkg, err, out)
	}
	return nil
}

// A Process is a server under measurement: in a process of its own, its memory
// and its time are its own.
type Process struct {
	Name  string
	Addr  string
	Cmd   *exec.Cmd
	Began time.Time
	log   *os.File
	keep  bool
	ended chan struct{} // closed when the process has ended, with err
	err   error
}

// Start runs a program that is to listen on addr, with nothing of our own
// environment, which may configure a gateway. It returns when the program takes
// connections.
func (p *Place) Start(ctx context.Context, name, addr string, env []string, program string, args ...string) (*Process, error) {
	log, err := os.CreateTemp(p.Tmp, name+"-*.log")
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = slices.Concat(env, []string{"PATH=" + os.Getenv("PATH"), "HOME=" + p.Tmp})
	cmd.Dir, cmd.Stdout, cmd.Stderr = p.Tmp, log, log
	// What is measured must not outlive who measures it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	one := &Process{Name: name, Addr: addr, Cmd: cmd, Began: time.Now(), log: log, keep: p.Keep, ended: make(chan struct{})}
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(err, log.Close())
	}
	go func() {
		one.err = cmd.Wait()
		close(one.ended)
	}()
	if err := one.listening(ctx); err != nil {
		said, _ := os.ReadFile(log.Name())
		one.Stop()
		return nil, fmt.Errorf("%s: %w\n%s", name, err, said)
	}
	return one, nil
}

// StartElsewhere is Start for what is in truth on a machine of its own, as Zoom is,
// or Redis: it has the processors first, where the system allows that, so that its
// clock does not stand still because what is measured is busy.
func (p *Place) StartElsewhere(ctx context.Context, name, addr string, env []string, program string, args ...string) (*Process, error) {
	return p.Start(ctx, name, addr, env, "nice", append([]string{"-n", "-10", program}, args...)...)
}

// listening waits until the process takes connections. The limit is one that only
// a hang exceeds.
func (p *Process) listening(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	for {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", p.Addr)
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

// Stop ends the process as kill -9 does, and removes its log unless it is to be
// kept.
func (p *Process) Stop() {
	_ = p.Cmd.Process.Kill() // it may have ended by itself
	<-p.ended
	_ = p.log.Close()
	if !p.keep {
		_ = os.Remove(p.log.Name())
	}
}

// Signal sends the process a signal; one that has ended gets none.
func (p *Process) Signal(s syscall.Signal) { _ = p.Cmd.Process.Signal(s) }

// Log returns what the process has written so far.
func (p *Process) Log() string {
	raw, _ := os.ReadFile(p.log.Name()) // "" tells it too
	return string(raw)
}

// Memory is what a process has in memory, in MiB.
type Memory struct{ Now, Most float64 }

// Memory reads what the process has in memory, program text included.
func (p *Process) Memory() (Memory, error) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.Cmd.Process.Pid))
	if err != nil {
		return Memory{}, err
	}
	var m Memory
	for line := range strings.Lines(string(raw)) {
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		kib, _ := strconv.ParseFloat(fields[1], 64)
		switch fields[0] {
		case "VmRSS:":
			m.Now = kib / 1024
		case "VmHWM:":
			m.Most = kib / 1024
		}
	}
	return m, nil
}

// CPU returns the time that the process has spent on the cores, from the
// scheduler's own account of each thread: the one of the process is in steps of
// 10 ms.
func (p *Process) CPU() (time.Duration, error) {
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", p.Cmd.Process.Pid))
	if err != nil || threads == nil {
		return 0, fmt.Errorf("/proc: no threads of %s", p.Name)
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

// FreeAddr returns an address that nobody listens on.
func FreeAddr(ctx context.Context) (string, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// Serve listens until the program is killed.
func Serve(addr string, h http.Handler) error {
	server := &http.Server{Addr: addr, Handler: h, ReadHeaderTimeout: 10 * time.Second}
	return server.ListenAndServe()
}
