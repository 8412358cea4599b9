package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
)

// events writes events as "go test -json" does.
func events(t *testing.T, all ...event) string {
	t.Helper()
	var b strings.Builder
	for _, e := range all {
		raw, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		b.Write(append(raw, '\n'))
	}
	return b.String()
}

func reported(t *testing.T, in string, slowest int) string {
	t.Helper()
	var out strings.Builder
	r := newReport(&out)
	if err := r.read(strings.NewReader(in)); err != nil {
		t.Fatal(err)
	}
	r.writeSlowest(slowest)
	r.writeSkipped()
	return out.String()
}

func TestReport(t *testing.T) {
	in := "go: downloading example.com/x v1.0.0\n" + events(t,
		event{Action: "build-output", Output: "x.go:1: undefined: y\n"},
		event{Action: "start", Package: "good"},
		event{Action: "run", Package: "good", Test: "TestA"},
		event{Action: "output", Package: "good", Test: "TestA", Output: "=== RUN   TestA\n"},
		event{Action: "output", Package: "good", Test: "TestA", Output: "    a_test.go:7: not of interest\n"},
		event{Action: "output", Package: "bad", Test: "TestB/sub", Output: "=== RUN   TestB/sub\n"},
		event{Action: "output", Package: "bad", Test: "TestB/sub", Output: "    b_test.go:9: broken\n"},
		event{Action: "output", Package: "bad", Test: "TestB/sub", Output: "    --- FAIL: TestB/sub (0.20s)\n"},
		event{Action: "fail", Package: "bad", Test: "TestB/sub", Elapsed: 0.2},
		event{Action: "pass", Package: "good", Test: "TestA", Elapsed: 1.5},
		event{Action: "output", Package: "good", Test: "TestC", Output: "    c_test.go:3: needs\n"},
		event{Action: "output", Package: "good", Test: "TestC", Output: "        a moon\n"},
		event{Action: "output", Package: "good", Test: "TestC", Output: "--- SKIP: TestC (0.00s)\n"},
		event{Action: "skip", Package: "good", Test: "TestC"},
		event{Action: "pass", Package: "good", Test: "TestD", Elapsed: 3},
		event{Action: "pass", Package: "good", Test: "TestE", Elapsed: 0.5},
		event{Action: "output", Package: "good", Output: "PASS\n"},
		event{Action: "output", Package: "good", Output: "ok  \tgood\t2.000s\n"},
		event{Action: "pass", Package: "good", Elapsed: 2},
		event{Action: "output", Package: "none", Output: "?   \tnone\t[no test files]\n"},
		event{Action: "skip", Package: "none"},
		event{Action: "output", Package: "bad", Test: "TestP", Output: "panic: hung\n"},
		event{Action: "output", Package: "bad", Output: "FAIL\tbad\t0.400s\n"},
		event{Action: "fail", Package: "bad", Elapsed: 0.4},
		event{Action: "output", Package: "cut", Test: "TestQ", Output: "    q_test.go:1: under way\n"},
	)
	want := `go: downloading example.com/x v1.0.0
x.go:1: undefined: y
    b_test.go:9: broken
    --- FAIL: TestB/sub (0.20s)
ok  	good	2.000s
panic: hung
FAIL	bad	0.400s
    q_test.go:1: under way
slowest of good:
    3.00 s  TestD
    1.50 s  TestA
LEFT OUT: good TestC: needs a moon
`
	if got := reported(t, in, 2); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

const sample = `package sample

import "testing"

func TestGood(t *testing.T) { t.Log("not of interest") }
func TestLeftOut(t *testing.T) { t.Skip("needs a moon") }
func TestBad(t *testing.T) {
	t.Run("sub", func(t *testing.T) { t.Error("broken") })
}
func TestPanics(t *testing.T) { panic("at once") }
`

// What the go command really writes is understood.
func TestReportOfGo(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"go.mod": "module sample\n", "sample_test.go": sample} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	args := []string{"test", "-json"}
	if built, _ := debug.ReadBuildInfo(); slices.Contains(built.Settings, debug.BuildSetting{Key: "-race", Value: "true"}) {
		args = append(args, "-race") // for which all is compiled already
	}
	cmd := exec.CommandContext(t.Context(), "go", args...)
	cmd.Dir = dir
	out, err := cmd.Output()
	if err == nil {
		t.Error("the sample's tests pass")
	}
	got := reported(t, string(out), 0)
	for _, want := range []string{"broken", "--- FAIL: TestBad/sub", "--- FAIL: TestBad (", "panic: at once", "goroutine ", "FAIL\tsample\t", "LEFT OUT: sample TestLeftOut: needs a moon\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	for _, no := range []string{"of interest", "=== RUN"} {
		if strings.Contains(got, no) {
			t.Errorf("%q is in\n%s", no, got)
		}
	}
}
