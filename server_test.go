package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"zoomql/internal/config"
	"zoomql/internal/sandbox"
)

var binary string

// TestMain builds the program once: what is tested here is what users start.
func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "zoomql")
	if err != nil {
		panic(err)
	}
	binary = filepath.Join(dir, "zoomql")
	if out, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		panic(string(out))
	}
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// process is a running program.
type process struct {
	cmd *exec.Cmd
	url string
	err *lines
}

// lines collects what a program writes and hands out lines as they come.
type lines struct {
	c chan string
}

// start starts the program on a free port and waits until it says where it
// listens.
func start(t *testing.T, args []string, env ...string) *process {
	t.Helper()
	cmd := exec.Command(binary, args...)
	cmd.Env = append([]string{"ADDR=127.0.0.1:0"}, env...)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	p := &process{cmd: cmd, err: &lines{make(chan string, 1000)}}
	go func() {
		for s := bufio.NewScanner(stderr); s.Scan(); {
			p.err.c <- s.Text()
		}
		close(p.err.c)
	}()
	p.url = p.waitFor(t, `http://[0-9.:]+`)
	return p
}

// waitFor reads what the program writes up to a match.
func (p *process) waitFor(t *testing.T, pattern string) string {
	t.Helper()
	re := regexp.MustCompile(pattern)
	deadline := time.After(20 * time.Second)
	for {
		select {
		case line, ok := <-p.err.c:
			if !ok {
				t.Fatalf("the program ended before it wrote %s", pattern)
			}
			if m := re.FindString(line); m != "" {
				return m
			}
		case <-deadline:
			t.Fatalf("the program did not write %s", pattern)
		}
	}
}

func (p *process) ask(t *testing.T, query string) (int, map[string]any) {
	t.Helper()
	return p.post(t, toJSON(t, map[string]string{"query": query}))
}

func (p *process) post(t *testing.T, body string) (int, map[string]any) {
	t.Helper()
	resp, err := http.Post(p.url+"/graphql", "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var answer map[string]any
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, answer
}

func (p *process) get(t *testing.T, path string) (int, string) {
	t.Helper()
	resp, err := http.Get(p.url + path)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20)) // a recording is long
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

// The first screen of the README is true: its question brings its answer, and
// asking again costs nothing.
func TestReadmeExample(t *testing.T) {
	p := start(t, nil)
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	var want map[string]any
	if err := json.Unmarshal([]byte(fenced(t, string(readme), "json")), &want); err != nil {
		t.Fatal(err)
	}
	query := fenced(t, string(readme), "graphql")
	status, got := p.ask(t, query)
	if status != http.StatusOK {
		t.Errorf("status %d", status)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("answer (-README +gateway):\n%s", diff)
	}
	first := p.waitFor(t, `LIGHT=\d+ MEDIUM=\d+ hits=\d+`)
	if line := fenced(t, string(readme), "text"); !strings.Contains(line, first) {
		t.Errorf("the README does not show what the question cost: %s", first)
	}
	p.ask(t, query)
	if again := p.waitFor(t, `msg=operation .*`); again != `msg=operation name="" kept=1` {
		t.Errorf("the second time: %s", again)
	}
}

// fenced returns the first fenced block of a language.
func fenced(t *testing.T, text, language string) string {
	t.Helper()
	m := regexp.MustCompile("(?s)\n```" + language + "\n(.*?)\n```").FindStringSubmatch(text)
	if m == nil {
		t.Fatalf("no block of %q", language)
	}
	return m[1]
}

// The README names every setting.
func TestReadmeSettings(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, setting := range regexp.MustCompile(`(?m)^  ([A-Z_]+)`).FindAllStringSubmatch(config.Help(), -1) {
		if !strings.Contains(string(readme), "`"+setting[1]+"`") {
			t.Errorf("the README does not name %s", setting[1])
		}
	}
}

func TestRoutes(t *testing.T) {
	p := start(t, nil)
	for path, want := range map[string]string{
		"/healthz":        "ok",
		"/readyz":         "ready",
		"/schema.graphql": "type Query",
		"/":               "<title>zoomql · sandbox</title>",
	} {
		if status, body := p.get(t, path); status != http.StatusOK || !strings.Contains(body, want) {
			t.Errorf("%s: %d %.80q, want %q in it", path, status, body, want)
		}
	}
	if status, _ := p.get(t, "/elsewhere"); status != http.StatusNotFound {
		t.Errorf("/elsewhere: %d", status)
	}
}

// A gateway with credentials asks the Zoom that they belong to: here a sandbox
// in a process of its own.
func TestOwnAccount(t *testing.T) {
	zoom := start(t, []string{"sandbox"})
	env := []string{
		"ZOOM_API_URL=" + zoom.url + "/v2", "ZOOM_OAUTH_URL=" + zoom.url, "ZOOM_PLAN=business",
		"ZOOM_ACCOUNT_ID=" + sandbox.AccountID, "ZOOM_CLIENT_ID=" + sandbox.ClientID,
	}
	const query = `{ account { users(first: 1) { nodes { email } } } }`

	good := start(t, nil, append(env, "ZOOM_CLIENT_SECRET="+sandbox.ClientSecret)...)
	if _, answer := good.ask(t, query); answer["errors"] != nil {
		t.Errorf("with credentials: %v", answer)
	}

	bad := start(t, nil, append(env, "ZOOM_CLIENT_SECRET=wrong")...)
	if status, _ := bad.get(t, "/readyz"); status != http.StatusServiceUnavailable {
		t.Errorf("ready with wrong credentials: %d", status)
	}
	_, answer := bad.ask(t, query)
	text, err := json.Marshal(answer)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), `"ZOOM_UNAUTHENTICATED"`) || strings.Contains(string(text), "wrong") {
		t.Errorf("with wrong credentials: %s", text)
	}
}

// SIGTERM lets a request in flight finish, takes no more, and ends well.
func TestDrain(t *testing.T) {
	p := start(t, nil, "SANDBOX_LATENCY=500ms", "LOG_LEVEL=DEBUG")
	type result struct {
		status int
		answer map[string]any
	}
	done := make(chan result)
	go func() {
		status, answer := p.ask(t, `{ account { users(first: 1) { nodes { email } } } }`)
		done <- result{status, answer}
	}()
	p.waitFor(t, "call sent") // at LOG_LEVEL=DEBUG
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if r := <-done; r.status != http.StatusOK || r.answer["errors"] != nil {
		t.Errorf("the request in flight: %d %v", r.status, r.answer)
	}
	if err := p.cmd.Wait(); err != nil {
		t.Errorf("the end: %v", err)
	}
}

func TestCommandLine(t *testing.T) {
	p := start(t, nil)
	_, port, _ := strings.Cut(strings.TrimPrefix(p.url, "http://"), ":")
	for _, c := range []struct {
		why  string
		args []string
		env  []string
		want string // in what it prints
		fail bool
	}{
		{"help names commands and settings", []string{"--help"}, nil, "ZOOM_CLIENT_SECRET", false},
		{"the schema is for code generators", []string{"schema"}, nil, "type Query", false},
		{"a gateway that runs is healthy", []string{"health"}, []string{"ADDR=0.0.0.0:" + port}, "", false},
		{"one that does not is not", []string{"health"}, []string{"ADDR=127.0.0.1:1"}, "refused", true},
		{"an unknown command is refused, with the way out", []string{"surf"}, nil, "--help", true},
		{"all mistakes in the settings are said at once", nil, []string{"ZOOM_PLAN=gold", "MAX_IN_FLIGHT=many", "LOG_FORMAT=xml"}, "ZOOM_PLAN", true},
		{"credentials in part are a mistake", nil, []string{"ZOOM_CLIENT_ID=x"}, "ZOOM_ACCOUNT_ID, ZOOM_CLIENT_SECRET", true},
		{"a real account is not opened to a network without keys", nil, []string{"ADDR=0.0.0.0:0", "ZOOM_ACCOUNT_ID=a", "ZOOM_CLIENT_ID=b", "ZOOM_CLIENT_SECRET=c"}, "API_KEYS", true},
		{"a port in use is said", nil, []string{"ADDR=127.0.0.1:" + port}, "address already in use", true},
	} {
		t.Run(c.why, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			cmd := exec.CommandContext(ctx, binary, c.args...)
			cmd.Env = c.env
			out, err := cmd.CombinedOutput()
			if !strings.Contains(string(out), c.want) || (err != nil) != c.fail {
				t.Errorf("error %v, output:\n%s", err, out)
			}
		})
	}
	// The mistakes stand together, and the secret in none of them.
	cmd := exec.Command(binary)
	cmd.Env = []string{"ZOOM_PLAN=gold", "MAX_IN_FLIGHT=many", "LOG_FORMAT=xml", "ZOOM_CLIENT_SECRET=canary"}
	out, _ := cmd.CombinedOutput()
	for _, want := range []string{"ZOOM_PLAN", "MAX_IN_FLIGHT", "LOG_FORMAT", "ZOOM_ACCOUNT_ID"} {
		if !bytes.Contains(out, []byte(want)) {
			t.Errorf("not a word of %s in:\n%s", want, out)
		}
	}
	if bytes.Contains(out, []byte("canary")) {
		t.Errorf("the secret is in:\n%s", out)
	}
}
