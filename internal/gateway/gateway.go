// Package gateway is the program: the command line, the layers for each Zoom account, the
// routes, and the shutdown.
package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"slices"
	"strings"
	"sync"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/alecthomas/kong"

	"zoomql/cache"
	"zoomql/graph/endpoint"
	"zoomql/graph/schema"
	"zoomql/internal/access"
	"zoomql/internal/attendancecsv"
	"zoomql/internal/background"
	"zoomql/internal/config"
	"zoomql/internal/drift"
	"zoomql/internal/events"
	"zoomql/internal/links"
	"zoomql/internal/logs"
	"zoomql/internal/operations"
	"zoomql/internal/playground"
	"zoomql/internal/ratelimit"
	"zoomql/internal/redisname"
	"zoomql/internal/sandbox"
	"zoomql/internal/stream"
	"zoomql/internal/zoom"
)

// commands is the command line.
type commands struct {
	Serve   struct{}       `cmd:"" default:"1" help:"Serve GraphQL (the default)."`
	Sandbox sandboxCommand `cmd:"" help:"Serve the sandbox alone: a simulator of Zoom for tests of other programs."`
	Health  struct{}       `cmd:"" help:"Check the gateway at ADDR, and exit with 0 if it is healthy."`
	Schema  struct{}       `cmd:"" help:"Print the schema as SDL."`

	Operations struct {
		JSON bool `help:"As JSON."`
	} `cmd:"" help:"List Zoom's operations that the graph uses, and the fields that use each."`

	Query queryCommand `cmd:"" help:"Send a query to a running gateway; with --all, read a list to its end into a file."`
	Price priceCommand `cmd:"" help:"Print the cost of an operation at Zoom, from a running gateway, without executing it."`

	Events struct{} `cmd:"" help:"List Zoom's events, and the answers that each evicts."`

	Drift struct {
		JSON bool `help:"As JSON."`
	} `cmd:"" help:"Print what Zoom's answers contained that the schema does not have, from DRIFT_FILE."`
}

// Help returns the detailed help of the command.
func (sandboxCommand) Help() string {
	var b strings.Builder
	b.WriteString("SANDBOX_FAULTS, or the header " + sandbox.FaultsHeader + " of a call, adds faults to answers: undocumented ones that Zoom's answers occasionally have. " +
		"It is a list of kinds, separated by commas, each with the share of calls that it applies to: refused:0.01,small-pages. SANDBOX_SEED selects the calls and the places. The kinds:\n\n")
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, k := range sandbox.FaultKinds {
		_, _ = fmt.Fprintf(w, "  %s\t%s\n", k.Name, k.Help) // a Builder returns no error
	}
	_ = w.Flush()
	return b.String()
}

// Main runs the program until a signal ends it, prints an error to stderr, and returns
// the exit code. Its arguments are those of [Run].
func Main(args, environ []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := Run(ctx, args, environ, stdout, stderr); err != nil {
		fmt.Fprintln(stderr, "zoomql:", err)
		return 1
	}
	return 0
}

// Run runs the program. args is the command line without the program's name, and environ
// has the form of [os.Environ]. It serves until ctx ends, then drains. The error is for
// display.
func Run(ctx context.Context, args, environ []string, stdout, stderr io.Writer) error {
	flags := &commands{}
	command, err := flags.parse(args, stdout, stderr)
	switch {
	case err != nil || command == "":
		return err
	case command == "schema":
		_, err = io.WriteString(stdout, schema.SDL())
		return err
	case command == "operations":
		return printOperations(stdout, flags.Operations.JSON)
	case command == "events":
		return events.Write(stdout, zoom.Specs())
	}
	cfg, err := config.Load(environ)
	if err != nil {
		return fmt.Errorf("invalid settings:\n%w", err)
	}
	switch command {
	case "health":
		return health(ctx, cfg)
	case "drift":
		return printDrift(stdout, cfg.DriftFile, flags.Drift.JSON)
	case "query <file>":
		return flags.Query.run(ctx, cfg, stdout, stderr)
	case "price <file>":
		return printPrice(ctx, cfg, flags.Price, stdout)
	case "sandbox":
		return serveSandbox(ctx, cfg, flags.Sandbox, stderr)
	}
	return serve(ctx, cfg, stderr)
}

// parse returns the command of the command line; "" if nothing is left to do.
func (c *commands) parse(args []string, stdout, stderr io.Writer) (string, error) {
	exited := false
	parser, err := kong.New(c,
		kong.Name("zoomql"),
		kong.Description("A GraphQL gateway over the Zoom REST API.\n\nSettings, from the environment:\n\n"+config.Help()),
		kong.ConfigureHelp(kong.HelpOptions{NoExpandSubcommands: true, WrapUpperBound: 400}),
		kong.Writers(stdout, stderr),
		kong.Exit(func(int) { exited = true }),
	)
	if err != nil {
		return "", err
	}
	parsed, err := parser.Parse(args)
	if exited {
		return "", nil // --help
	}
	if err != nil {
		return "", fmt.Errorf("%w (see zoomql --help)", err)
	}
	return parsed.Command(), nil
}

// printOperations lists the table of operations.
func printOperations(w io.Writer, asJSON bool) error {
	rows, err := operations.Table(schema.SDL())
	if err != nil {
		return err
	}
	if !asJSON {
		return operations.Write(w, rows)
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(rows)
}

// serve runs the gateway until ctx ends.
func serve(ctx context.Context, cfg *config.Config, stderr io.Writer) error {
	log := newLog(cfg, stderr)
	box, accounts, err := startSandbox(cfg)
	if err != nil {
		return err
	}
	defer box.close()
	handler, end, err := assemble(ctx, cfg, accounts, box, log)
	if err != nil {
		return err
	}
	defer end()
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", cfg.Addr)
	if err != nil {
		return fmt.Errorf("ADDR: %w", err)
	}
	welcome(stderr, cfg, listener.Addr(), box)
	spareCollector(handler.live.Counts)
	limitMemory(cfg.CacheBytes, handler.live.Counts)
	return listen(ctx, listener, handler, cfg.DrainTime)
}

// assemble builds the gateway, and starts its background work, which ends with ctx. end
// waits for that work, and closes the stores. change modifies the maker of the tenants.
func assemble(ctx context.Context, cfg *config.Config, accounts []config.Account, box *box, log *slog.Logger, change ...func(*maker)) (handler *drained, end func(), err error) {
	var closers []func()
	closeAll := func() {
		for _, f := range slices.Backward(closers) {
			f()
		}
	}
	defer func() {
		if err != nil {
			closeAll()
		}
	}()
	stores, err := newStores(cfg, log)
	if err != nil {
		return nil, nil, err
	}
	closers = append(closers, stores.close)
	found := &drift.Report{}
	tenants, err := newTenants(cfg, accounts, stores, found, log, change...)
	if err != nil {
		return nil, nil, err
	}
	kept, err := keepDrift(ctx, found, cfg.DriftFile, log)
	if err != nil {
		return nil, nil, err
	}
	closers = append(closers, kept)
	inbox := tenants.inbox(stores, found, log)
	if inbox != nil {
		closers = append(closers, background.Run(ctx, func(ctx context.Context) { tenants.keepEvents(ctx, inbox, stores.bus) }))
	}
	return newHandler(cfg, tenants, tenants.webhook(inbox), box, log), closeAll, nil
}

// keepDrift loads the drift report, and keeps it in the background until ctx ends. wait
// waits for the last write.
func keepDrift(ctx context.Context, found *drift.Report, file string, log *slog.Logger) (wait func(), err error) {
	if file != "" {
		if err := found.Load(file); err != nil {
			return nil, fmt.Errorf("DRIFT_FILE: %w", err)
		}
	}
	return background.Run(ctx, func(ctx context.Context) { found.Keep(ctx, file, log) }), nil
}

// printDrift prints the drift report.
func printDrift(w io.Writer, file string, asJSON bool) error {
	if file == "" {
		return errors.New("DRIFT_FILE: not set; set it to the file to which the gateway writes the counts")
	}
	entries, err := drift.Read(file)
	if err != nil {
		return err
	}
	if asJSON {
		return drift.WriteJSON(w, entries)
	}
	return drift.Write(w, entries)
}

// newHandler returns the handler of all routes.
func newHandler(cfg *config.Config, tenants tenants, webhook *events.Webhook, box *box, log *slog.Logger) *drained {
	live := tenants[0].live
	var api http.Handler = &endpoint.Sockets{Next: tenants.api(log), Live: live, Admission: tenants[0].admission, Log: log}
	api = access.Pages(access.PageOptions{Origins: cfg.AllowedOrigins, Own: []string{cfg.PublicOrigin()}, Headers: cfg.AllowedHeaders}, api)
	mux := http.NewServeMux()
	mux.Handle(graphqlPath, api)
	mux.Handle(attendancecsv.Path, api) // all methods: browsers send OPTIONS first
	mux.Handle("GET "+links.Path, tenants.files())
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { say(w, http.StatusOK, "ok") })
	mux.Handle("GET /readyz", &readiness{all: tenants})
	if cfg.PlaygroundOn() {
		mux.HandleFunc("GET /schema.graphql", func(w http.ResponseWriter, _ *http.Request) { say(w, http.StatusOK, schema.SDL()) })
		mux.Handle("/", playground.Handler(playground.Options{Schema: "/schema.graphql", Badge: box.badge(cfg), DefaultQuery: box.query()}))
	}
	routes := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == graphqlPath { // without the mux: a cached answer takes only microseconds
			api.ServeHTTP(w, r)
			return
		}
		mux.ServeHTTP(w, r)
	})
	guarded := http.Handler(routes)
	if cfg.Loopback() {
		guarded = access.Local(routes)
	}
	if webhook == nil {
		return &drained{guarded, live}
	}
	return &drained{http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == eventsPath { // authenticated by its signature, so access.Local does not apply
			webhook.ServeHTTP(w, r)
			return
		}
		guarded.ServeHTTP(w, r)
	}), live}
}

// drained is a handler with long-lived connections, which Drain ends at shutdown.
type drained struct {
	http.Handler
	live *endpoint.Live
}

// Drain ends the connections.
func (d *drained) Drain(ctx context.Context) { d.live.Drain(ctx) }

const (
	graphqlPath = "/graphql"
	eventsPath  = "/webhooks/zoom"
)

func say(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text+"\n")
}

// stores are the stores of answers, budgets and events.
type stores struct {
	l1      *cache.Memory // in this process
	shared  cache.Shared  // l1 over Redis; nil without Redis
	budgets ratelimit.Store
	ledger  cache.Ledger  // nil without Redis
	events  events.Stream // the received events
	bus     *events.Bus   // reads them
	// namesKept says that the stream may have the names of people: it is in this process,
	// or encrypted.
	namesKept bool
	closers   []func()
}

// newStores returns stores in this process, or over the Redis that all replicas
// share. Redis may still be unavailable.
func newStores(cfg *config.Config, log *slog.Logger) (*stores, error) {
	l1 := cache.NewMemory(cfg.CacheBytes)
	if cfg.RedisURL == "" {
		own := &stream.Memory{}
		return &stores{l1: l1, budgets: &ratelimit.Memory{}, events: own, bus: &events.Bus{Stream: own, Log: log}, namesKept: true}, nil
	}
	conn, err := cache.Dial(string(cfg.RedisURL))
	if err != nil {
		return nil, errors.New("REDIS_URL: not a Redis URL, such as redis://localhost:6379")
	}
	names := redisname.New(string(cfg.RedisNameKey))
	l2 := cache.NewRedis(conn, log, cache.WithKeys(cfg.CacheKeys), cache.WithNames(names))
	budgets := ratelimit.NewShared(conn, log, ratelimit.WithNames(names))
	common := stream.NewRedis(conn, "events", stream.WithKeys(cfg.CacheKeys), stream.WithNames(names))
	return &stores{
		l1: l1, shared: cache.NewTiered(l1, l2), budgets: budgets, ledger: l2,
		events: common, bus: &events.Bus{Stream: common, Log: log}, namesKept: cfg.CacheKeys.Len() > 0,
		closers: []func(){budgets.Close, l2.Close, func() { _ = conn.Close() }},
	}, nil
}

// store returns the store of answers: the shared one, if there is one.
func (s *stores) store() cache.Store {
	if s.shared != nil {
		return s.shared
	}
	return s.l1
}

func (s *stores) close() {
	for _, f := range s.closers {
		f()
	}
}

func newLog(cfg *config.Config, w io.Writer) *slog.Logger {
	opts := &slog.HandlerOptions{Level: cfg.LogLevel, ReplaceAttr: logs.Bound}
	if cfg.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(w, opts))
	}
	return slog.New(slog.NewTextHandler(w, opts))
}

// listen serves until ctx ends, then lets requests in flight finish.
func listen(ctx context.Context, l net.Listener, h http.Handler, drain time.Duration) error {
	server := newServer(h)
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(&coarseListener{Listener: l}) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), drain)
	defer cancel()
	if lasting, ok := h.(interface{ Drain(ctx context.Context) }); ok {
		var ending sync.WaitGroup
		ending.Go(func() { lasting.Drain(grace) })
		defer ending.Wait()
	}
	if err := server.Shutdown(grace); err != nil {
		return errors.Join(fmt.Errorf("requests were still in flight after %s", drain), server.Close())
	}
	return nil
}

// newServer returns a server with timeouts. The time of writes is bounded by coarseConn.
func newServer(h http.Handler) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
	}
}

// health calls /healthz of the gateway on this machine, for a container's health check.
func health(ctx context.Context, cfg *config.Config) error {
	_, port, err := net.SplitHostPort(cfg.Addr)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort("127.0.0.1", port)+"/healthz", nil)
	if err != nil {
		return err
	}
	resp, err := (&http.Client{}).Do(req) // ctx has the time limit
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("the gateway answers %s", resp.Status)
	}
	return nil
}

// box is the sandbox that is used if no credentials are set; otherwise it is empty.
type box struct {
	*sandbox.Sandbox
	server *http.Server
}

// startSandbox starts a sandbox on a port of this machine if no account is
// configured. It returns the accounts to serve.
func startSandbox(cfg *config.Config) (*box, []config.Account, error) {
	if !cfg.Sandbox() {
		return &box{}, cfg.Accounts, nil
	}
	s, err := newSandbox(cfg, 1)
	if err != nil {
		return nil, nil, err
	}
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, nil, err
	}
	b := &box{Sandbox: s, server: &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second}}
	go func() { _ = b.server.Serve(l) }() // ends with close
	base := "http://" + l.Addr().String()
	account := cfg.Accounts[0]
	account.APIURL, account.OAuthURL = base+"/v2", base
	account.ID, account.ClientID, account.ClientSecret = sandbox.AccountID, sandbox.ClientID, sandbox.ClientSecret
	return b, []config.Account{account}, nil
}

// newSandbox returns a sandbox whose reports appear speed times as fast as Zoom's.
func newSandbox(cfg *config.Config, speed float64) (*sandbox.Sandbox, error) {
	faults, err := sandbox.ParseFaults(cfg.SandboxFaults)
	if err != nil {
		return nil, err
	}
	return sandbox.New(sandbox.Options{
		Seed: cfg.SandboxSeed, Users: cfg.SandboxUsers, Participants: cfg.SandboxParticipants,
		Plan: string(cfg.Plan), Latency: cfg.SandboxLatency, Faults: faults,
		ReportLag: time.Duration(float64(sandbox.ReportLag) / speed),
	})
}

func (b *box) close() {
	if b.server != nil {
		_ = b.server.Close()
	}
}
