package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"zoomql/graph"
	"zoomql/internal/access"
	"zoomql/internal/auth"
	"zoomql/internal/config"
	"zoomql/internal/links"
	"zoomql/internal/ratelimit"
	"zoomql/internal/zoom"
)

// tenant is one Zoom account that is served: all that hangs on its credentials.
type tenant struct {
	config.Account
	client *zoom.Client
	files  *links.Links
	graph  http.Handler
}

// tenants are all of them. They share what knows accounts apart by itself: the
// stores, whose keys begin with the account and its credential, connections, and
// the documents that were parsed.
type tenants []*tenant

func newTenants(cfg *config.Config, accounts []config.Account, s *stores, log *slog.Logger) (tenants, error) {
	trusted, err := readTrusted(cfg.TrustedDocuments)
	if err != nil {
		return nil, err
	}
	m := &maker{cfg: cfg, stores: s, calls: zoom.NewHTTP(cfg.MaxInFlight), files: links.NewTransport(), documents: graph.NewDocuments(), trusted: trusted}
	return m.tenants(accounts, log)
}

// maker makes tenants of what they share.
type maker struct {
	cfg       *config.Config
	stores    *stores
	calls     *http.Client
	logins    *http.Client // for tokens; nil means auth's own
	files     http.RoundTripper
	documents graph.Documents
	trusted   *graph.Trusted
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

// readTrusted reads the manifests of trusted documents.
func readTrusted(files []string) (*graph.Trusted, error) {
	if len(files) == 0 {
		return nil, nil
	}
	var manifests []graph.Manifest
	for _, file := range files {
		text, err := os.ReadFile(strings.TrimSpace(file))
		if err != nil {
			return nil, fmt.Errorf("TRUSTED_DOCUMENTS: %w", err)
		}
		manifests = append(manifests, graph.Manifest{Name: file, Text: text})
	}
	trusted, err := graph.ReadTrusted(manifests...)
	if err != nil {
		return nil, fmt.Errorf("TRUSTED_DOCUMENTS that cannot be used:\n%w", err)
	}
	return trusted, nil
}

func (m *maker) tenant(a config.Account, log *slog.Logger) (*tenant, error) {
	if a.Name != "" {
		log = log.With("account", a.Name)
	}
	t, tokens := &tenant{Account: a}, newTokens(a, m.logins)
	t.client = zoom.New(zoom.Config{
		AccountID: a.ID,
		View:      "server-to-server:" + a.ClientID,
		Plan:      a.Plan,
		Tokens:    tokens,
		BaseURL:   strings.TrimSuffix(a.APIURL, "/"),
		HTTP:      m.calls,
		Store:     m.stores.answers, Limiter: ratelimit.NewLimiter(m.stores.budgets, m.cfg.Timeout),
		MaxInFlight: m.cfg.MaxInFlight, Log: log,
	})
	var err error
	t.files, err = links.New(links.Config{
		Secret: string(m.cfg.LinkKey), PublicURL: m.cfg.PublicURL, AccountID: a.ID,
		Tokens: tokens, APIURL: a.APIURL, Transport: m.files, Log: log,
	})
	t.graph = graph.New(graph.Config{
		Client: t.client, Answers: m.stores.near, Ledger: m.stores.ledger, Documents: m.documents, Persisted: m.stores.answers, Trusted: m.trusted, TrustedOnly: m.cfg.TrustedOnly == "on", Links: t.files, RawRequests: m.cfg.RawRequests == "on",
		Log: log, Introspection: m.cfg.PlaygroundOn(), Timeout: m.cfg.Timeout,
	})
	return t, err
}

// newTokens returns what answers for the credentials of an account.
func newTokens(a config.Account, client *http.Client) zoom.Tokens {
	return auth.NewServerToServer(a.ID, a.ClientID, string(a.ClientSecret), a.OAuthURL, client)
}

// api leads a question to the account that it is for.
func (all tenants) api() http.Handler {
	if len(all) == 1 && all[0].Name == "" {
		return access.Keys(all[0].Keys, all[0].graph)
	}
	var list []access.Tenant
	for _, t := range all {
		list = append(list, access.Tenant{Name: t.Name, Keys: t.Keys, Handler: t.graph})
	}
	return access.Tenants(list)
}

// files serves the links to files of all accounts.
func (all tenants) files() http.Handler {
	var list []*links.Links
	for _, t := range all {
		list = append(list, t.files)
	}
	return links.Of(list...)
}

// ready reports whether Zoom gives the gateway a token for each account, and for
// which it does not.
func (all tenants) ready(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), 5*time.Second)
	defer cancel()
	problems := make([]string, len(all))
	var asked sync.WaitGroup
	for i, t := range all {
		asked.Go(func() {
			if _, err := t.client.Scopes(ctx); err != nil {
				problems[i] = err.Error() + "\n"
				if t.Name != "" {
					problems[i] = t.Name + ": " + problems[i]
				}
			}
		})
	}
	asked.Wait()
	if told := strings.Join(problems, ""); told != "" {
		say(w, http.StatusServiceUnavailable, strings.TrimSuffix(told, "\n"))
		return
	}
	say(w, http.StatusOK, "ready")
}
