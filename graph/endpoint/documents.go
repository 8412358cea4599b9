package endpoint

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/errcode"
	"github.com/maypok86/otter/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/parser"
	"github.com/vektah/gqlparser/v2/validator"
	"github.com/vektah/gqlparser/v2/validator/rules"

	"zoomql/internal/wallclock"
)

// Documents keeps parsed documents, which hold nothing of anybody's: handlers of
// one schema and one set of limits may share it.
type Documents interface {
	graphql.Cache[*ast.QueryDocument]
}

const (
	// documentBytes bounds what all parsed documents take.
	documentBytes = 16 << 20
	// largeDocument is what a document may take to be kept. A larger one is parsed
	// each time: that takes some milliseconds, and few of them would push all others
	// out.
	largeDocument = documentBytes / 8
	// nodeBytes is what a field, an argument or a value takes that was parsed and
	// validated, on average; TestDocumentsBound measures it.
	nodeBytes = 400
)

// NewDocuments returns one that is bounded by bytes.
func NewDocuments() Documents {
	return &documentCache{otter.Must(&otter.Options[string, sizedDocument]{
		MaximumWeight: documentBytes,
		Weigher:       func(_ string, doc sizedDocument) uint32 { return doc.size },
		Clock:         wallclock.Clock{},
		Executor:      func(tidy func()) { tidy() }, // at once, so that the bound holds
	})}
}

// documentCache keeps what is asked for often: documents that come once each do not push
// those out.
type documentCache struct {
	kept *otter.Cache[string, sizedDocument]
}

// sizedDocument is a document and about what it takes.
type sizedDocument struct {
	*ast.QueryDocument
	size uint32
}

// Get implements [graphql.Cache].
func (d *documentCache) Get(_ context.Context, query string) (*ast.QueryDocument, bool) {
	doc, ok := d.kept.GetIfPresent(query)
	return doc.QueryDocument, ok
}

// Add implements [graphql.Cache].
func (d *documentCache) Add(_ context.Context, query string, doc *ast.QueryDocument) {
	size := 1000 + len(query) + nodeBytes*newSurvey(DefaultLimits, doc).nodes
	if size <= largeDocument {
		d.kept.Set(query, sizedDocument{doc, uint32(size)})
	}
}

// reader makes documents of what callers send.
type reader struct {
	schema *ast.Schema
	limits Limits
	known  Documents
	// suggest tells that a mistake may be answered with names of the schema.
	suggest bool
}

// read returns the document of a query, parsed and validated. Each step is bounded
// by the one before it: the length bounds what is parsed, and what was parsed is
// measured before it is validated.
func (r *reader) read(ctx context.Context, params *graphql.RawParams) (*ast.QueryDocument, gqlerror.List) {
	query := params.Query
	switch {
	case len(query) > r.limits.Bytes:
		return nil, gqlerror.List{tooLarge(r.limits.Bytes, "bytes; what is long goes into variables")}
	case len(params.OperationName) > r.limits.NameBytes:
		return nil, gqlerror.List{r.limits.tooLong()}
	}
	if doc, ok := r.known.Get(ctx, query); ok {
		return doc, nil
	}
	doc, err := parser.ParseQueryWithTokenLimit(&ast.Source{Input: query}, r.limits.Tokens)
	if err != nil {
		return nil, gqlerror.List{r.parseError(err)}
	}
	if len(doc.Operations) == 0 {
		return nil, invalidDocument(gqlerror.List{gqlerror.Errorf("no operation provided")})
	}
	s := newSurvey(r.limits, doc)
	if err := s.check(doc); err != nil {
		return nil, gqlerror.List{err}
	}
	if errs := r.validate(s, doc); len(errs) > 0 {
		return nil, invalidDocument(errs)
	}
	undeferAll(doc)
	r.known.Add(ctx, query, doc)
	return doc, nil
}

// parseError presents what the parser says. It may quote the document.
func (r *reader) parseError(err error) *gqlerror.Error {
	shown, ok := errors.AsType[*gqlerror.Error](err)
	if !ok {
		shown = gqlerror.Wrap(err)
	}
	if strings.HasPrefix(shown.Message, "exceeded token limit") {
		return tooLarge(r.limits.Tokens, "words and signs")
	}
	if strings.HasPrefix(shown.Message, "exceeded maximum nesting depth") {
		return tooLarge(parser.MaxNestingDepth, "levels")
	}
	errcode.Set(shown, errcode.ParseFailed)
	shorten(shown)
	return shown
}

const (
	// maxMistakes is how many mistakes in a document are told.
	maxMistakes = 50
	// maxMessage is how long a message about a document may be: it may quote values.
	maxMessage = 1000
)

// invalidDocument presents what the validator says.
func invalidDocument(errs gqlerror.List) gqlerror.List {
	if more := len(errs) - maxMistakes; more > 0 {
		errs = append(errs[:maxMistakes:maxMistakes], gqlerror.Errorf("There are %d mistakes more.", more))
	}
	for _, err := range errs {
		errcode.Set(err, errcode.ValidationFailed)
		err.Message = redact(err.Message)
		shorten(err)
	}
	return errs
}

// literals are texts and longer numbers as the validator quotes them: addresses,
// passcodes, telephone numbers.
var literals = regexp.MustCompile(`"(?:[^"\\]|\\.)*"|[0-9][0-9.eE+-]{3,}`)

// redact leaves out the literals of the value that a message quotes: the location says
// where it is, and callers log messages. Names of the schema that are suggested instead
// stay.
func redact(message string) string {
	for _, quotes := range []string{", found ", " value: "} {
		head, value, ok := strings.Cut(message, quotes)
		if !ok {
			continue
		}
		suggestion := ""
		if at := strings.LastIndex(value, suggests); at >= 0 && suggestions.MatchString(value[at:]) {
			value, suggestion = value[:at], value[at:]
		}
		return head + quotes + literals.ReplaceAllString(value, `"…"`) + suggestion
	}
	return message
}

const suggests = " Did you mean the enum value "

// suggestions are names of enum values after [suggests].
var suggestions = regexp.MustCompile("^" + suggests + `[A-Z0-9_", or]+\?$`)

func shorten(err *gqlerror.Error) {
	if len(err.Message) > maxMessage {
		err.Message = strings.ToValidUTF8(err.Message[:maxMessage], "") + "…"
	}
}

// The rules that documents are held against. Suggestions are names of the schema, and
// looking for them takes longer than all else.
var (
	quietRules   = newRules(false)
	helpfulRules = newRules(true)
	// cycleRules are for fragments within themselves, of which other rules compare
	// more than can be told before.
	cycleRules = rules.NewRules(rules.NoFragmentCyclesRule)
)

func newRules(suggestions bool) *rules.Rules {
	all := rules.NewDefaultRules()
	if suggestions {
		return all
	}
	for _, quiet := range []struct {
		name string
		rule validator.Rule
	}{
		{rules.FieldsOnCorrectTypeRule.Name, rules.FieldsOnCorrectTypeRuleWithoutSuggestions},
		{rules.KnownArgumentNamesRule.Name, rules.KnownArgumentNamesRuleWithoutSuggestions},
		{rules.KnownTypeNamesRule.Name, rules.KnownTypeNamesRuleWithoutSuggestions},
		{rules.ScalarLeafsRule.Name, rules.ScalarLeafsRuleWithoutSuggestions},
		{rules.ValuesOfCorrectTypeRule.Name, rules.ValuesOfCorrectTypeRuleWithoutSuggestions},
	} {
		all.RemoveRule(quiet.name)
		all.AddRule(quiet.rule.Name, quiet.rule.RuleFunc)
	}
	return all
}

const (
	// maxSuggested is how many mistakes a document may have to be told what was
	// probably meant: each is compared with as many names as the schema has.
	maxSuggested = 10
	// maxSuggestedName is how long a name may be to be compared.
	maxSuggestedName = 64
)

// validate holds a document against the schema.
func (r *reader) validate(s *survey, doc *ast.QueryDocument) gqlerror.List {
	if s.cyclic {
		return validator.ValidateWithRules(r.schema, doc, cycleRules)
	}
	errs := validator.ValidateWithRules(r.schema, doc, quietRules)
	if r.suggest && 0 < len(errs) && len(errs) <= maxSuggested && s.longest <= maxSuggestedName {
		return validator.ValidateWithRules(r.schema, doc, helpfulRules)
	}
	return errs
}

// undeferAll takes @defer out of a document before anybody has seen it. An answer
// comes whole, which the directive leaves to the server; the executor would answer
// with nulls first and tell the rest to nobody.
//
// Source: https://github.com/graphql/graphql-spec/pull/1110, section @defer.
func undeferAll(doc *ast.QueryDocument) {
	for _, op := range doc.Operations {
		undefer(op.SelectionSet)
	}
	for _, f := range doc.Fragments {
		undefer(f.SelectionSet)
	}
}

func undefer(set ast.SelectionSet) {
	for _, selection := range set {
		switch s := selection.(type) {
		case *ast.Field:
			undefer(s.SelectionSet)
		case *ast.InlineFragment:
			s.Directives = withoutDefer(s.Directives)
			undefer(s.SelectionSet)
		case *ast.FragmentSpread:
			s.Directives = withoutDefer(s.Directives)
		}
	}
}

func withoutDefer(list ast.DirectiveList) ast.DirectiveList {
	return slices.DeleteFunc(list, func(d *ast.Directive) bool { return d.Name == "defer" })
}

// open reads a request's document and makes its operation. One that is not to be carried
// out is not refused for what it would cost.
func (e *Endpoint) open(ctx context.Context, params *graphql.RawParams, dry bool) (*graphql.OperationContext, gqlerror.List) {
	doc, errs := e.reader.read(ctx, params)
	if errs != nil {
		return &graphql.OperationContext{
			RawQuery: params.Query,
			Stats:    graphql.Stats{Read: params.ReadTime, OperationStart: graphql.GetStartTime(ctx)},
		}, errs
	}
	opCtx, errs := e.exec.CreateOperationContext(context.WithValue(ctx, documentKey{}, doc), params)
	if errs != nil {
		return opCtx, errs
	}
	if e.check == nil || dry {
		return opCtx, nil
	}
	if err := e.check(ctx, opCtx); err != nil {
		return opCtx, gqlerror.List{err}
	}
	return opCtx, nil
}

type documentKey struct{}

// opened gives the executor the document that was read for the request.
type opened struct{}

// Get implements [graphql.Cache].
func (opened) Get(ctx context.Context, _ string) (*ast.QueryDocument, bool) {
	doc, ok := ctx.Value(documentKey{}).(*ast.QueryDocument)
	return doc, ok
}

// Add implements [graphql.Cache]. There is nothing to add.
func (opened) Add(context.Context, string, *ast.QueryDocument) {}
