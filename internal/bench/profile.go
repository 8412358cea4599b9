package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/google/pprof/profile"

	"zoomql/internal/lab/proc"
)

// profiled is the number of processes whose profiles are merged: a cold query lasts
// some milliseconds, in which the CPU profiler takes few samples.
const profiled = 40

// profile writes CPU and allocation profiles of the gateway in the first query, in both
// forms of the second, and in the hot ones. The program is the gateway with one more
// file in its package main for this build, which starts and stops the profilers
// (profiler.go.txt).
func (b *bench) profile(ctx context.Context, dir string) error {
	dir, err := filepath.Abs(dir)
	if err == nil {
		err = os.MkdirAll(dir, 0o755)
	}
	if err != nil {
		return err
	}
	b.zoomql = filepath.Join(dir, "zoomql")
	// pprof finds lines by paths, and instructions by symbols.
	if err := b.buildProfiled(ctx, "-trimpath=false", "-ldflags="); err != nil {
		return err
	}
	if err := b.enter(ctx, office); err != nil {
		return err
	}
	for name, query := range map[string]string{
		"users":        usersQuery(50),
		"crowd-listed": crowdQuery(b.marks.BigMeeting, listedFields),
		"crowd-whole":  crowdQuery(b.marks.BigMeeting, wholeFields),
	} {
		for i := range 2 * profiled {
			if err := b.profileCold(ctx, filepath.Join(dir, fmt.Sprintf("%s-%02d", name, i)), query, i%2 == 1); err != nil {
				return err
			}
		}
		if err := b.top(ctx, dir, name); err != nil {
			return err
		}
	}
	for name, bodies := range b.hotBodies() {
		for i := range 2 {
			if err := b.profileHot(ctx, filepath.Join(dir, fmt.Sprintf("%s-%02d", name, i)), bodies, i == 1); err != nil {
				return err
			}
		}
		if err := b.top(ctx, dir, name); err != nil {
			return err
		}
	}
	return nil
}

// hotBodies are the requests of row 7.
func (b *bench) hotBodies() map[string][][]byte {
	small, large := userQuery(b.marks.HostID), crowdQuery(b.marks.BigMeeting, listedFields)
	return map[string][][]byte{
		"hot": requests(small), "hot-nonces": withNonces(small), "hot-large": requests(large), "hot-large-nonces": withNonces(large),
	}
}

// guide writes the profile of the gateway under row 7 for its profile-guided
// optimization (see proc.Guide). It contains no paths of the machine.
func (b *bench) guide(ctx context.Context, file string) error {
	b.zoomql = filepath.Join(b.place.Tmp, "profiled")
	if err := b.buildProfiled(ctx); err != nil {
		return err
	}
	if err := b.enter(ctx, office); err != nil {
		return err
	}
	var all []*profile.Profile
	for name, bodies := range b.hotBodies() {
		fmt.Fprintln(b.progress, "  "+name)
		stem := filepath.Join(b.place.Tmp, name)
		if err := b.profileHot(ctx, stem, bodies, false); err != nil {
			return err
		}
		raw, err := os.ReadFile(stem + ".cpu")
		if err != nil {
			return err
		}
		one, err := profile.ParseData(raw)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		all = append(all, one)
	}
	merged, err := profile.Merge(all)
	if err != nil {
		return err
	}
	for _, m := range merged.Mapping {
		m.File, m.BuildID = "", ""
	}
	merged.Comments, merged.TimeNanos = nil, 0
	var out bytes.Buffer
	if err := merged.Write(&out); err != nil {
		return err
	}
	return os.WriteFile(file, out.Bytes(), 0o644)
}

// buildProfiled builds the gateway with the profilers' file laid over it.
func (b *bench) buildProfiled(ctx context.Context, flags ...string) error {
	overlay := filepath.Join(b.place.Tmp, "overlay.json")
	content, err := json.Marshal(map[string]any{"Replace": map[string]string{
		filepath.Join(b.place.Root, "profiler.go"): filepath.Join(b.place.Root, "internal", "bench", "profiler.go.txt"),
	}})
	if err != nil {
		return err
	}
	if err := os.WriteFile(overlay, content, 0o600); err != nil {
		return err
	}
	fmt.Fprintln(b.progress, "building")
	return b.place.Build(ctx, b.zoomql, ".", append(flags, "-overlay", overlay)...)
}

// profileCold profiles one query that the gateway has not cached.
func (b *bench) profileCold(ctx context.Context, file, query string, allocations bool) error {
	p, profiler, err := b.startProfiled(ctx, allocations)
	if err != nil {
		return err
	}
	defer p.Stop()
	for _, q := range warmUps(b.marks) {
		if _, _, err := b.mustSend(ctx, p, q); err != nil {
			return err
		}
	}
	return b.between(ctx, profiler, file, func() error {
		_, _, err := b.mustSend(ctx, p, query)
		return err
	})
}

func (b *bench) profileHot(ctx context.Context, file string, bodies [][]byte, allocations bool) error {
	p, profiler, err := b.startProfiled(ctx, allocations)
	if err != nil {
		return err
	}
	defer p.Stop()
	if _, _, err := b.hammer(ctx, p, bodies, 64, time.Second); err != nil {
		return err
	}
	return b.between(ctx, profiler, file, func() error {
		_, _, err := b.hammer(ctx, p, bodies, 64, 5*time.Second)
		return err
	})
}

// startProfiled starts the gateway and returns the address of its profiler: that of CPU
// time, or that of allocations.
func (b *bench) startProfiled(ctx context.Context, allocations bool) (*proc.Process, string, error) {
	addr, err := proc.FreeAddr(ctx)
	if err != nil {
		return nil, "", err
	}
	env := []string{"PROFILER=" + addr}
	if allocations {
		env = append(env, "PROFILE_ALLOCATIONS=1")
	}
	p, err := b.gateway().start(ctx, env...)
	return p, addr, err
}

// between profiles a call of do.
func (b *bench) between(ctx context.Context, profiler, file string, do func() error) error {
	call := func(what string) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+profiler+"/"+what+"?file="+file, nil)
		if err != nil {
			return err
		}
		resp, err := b.client.Do(req)
		if err != nil {
			return err
		}
		if resp.StatusCode != http.StatusOK {
			err = fmt.Errorf("profiler: %s", resp.Status)
		}
		_ = resp.Body.Close()
		return err
	}
	if err := call("start"); err != nil {
		return err
	}
	if err := do(); err != nil {
		return err
	}
	return call("stop")
}

// top writes the functions with the highest costs, flat and cumulative, as text; the
// profiles themselves remain for "go tool pprof".
func (b *bench) top(ctx context.Context, dir, name string) error {
	if err := b.subtract(ctx, dir, name); err != nil {
		return err
	}
	for _, kind := range []string{"cpu", "allocs"} {
		files, err := filepath.Glob(filepath.Join(dir, name+"-[0-9][0-9]."+kind))
		if err != nil {
			return err
		}
		var report []byte
		for _, order := range [][]string{{"-top"}, {"-top", "-cum"}} {
			out, err := b.pprof(ctx, slices.Concat(order, []string{"-nodecount=100", "-ignore=runtime/pprof", b.zoomql}, files)...)
			if err != nil {
				return err
			}
			report = append(append(report, out...), '\n')
		}
		file := filepath.Join(dir, name+"."+kind+".txt")
		if err := os.WriteFile(file, report, 0o644); err != nil {
			return err
		}
		fmt.Fprintln(b.progress, "  "+file)
	}
	return nil
}

// subtract computes profiles of the allocations between start and stop, for each
// process: pprof accepts one base only.
func (b *bench) subtract(ctx context.Context, dir, name string) error {
	files, err := filepath.Glob(filepath.Join(dir, name+"-[0-9][0-9].after"))
	if err != nil {
		return err
	}
	for _, after := range files {
		stem := strings.TrimSuffix(after, ".after")
		if _, err := b.pprof(ctx, "-proto", "-output="+stem+".allocs", "-base="+stem+".before", b.zoomql, after); err != nil {
			return err
		}
		_ = os.Remove(after)
		_ = os.Remove(stem + ".before")
	}
	return nil
}

func (b *bench) pprof(ctx context.Context, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "go", append([]string{"tool", "pprof"}, args...)...)
	cmd.Dir = b.place.Root
	out, err := cmd.CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("pprof: %w\n%s", err, out)
	}
	return out, nil
}
