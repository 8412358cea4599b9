package graph

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"zoomql/graph/endpoint"
	"zoomql/graph/list"
	"zoomql/internal/identity"
	"zoomql/internal/plan"
	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

// What an operation costs is told before it is carried out: by rateLimit, by the header
// X-Dry-Run, under extensions.plan, and by the refusal of what costs too much.

// MaxPrice is how many calls of each label an operation may cost at most; labels that it
// does not have are not bounded.
type MaxPrice map[zoom.Rate]int

// planOf returns the plan of an operation, for the caller of ctx.
func (r *Resolver) planOf(ctx context.Context, opCtx *graphql.OperationContext) *plan.Plan {
	client := r.Client.As(identity.From(ctx))
	return plan.New(schemaIndex(), opCtx, plan.Options{
		Plan: client.Plan(), Tenant: client.Tenant(), Account: client.AccountID(), UserPages: client.UserPages(),
		Objects: r.Budget.Objects, Now: time.Now(), Cursor: cursorAt,
	})
}

// cursorAt returns the size of the pages that a cursor leads to, and how many items of a
// listing are behind it.
func cursorAt(cursor string) (size, behind int, ok bool) {
	place, _, err := list.ReadPlace(cursor)
	return int(place.Size), int(place.Offset) + int(place.Index), err == nil
}

// check refuses an operation before it is carried out: by its size, or by its price.
func (r *Resolver) check(ctx context.Context, opCtx *graphql.OperationContext) *gqlerror.Error {
	if err := r.Budget.Foresee(opCtx); err != nil {
		return err
	}
	if len(r.MaxPrice) == 0 || isDry(opCtx) {
		return nil
	}
	p := r.planOf(ctx, opCtx)
	calls := p.AtMost()
	for _, label := range zoom.Rates {
		if most, bounded := r.MaxPrice[label]; bounded && calls[label] > most {
			return tooDear(p, label, calls[label], most)
		}
	}
	return nil
}

// dearest is how many parts of an operation that costs too much are named.
const dearest = 3

// tooDear is the refusal of an operation that may cost too many calls of a label.
func tooDear(p *plan.Plan, label zoom.Rate, calls, most int) *gqlerror.Error {
	var parts []string
	told := []map[string]any{}
	for _, s := range p.Dearest(label, dearest) {
		parts = append(parts, fmt.Sprintf("%s (%d × %s)", shortPath(s.Path), s.AtMost, s.Op.Pattern))
		told = append(told, map[string]any{"path": shortPath(s.Path), "operation": s.Op.Pattern, "atMost": s.AtMost, "open": s.Open, "why": s.Why})
	}
	err := endpoint.WithCode(gqlerror.Errorf("The operation may cost %d %s calls at Zoom, and MAX_PRICE allows %d. Ask for less, by a smaller \"first\" say, of: %s.", calls, label, most, strings.Join(parts, ", ")), types.ErrorCodeLimitExceeded)
	err.Extensions["price"] = map[string]any{"label": label.String(), "atMost": calls, "allowed": most, "dearest": told}
	return err
}

// maxPath is how much of a path is shown: names in it are the caller's.
const maxPath = 300

func shortPath(path string) string {
	if len(path) > maxPath {
		return "…" + path[len(path)-maxPath:]
	}
	return path
}

// isDry reports whether a query asks for its price and is not to be carried out.
func isDry(opCtx *graphql.OperationContext) bool {
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

// notDry is a root field middleware: of a query that asks for its price, no other field is
// resolved than that.
func notDry(ctx context.Context, next graphql.RootResolver) graphql.Marshaler {
	if r := from(ctx); r != nil && r.dry {
		switch f := graphql.GetRootFieldContext(ctx).Field; {
		case f.Name == "rateLimit" || strings.HasPrefix(f.Name, "__"):
		case f.Definition != nil && f.Definition.Type.NonNull: // what it leads to is null: see awaited
		default:
			return graphql.Null
		}
	}
	return next(ctx)
}

// granted returns the scopes of the caller of ctx; nil where Zoom gives no token.
func (r *Resolver) granted(ctx context.Context) []string {
	scopes, err := r.Client.As(identity.From(ctx)).Scopes(ctx)
	if err != nil {
		return nil
	}
	return append([]string{}, scopes...)
}

// price tells what an operation costs, and whether the granted scopes are enough; nil are
// not known.
func price(answer *types.RateLimit, p *plan.Plan, granted []string) {
	answer.Estimated, answer.Expected = callCounts(p.AtMost()), callCounts(p.Expected())
	answer.RoundTrips, answer.Objects = p.Trips, p.Objects
	answer.Steps, answer.Scopes = []*types.PlanStep{}, []*types.StepScopes{}
	p.Told(func(s *plan.Step) {
		answer.Steps = append(answer.Steps, &types.PlanStep{
			Path: s.Path, Operation: s.Op.Pattern, Label: types.RateLabel(s.Op.Rate.String()),
			AtMost: s.AtMost, Expected: s.Expected, Depth: s.Depth, Open: s.Open, Why: s.Why,
		})
	})
	for _, s := range p.Scopes() {
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
