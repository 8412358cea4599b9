// Package zoom is the client of Zoom's REST API: a table of operations and the
// machine that runs them.
//
// A call goes down through layers, each one concern and one function:
//
//	Do → Cached → Coalesced → Exclusive → Retried → Breakers → Limited → Transport → Zoom
//
// A cache hit spends nothing, because Cached is outside Limited. A retry queues
// like any other call, because Retried is outside Limited too. The package
// knows nothing of GraphQL beyond the scalars in its types.
package zoom

import (
	"cmp"
	"context"
	"encoding/hex"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"zoomql/cache"
	"zoomql/internal/drift"
	"zoomql/internal/ratelimit"
	"zoomql/internal/zoom/types"
)

// Request is one call on its way down through the layers.
type Request struct {
	Spec *Spec
	// Account is Zoom's id of the sub account that is asked about; "" is the own.
	Account string
	Path    string // below the base URL, escaped
	Query   string // canonical: sorted and escaped, without the "?"
	Body    []byte // JSON, or what Type says; nil for a call without one
	Type    string // media type of a body that is not JSON
	// Vars holds the values of the path's variables, and those that a quota
	// counts by.
	Vars map[string]string
	// Secrets asks for the credentials in the answer too: such a call is
	// neither answered from the cache nor kept there.
	Secrets bool

	raw    bool // the answer is wanted as it is
	decode func(body []byte, odd *types.Oddities) (any, error)
	encode func(any) ([]byte, error)
	ticket cache.Ticket  // of the miss that led to the call
	took   time.Duration // that Zoom took for the last answer, or for none
	// newer is set for a refresh: what the cache had is of this time.
	newer time.Time
}

// Response is what came back.
type Response struct {
	Status int
	Header http.Header
	Body   []byte
	// Value is the decoded answer. It is shared by all who asked and MUST NOT
	// be changed.
	Value any
	// Age is how long ago Zoom said so; 0 for an answer just made.
	Age time.Duration
	// Cached tells that the answer was kept, and Stale that it is past its time.
	Cached, Stale bool

	entry *cache.Entry // that the answer was found in; nil where Zoom gave it
	part  part         // of the cache's entry; zero where there is none
}

// Handler carries out a request.
type Handler func(context.Context, *Request) (*Response, error)

// Layer is a Handler around a Handler.
type Layer func(Handler) Handler

// chain returns h inside the layers, the first outermost.
func chain(h Handler, layers ...Layer) Handler {
	for _, layer := range slices.Backward(layers) {
		h = layer(h)
	}
	return h
}

// Config is what a Client is made of.
type Config struct {
	// AccountID is the Zoom account whose data and budget are used.
	AccountID string
	// View names who may see what: the account, the class of the credential
	// and its scopes, or the user. Answers are shared within a view only.
	View string
	// Plan is the account's plan, which says what the budgets are.
	Plan Plan
	// Tokens answers for the credentials.
	Tokens Tokens
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

// Client asks one Zoom account in the name of one credential. It is safe for
// concurrent use.
type Client struct {
	cfg     Config
	tenant  types.Tenant
	handler Handler
	cached  *cached
	hosts   *hosts
	lengths *lengths

	breakers *breakers
	sub      string // Zoom's id of a sub account; "" is the own
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

// View returns who sees what the client sees: what it is told may be told to
// those who ask in the same view, and to nobody else.
func (c *Client) View() string { return c.cached.view }

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
const formatVersion = "3\x00"

// New returns a client.
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
	c := &Client{cfg: cfg, tenant: types.TenantOf(cfg.AccountID), hosts: newHosts(), lengths: &lengths{}, breakers: newBreakers(cfg)}
	c.cached = newCached(&cached{store: cfg.Store, shared: cfg.Shared, account: hex.EncodeToString(c.tenant[:]), view: formatVersion + cfg.AccountID + "\x00" + cfg.View, hosts: c.hosts, passcodes: newPasscodes(cfg.PasscodeSecret)})
	c.handler = chain((&transport{cfg: cfg}).do, c.cached.layer, c.cached.flights.coalesced, c.cached.filed, exclusive(cfg.AccountID, cfg.Shared), retried, authorized(cfg), c.breakers.layer, limited(cfg, c.hosts))
	return c
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

// Scopes returns the scopes that the credential was granted. The next token may
// have others.
func (c *Client) Scopes(ctx context.Context) ([]string, error) {
	TrueUntil(ctx, time.Time{})
	t, err := c.cfg.Tokens.Token(ctx)
	if err != nil {
		return nil, err
	}
	return t.Scopes, nil
}

// Ready returns an error unless there is a token, and a host to send it to.
func (c *Client) Ready(ctx context.Context) error {
	t, err := c.cfg.Tokens.Token(ctx)
	if err != nil {
		return err
	}
	return c.cfg.mayGo(t, "POST /oauth/token")
}

// mayGo returns an error where the token names a host for the API that is not Zoom's,
// and nobody has configured another.
func (cfg *Config) mayGo(t *Token, op string) error {
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

// Evict makes what is filed under the tags stale.
func (c *Client) Evict(ctx context.Context, tags ...cache.Tag) { c.cached.evict(ctx, c.sub, tags) }
