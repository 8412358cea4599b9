package pricing

import (
	"context"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/executor"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"zoomql/graph/admission"
	"zoomql/graph/endpoint"
	"zoomql/internal/identity"
	"zoomql/internal/plan"
	"zoomql/internal/zoom"
)

// The expected price of a query depends on the cache. So pricing executes the query against the
// cache only: the resolvers run as usual, and no call is sent.

// estimate is the price of an operation with the present cache.
type estimate struct {
	*plan.Plan
	// cacheKnown reports that the expected calls exclude those that the cache answers.
	cacheKnown bool
	// days is the number of daily budgets that the expected calls take; 0 if they use none. If
	// today's does not suffice, retryAt is when a daily budget does; zero if none does.
	days    int
	retryAt time.Time
}

const (
	// estimateKey and observedKey name the estimate and the observed requests, like planKey.
	estimateKey = "zoomql.estimate"
	observedKey = "zoomql.observed"
	// peekTimeout bounds the cache lookups of a price.
	peekTimeout = 5 * time.Second
)

// asksPrice reports whether an operation selects its price, by the field rateLimit.
func asksPrice(opCtx *graphql.OperationContext) bool {
	if opCtx.Operation.Operation != ast.Query {
		return false
	}
	for _, f := range graphql.CollectFields(opCtx, opCtx.Operation.SelectionSet, []string{"Query"}) {
		if f.Name == "rateLimit" {
			return true
		}
	}
	return false
}

// Price estimates the cost of an operation before it is executed, if the answer is to contain it:
// by the field rateLimit, or as extensions.plan. For the latter it also observes the requests of the
// execution.
func (r *Pricer) Price(ctx context.Context, opCtx *graphql.OperationContext) {
	if zoom.Peeking(ctx) || opCtx.Operation.Operation == ast.Subscription {
		return
	}
	if endpoint.WantsPlan(opCtx) {
		zoom.ValidUntil(ctx, time.Time{}) // its cost differs each time
		opCtx.Stats.SetExtension(observedKey, observe(zoom.UsageOf(ctx)))
	} else if !asksPrice(opCtx) {
		return
	}
	opCtx.Stats.SetExtension(estimateKey, r.estimate(ctx, opCtx))
}

// observe returns an observer of the requests of an operation.
func observe(u *zoom.Usage) *plan.Observed {
	o := &plan.Observed{}
	u.Observe(func(ctx context.Context, s *zoom.Spec, what zoom.Outcome) {
		o.Note(s, namesIn(graphql.GetPath(ctx)), what)
	})
	u.ObserveGuesses(func(ctx context.Context, s *zoom.Spec, share float64) {
		o.Guess(s, namesIn(graphql.GetPath(ctx)), share)
	})
	return o
}

// estimateOf returns the estimate of an operation, or estimates it.
func (r *Pricer) estimateOf(ctx context.Context, opCtx *graphql.OperationContext) *estimate {
	if e, ok := opCtx.Stats.GetExtension(estimateKey).(*estimate); ok {
		return e
	}
	return r.estimate(ctx, opCtx)
}

func (r *Pricer) estimate(ctx context.Context, opCtx *graphql.OperationContext) *estimate {
	e := &estimate{Plan: r.planOf(ctx, opCtx)}
	switch {
	case len(e.Steps) == 0:
		e.cacheKnown = true
	case opCtx.Operation.Operation == ast.Query:
		var seen *plan.Observed
		if seen, e.cacheKnown = r.peek(ctx, opCtx); e.cacheKnown {
			r.peekLookups(ctx, e.Plan, seen)
			e.Plan = e.Cached(seen)
		}
	default:
		seen := &plan.Observed{}
		if e.cacheKnown = r.peekLookups(ctx, e.Plan, seen); e.cacheKnown {
			e.Plan = e.Looked(seen)
		}
	}
	e.days, e.retryAt = r.Client.As(identity.From(ctx)).Days(ctx, expectedOf(e.Plan))
	return e
}

// peek executes a query against the cache only, and returns the requests that it would have
// sent. It reports whether all cache lookups were done in time.
func (r *Pricer) peek(ctx context.Context, opCtx *graphql.OperationContext) (*plan.Observed, bool) {
	ctx, cancel := context.WithTimeout(ctx, peekTimeout)
	defer cancel()
	held := &admission.Response{}
	defer held.Release()
	cached, usage := &zoom.Peek{}, &zoom.Usage{}
	seen := observe(usage)
	ctx = admission.WithResponse(zoom.WithUsage(zoom.WithPeek(ctx, cached), usage), held)
	responses, inner := r.peeker.DispatchOperation(ctx, opCtx)
	responses(inner)
	return seen, cached.Known() && ctx.Err() == nil
}

// peekLookups looks up in the cache the first reads of a mutation or a subscription, which cannot
// be executed for a price, and the reads of a query that depend on missing answers. It reports
// whether all cache lookups were done in time.
func (r *Pricer) peekLookups(ctx context.Context, p *plan.Plan, seen *plan.Observed) bool {
	ctx, cancel := context.WithTimeout(ctx, peekTimeout)
	defer cancel()
	cached, client := &zoom.Peek{}, r.Client.As(identity.From(ctx))
	p.All(func(s *plan.Step) {
		if s.Lookup == nil || seen.Has(s) {
			return
		}
		usage := &zoom.Usage{}
		usage.Observe(func(_ context.Context, op *zoom.Spec, what zoom.Outcome) {
			if op == s.Op || what != zoom.Missed { // a missing list does not mean that the object is missing
				seen.Look(s, what)
			}
		})
		lookUp(zoom.WithUsage(zoom.WithPeek(ctx, cached), usage), client, s.Lookup)
	})
	return cached.Known() && ctx.Err() == nil
}

// lookUp reads the objects that a lookup names.
func lookUp(ctx context.Context, client *zoom.Client, l *plan.Lookup) {
	switch {
	case l.Whole:
		for _, name := range l.Users {
			_, _ = zoom.GetUser.Do(ctx, client, zoom.UserKey{UserID: name})
		}
	case l.Users != nil:
		zoom.FindUsers(ctx, client, l.Users, nil)
	case l.Registrants != nil:
		for _, email := range l.Registrants {
			_, _ = zoom.RegistrantsOf{Number: l.Meeting}.ByEmail(ctx, client, email)
		}
	default:
		_, _ = zoom.GetMeeting.Do(ctx, client, zoom.MeetingQuery{MeetingID: l.Meeting})
	}
}

// PeekWith sets the schema with which queries are executed against the cache, and the middleware
// that begins them. It MUST be called before the first query is priced.
func (r *Pricer) PeekWith(schema graphql.ExecutableSchema, begin graphql.OperationMiddleware) {
	r.peeker = executor.New(schema)
	r.peeker.SetErrorPresenter(func(context.Context, error) *gqlerror.Error { return nil }) // the answer is dropped
	r.peeker.AroundOperations(begin)
}

// Report returns the estimated cost of an operation, and the actual one if it was executed.
func (r *Pricer) Report(ctx context.Context, opCtx *graphql.OperationContext) *plan.Report {
	e := r.estimateOf(ctx, opCtx)
	p := e.Plan
	observed, paid := opCtx.Stats.GetExtension(observedKey).(*plan.Observed)
	if paid {
		p = p.Paid(observed)
	}
	barred := r.Client.As(identity.From(ctx)).Barred(ctx)
	report := p.Report(r.granted(ctx), paid)
	report.CacheKnown, report.Days, report.RetryAt = e.cacheKnown, e.days, e.retryAt
	for _, l := range e.Lacking(barOf(barred)) {
		err := barred.Of(l.Op, l.Account)
		report.Refused = append(report.Refused, plan.Refusal{Operation: l.Op.Pattern, Fields: listed(l.Fields), Code: string(r.CodeOf(err.Kind)), Why: err.Message})
	}
	return report
}
