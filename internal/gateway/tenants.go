package gateway

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"zoomql/cache"
	"zoomql/graph"
	"zoomql/graph/admission"
	"zoomql/graph/endpoint"
	"zoomql/graph/schema"
	"zoomql/internal/access"
	"zoomql/internal/attendancecsv"
	"zoomql/internal/auth"
	"zoomql/internal/config"
	"zoomql/internal/drift"
	"zoomql/internal/events"
	"zoomql/internal/identity"
	"zoomql/internal/links"
	"zoomql/internal/ratelimit"
	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

// tenant is one Zoom account that is served, and all that depends on its credentials.
type tenant struct {
	config.Account
	client *zoom.Client
	app    *identity.Credential // for the calls of all callers
	files  *links.Links
	graph  http.Handler
	sheets http.Handler // attendance as CSV
	log    *slog.Logger
	events *events.Liveness // nil if none are received
	// live and admission are shared by all accounts.
	live      *endpoint.Live
	admission *admission.Control
	warned    atomic.Int64 // when a missing token was last logged, in Unix nanoseconds
}

// tenants are all accounts. They share connections, parsed documents, and the stores,
// whose keys include the credential.
type tenants []*tenant

func newTenants(cfg *config.Config, accounts []config.Account, s *stores, found *drift.Report, log *slog.Logger, change ...func(*maker)) (tenants, error) {
	trusted, err := readTrusted(cfg.TrustedDocuments)
	if err != nil {
		return nil, err
	}
	m := &maker{
		cfg: cfg, stores: s, calls: zoom.NewHTTP(cfg.MaxInFlight), bodies: zoom.NewBodies(), files: links.NewTransport(),
		documents: endpoint.NewDocuments(), admission: admission.New(), trusted: trusted, drift: found, sheets: attendancecsv.NewPlaces(),
		live: &endpoint.Live{MaxConnections: cfg.MaxConnections, MaxSubscriptions: cfg.MaxSubscriptions},
	}
	for _, f := range change {
		f(m)
	}
	return m.tenants(accounts, log)
}

// maker builds tenants from the parts that they share.
type maker struct {
	cfg       *config.Config
	stores    *stores
	calls     *http.Client
	bodies    *zoom.Bodies
	logins    *http.Client // for tokens; nil is the default of auth
	files     http.RoundTripper
	documents endpoint.Documents
	admission *admission.Control
	live      *endpoint.Live
	trusted   *endpoint.Trusted
	drift     *drift.Report
	sheets    *ratelimit.Pool
	lifetime  time.Duration // of zoom.Config; 0 except in measurements
}

func (m *maker) tenants(accounts []config.Account, log *slog.Logger) (tenants, error) {
	var all tenants
	for _, a := range accounts {
		t, err := m.tenant(a, log)
		if err != nil {
			return nil, err
		}
		all = append(all, t)
	}
	return all, nil
}

// readTrusted reads the manifests of trusted documents, and adds the gateway's own.
func readTrusted(files []string) (*endpoint.Trusted, error) {
	if len(files) == 0 {
		return nil, nil
	}
	own, err := json.Marshal(attendancecsv.Documents())
	if err != nil {
		return nil, err
	}
	manifests := []endpoint.Manifest{{Name: "the gateway's own documents", Text: own}}
	for _, file := range files {
		text, err := os.ReadFile(strings.TrimSpace(file))
		if err != nil {
			return nil, fmt.Errorf("TRUSTED_DOCUMENTS: %w", err)
		}
		manifests = append(manifests, endpoint.Manifest{Name: file, Text: text})
	}
	trusted, err := endpoint.ReadTrusted(schema.Load(), manifests...)
	if err != nil {
		return nil, fmt.Errorf("invalid TRUSTED_DOCUMENTS:\n%w", err)
	}
	return trusted, nil
}

func (m *maker) tenant(a config.Account, log *slog.Logger) (*tenant, error) {
	if a.Name != "" {
		log = log.With("account", a.Name)
	}
	t := &tenant{Account: a, log: log, app: newApp(a, m.logins), live: m.live, admission: m.admission}
	cloud := zoom.CloudOf(a.OAuthURL)
	coverage, status := t.takeEvents(m.stores.events, m.cfg.EventLifetimes == "on")
	t.client = zoom.New(zoom.Config{
		Coverage:  coverage,
		Lifetime:  m.lifetime,
		AccountID: a.ID,
		Plan:      a.Plan,
		PlanKnown: a.PlanKnown,
		BaseURL:   strings.TrimSuffix(a.APIURL, "/"),
		Cloud:     cloud,
		HTTP:      m.calls,
		Bodies:    m.bodies,
		// The same in all replicas, whatever else is set.
		PasscodeSecret: string(a.ClientSecret),
		Store:          m.stores.l1, Shared: m.stores.shared, Limiter: ratelimit.NewLimiter(m.stores.budgets, m.cfg.Timeout),
		Breaker:     zoom.Breaker{Calls: m.cfg.BreakerCalls, Share: m.cfg.BreakerShare, Slow: m.cfg.BreakerSlow, Rest: m.cfg.BreakerRest},
		MaxInFlight: m.cfg.MaxInFlight, Drift: m.drift, Log: log,
	})
	var bus *events.Bus
	if status != nil {
		bus = m.stores.bus
	}
	var err error
	t.files, err = links.New(links.Config{
		Secret: string(m.cfg.LinkKey), PublicURL: m.cfg.PublicURL, AccountID: a.ID,
		Tokens: t.app.Tokens, APIURL: a.APIURL, Cloud: cloud, Transport: m.files, Log: log,
	})
	t.graph = graph.New(graph.Config{
		Client: t.client, Credential: identity.Always(t.app), Answers: m.stores.l1, Ledger: m.stores.ledger, Documents: m.documents, Admission: m.admission, Links: t.files, Events: status, Bus: bus, Names: m.stores.namesKept, Live: m.live, RawRequests: m.cfg.RawRequests == "on",
		Persisted: m.stores.store(), Trusted: m.trusted, TrustedOnly: m.cfg.TrustedOnly == "on",
		Log: log, LogRemote: m.cfg.LogRemoteAddr == "on", Drift: m.cfg.Drift == "on", Introspection: m.cfg.PlaygroundOn(), Timeout: m.cfg.Timeout,
		Budget: graph.Budget{Objects: m.cfg.MaxObjects, Bytes: m.cfg.MaxAnswer}, MaxPrice: m.cfg.MaxPrice,
	})
	t.sheets = &attendancecsv.Handler{Graph: t.graph, Tenant: t.client.Tenant(), Places: m.sheets, Log: log}
	return t, err
}

// ServeHTTP answers a request for the account.
func (t *tenant) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, attendancecsv.Path) {
		t.sheets.ServeHTTP(w, r)
		return
	}
	t.graph.ServeHTTP(w, r)
}

// takeEvents sets up the account's events, if it has a secret token or a WebSocket for them. It
// returns their status and, if events make lifetimes longer, the answers that they cover.
func (t *tenant) takeEvents(s events.Stream, longer bool) (zoom.Coverage, graph.EventStatus) {
	var sources []types.EventSource
	if len(t.WebhookSecrets) > 0 {
		sources = append(sources, types.EventSourceWebhook)
	}
	if t.EventsURL != "" {
		sources = append(sources, types.EventSourceWebsocket)
	}
	if len(sources) == 0 {
		return nil, nil
	}
	t.events = &events.Liveness{Account: t.ID, Sources: sources, Stream: s, Log: t.log}
	if !longer {
		return nil, t.events
	}
	return t.events, t.events
}

// newApp returns the credential of the server-to-server app of an account.
func newApp(a config.Account, client *http.Client) *identity.Credential {
	tokens := auth.NewServerToServer(a.ID, a.ClientID, string(a.ClientSecret), a.OAuthURL, client)
	return identity.New(identity.View{Account: a.ID, App: "server-to-server:" + a.ClientID}, tokens)
}

// api returns the handler that passes a request to its account.
func (all tenants) api(log *slog.Logger) http.Handler {
	var list []access.Tenant
	for _, t := range all {
		list = append(list, access.Tenant{Name: t.Name, ID: t.ID, Keys: t.Keys, Handler: t})
	}
	return access.Tenants(list, log)
}

// inbox returns the inbox of events of all accounts that have a secret token or a WebSocket for
// them; nil if none has.
func (all tenants) inbox(s *stores, found *drift.Report, log *slog.Logger) *events.Inbox {
	accounts := map[string]events.Account{}
	for _, t := range all {
		if t.events == nil {
			continue
		}
		account := events.Account{Evict: t.evict}
		for _, secret := range t.WebhookSecrets {
			account.Secrets = append(account.Secrets, string(secret))
		}
		accounts[t.ID] = account
	}
	if len(accounts) == 0 {
		return nil
	}
	return &events.Inbox{Accounts: accounts, Stream: s.events, Names: s.namesKept, Drift: found, Log: log}
}

// webhook returns the webhook of an inbox; nil if no account has a secret token.
func (all tenants) webhook(inbox *events.Inbox) *events.Webhook {
	if !slices.ContainsFunc(all, func(t *tenant) bool { return len(t.WebhookSecrets) > 0 }) {
		return nil
	}
	return &events.Webhook{Inbox: inbox}
}

// sockets returns the WebSockets of all accounts: those with the same subscription share one.
func (all tenants) sockets(inbox *events.Inbox) []*events.Socket {
	var sockets []*events.Socket
	byURL := map[string]*events.Socket{}
	for _, t := range all {
		if t.EventsURL == "" {
			continue
		}
		s := byURL[t.EventsURL]
		if s == nil {
			s = &events.Socket{Inbox: inbox, URL: t.EventsURL, Credential: t.app, Log: t.log}
			byURL[t.EventsURL], sockets = s, append(sockets, s)
		}
		s.Subscribed = append(s.Subscribed, t.ID)
	}
	return sockets
}

// keepEvents receives events over WebSockets, and processes the events of all accounts, until
// ctx ends.
func (all tenants) keepEvents(ctx context.Context, inbox *events.Inbox, bus *events.Bus) {
	var running sync.WaitGroup
	running.Go(func() { bus.Run(ctx) })
	running.Go(func() { inbox.Finish(ctx) })
	for _, s := range all.sockets(inbox) {
		running.Go(func() { s.Keep(ctx) })
	}
	for _, t := range all {
		if t.events != nil {
			running.Go(func() { t.events.Keep(ctx) })
		}
	}
	running.Wait()
}

// evict evicts the tags of an event in the account, or in a sub account of it.
func (t *tenant) evict(ctx context.Context, accountID string, tags ...cache.Tag) bool {
	return t.client.In(accountID).Evict(ctx, tags...)
}

// files serves the links to files of all accounts.
func (all tenants) files() http.Handler {
	var list []*links.Links
	for _, t := range all {
		list = append(list, t.files)
	}
	return links.Of(list...)
}

// readiness reports whether any account can be served: one for which Zoom issues a token.
// Only the log names the others, since this route needs no key. An account that cannot be
// served takes no other out of service.
type readiness struct {
	all tenants

	mu    sync.Mutex
	until time.Time // when the last check expires
	last  *check
}

// check is a check of all accounts.
type check struct {
	done chan struct{}
	// Once done is closed:
	well bool
	why  string // the public reason if not; "" if only the log has it
}

// ServeHTTP answers GET /readyz.
func (s *readiness) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := s.latest()
	select {
	case <-c.done:
	case <-r.Context().Done():
		return
	}
	if c.well {
		say(w, http.StatusOK, "ready")
		return
	}
	say(w, http.StatusServiceUnavailable, "not ready: "+cmp.Or(c.why, "Zoom issues no token; the log has the reason"))
}

// latest returns one check for all requests within a second.
func (s *readiness) latest() *check {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now := time.Now(); now.After(s.until) {
		s.until, s.last = now.Add(time.Second), &check{done: make(chan struct{})}
		go s.last.run(s.all)
	}
	return s.last
}

// run closes done as soon as one account is ready, or all have failed. It still waits for
// the others, which are logged.
func (c *check) run(all tenants) {
	ctx, cancel := context.WithTimeout(context.Background(), readyWithin)
	defer cancel()
	failures := make(chan error, len(all))
	for _, t := range all {
		go func() { failures <- t.ready(ctx) }()
	}
	for range all {
		switch err := <-failures; {
		case c.well:
		case err == nil:
			c.well = true
			close(c.done)
		case errors.Is(err, zoom.ErrNotZoom):
			if e, ok := errors.AsType[*zoom.Error](err); ok {
				c.why = e.Message
			}
		}
	}
	if !c.well {
		close(c.done)
	}
}

const (
	// readyWithin bounds the wait for a token.
	readyWithin = 5 * time.Second
	// warnEvery is the shortest time between two warnings of an account that is not ready.
	warnEvery = time.Minute
)

// ready returns an error unless Zoom issues a token for the account, with a host that the
// token may be sent to.
func (t *tenant) ready(ctx context.Context) error {
	err := t.client.As(t.app).Ready(ctx)
	if err == nil {
		return nil
	}
	now := time.Now().UnixNano()
	if last := t.warned.Load(); now-last >= int64(warnEvery) && t.warned.CompareAndSwap(last, now) {
		t.log.WarnContext(ctx, "the account cannot be served", "error", err)
	}
	return err
}
