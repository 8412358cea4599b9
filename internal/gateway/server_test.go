package gateway

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
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
	"zoomql/internal/drift"
	"zoomql/internal/sandbox"
)

// patience is the longest that a test waits for one thing: only a hang exceeds it.
const patience = 5 * time.Minute

// TestMain lets this program be the gateway that the tests start. So nothing is
// built twice, and under -race the gateway is watched as well.
func TestMain(m *testing.M) {
	if os.Args[0] == "zoomql" {
		os.Exit(Main(os.Args[1:], os.Environ(), os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

// command is the program as a user starts it, with these settings and no others.
func command(ctx context.Context, t testing.TB, args []string, env ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(ctx, self, args...)
	cmd.Args[0] = "zoomql"
	cmd.Env = append([]string{"GORACE=halt_on_error=1"}, env...)
	return cmd
}

// process is a running program.
type process struct {
	cmd   *exec.Cmd
	url   string
	lines chan string // what it writes; closed at its end
	early []string    // what of it was read before it said where it listens
	races []string    // what the race detector reports; to be read when lines is closed
}

// start starts the program on a free port and waits until it says where it
// listens.
func start(t testing.TB, args []string, env ...string) *process {
	t.Helper()
	p := &process{
		cmd:   command(context.WithoutCancel(t.Context()), t, args, append([]string{"ADDR=127.0.0.1:0"}, env...)...),
		lines: make(chan string, 1000),
	}
	stderr, err := p.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.end(t) })
	go p.read(stderr)
	p.url, p.early = p.readTo(t, `http://[0-9.:]+`) // its tasks may write before it listens
	return p
}

// read hands out what the program writes, a line at a time.
func (p *process) read(stderr io.Reader) {
	defer close(p.lines)
	for s := bufio.NewScanner(stderr); s.Scan(); {
		if len(p.races) > 0 || strings.Contains(s.Text(), "WARNING: DATA RACE") {
			p.races = append(p.races, s.Text())
		}
		p.lines <- s.Text()
	}
}

// end kills the program, if it still runs, and fails the test for its data races.
func (p *process) end(t testing.TB) {
	_ = p.cmd.Process.Kill()
	for range p.lines { // up to the last
	}
	_ = p.cmd.Wait()
	if len(p.races) > 0 {
		t.Errorf("the program has a data race:\n%s", strings.Join(p.races, "\n"))
	}
}

// waitFor reads what the program writes up to a match.
func (p *process) waitFor(t testing.TB, pattern string) string {
	t.Helper()
	match, _ := p.readTo(t, pattern)
	return match
}

// readTo returns a match in what the program writes, and the lines before it.
func (p *process) readTo(t testing.TB, pattern string) (match string, before []string) {
	t.Helper()
	re := regexp.MustCompile(pattern)
	late := time.After(patience)
	for {
		var line string
		if len(p.early) > 0 {
			line, p.early = p.early[0], p.early[1:]
		} else {
			var ok bool
			select {
			case line, ok = <-p.lines:
				if !ok {
					t.Fatalf("the program ended before it wrote %s", pattern)
				}
			case <-late:
				t.Fatalf("the program did not write %s", pattern)
			}
		}
		if match = re.FindString(line); match != "" {
			return match, before
		}
		before = append(before, line)
	}
}

func (p *process) ask(t testing.TB, query string) (int, map[string]any) {
	t.Helper()
	return p.post(t, toJSON(t, map[string]string{"query": query}))
}

func (p *process) post(t testing.TB, body string) (int, map[string]any) {
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
	readme, err := os.ReadFile("../../README.md")
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
	readme, err := os.ReadFile("../../README.md")
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

// An account on another cloud is not served with what was configured for this one,
// and /readyz, the log and each question say which host its token names.
func TestAnAccountOnAnotherCloud(t *testing.T) {
	oauth := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"access_token":"t","token_type":"bearer","expires_in":3600,"api_url":"https://api.zoomgov.com"}`)
	}))
	defer oauth.Close()
	p := start(t, nil, "ZOOM_OAUTH_URL="+oauth.URL, "ZOOM_ACCOUNT_ID=a", "ZOOM_CLIENT_ID=c", "ZOOM_CLIENT_SECRET=s", "ZOOM_PLAN=none")
	if status, body := p.get(t, "/readyz"); status != http.StatusServiceUnavailable || !strings.Contains(body, "api.zoomgov.com") {
		t.Errorf("/readyz: %d %s", status, body)
	}
	p.waitFor(t, `cannot be served.*api\.zoomgov\.com`)
	_, answer := p.ask(t, `{ account { users(first: 1) { totalCount } } }`)
	p.waitFor(t, `another cloud.*api\.zoomgov\.com`)
	if text := toJSON(t, answer); !strings.Contains(text, "api.zoomgov.com") || !strings.Contains(text, "NOT_ZOOM") {
		t.Errorf("a question: %s", text)
	}
}

// SIGTERM lets a request in flight finish, takes no more, and ends well. Zoom
// answers only when the gateway has stopped taking requests.
func TestDrain(t *testing.T) {
	box, err := sandbox.New(sandbox.Options{Plan: sandbox.PlanNone})
	if err != nil {
		t.Fatal(err)
	}
	called, closed := make(chan struct{}, 1), make(chan struct{})
	zoom := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/v2/users") {
			called <- struct{}{}
			<-closed
		}
		box.ServeHTTP(w, r)
	}))
	defer zoom.Close()
	p := start(t, nil, "ZOOM_API_URL="+zoom.URL+"/v2", "ZOOM_OAUTH_URL="+zoom.URL, "ZOOM_PLAN=none", "DRAIN_TIME="+patience.String(), "REQUEST_TIMEOUT="+patience.String(),
		"ZOOM_ACCOUNT_ID="+sandbox.AccountID, "ZOOM_CLIENT_ID="+sandbox.ClientID, "ZOOM_CLIENT_SECRET="+sandbox.ClientSecret)
	type result struct {
		status int
		answer map[string]any
	}
	done := make(chan result, 1)
	go func() {
		defer close(done) // also if there is no answer
		status, answer := p.ask(t, `{ account { users(first: 1) { nodes { email } } } }`)
		done <- result{status, answer}
	}()
	<-called
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		conn, err := net.Dial("tcp", strings.TrimPrefix(p.url, "http://"))
		if err != nil {
			break
		}
		conn.Close()
		if time.Now().After(end) {
			t.Fatal("the gateway still takes connections")
		}
	}
	close(closed)
	if r := <-done; r.status != http.StatusOK || r.answer["errors"] != nil {
		t.Errorf("the request in flight: %d %v", r.status, r.answer)
	}
	for range p.lines { // up to the last
	}
	if err := p.cmd.Wait(); err != nil {
		t.Errorf("the end: %v", err)
	}
}

func TestCommandLine(t *testing.T) {
	p := start(t, nil)
	_, port, _ := strings.Cut(strings.TrimPrefix(p.url, "http://"), ":")
	drifted := filepath.Join(t.TempDir(), "drift.json")
	found := &drift.Report{}
	found.Add("GET /a", map[drift.Finding]int{{Kind: drift.Value, Field: "device", Value: "Zoom Rooms"}: 1}, time.Now())
	if err := found.Save(drifted); err != nil {
		t.Fatal(err)
	}
	query, change := filepath.Join(t.TempDir(), "query.graphql"), filepath.Join(t.TempDir(), "change.graphql")
	unknown, large := filepath.Join(t.TempDir(), "unknown.graphql"), filepath.Join(t.TempDir(), "large.graphql")
	long, free := filepath.Join(t.TempDir(), "long.graphql"), filepath.Join(t.TempDir(), "free.graphql")
	for name, text := range map[string]string{
		unknown: `{ account { zoomid } }`,
		long:    `{ account { users(first: 5000) { nodes { email } } } }`,
		free:    `{ viewer { account { zoomId } } }`,
		large:   `{ account { users(first: 3000) { nodes { meetings(first: 3000) { nodes { host { meetings(first: 3000) { nodes { topic } } } } } } } } }`,
		query:   `query ($first: Int! = 5) { account { users(first: $first) { nodes { jobTitle } } } }`,
		change:  `mutation { deleteMeeting(input: {meeting: {number: "1"}}) { userErrors { code } } }`,
	} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		why  string
		args []string
		env  []string
		want string // in what it prints
		fail bool
	}{
		{"help names commands and settings", []string{"--help"}, nil, "ZOOM_CLIENT_SECRET", false},
		{"the schema is for code generators", []string{"schema"}, nil, "type Query", false},
		{"what drifted is read from a file", []string{"drift"}, []string{"DRIFT_FILE=" + drifted}, "Zoom Rooms", false},
		{"also as JSON", []string{"drift", "--json"}, []string{"DRIFT_FILE=" + drifted}, `"operation": "GET /a"`, false},
		{"which has to be named", []string{"drift"}, nil, "DRIFT_FILE", true},
		{"a gateway that runs is healthy", []string{"health"}, []string{"ADDR=0.0.0.0:" + port}, "", false},
		{"one that does not is not", []string{"health"}, []string{"ADDR=127.0.0.1:1"}, "refused", true},
		{"a price is asked of a gateway that runs", []string{"price", query}, []string{"ADDR=127.0.0.1:" + port}, "GET /users/{userId}", false},
		{"also of a mutation, as JSON", []string{"price", "--json", change}, []string{"ADDR=127.0.0.1:" + port}, `"operation": "DELETE /meetings/{meetingId}"`, false},
		{"variables stand on the line", []string{"price", query, `--variables={"first": 7}`}, []string{"ADDR=127.0.0.1:" + port}, "7 ", false},
		{"a mistake in the document is told", []string{"price", query, `--variables={"first": "x"}`}, []string{"ADDR=127.0.0.1:" + port}, "$first", true},
		{"an unknown field is told", []string{"price", unknown}, []string{"ADDR=127.0.0.1:" + port}, `Cannot query field "zoomid"`, true},
		{"a query that is refused for its size has a price", []string{"price", large}, []string{"ADDR=127.0.0.1:" + port}, "in pages of 300", true},
		{"and the reason beside it", []string{"price", large}, []string{"ADDR=127.0.0.1:" + port}, "zoomql: LIMIT_EXCEEDED: The answer is too large", true},
		{"also beside JSON", []string{"price", "--json", large}, []string{"ADDR=127.0.0.1:" + port}, "zoomql: LIMIT_EXCEEDED: The answer is too large", true},
		{"a list that is refused has no price, but the reason", []string{"price", long}, []string{"ADDR=127.0.0.1:" + port}, `zoomql: BAD_USER_INPUT: first: 5000 is not between 1 and 3000 (at ["account","users"])`, true},
		{"a query without calls costs nothing", []string{"price", free}, []string{"ADDR=127.0.0.1:" + port}, "It makes no call to Zoom.", false},
		{"variables that are none are refused", []string{"price", query, "--variables=x"}, []string{"ADDR=127.0.0.1:" + port}, "no such file", true},
		{"help of the sandbox lists what can be made odd", []string{"sandbox", "--help"}, nil, "repeated-token", false},
		{"a kind of fault that is none is refused", nil, []string{"SANDBOX_FAULTS=refused:0.1,tired"}, "there is no kind \"tired\"", true},
		{"an unknown command is refused, with the way out", []string{"surf"}, nil, "--help", true},
		{"all mistakes in the settings are said at once", nil, []string{"ZOOM_PLAN=gold", "MAX_IN_FLIGHT=many", "LOG_FORMAT=xml"}, "ZOOM_PLAN", true},
		{"credentials in part are a mistake", nil, []string{"ZOOM_CLIENT_ID=x"}, "ZOOM_ACCOUNT_ID, ZOOM_CLIENT_SECRET", true},
		{"a real account is not opened to a network without keys", nil, []string{"ADDR=0.0.0.0:0", "ZOOM_ACCOUNT_ID=a", "ZOOM_CLIENT_ID=b", "ZOOM_CLIENT_SECRET=c"}, "API_KEYS", true},
		{"a port in use is said", nil, []string{"ADDR=127.0.0.1:" + port}, "address already in use", true},
	} {
		t.Run(c.why, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			out, err := command(ctx, t, c.args, c.env...).CombinedOutput()
			if !strings.Contains(string(out), c.want) || (err != nil) != c.fail {
				t.Errorf("error %v, output:\n%s", err, out)
			}
		})
	}
	// The mistakes stand together, and the secret in none of them.
	out, _ := command(t.Context(), t, nil, "ZOOM_PLAN=gold", "MAX_IN_FLIGHT=many", "LOG_FORMAT=xml", "ZOOM_CLIENT_SECRET=canary").CombinedOutput()
	for _, want := range []string{"ZOOM_PLAN", "MAX_IN_FLIGHT", "LOG_FORMAT", "ZOOM_ACCOUNT_ID"} {
		if !bytes.Contains(out, []byte(want)) {
			t.Errorf("not a word of %s in:\n%s", want, out)
		}
	}
	if bytes.Contains(out, []byte("canary")) {
		t.Errorf("the secret is in:\n%s", out)
	}
}
