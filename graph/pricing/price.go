// Package pricing estimates the cost of an operation before it is executed, with the present
// cache, finds the fields that it cannot answer because of missing scopes or the account's plan,
// and refuses operations that cost too much. Package plan computes the calls.
package pricing

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/executor"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"zoomql/graph/endpoint"
	"zoomql/graph/list"
	"zoomql/internal/identity"
	"zoomql/internal/plan"
	"zoomql/internal/selection"
	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

// The cost of an operation is available before it is executed: by the field rateLimit, by the
// header X-Dry-Run, under extensions.plan, and in the refusal of one that costs too much.

// MaxPrice is the largest number of calls of each label that an operation may cost. It does not
// bound labels that it lacks.
type MaxPrice map[zoom.Rate]int

// Pricer estimates the costs of operations.
type Pricer struct {
	// Client calls Zoom, for each operation with the credential of its caller.
	Client *zoom.Client
	// Index returns the schema with the costs of its fields.
	Index func() *selection.Index
	// Max bounds the cost of one operation.
	Max MaxPrice
	// Objects is the largest number of objects in an answer.
	Objects int
	// CodeOf returns the code of a kind of failure of package zoom.
	CodeOf func(kind error) types.ErrorCode

	peeker *executor.Executor // executes queries against the cache: see PeekWith
}

// planKey and clientKey name the plan and the client among gqlgen's extensions of an operation.
const planKey, clientKey = "zoomql.plan", "zoomql.client"

// planOf returns the plan of an operation for the caller of ctx. It computes the plan once: before
// the operation is executed, if anything needs it.
func (r *Pricer) planOf(ctx context.Context, opCtx *graphql.OperationContext) *plan.Plan {
	if p, ok := opCtx.Stats.GetExtension(planKey).(*plan.Plan); ok {
		return p
	}
	p := plan.New(r.Index(), opCtx, r.planOptions(ctx, opCtx))
	opCtx.Stats.SetExtension(planKey, p)
	return p
}

// Plan returns a function that returns the plan of the operation of ctx, and computes it at its first
// call if nothing has before. The function is safe for concurrent use, by resolvers say; Plan itself
// MUST be called before the operation is executed.
func (r *Pricer) Plan(ctx context.Context) func() *plan.Plan {
	opCtx := graphql.GetOperationContext(ctx)
	return sync.OnceValue(func() *plan.Plan {
		if p, ok := opCtx.Stats.GetExtension(planKey).(*plan.Plan); ok {
			return p
		}
		return plan.New(r.Index(), opCtx, r.planOptions(ctx, opCtx)) // concurrently, nothing can be stored in opCtx
	})
}

// ClientOf returns the client of an operation, whose choices agree with the operation's plan.
func (r *Pricer) ClientOf(ctx context.Context, opCtx *graphql.OperationContext) *zoom.Client {
	if c, ok := opCtx.Stats.GetExtension(clientKey).(*zoom.Client); ok {
		return c
	}
	c := r.Client.As(identity.From(ctx)).Weighing()
	if opCtx.Operation.Operation != ast.Subscription { // its items make new choices
		opCtx.Stats.SetExtension(clientKey, c)
	}
	return c
}

func (r *Pricer) planOptions(ctx context.Context, opCtx *graphql.OperationContext) plan.Options {
	client := r.ClientOf(ctx, opCtx)
	active, pages := client.UserPages()
	return plan.Options{
		Plan: client.Plan(), Scarce: client.Scarcity(), Tenant: client.Tenant(), Account: client.AccountID(), ActivePages: active, UserPages: pages,
		Objects: r.Objects, Now: time.Now(), Cursor: cursorAt,
	}
}

// cursorAt returns the size of the pages of a cursor, the number of items of a listing before it, and
// whether it is on the first page.
func cursorAt(cursor string) (size, behind int, onFirst, ok bool) {
	place, _, err := list.ReadPlace(cursor)
	return int(place.Size), int(place.Offset) + int(place.Index), place.OnFirst(), err == nil
}

// Check refuses an operation before it is executed: by its price, or because a part of it cannot
// be answered and the caller requests strict handling.
func (r *Pricer) Check(ctx context.Context, opCtx *graphql.OperationContext) *gqlerror.Error {
	if IsDry(opCtx) {
		return nil
	}
	if isStrict(opCtx) {
		if err := r.strictly(ctx, opCtx); err != nil {
			return err
		}
		if err := r.withinDay(ctx, opCtx); err != nil {
			return err
		}
	}
	if len(r.Max) == 0 {
		return nil
	}
	p := r.planOf(ctx, opCtx)
	calls := p.AtMost()
	for _, label := range zoom.Rates {
		if most, bounded := r.Max[label]; bounded && calls[label] > most {
			err := tooDear(p, label, calls[label], most)
			r.addCheaper(ctx, opCtx, err, label)
			return err
		}
	}
	return nil
}

// withinDay refuses an operation whose calls exceed what is known to be left of today's budget.
func (r *Pricer) withinDay(ctx context.Context, opCtx *graphql.OperationContext) *gqlerror.Error {
	if days, _ := r.Client.As(identity.From(ctx)).Days(ctx, expectedOf(r.planOf(ctx, opCtx))); days < 2 {
		return nil
	}
	e := r.estimate(ctx, opCtx) // without the calls that the cache answers
	if e.days < 2 {
		return nil
	}
	message := "Nothing was executed, because you requested strict handling, and what is left of today's budget at Zoom does not suffice for the calls."
	if e.retryAt.IsZero() {
		message += fmt.Sprintf(" It takes the budgets of %d days.", e.days)
	}
	err := endpoint.WithCode(gqlerror.Errorf("%s", message), types.ErrorCodeDailyLimit)
	if !e.retryAt.IsZero() {
		endpoint.AddRetryAt(err, e.retryAt)
	}
	return err
}

// expectedOf returns the expected calls of a plan, by operation.
func expectedOf(p *plan.Plan) map[*zoom.Spec]int {
	calls := map[*zoom.Spec]int{}
	p.All(func(s *plan.Step) { calls[s.Op] += s.Expected })
	return calls
}

// dearest is the number of steps that a refusal names.
const dearest = 3

// tooDear returns the refusal of an operation that may cost too many calls of a label.
func tooDear(p *plan.Plan, label zoom.Rate, calls, most int) *gqlerror.Error {
	var parts []string
	rows := []map[string]any{}
	for _, s := range p.Dearest(label, dearest) {
		parts = append(parts, fmt.Sprintf("%s (%d × %s)", shortPath(s.Path), s.AtMost, s.Op.Pattern))
		rows = append(rows, map[string]any{"path": shortPath(s.Path), "operation": s.Op.Pattern, "atMost": s.AtMost, "open": s.Open, "why": s.Why})
	}
	err := endpoint.WithCode(gqlerror.Errorf("The operation may cost %d %s calls at Zoom, and MAX_PRICE allows %d. Ask for less, by a smaller \"first\" say, of: %s.", calls, label, most, strings.Join(parts, ", ")), types.ErrorCodeLimitExceeded)
	err.Extensions["price"] = map[string]any{"label": label.String(), "atMost": calls, "allowed": most, "dearest": rows}
	return err
}

// fits reports whether the cost of a plan is within the bounds.
func (m MaxPrice) fits(p *plan.Plan) bool {
	calls := p.AtMost()
	for label, most := range m {
		if calls[label] > most {
			return false
		}
	}
	return true
}

// addCheaper adds to a refusal the changes with which the operation would be executed, if some
// are found.
func (r *Pricer) addCheaper(ctx context.Context, opCtx *graphql.OperationContext, refused *gqlerror.Error, label zoom.Rate) {
	changes := plan.Cheaper(r.Index(), opCtx, r.planOptions(ctx, opCtx), label, r.Max.fits)
	if len(changes) == 0 {
		return
	}
	var ways []string
	for i, c := range changes {
		changes[i].Path = shortPath(c.Path)
		way := fmt.Sprintf("%s(%s: %v)", changes[i].Path, c.Argument, c.To)
		if len(c.Without) > 0 {
			changes[i].Without = listed(c.Without)
			way += fmt.Sprintf(", which lacks %s", inWords(c.Without))
		}
		ways = append(ways, way)
	}
	refused.Message += " It would be carried out with " + strings.Join(ways, " and ") + "."
	refused.Extensions["price"].(map[string]any)["cheaper"] = changes
}

// maxPath is the largest part of a path that is shown, in bytes, because the caller chooses the
// names in it.
const maxPath = 300

// shortPath returns the end of a path, at most maxPath bytes.
func shortPath(path string) string {
	if len(path) > maxPath {
		return "…" + path[len(path)-maxPath:]
	}
	return path
}

// IsDry reports whether a query only requests its price and is not executed.
func IsDry(opCtx *graphql.OperationContext) bool {
	if opCtx.Operation.Operation != ast.Query {
		return false
	}
	for _, f := range graphql.CollectFields(opCtx, opCtx.Operation.SelectionSet, []string{"Query"}) {
		if f.Name != "rateLimit" || f.Definition == nil {
			continue
		}
		if dry, _ := f.ArgumentMap(opCtx.Variables)["dryRun"].(bool); dry {
			return true
		}
	}
	return false
}

// granted returns the scopes of the caller of ctx; nil if Zoom issues no token.
func (r *Pricer) granted(ctx context.Context) []string {
	scopes, err := r.Client.As(identity.From(ctx)).Scopes(ctx)
	if err != nil {
		return nil
	}
	return append([]string{}, scopes...)
}

// Tell adds the cost of the operation of ctx to an answer, and whether the scopes suffice.
func (r *Pricer) Tell(ctx context.Context, answer *types.RateLimit) {
	e, granted := r.estimateOf(ctx, graphql.GetOperationContext(ctx)), r.granted(ctx)
	answer.Estimated, answer.Expected = callCounts(e.AtMost()), callCounts(e.Expected())
	answer.RoundTrips, answer.Objects, answer.CacheKnown = e.Trips, e.Objects, e.cacheKnown
	answer.Days, answer.RetryAt = e.days, types.Time{Time: e.retryAt}
	answer.Steps, answer.Scopes = []*types.PlanStep{}, []*types.StepScopes{}
	e.First(func(s *plan.Step) {
		answer.Steps = append(answer.Steps, &types.PlanStep{
			Path: s.Path, Operation: s.Op.Pattern, Label: types.RateLabel(s.Op.Rate.String()),
			AtMost: s.AtMost, Expected: s.Expected, Cached: s.Cached, Depth: s.Depth, Open: s.Open, Why: s.Why,
		})
	})
	for _, s := range e.Scopes() {
		row := &types.StepScopes{Operation: s.Op.Pattern, Granular: asTexts(s.Granular), Classic: asTexts(s.Classic)}
		if granted != nil {
			row.Granted = types.Bool{Value: s.Granted(granted), Valid: true}
		}
		answer.Scopes = append(answer.Scopes, row)
	}
}

func callCounts(calls plan.Counts) []*types.CallCount {
	counts := []*types.CallCount{}
	for _, label := range zoom.Rates {
		if n := calls[label]; n > 0 {
			counts = append(counts, &types.CallCount{Label: types.RateLabel(label.String()), Calls: n})
		}
	}
	return counts
}

func asTexts(list []string) []types.Text {
	texts := make([]types.Text, len(list))
	for i, text := range list {
		texts[i] = types.Text(text)
	}
	return texts
}
