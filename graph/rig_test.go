package graph

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"go.uber.org/goleak"

	"zoomql/cache"
	"zoomql/graph/admission"
	"zoomql/graph/endpoint"
	"zoomql/internal/auth"
	"zoomql/internal/events"
	"zoomql/internal/identity"
	"zoomql/internal/links"
	"zoomql/internal/negotiation"
	"zoomql/internal/ratelimit"
	"zoomql/internal/sandbox"
	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

// TestMain fails if a goroutine is left after all tests. Find waits for a second, which is too
// short on a busy machine.
//
// The tests keep little of what they allocate: with fewer garbage collections, they take a quarter
// less CPU time.
func TestMain(m *testing.M) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(400)
	}
	code := m.Run()
	leaked := goleak.Find()
	for end := time.Now().Add(2 * time.Minute); code == 0 && leaked != nil && time.Now().Before(end); {
		leaked = goleak.Find()
	}
	if code == 0 && leaked != nil {
		fmt.Fprintln(os.Stderr, leaked)
		code = 1
	}
	os.Exit(code)
}

// monday is the start time of every rig. All data of the sandbox depend on it, so answers do not
// depend on the day of the test.
var monday = time.Date(2026, 3, 16, 9, 10, 0, 0, time.UTC)

// step is the default latency of a rig's sandbox. Nothing else takes time, so the calls of one
// round trip begin at one instant.
const step = 100 * time.Millisecond

// setup configures a rig; the zero value is an account without limits.
type setup struct {
	sandbox.Options
	timeout time.Duration   // of one operation; 0 is the gateway's own
	secret  string          // of the Zoom app; "" is the right one
	limits  endpoint.Limits // of a query; zero is the gateway's own
	budget  Budget          // of an answer; zero is the gateway's own
	price   MaxPrice        // of an operation; nil is none
	// before, if not nil, may answer a call instead of the sandbox.
	before    func(w http.ResponseWriter, r *http.Request) bool
	planKnown bool // somebody has said which plan the account has
	// lists, if given and where it forces a choice, decides whether lists are read.
	lists func(list *zoom.Spec, keys int) (read, forced bool)
	// admission, if not nil, is the control of what operations take at once.
	admission *admission.Control
	// breaker says when operations are left alone; zero is the gateway's own.
	breaker zoom.Breaker
	// store, if not nil, is the gateway's cache.
	store cache.Store
	// shared, if not nil, is a cache shared by several gateways.
	shared cache.Shared
	// answers, if not nil, caches whole answers; without a store of the test's own, the
	// default is the gateway's.
	answers cache.Local
	// fields, if not nil, wraps every field.
	fields graphql.FieldMiddleware
	// view is the view of the answers; "" means the app's.
	view string
	// as, if not nil, returns the source of each request's credential.
	as     func(identity.Tokens) identity.Source
	closed bool // introspection is off
	rawOff bool // raw requests are off
	// trusted are documents that are known by their ids; only means that no other document
	// is executed.
	trusted *endpoint.Trusted
	only    bool
	drift   bool // answers report what the schema lacks of Zoom's
	// coverage, if not nil, returns which answers events keep up to date; events reports
	// whether events arrive.
	coverage zoom.Coverage
	events   EventStatus
	// bus, if given, has the account's events, with what people are called unless nameless is
	// set.
	bus      *events.Bus
	nameless bool
	// remote has the log hold addresses.
	remote bool
	// logs, if not nil, receives the log.
	logs slog.Handler
	// throttles means that the sandbox is expected to answer 429.
	throttles bool
}

// rig is a gateway over a sandbox, in one bubble of synctest: requests are HTTP from end to end,
// but through pipes, and time passes only while all goroutines wait.
type rig struct {
	t *testing.T
	*sandbox.Sandbox
	sandbox.Landmarks
	setup
	front, back *network
	http        *http.Client
	log         *logBuffer
	dryRun      bool // requests ask for prices only
	strict      bool // requests are all or nothing
}

// inRig runs a test in a bubble, with a gateway over a sandbox. At its end, all goroutines must
// end, and the log must contain nothing personal.
func inRig(t *testing.T, s setup, test func(*rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(monday))
		r := newRig(t, s)
		defer r.close()
		test(r)
	})
}

func newRig(t *testing.T, s setup) *rig {
	t.Helper()
	if s.Plan == "" {
		s.Plan = sandbox.PlanNone
	}
	if s.Latency == 0 {
		s.Latency = step
	}
	if s.store == nil && s.shared == nil {
		store := &guardedStore{cache.NewMemory(64 << 20), t}
		s.store, s.answers = store, store
	}
	if s.secret == "" {
		s.secret = sandbox.ClientSecret
	}
	box, err := sandbox.New(s.Options)
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, Sandbox: box, Landmarks: box.Landmarks(), setup: s, log: &logBuffer{}}
	r.back = serve(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if s.before == nil || !s.before(w, req) {
			box.ServeHTTP(w, req)
		}
	}))
	r.open()
	return r
}

// open starts the gateway of the rig.
func (r *rig) open() {
	s, t := r.setup, r.t
	t.Helper()
	if s.logs == nil {
		s.logs = slog.NewJSONHandler(r.log, nil)
	}
	log := slog.New(s.logs)
	_, tokens := r.carry()
	files, err := links.New(links.Config{AccountID: sandbox.AccountID, Tokens: tokens, APIURL: "http://zoom.test/v2", Transport: r.back.transport(), Log: log})
	if err != nil {
		t.Fatal(err)
	}
	client, credential := r.client()
	as := identity.Always(credential)
	if s.as != nil {
		as = s.as(credential.Tokens)
	}
	mux := http.NewServeMux()
	gateway := New(Config{
		fields: s.fields, Admission: s.admission,
		Client: client, Credential: as, Answers: s.answers, Links: files, Log: log, LogRemote: s.remote, Drift: s.drift, Introspection: !s.closed, Timeout: s.timeout, Limits: s.limits, Budget: s.budget, MaxPrice: s.price,
		Events: s.events, Bus: s.bus, Names: s.bus != nil && !s.nameless, RawRequests: !s.rawOff, Persisted: s.store, Trusted: s.trusted, TrustedOnly: s.only,
	})
	if s.admission != nil { // which connections share
		gateway = &endpoint.Sockets{Next: gateway, Live: &endpoint.Live{}, Admission: s.admission, Log: log}
	}
	mux.Handle("/graphql", gateway)
	mux.Handle("GET "+links.Path, files)
	r.front = serve(mux)
	r.http = &http.Client{Transport: r.front.transport()}
}

// replica starts another gateway over the same sandbox, with a cache of its own over what is
// shared. The caller closes its front.
func (r *rig) replica(shared cache.Shared, bus *events.Bus) *rig {
	r.t.Helper()
	other := *r
	other.shared, other.answers, other.bus = shared, shared.L1(), bus
	other.open()
	return &other
}

// carry returns an HTTP client on the rig's own network, and tokens that are requested over the
// same connections.
func (r *rig) carry() (*http.Client, identity.Tokens) {
	carry := &http.Client{Transport: r.back.transport(), CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return carry, auth.NewServerToServer(sandbox.AccountID, sandbox.ClientID, r.secret, "http://zoom.test", carry)
}

// sandboxApp returns a source that gives all requests the credential of a sandbox's app.
func sandboxApp(behind *httptest.Server) identity.Source {
	tokens := auth.NewServerToServer(sandbox.AccountID, sandbox.ClientID, sandbox.ClientSecret, behind.URL, behind.Client())
	return identity.Always(identity.New(identity.View{Account: sandbox.AccountID, App: "server-to-server:" + sandbox.ClientID}, tokens))
}

// client returns a client like that of server.go, on the rig's own network, with the credential of
// the rig's view.
func (r *rig) client() (*zoom.Client, *identity.Credential) {
	carry, tokens := r.carry()
	credential := identity.New(identity.View{Account: sandbox.AccountID, App: cmp.Or(r.view, "server-to-server:"+sandbox.ClientID)}, tokens)
	return zoom.New(zoom.Config{
		AccountID: sandbox.AccountID,
		Plan:      zoom.Plan(r.Plan),
		BaseURL:   "http://zoom.test/v2",
		HTTP:      carry,
		Store:     r.store,
		Shared:    r.shared,
		Breaker:   r.breaker,
		Lists:     r.lists,
		PlanKnown: r.planKnown,
		Coverage:  r.coverage,
		Limiter:   ratelimit.NewLimiter(&ratelimit.Memory{}, 30*time.Second),
	}).As(credential), credential
}

// close ends the goroutines of the rig. Abandoned calls may take a minute to end, on the bubble's
// clock.
func (r *rig) close() {
	time.Sleep(2 * time.Minute)
	r.front.close()
	r.back.close()
	r.clean("the log", r.log.String())
	if n := r.Throttled(); n > 0 && !r.throttles {
		r.t.Errorf("Zoom answered 429 %d times", n)
	}
}

// personal matches what must not be in any message or log: addresses, tokens, and links that
// admit their owner.
var personal = regexp.MustCompile(`[\w.+-]+@[\w-]+\.\w+|sandbox\.[0-9a-f]{8}|` + sandbox.ClientSecret + `|zak=|\?tk=|\?pwd=|canary`)

var wordsOfPersonal = []string{"@", "sandbox.", sandbox.ClientSecret, "zak=", "?tk=", "?pwd=", "canary"}

func (r *rig) clean(what, text string) {
	r.t.Helper()
	if found := findAmong(personal, wordsOfPersonal, text); found != "" {
		r.t.Errorf("%s holds %q:\n%s", what, found, text)
	}
}

// guardedStore is a cache that fails the test if a credential is stored in it.
type guardedStore struct {
	cache.Local
	t *testing.T
}

var credentials = regexp.MustCompile(`zak=|\?tk=|"(\w*password|participant_pin_code|dynamic_host_key)":"[^"]`)

var wordsOfCredentials = []string{"zak=", "?tk=", `password":"`, `participant_pin_code":"`, `dynamic_host_key":"`}

// findAmong returns a match of the expression. Each match contains one of the words, which are
// searched first: under the race detector, the expression alone took half of the tests' time.
func findAmong(expression *regexp.Regexp, words []string, text string) string {
	if !slices.ContainsFunc(words, func(word string) bool { return strings.Contains(text, word) }) {
		return ""
	}
	return expression.FindString(text)
}

func (s *guardedStore) Set(ctx context.Context, key string, ticket cache.Ticket, e *cache.Entry) {
	body, err := e.Body()
	if found := findAmong(credentials, wordsOfCredentials, string(body)); err != nil || found != "" {
		s.t.Errorf("%q is put into the cache (error %v)", found, err)
	}
	s.Local.Set(ctx, key, ticket, e)
}

// answer is a GraphQL answer that has been read.
type answer struct {
	status     int
	header     http.Header
	body       string
	Data       json.RawMessage
	Errors     []answerError
	Extensions map[string]any
}

type answerError struct {
	Message    string
	Path       []any
	Extensions map[string]any
}

func (e answerError) code() string {
	code, _ := e.Extensions["code"].(string)
	return code
}

// ask sends a query as clients do. ${Name} is replaced by a landmark.
func (r *rig) ask(query string, variables map[string]any) *answer {
	r.t.Helper()
	body, err := json.Marshal(map[string]any{"query": r.fill(query), "variables": variables})
	if err != nil {
		r.t.Fatal(err)
	}
	return r.post("application/json", string(body))
}

func (r *rig) post(media, body string) *answer {
	r.t.Helper()
	req, err := http.NewRequest(http.MethodPost, "http://gateway.test/graphql", strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("Content-Type", media)
	req.Header.Set("Accept", negotiation.GraphQLResponse)
	req.Header.Set("Apollo-Require-Preflight", "true") // required for a form with a file
	return r.send(req)
}

func (r *rig) send(req *http.Request) *answer {
	r.t.Helper()
	if r.dryRun {
		req.Header.Set("X-Dry-Run", "true")
	}
	if r.strict {
		req.Header.Set("Prefer", "respond-async, handling=strict")
	}
	res, err := r.http.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	a := &answer{status: res.StatusCode, header: res.Header, body: string(raw)}
	if err := json.Unmarshal(raw, a); err != nil {
		r.t.Fatalf("the answer is no JSON: %v\n%s", err, raw)
	}
	errs, _ := json.Marshal(a.Errors)
	r.clean("an error", string(errs))
	return a
}

// fill replaces the names of landmarks by their values.
func (r *rig) fill(text string) string { return placeholder.ReplaceAllStringFunc(text, r.value) }

var placeholder = regexp.MustCompile(`\$\{[^}]*\}`)

func (r *rig) value(name string) string {
	name = strings.Trim(name, "${}")
	if kind, name, ok := strings.Cut(name, " "); ok { // "User HostID": a global id
		return r.id(kind, r.value(name))
	}
	value, ok := landmarks(r.Landmarks)[name]
	if !ok {
		r.t.Fatalf("there is no landmark %q", name)
	}
	return value
}

// id returns the global id of an object; "User@SubAccountID" is a type in that account.
func (r *rig) id(kind, key string) string {
	kind, account, _ := strings.Cut(kind, "@")
	if account != "" {
		account = r.value(account)
	}
	return types.NodeID{Account: account, Type: kind, Key: key}.Encode(types.TenantOf(sandbox.AccountID))
}

// spent returns the calls that Zoom received since the last time, in order.
func (r *rig) spent() []sandbox.Call {
	synctest.Wait() // an answer can arrive before the ledger has it
	calls := r.Calls()
	r.ResetCalls()
	return calls
}

// spends fails the test unless Zoom received this many calls since the last time.
func (r *rig) spends(n int) {
	r.t.Helper()
	if calls := r.spent(); len(calls) != n {
		r.t.Errorf("%d calls were made, want %d: %v", len(calls), n, patterns(calls))
	}
}

func patterns(calls []sandbox.Call) []string {
	list := make([]string, len(calls))
	for i, c := range calls {
		list[i] = c.Pattern
	}
	slices.Sort(list)
	return list
}

// network is a server and the pipes to it.
type network struct {
	server *http.Server
	accept chan net.Conn
	ended  chan struct{}
	once   sync.Once
	gone   atomic.Bool // as if the host did not exist
	ways   []*http.Transport
}

func serve(h http.Handler) *network {
	n := &network{accept: make(chan net.Conn), ended: make(chan struct{})}
	n.server = &http.Server{Handler: h, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, 0)}
	go n.server.Serve(n)
	return n
}

func (n *network) transport() *http.Transport {
	t := &http.Transport{DialContext: n.dial, MaxIdleConnsPerHost: 1000}
	n.ways = append(n.ways, t)
	return t
}

func (n *network) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	if n.gone.Load() {
		return nil, &net.OpError{Op: "dial", Err: errors.New("connection refused")}
	}
	here, there := net.Pipe()
	select {
	case n.accept <- there:
		return here, nil
	case <-n.ended:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// disappear closes all connections and refuses new ones, until comeBack.
func (n *network) disappear() {
	n.gone.Store(true)
	for _, t := range n.ways {
		t.CloseIdleConnections()
	}
}

func (n *network) comeBack() { n.gone.Store(false) }

func (n *network) close() {
	for _, t := range n.ways {
		t.CloseIdleConnections()
	}
	n.server.Close()
	n.Close()
}

// Accept, Close and Addr make a network a net.Listener.
func (n *network) Accept() (net.Conn, error) {
	select {
	case c := <-n.accept:
		return c, nil
	case <-n.ended:
		return nil, net.ErrClosed
	}
}

func (n *network) Close() error {
	n.once.Do(func() { close(n.ended) })
	return nil
}

func (n *network) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

// logBuffer stores the log.
type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

func (l *logBuffer) reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.buf.Reset()
}
