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

// What a credential's scopes do not allow, and what the account's plan does not include, is
// known before a call. The layer authorized refuses such a call; [Client.Barred] tells of it
// before any call is made.

// Barred are the operations that cannot be used: by their scopes, by the account's plan. The
// zero value bars none.
type Barred struct {
	own, sub map[*Spec]*Error
	cfg      *Config
	seen     *planRefusals
}

// Of returns why an operation cannot be used for an account; nil where it can, as far as is
// known. "" is the own account, and all others are sub accounts.
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

// Scope reports whether the scopes that were granted do not allow an operation.
func (b Barred) Scope(s *Spec, account string) bool {
	err := b.Of(s, account)
	return err != nil && errors.Is(err.Kind, ErrMissingScope)
}

// NoScope reports whether no operation is known to lack a scope.
func (b Barred) NoScope() bool { return len(b.own)+len(b.sub) == 0 }

// tokenWait is how long Barred waits for a token, and no longer than half of the time that is
// left: a question that the cache answers needs none.
const tokenWait = time.Second

// Barred returns what the client's credential cannot use. Where the scopes of its token are
// not known, they bar nothing. It makes no call but that for the token.
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

// maxGrants bounds the credentials of which it is remembered what they cannot use.
const maxGrants = 1_000

// grants is what a token does not allow a credential.
type grants struct {
	token    *identity.Token
	own, sub map[*Spec]*Error
}

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

// allows is Allows for a set.
func (s *Spec) allows(account string, granted map[string]bool) bool {
	enough := s.ScopesIn(account)
	for scope := range strings.FieldsSeq(enough) {
		if granted[scope] {
			return true
		}
	}
	return enough == ""
}

// missingScope is the error of a call that the scopes do not allow.
func missingScope(s *Spec, account string) *Error {
	return &Error{Op: s.Pattern, By: ByGateway, Kind: ErrMissingScope, Message: "any one of these is enough: " + s.ScopesIn(account)}
}

// needsBusiness reports whether an operation is for accounts on a plan of the kind Business
// alone: those of the dashboard are.
//
// Source: the prerequisites of these operations in Zoom's documents of its Dashboards API.
func (s *Spec) needsBusiness() bool { return strings.HasPrefix(s.Path(), "/metrics/") }

// beyondPlan returns why the account's plan does not include an operation; nil where it does,
// as far as is known: from the plan that was configured, or from a refusal of Zoom's. Of sub
// accounts no plan is known.
func (cfg *Config) beyondPlan(seen *planRefusals, s *Spec, account string) *Error {
	if account == "" && cfg.PlanKnown && (cfg.Plan == Free || cfg.Plan == Pro) && s.needsBusiness() {
		return &Error{
			Op: s.Pattern, By: ByGateway, Kind: ErrPlanRequired,
			Message: fmt.Sprintf("by Zoom's documents it needs Business or a higher plan, and the gateway was told that the account is on the plan %q", cfg.Plan),
		}
	}
	return seen.of(s, account)
}

// planRefusals remembers for a while that Zoom has refused an operation for the account's plan.
// It remembers only reports and dashboards of the account as a whole: what is asked about a
// user or a meeting may be refused for the licence of that user, and settings for what is
// asked of them. The zero value is ready.
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
	// planRefusalTTL is how long a refusal is believed: a plan changes hardly ever, but then
	// its owner tries at once what it includes.
	planRefusalTTL = 5 * time.Minute
	// maxPlanRefusals bounds the refusals that are remembered: there are some hundred
	// operations, and sub accounts.
	maxPlanRefusals = 1_000
)

// isOfAccount reports whether an operation reports on an account as a whole.
func (s *Spec) isOfAccount() bool {
	return (strings.HasPrefix(s.Path(), "/report/") || strings.HasPrefix(s.Path(), "/metrics/")) && !strings.Contains(s.Path(), "{")
}

// learn notes what an answer says of the plan.
func (p *planRefusals) learn(req *Request, err error) {
	e, ok := errors.AsType[*Error](err)
	if !ok || e.By != ByZoom || !errors.Is(e.Kind, ErrPlanRequired) || !req.Spec.isOfAccount() {
		return
	}
	now := time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.at == nil || len(p.at) >= maxPlanRefusals { // at worst, a call is spent on a refusal
		p.at = map[planRefusalKey]*planRefusal{}
	}
	said := *e
	said.By, said.Message = ByGateway, fmt.Sprintf("Zoom has refused it at %s: %s", now.UTC().Format("15:04 MST"), e.Message)
	p.at[planRefusalKey{req.Spec, req.Account}] = &planRefusal{&said, now.Add(planRefusalTTL)}
}

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

// Refusing returns a context below which no call is made: each fails with the error.
func Refusing(ctx context.Context, err error) context.Context {
	return context.WithValue(ctx, refusalKey{}, err)
}

func refusalIn(ctx context.Context) error {
	err, _ := ctx.Value(refusalKey{}).(error)
	return err
}
