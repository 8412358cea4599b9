// Package zoom is the client of Zoom's REST API: a table of operations and the
// machine that runs them.
//
// A call goes down through layers, each one concern and one function:
//
//	Do → cached → coalesced → stored → exclusive → retried → authorized → breakers → limited → transport → Zoom
//
// Each has a file of its name, whose comment says what the layer reads and writes of a
// [Request], and what it refuses. A cache hit spends nothing, because cached is outside
// limited. A retry queues like any other call, because retried is outside limited too. The
// package knows nothing of GraphQL beyond the scalars in its types.
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

	"golang.org/x/sync/errgroup"

	"zoomql/cache"
	"zoomql/internal/drift"
	"zoomql/internal/identity"
	"zoomql/internal/ratelimit"
	"zoomql/internal/zoom/types"
)

// Config is what a Client is made of.
type Config struct {
	// AccountID is the Zoom account whose data and budget are used.
	AccountID string
	// Plan is the account's plan, which says what the budgets are.
	Plan Plan
	// BaseURL overrides the base that the token names; with "/v2".
	BaseURL string
	// Cloud is the one whose hosts the token may go to besides BaseURL's.
	Cloud Cloud
	// HTTP carries the calls; nil means a client with sensible bounds.
	HTTP *http.Client
	// Store keeps answers for this process alone; nil keeps none.
	Store cache.Store
	// Shared keeps them instead of Store where replicas share them; nil where none do.
	Shared cache.Shared
	// PasscodeSecret seals the passcodes in join links where Shared keeps answers
	// outside this process: all that share it MUST have the same. Without one they
	// are left out, and a link that another process read asks for the passcode.
	PasscodeSecret string
	// Coverage tells which answers events keep right, so that they live longer; nil is
	// none.
	Coverage Coverage
	// Limiter keeps the budgets; nil has none.
	Limiter *ratelimit.Limiter
	// MaxInFlight bounds the calls of one label that are under way at once;
	// 0 means 100.
	MaxInFlight int
	// Drift counts what answers have and the graph does not know; clients may share
	// one. Nil means one of the client's own, which serves the log alone.
	Drift *drift.Report
	// Log is told of every call, at the level of debugging, by the operation's
	// name; nil is none.
	Log *slog.Logger
	// Breaker says when an operation that fails is left alone for a while; the
	// zero value has sensible bounds.
	Breaker Breaker
	// Bodies bounds the bytes of all answers that are being read; clients may share
	// one. Nil means one of the client's own.
	Bodies *Bodies
	// CallTimeout bounds one call at Zoom; 0 means 20 seconds.
	CallTimeout time.Duration
}

// Client asks one Zoom account. There is one for each account. [Client.As] returns one that
// asks in the name of a credential, and [Client.In] one that asks about a sub account; both
// share all that belongs to the account. It is safe for concurrent use.
type Client struct {
	*machine
	credential *identity.Credential // nil before As
	sub        string               // Zoom's id of a sub account; "" is the own
	lengths    *lengths
}

// machine is what all calls of an account go through. Nothing in it knows a credential: that
// of a call stands in its Request.
type machine struct {
	cfg      Config
	tenant   types.Tenant
	handler  Handler
	cached   *cached
	flights  flights
	hosts    *hosts
	breakers *breakers
}

// As returns a client that asks in the name of a credential of the account. Nothing that
// one credential was answered is told to another.
func (c *Client) As(credential *identity.Credential) *Client {
	other := *c
	other.credential = credential
	return &other
}

// sign puts into a request in whose name it is made. The request is complete then.
func (c *Client) sign(req *Request) (err error) {
	if req.Credential, err = c.asker(); err == nil {
		req.id = req.identify()
	}
	return err
}

// errNobody is the error of a call without a credential, or with that of another account. It
// is a mistake of the gateway's own.
var errNobody = errors.New("zoom: the client has no credential of its account: see Client.As")

// asker returns in whose name the client asks.
func (c *Client) asker() (*identity.Credential, error) {
	if c.credential == nil || c.credential.Account != c.cfg.AccountID {
		return nil, errNobody
	}
	return c.credential, nil
}

// In returns a client of a sub account of the own one, which is asked through
// the own one's credentials and budget; "" and the own account's id mean the own.
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

// Sub returns Zoom's id of the sub account that the client asks about; "" is
// the own account.
func (c *Client) Sub() string { return c.sub }

// Coverage tells which answers of the account events keep right; nil is none.
func (c *Client) Coverage() Coverage { return c.cfg.Coverage }

// Plan returns the plan of the account.
func (c *Client) Plan() Plan { return c.cfg.Plan }

// Each calls f with 0 to n-1, as many at once as calls may be under way, and
// returns when all have returned.
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
// form of answers changes, and what older programs left in Redis is not read.
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
	direct := *cfg.HTTP // whatever it does for others
	direct.CheckRedirect = noRedirects
	cfg.HTTP = &direct
	m := &machine{cfg: cfg, tenant: types.TenantOf(cfg.AccountID), hosts: newHosts(), breakers: newBreakers(cfg)}
	m.cached = newCached(newAnswerStore(cfg, hex.EncodeToString(m.tenant[:])), m.hosts, &m.flights)
	m.handler = (&transport{cfg: cfg}).do
	for _, layer := range slices.Backward(m.layers()) {
		m.handler = layer.wrap(m.handler)
	}
	return &Client{machine: m, lengths: &lengths{}}
}

// do carries a call out. A write may have changed what its operation has read,
// even when it fails.
func (c *Client) do(ctx context.Context, req *Request) (*Response, error) {
	resp, err := c.handler(ctx, req)
	if !req.Spec.Reads() {
		usageFrom(ctx).wrote()
	}
	return resp, err
}

// AccountID returns the Zoom account that the client asks about.
func (c *Client) AccountID() string { return cmp.Or(c.sub, c.cfg.AccountID) }

// Tenant returns the account's stand-in for ids and cursors.
func (c *Client) Tenant() types.Tenant { return c.tenant }

// Scopes returns the scopes that the credential was granted, or those that it is narrowed to. The next token may
// have others.
func (c *Client) Scopes(ctx context.Context) ([]string, error) {
	ValidUntil(ctx, time.Time{})
	credential, err := c.asker()
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

// Ready returns an error unless there is a token, and a host to send it to.
func (c *Client) Ready(ctx context.Context) error {
	credential, err := c.asker()
	if err != nil {
		return err
	}
	t, err := credential.Tokens.Token(ctx)
	if err != nil {
		return err
	}
	return c.cfg.mayGo(t, "POST /oauth/token")
}

// mayGo returns an error where the token names a host for the API that is not Zoom's,
// and no other is configured.
func (cfg *Config) mayGo(t *identity.Token, op string) error {
	if cfg.BaseURL == "" && t.ForeignHost != "" {
		return foreignHost(op, cfg.Cloud, t.ForeignHost)
	}
	return nil
}

// OnEvict has f called whenever something has become stale, here or on another
// replica.
func (c *Client) OnEvict(f func()) {
	c.cached.mu.Lock()
	defer c.cached.mu.Unlock()
	c.cached.onEvict = append(c.cached.onEvict, f)
}

// Evict makes what is filed under the tags stale. It reports whether all replicas have
// it so, or will in a moment: see [cache.Store].
func (c *Client) Evict(ctx context.Context, tags ...cache.Tag) bool {
	return c.cached.evict(ctx, c.sub, tags)
}
