package zoom

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"zoomql/internal/identity"
)

// Some operations are known not to be allowed before a call: by the scopes of the credential, or by
// the account's plan. The layer authorized refuses such a call; [Client.Barred] returns the
// operations before any call is made.

// Barred has the operations that cannot be used, because of their scopes or the account's plan. The
// zero value bars none.
type Barred struct {
	own, sub map[*Spec]*Error
	cfg      *Config
	seen     *planRefusals
}

// Of returns the error of an operation that cannot be used for an account; nil if it can, as far as
// is known. "" is the own account, and every other value stands for a sub account.
func (b Barred) Of(s *Spec, account string) *Error {
	of := b.own
	if account != "" {
		of = b.sub
	}
	if err := of[s]; err != nil || b.cfg == nil {
		return err
	}
	return b.cfg.beyondPlan(b.seen, s, account)
}

// Scope reports whether the granted scopes do not allow an operation.
func (b Barred) Scope(s *Spec, account string) bool {
	err := b.Of(s, account)
	return err != nil && errors.Is(err.Kind, ErrMissingScope)
}

// NoScope reports whether no operation is barred by its scopes.
func (b Barred) NoScope() bool { return len(b.own)+len(b.sub) == 0 }

// tokenWait is the longest time that Barred waits for a token, besides half of the time to the
// deadline: an operation that the cache answers needs no token.
const tokenWait = time.Second

// Barred returns the operations that the client's credential cannot use. If the scopes of its token
// are unknown, they bar none. It makes no call except for the token.
func (c *Client) Barred(ctx context.Context) Barred {
	b := Barred{cfg: &c.cfg, seen: &c.planRefusals}
	credential, err := c.checkedCredential()
	if err != nil {
		return b
	}
	wait := tokenWait
	if end, ok := ctx.Deadline(); ok {
		wait = min(wait, time.Until(end)/2)
	}
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	token, err := credential.Tokens.Token(ctx)
	if err != nil {
		return b
	}
	g, known := c.grants.GetIfPresent(credential.ID())
	if !known || g.token != token {
		g = grantsOf(credential, token)
		c.grants.Set(credential.ID(), g)
	}
	b.own, b.sub = g.own, g.sub
	return b
}

// maxGrants is the largest number of credentials whose grants are cached.
const maxGrants = 1_000

// grants has the operations that a token does not allow: for the own account, and for sub accounts.
type grants struct {
	token    *identity.Token
	own, sub map[*Spec]*Error
}

// grantsOf compares the scopes of a credential's token with those of all operations.
func grantsOf(credential *identity.Credential, token *identity.Token) *grants {
	g := &grants{token: token, own: map[*Spec]*Error{}, sub: map[*Spec]*Error{}}
	for _, list := range credential.Grants(token) {
		granted := make(map[string]bool, len(list))
		for _, scope := range list {
			granted[scope] = true
		}
		for _, s := range specs {
			if !s.allows("", granted) {
				g.own[s] = missingScope(s, "")
			}
			if s.subPath() != "" && !s.allows(anySub, granted) {
				g.sub[s] = missingScope(s, anySub)
			}
		}
	}
	return g
}

// anySub stands for any sub account.
const anySub = "*"

// allows is [Spec.Allows] for a set of scopes.
func (s *Spec) allows(account string, granted map[string]bool) bool {
	enough := s.ScopesIn(account)
	for scope := range strings.FieldsSeq(enough) {
		if granted[scope] {
			return true
		}
	}
	return enough == ""
}

// missingScope returns the error of a call that the scopes do not allow.
func missingScope(s *Spec, account string) *Error {
	return &Error{Op: s.Pattern, By: ByGateway, Kind: ErrMissingScope, Message: "any one of these is enough: " + s.ScopesIn(account)}
}

// needsBusiness reports whether an operation needs a Business or higher plan: those of the dashboard
// do.
//
// Source: the prerequisites of these operations in Zoom's documentation of the Dashboards API.
func (s *Spec) needsBusiness() bool { return strings.HasPrefix(s.Path(), "/metrics/") }

// beyondPlan returns the error of an operation that the account's plan does not include; nil if it
// does, as far as is known from the configured plan or from Zoom's refusals. The plan of a sub
// account is known only from refusals.
func (cfg *Config) beyondPlan(seen *planRefusals, s *Spec, account string) *Error {
	if account == "" && cfg.PlanKnown && (cfg.Plan == Free || cfg.Plan == Pro) && s.needsBusiness() {
		return &Error{
			Op: s.Pattern, By: ByGateway, Kind: ErrPlanRequired,
			Message: fmt.Sprintf("by Zoom's documents it needs Business or a higher plan, and the gateway was told that the account is on the plan %q", cfg.Plan),
		}
	}
	return seen.of(s, account)
}

// planRefusals holds Zoom's refusals because of an account's plan for planRefusalTTL. It holds only
// those of reports and dashboards of an account as a whole: an operation on a user or a meeting may be
// refused because of that user's licence, and one on settings because of the settings selected. The
// zero value is ready.
type planRefusals struct {
	mu sync.Mutex
	at map[planRefusalKey]*planRefusal
}

type planRefusalKey struct {
	spec    *Spec
	account string
}

type planRefusal struct {
	*Error
	until time.Time
}

const (
	// planRefusalTTL is short although plans rarely change, because people try what a new plan
	// includes at once.
	planRefusalTTL = 5 * time.Minute
	// maxPlanRefusals is the largest number of refusals that are held: there may be many sub
	// accounts.
	maxPlanRefusals = 1_000
)

// isOfAccount reports whether an operation is a report or a dashboard of an account as a whole.
func (s *Spec) isOfAccount() bool {
	return (strings.HasPrefix(s.Path(), "/report/") || strings.HasPrefix(s.Path(), "/metrics/")) && !strings.Contains(s.Path(), "{")
}

// learn records the error of a call if it is a refusal because of the plan.
func (p *planRefusals) learn(req *Request, err error) {
	e, ok := errors.AsType[*Error](err)
	if !ok || e.By != ByZoom || !errors.Is(e.Kind, ErrPlanRequired) || !req.Spec.isOfAccount() {
		return
	}
	now := time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.at == nil || len(p.at) >= maxPlanRefusals { // at worst, a call is spent on another refusal
		p.at = map[planRefusalKey]*planRefusal{}
	}
	known := *e
	known.By, known.Message = ByGateway, fmt.Sprintf("Zoom has refused it at %s: %s", now.UTC().Format("15:04 MST"), e.Message)
	p.at[planRefusalKey{req.Spec, req.Account}] = &planRefusal{&known, now.Add(planRefusalTTL)}
}

// of returns the refusal of an operation; nil if there is none or it has expired.
func (p *planRefusals) of(s *Spec, account string) *Error {
	if !s.isOfAccount() {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	key := planRefusalKey{s, account}
	switch known := p.at[key]; {
	case known == nil:
	case time.Now().Before(known.until):
		return known.Error
	default:
		delete(p.at, key)
	}
	return nil
}

type refusalKey struct{}

// Refusing returns a context below which each call fails with the error, and none is made.
func Refusing(ctx context.Context, err error) context.Context {
	return context.WithValue(ctx, refusalKey{}, err)
}

func refusalIn(ctx context.Context) error {
	err, _ := ctx.Value(refusalKey{}).(error)
	return err
}
