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

// A Place is where programs are built and run: a module and a directory for their
// files.
type Place struct {
	Root string // of the module
	Tmp  string // made by NewPlace, gone after Close
	// Keep leaves the files of the processes in Tmp.
	Keep bool
}

// NewPlace returns a place in the gateway's module, for a caller that runs in it, or in
// a module that requires it.
func NewPlace(ctx context.Context, name string) (*Place, error) {
	dir, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", "zoomql").Output()
	if err != nil {
		return nil, fmt.Errorf("go list -m zoomql: %w", err)
	}
	p := &Place{Root: strings.TrimSpace(string(dir))}
	p.Tmp, err = os.MkdirTemp("", name+"-")
	return p, err
}

// Close removes the directory, unless Keep is set.
func (p *Place) Close() {
	if !p.Keep {
		_ = os.RemoveAll(p.Tmp) // at worst, temporary files are left
	}
}

// Guide is the profile for the profile-guided optimization of the gateway, below the
// module's root: "make pgo" writes it.
//
// Source: https://go.dev/doc/pgo. It is not named default.pgo, with which every test of
// the gateway's package would compile all dependencies again.
const Guide = "internal/bench/gateway.pgo"

// BuildGateway builds the gateway as "make build" does.
func (p *Place) BuildGateway(ctx context.Context, output string) error {
	return p.Build(ctx, output, ".", "-pgo", filepath.Join(p.Root, Guide))
}

// Build builds a program of this module for release, with additional flags.
func (p *Place) Build(ctx context.Context, output, pkg string, flags ...string) error {
	args := slices.Concat([]string{"build", "-trimpath", "-ldflags", "-s -w", "-o", output}, flags, []string{pkg})
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir, cmd.Env = p.Root, append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go build %s: %w\n%s", pkg, err, out)
	}
	return nil
}

// A Process is a server under measurement, in a process of its own, so that its memory
// and CPU time can be measured.
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

// Start runs a program that listens on addr, without the environment of this process,
// which may configure a gateway. It returns when the program accepts connections.
func (p *Place) Start(ctx context.Context, name, addr string, env []string, program string, args ...string) (*Process, error) {
	log, err := os.CreateTemp(p.Tmp, name+"-*.log")
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = slices.Concat(env, []string{"PATH=" + os.Getenv("PATH"), "HOME=" + p.Tmp})
	cmd.Dir, cmd.Stdout, cmd.Stderr = p.Tmp, log, log
	// The process must not outlive this one.
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
		output, _ := os.ReadFile(log.Name())
		one.Stop()
		return nil, fmt.Errorf("%s: %w\n%s", name, err, output)
	}
	return one, nil
}

// StartElsewhere is Start for a server that in production is on another machine, such
// as Zoom or Redis: it has a higher scheduling priority, where the system allows that,
// so that busy servers under measurement do not delay it.
func (p *Place) StartElsewhere(ctx context.Context, name, addr string, env []string, program string, args ...string) (*Process, error) {
	return p.Start(ctx, name, addr, env, "nice", append([]string{"-n", "-10", program}, args...)...)
}

// listening waits until the process accepts connections. Only a hang exceeds its limit.
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

// Stop ends the process as kill -9 does, and removes its log unless Keep is set.
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

// Log returns the log of the process so far.
func (p *Process) Log() string {
	raw, _ := os.ReadFile(p.log.Name()) // "" if there is none
	return string(raw)
}

// Memory is the resident memory of a process, and its peak, in MiB.
type Memory struct{ Now, Most float64 }

// Memory reads the resident memory of the process, program text included.
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

// CPU returns the CPU time of the process, from the scheduler's statistics of each
// thread: those of the process are in steps of 10 ms.
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

// FreeAddr returns a free TCP address.
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
