package pricing

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"zoomql/graph/endpoint"
	"zoomql/graph/errs"
	"zoomql/internal/identity"
	"zoomql/internal/plan"
	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

// The scopes that an operation needs and its credential lacks are known before the first call.
// They are one error. Fields that need them are null without a call, and the others are resolved,
// unless the caller requests strict handling: then nothing is executed.

// preferHeader and strictHandling request all of an operation or nothing (RFC 7240, section
// 4.4). Where no header can be sent, "extensions": {"handling": "strict"} requests the same.
const (
	preferHeader   = "Prefer"
	strictHandling = "strict"
)

// isStrict reports whether an operation is refused if parts of it cannot be answered.
func isStrict(opCtx *graphql.OperationContext) bool {
	if asked, _ := opCtx.Extensions["handling"].(string); asked == strictHandling {
		return true
	}
	return strings.EqualFold(preference(opCtx.Headers.Values(preferHeader), "handling"), strictHandling)
}

// preference returns the value of the first preference of a name, since later ones do not count;
// "" if there is none. Its parameters, which follow a semicolon, are ignored (RFC 7240, section 2).
func preference(lines []string, name string) string {
	for _, line := range lines {
		for line != "" {
			end, quoted := 0, false
			for ; end < len(line) && (quoted || line[end] != ','); end++ {
				switch {
				case line[end] == '"':
					quoted = !quoted
				case line[end] == '\\' && quoted:
					end++ // a quoted character
				}
			}
			end = min(end, len(line))
			stated, _, _ := strings.Cut(line[:end], ";")
			key, value, _ := strings.Cut(stated, "=")
			if strings.EqualFold(strings.TrimSpace(key), name) {
				return strings.Trim(strings.TrimSpace(value), `"`)
			}
			line = line[min(end+1, len(line)):]
		}
	}
	return ""
}

// strictly returns the refusal of an operation of which a part cannot be answered, because a scope
// is missing or the account's plan does not include it; nil if there is none.
func (r *Pricer) strictly(ctx context.Context, opCtx *graphql.OperationContext) *gqlerror.Error {
	barred := r.Client.As(identity.From(ctx)).Barred(ctx)
	p := r.planOf(ctx, opCtx)
	var scopes, plans []*plan.Lack
	for _, l := range p.Lacking(barOf(barred)) {
		if barred.Scope(l.Op, l.Account) {
			scopes = append(scopes, l)
		} else {
			plans = append(plans, l)
		}
	}
	switch {
	case len(scopes) > 0:
		return missingScopes(scopes, "Nothing was executed, because you requested strict handling, and the Zoom app lacks scopes for %s.")
	case len(plans) > 0:
		return beyondPlan(plans, barred)
	}
	return nil
}

// barOf returns a function that reports to package plan why an operation cannot be used.
func barOf(barred zoom.Barred) func(s *zoom.Spec, account string) plan.Bar {
	return func(s *zoom.Spec, account string) plan.Bar {
		switch {
		case barred.Of(s, account) == nil:
			return 0
		case barred.Scope(s, account):
			return plan.NoScope
		}
		return plan.NotIncluded
	}
}

// Preflight has the missing scopes of a GraphQL operation, which are known before its first call. A
// nil Preflight has none. It is safe for concurrent use.
type Preflight struct {
	places map[plan.Place]*plan.Lack
	// messages has the lacks by the operation and message of the error of a call.
	messages map[string]*plan.Lack

	mu    sync.Mutex
	lacks []*plan.Lack // without those of mutations: their payloads have the errors
}

// Preflight returns nil if no scope of an operation is missing, or if the scopes are unknown.
func (r *Pricer) Preflight(ctx context.Context, client *zoom.Client) *Preflight {
	opCtx := graphql.GetOperationContext(ctx)
	if opCtx.Operation.Operation == ast.Subscription || IsDry(opCtx) && !zoom.Peeking(ctx) {
		return nil
	}
	barred := client.Barred(ctx)
	if barred.NoScope() {
		return nil
	}
	lacks := r.planOf(ctx, opCtx).Lacking(func(s *zoom.Spec, account string) plan.Bar {
		if barred.Scope(s, account) {
			return plan.NoScope
		}
		return 0
	})
	if len(lacks) == 0 {
		return nil
	}
	p := &Preflight{places: map[plan.Place]*plan.Lack{}, messages: map[string]*plan.Lack{}}
	for _, l := range lacks {
		p.messages[l.Op.Pattern+barred.Of(l.Op, l.Account).Message] = l
		for _, at := range l.Places {
			p.places[at] = l
		}
		if !slices.ContainsFunc(l.Places, func(at plan.Place) bool { return at.On == "Mutation" }) {
			p.lacks = append(p.lacks, l)
		}
	}
	return p
}

// at returns the lack of a field; nil if the field can be resolved.
func (p *Preflight) at(fc *graphql.FieldContext) *plan.Lack {
	if p == nil || fc.Field.Definition == nil || fc.Object != "Mutation" && fc.Field.Definition.Type.NonNull {
		return nil
	}
	return p.places[plan.Place{On: fc.Object, Path: namesIn(fc.Path())}]
}

// namesIn returns a path without the indices of lists.
func namesIn(path ast.Path) string {
	var names []string
	for _, part := range path {
		if name, ok := part.(ast.PathName); ok {
			names = append(names, string(name))
		}
	}
	return strings.Join(names, ".")
}

// Resolve resolves the field of ctx unless it lacks a scope. A mutation without its scopes fails
// before a request is sent, and its payload has the error.
func (p *Preflight) Resolve(ctx context.Context, next graphql.Resolver) (any, error) {
	fc := graphql.GetFieldContext(ctx)
	switch l := p.at(fc); {
	case l == nil:
		return next(ctx)
	case fc.Object == "Mutation":
		return next(zoom.Refusing(ctx, p.refusal(namesIn(fc.Path()))))
	default:
		return nil, nil
	}
}

// refusal returns the error of a mutation, with all operations for which it lacks scopes.
func (p *Preflight) refusal(path string) error {
	var first *plan.Lack
	var all []string
	for _, l := range p.messages {
		if slices.Contains(l.Places, plan.Place{On: "Mutation", Path: path}) {
			first = l
			all = append(all, fmt.Sprintf("%s needs one of %s", l.Op.Pattern, l.Op.ScopesIn(l.Account)))
		}
	}
	slices.Sort(all)
	return &zoom.Error{By: zoom.ByGateway, Kind: zoom.ErrMissingScope, Op: first.Op.Pattern, Message: strings.Join(all, "; ")}
}

// Tells reports whether the error of all missing scopes includes an error, and adds the field of
// ctx to it.
func (p *Preflight) Tells(ctx context.Context, err error) bool {
	if p == nil {
		return false
	}
	e, ok := errors.AsType[*zoom.Error](err)
	if !ok || e.By != zoom.ByGateway || !errors.Is(e.Kind, zoom.ErrMissingScope) {
		return false
	}
	l := p.messages[e.Op+e.Message]
	if l == nil || !slices.Contains(p.lacks, l) {
		return false
	}
	if fc := graphql.GetFieldContext(ctx); fc != nil && fc.Field.Definition != nil && fc.Field.Definition.Type.NonNull {
		return false // the executor requires its error
	}
	path := graphql.GetPath(ctx)
	if further, ok := errors.AsType[*errs.PathError](err); ok {
		path = further.Path
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	at := namesIn(path)
	if !slices.ContainsFunc(l.Fields, func(f string) bool { return strings.HasPrefix(f, at+".") }) { // a field below it is more precise
		l.Add(at)
	}
	return true
}

// Tell adds the error of all missing scopes before the other errors of a response.
func (p *Preflight) Tell(resp *graphql.Response) {
	if p == nil || len(p.lacks) == 0 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	err := missingScopes(p.lacks, "The Zoom app lacks scopes, so these are null: %s. Add one scope of each operation in missingScopes in the app's settings at Zoom, then restart or authorize again.")
	err.Path = pathOfOne(p.lacks)
	resp.Errors = append(gqlerror.List{err}, resp.Errors...)
}

const (
	// maxNamed is the largest number of fields in a sentence, and maxListed in a list.
	maxNamed, maxListed = 3, 100
)

// missingScopes returns the one error of all missing scopes. format takes the names of the fields.
func missingScopes(lacks []*plan.Lack, format string) *gqlerror.Error {
	rows := make([]map[string]any, len(lacks))
	for i, l := range lacks {
		scopes := l.Scopes()
		rows[i] = map[string]any{"operation": l.Op.Pattern, "granular": scopes.Granular, "classic": scopes.Classic, "fields": listed(l.Fields)}
	}
	err := endpoint.WithCode(gqlerror.Errorf(format, namesOf(lacks)), types.ErrorCodeMissingScope)
	err.Extensions["missingScopes"] = rows
	return err
}

// pathOfOne returns the path of a single field that lacks something; nil if there are several, or
// if it is in a list.
func pathOfOne(lacks []*plan.Lack) (path ast.Path) {
	if len(lacks) != 1 || lacks[0].Listed || len(lacks[0].Fields) != 1 {
		return nil
	}
	for name := range strings.SplitSeq(lacks[0].Fields[0], ".") {
		path = append(path, ast.PathName(name))
	}
	return path
}

// beyondPlan returns the error of operations that the account's plan does not include.
func beyondPlan(lacks []*plan.Lack, barred zoom.Barred) *gqlerror.Error {
	rows := make([]map[string]any, len(lacks))
	for i, l := range lacks {
		rows[i] = map[string]any{"operation": l.Op.Pattern, "why": barred.Of(l.Op, l.Account).Message, "fields": listed(l.Fields)}
	}
	err := endpoint.WithCode(gqlerror.Errorf("Nothing was executed, because you requested strict handling, and the Zoom account's plan does not include %s.", namesOf(lacks)), types.ErrorCodePlanRequired)
	err.Extensions["notIncluded"] = rows
	return err
}

// listed returns at most maxListed paths of fields, shortened.
func listed(fields []string) []string {
	short := make([]string, min(len(fields), maxListed))
	for i := range short {
		short[i] = shortPath(fields[i])
	}
	return short
}

// namesOf lists the fields of lacks in a sentence.
func namesOf(lacks []*plan.Lack) string {
	var all []string
	for _, l := range lacks {
		for _, f := range l.Fields {
			if !slices.Contains(all, f) {
				all = append(all, f)
			}
		}
	}
	return inWords(all)
}

// inWords lists fields in a sentence.
func inWords(fields []string) string {
	all := make([]string, min(len(fields), maxNamed))
	for i := range all {
		all[i] = shortPath(fields[i])
	}
	if more := len(fields) - maxNamed; more > 0 {
		return strings.Join(all, ", ") + fmt.Sprintf(" and %d more", more)
	}
	return strings.Join(all, ", ")
}
