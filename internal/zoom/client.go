// Package zoom is the client of Zoom's REST API: a table of operations, and the layers that
// execute them.
//
// A call passes through layers, each one concern and one function:
//
//	Do → cached → coalesced → stored → exclusive → retried → authorized → breakers → limited → transport → Zoom
//
// Each has a file of its name, whose comment names what the layer reads and writes of a
// [Request], and what it refuses. A cache hit uses none of the budget, because cached is
// outside limited. A retry queues like any other call, because retried is outside limited
// too. The package does not depend on GraphQL beyond the scalars in its types.
package zoom

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"github.com/maypok86/otter/v2"
	"golang.org/x/sync/errgroup"

	"zoomql/cache"
	"zoomql/internal/drift"
	"zoomql/internal/identity"
	"zoomql/internal/ratelimit"
	"zoomql/internal/zoom/types"
)

// Config configures a Client.
type Config struct {
	// AccountID is the Zoom account whose data and budget are used.
	AccountID string
	// Plan is the account's plan, which determines the rate limits. PlanKnown reports that it
	// was configured, and is not the default: operations that it does not include are not
	// called.
	Plan      Plan
	PlanKnown bool
	// BaseURL overrides the base URL that the token names; with "/v2".
	BaseURL string
	// Cloud is the cloud whose hosts tokens are sent to, besides BaseURL's.
	Cloud Cloud
	// HTTP sends the calls; nil means [NewHTTP].
	HTTP *http.Client
	// Store caches answers for this process alone; nil caches none.
	Store cache.Store
	// Shared is used instead of Store if replicas share a cache; else nil.
	Shared cache.Shared
	// PasscodeSecret is the key that encrypts the passcodes in join links where Shared
	// stores answers outside this process: all replicas MUST have the same. If it is
	// empty, the passcodes are removed, and people who open a link that another process has
	// read must enter the passcode.
	PasscodeSecret string
	// Coverage reports which answers events invalidate, so that they stay fresh longer;
	// nil means none.
	Coverage Coverage
	// Lifetime, if not 0, is how long answers that may change are fresh, of whatever class,
	// and none is served stale while Zoom can be called. It is for measurements of lifetimes
	// alone. Answers that events keep current are fresh longer all the same.
	Lifetime time.Duration
	// Limiter enforces the rate limits; nil enforces none.
	Limiter *ratelimit.Limiter
	// Lists, if it is not nil and forces a choice, decides whether pages of a list are read for so
	// many objects instead of a call for each. It is for measurements of that choice.
	Lists func(list *Spec, keys int) (read, forced bool)
	// MaxInFlight bounds the calls of one label that are under way at once;
	// 0 means 100.
	MaxInFlight int
	// Drift counts the values and fields of answers that the schema lacks; clients may
	// share one. Nil means one per client, which only serves the log.
	Drift *drift.Report
	// Log gets a debug record for every call, with the operation's name; nil means no log.
	Log *slog.Logger
	// Breaker configures the circuit breakers; the zero value means the defaults.
	Breaker Breaker
	// Bodies bounds the bytes of all answers that are being read; clients may share
	// one. Nil means one per client.
	Bodies *Bodies
	// CallTimeout bounds one call to Zoom; 0 means 20 seconds.
	CallTimeout time.Duration
}

// Client calls the API of one Zoom account. There is one for each account. [Client.As] returns
// a client that makes its calls with a credential, and [Client.In] one for a sub account; both
// share the account's cache, limiter and breakers. It is safe for concurrent use.
type Client struct {
	*machine
	credential *identity.Credential // nil before As
	sub        string               // Zoom's id of a sub account; "" is the own account
	lengths    *lengths
	weighs     func() Scarcity // nil before Weighing
}

// machine is the part of a client that all calls of an account share. It holds no
// credential: that of a call is in its Request.
type machine struct {
	cfg      Config
	tenant   types.Tenant
	handler  Handler
	cached   *cached
	flights  flights
	hosts    *hosts
	breakers *breakers

	grants       *otter.Cache[string, *grants] // by the credential's id
	planRefusals planRefusals
	scarcities   scarcities
}

// As returns a client that makes its calls with a credential of the account. Answers for one
// credential are never returned to another.
func (c *Client) As(credential *identity.Credential) *Client {
	other := *c
	other.credential = credential
	return &other
}

// sign sets the credential of a request, which completes it.
func (c *Client) sign(req *Request) (err error) {
	if req.Credential, err = c.checkedCredential(); err == nil {
		req.id = req.identify()
	}
	return err
}

// errNoCredential reports a call without a credential, or with that of another account. It
// is a bug in the gateway.
var errNoCredential = errors.New("zoom: the client has no credential of its account: see Client.As")

// checkedCredential returns the client's credential, which must be one of its account.
func (c *Client) checkedCredential() (*identity.Credential, error) {
	if c.credential == nil || c.credential.Account != c.cfg.AccountID {
		return nil, errNoCredential
	}
	return c.credential, nil
}

// In returns a client for a sub account, which uses the own account's credentials and
// budget; "" and the own account's id mean the own account.
func (c *Client) In(account string) *Client {
	if account == c.cfg.AccountID {
		account = ""
	}
	if account == c.sub {
		return c
	}
	other := *c
	other.sub, other.lengths = account, &lengths{}
	return &other
}

// Sub returns Zoom's id of the client's sub account; "" is the own account.
func (c *Client) Sub() string { return c.sub }

// Coverage reports which answers of the account events invalidate; nil means none.
func (c *Client) Coverage() Coverage { return c.cfg.Coverage }

// Plan returns the plan of the account.
func (c *Client) Plan() Plan { return c.cfg.Plan }

// Each calls f with 0 to n-1, at most MaxInFlight concurrently, and returns when all calls
// have returned.
func (c *Client) Each(n int, f func(i int)) {
	var g errgroup.Group
	g.SetLimit(c.cfg.MaxInFlight)
	for i := range n {
		g.Go(func() error {
			f(i)
			return nil
		})
	}
	_ = g.Wait() // f returns no error
}

// formatVersion is part of every key of the cache: raise it when the decoded
// form of answers changes, so that entries of older programs in Redis are not read.
const formatVersion = "4\x00"

// New returns the client of an account. It has no credential yet: see [Client.As].
func New(cfg Config) *Client {
	if cfg.MaxInFlight <= 0 {
		cfg.MaxInFlight = 100
	}
	if cfg.CallTimeout <= 0 {
		cfg.CallTimeout = 20 * time.Second
	}
	if cfg.Bodies == nil {
		cfg.Bodies = NewBodies()
	}
	if cfg.Drift == nil {
		cfg.Drift = &drift.Report{}
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.HTTP == nil {
		cfg.HTTP = NewHTTP(cfg.MaxInFlight)
	}
	direct := *cfg.HTTP // a copy: other users of the HTTP client may follow redirects
	direct.CheckRedirect = noRedirects
	cfg.HTTP = &direct
	m := &machine{cfg: cfg, tenant: types.TenantOf(cfg.AccountID), hosts: newHosts(), breakers: newBreakers(cfg), grants: bounded[*grants](maxGrants)}
	m.cached = newCached(newAnswerStore(cfg, hex.EncodeToString(m.tenant[:])), m.hosts, &m.flights)
	m.handler = (&transport{cfg: cfg}).do
	for _, layer := range slices.Backward(m.layers()) {
		m.handler = layer.wrap(m.handler)
	}
	return &Client{machine: m, lengths: &lengths{}}
}

// do executes a call. It records a write even if it fails, since it may have changed what
// the GraphQL operation has read.
func (c *Client) do(ctx context.Context, req *Request) (*Response, error) {
	if err := refusalIn(ctx); err != nil {
		return nil, err
	}
	resp, err := c.handler(ctx, req)
	if !req.Spec.Reads() {
		usageFrom(ctx).wrote()
	}
	return resp, err
}

// AccountID returns the id of the Zoom account that the client's calls are about.
func (c *Client) AccountID() string { return cmp.Or(c.sub, c.cfg.AccountID) }

// Tenant returns the account's tenant, for ids and cursors.
func (c *Client) Tenant() types.Tenant { return c.tenant }

// Scopes returns the scopes granted to the credential, or those that it is narrowed to. The
// next token may have others.
func (c *Client) Scopes(ctx context.Context) ([]string, error) {
	ValidUntil(ctx, time.Time{})
	credential, err := c.checkedCredential()
	if err != nil {
		return nil, err
	}
	t, err := credential.Tokens.Token(ctx)
	if err != nil {
		return nil, err
	}
	if credential.Scopes != nil {
		return credential.Scopes, nil
	}
	return t.Scopes, nil
}

// Ready returns an error unless there is a token and a host to send it to.
func (c *Client) Ready(ctx context.Context) error {
	credential, err := c.checkedCredential()
	if err != nil {
		return err
	}
	t, err := credential.Tokens.Token(ctx)
	if err != nil {
		return err
	}
	return c.cfg.mayGo(t, "POST /oauth/token")
}

// mayGo returns an error if the token names a host for the API that is not Zoom's,
// and no base URL is configured.
func (cfg *Config) mayGo(t *identity.Token, op string) error {
	if cfg.BaseURL == "" && t.ForeignHost != "" {
		return foreignHost(op, cfg.Cloud, t.ForeignHost)
	}
	return nil
}

// OnEvict registers f to be called after each eviction, on this or another replica.
func (c *Client) OnEvict(f func()) {
	c.cached.mu.Lock()
	defer c.cached.mu.Unlock()
	c.cached.onEvict = append(c.cached.onEvict, f)
}

// Evict makes the answers with any of the tags stale. It reports whether the eviction reaches
// all replicas: see [cache.Store].
func (c *Client) Evict(ctx context.Context, tags ...cache.Tag) bool {
	return c.cached.evict(ctx, c.sub, tags)
}

// EvictHere is Evict in this process alone, for an eviction by another replica whose message may
// not have arrived yet.
func (c *Client) EvictHere(ctx context.Context, tags ...cache.Tag) {
	c.cached.evictHere(ctx, c.sub, tags)
}
