package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"testing"
	"time"

	"zoomql/internal/lab/upstream"
)

// TestMain runs this program as the sandbox that it starts, as main does.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == "sandbox" {
		fmt.Fprintln(os.Stderr, upstream.Serve(os.Args[2]))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// small is a small run without time limits: an answer may take minutes. A lost eviction
// is visible until the time to live is over, which is a minute.
var small = size{queries: 80, steps: 4000, settled: 30 * time.Second, timeout: 5 * time.Minute}

// Two of the rows at a small size: the replicas together make no more calls than one
// alone, and no read is stale.
func TestSmoke(t *testing.T) {
	if _, err := exec.LookPath("redis-server"); err != nil {
		t.Skip("redis-server is not installed: this test needs a real one")
	}
	var said bytes.Buffer
	c, err := newChaos(t.Context(), options{seed: 1, size: small, gateway: builtGateway(t)}, &said)
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	if err := c.identical(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := c.evicted(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Logf("%s", &said)
	sets, evictions := c.rows[0].Values, c.rows[1].Values
	if sets["calls"] == 0 || sets["extra"] > 3*sets["set"] || sets["missing"] > 0 || sets["failed"] > 0 {
		t.Errorf("identical queries: %s", c.rows[0].Measured)
	}
	// The delays of evictions are not tested, since other tests run at the same time.
	if evictions["reads"] < 3000 || evictions["writes"] < 50 || evictions["stale"] > 0 || evictions["failed"] > 0 {
		t.Errorf("evictions: %s", c.rows[1].Measured)
	}
}

// builtGateway builds the gateway with the build settings of the tests, whose packages
// are compiled already.
func builtGateway(t *testing.T) string {
	program := filepath.Join(t.TempDir(), "zoomql")
	args := []string{"build", "-buildvcs=false", "-ldflags", "-s -w", "-o", program}
	if built, _ := debug.ReadBuildInfo(); slices.Contains(built.Settings, debug.BuildSetting{Key: "-race", Value: "true"}) {
		args = append(args, "-race")
	}
	cmd := exec.CommandContext(t.Context(), "go", append(args, ".")...)
	cmd.Dir = "../.." // the gateway's module
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return program
}
