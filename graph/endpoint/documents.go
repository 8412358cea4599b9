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
	"github.com/vektah/gqlparser/v2/validator/core"
	"github.com/vektah/gqlparser/v2/validator/rules"

	"zoomql/internal/wallclock"
)

// Documents caches parsed documents. These contain no data of an account, so endpoints with the same
// schema and limits may share one.
type Documents interface {
	graphql.Cache[*ast.QueryDocument]
}

const (
	// documentBytes bounds the memory of all cached documents.
	documentBytes = 16 << 20
	// largeDocument is the largest document that is cached, in bytes of memory. A larger
	// one is parsed each time, which takes some milliseconds: few of them would evict all
	// others.
	largeDocument = documentBytes / 8
	// nodeBytes is the average memory of a field, an argument or a value after parsing and
	// validation; TestDocumentsBound measures it.
	nodeBytes = 400
)

// NewDocuments returns a cache that is bounded by bytes.
func NewDocuments() Documents {
	return &documentCache{otter.Must(&otter.Options[string, sizedDocument]{
		MaximumWeight: documentBytes,
		Weigher:       func(_ string, doc sizedDocument) uint32 { return doc.size },
		Clock:         wallclock.Clock{},
		Executor:      func(evict func()) { evict() }, // at once, so that the bound holds
	})}
}

// documentCache caches frequent documents (W-TinyLFU): documents that are requested once
// do not evict them.
type documentCache struct {
	cached *otter.Cache[string, sizedDocument]
}

// sizedDocument is a document and its estimated memory, in bytes.
type sizedDocument struct {
	*ast.QueryDocument
	size uint32
}

// Get implements [graphql.Cache].
func (d *documentCache) Get(_ context.Context, query string) (*ast.QueryDocument, bool) {
	doc, ok := d.cached.GetIfPresent(query)
	return doc.QueryDocument, ok
}

// Add implements [graphql.Cache].
func (d *documentCache) Add(_ context.Context, query string, doc *ast.QueryDocument) {
	size := 1000 + len(query) + nodeBytes*newSurvey(DefaultLimits, doc).nodes
	if size <= largeDocument {
		d.cached.Set(query, sizedDocument{doc, uint32(size)})
	}
}

// reader parses and validates the documents of requests.
type reader struct {
	schema *ast.Schema
	limits Limits
	cached Documents
	// suggest allows error messages to suggest names of the schema.
	suggest bool
}

// read returns the document of a query, parsed and validated. Each step is bounded
// by the one before: the length is checked before parsing, and the parsed document is
// measured before validation.
func (r *reader) read(ctx context.Context, params *graphql.RawParams) (*ast.QueryDocument, gqlerror.List) {
	query := params.Query
	switch {
	case len(query) > r.limits.Bytes:
		return nil, gqlerror.List{tooLarge(r.limits.Bytes, "bytes; put long values into variables")}
	case len(params.OperationName) > r.limits.NameBytes:
		return nil, gqlerror.List{r.limits.tooLong()}
	}
	if doc, ok := r.cached.Get(ctx, query); ok {
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
	r.cached.Add(ctx, query, doc)
	return doc, nil
}

// parseError returns the error for the client for one of the parser, which may quote the document.
func (r *reader) parseError(err error) *gqlerror.Error {
	shown, ok := errors.AsType[*gqlerror.Error](err)
	if !ok {
		shown = gqlerror.Wrap(err)
	}
	if strings.HasPrefix(shown.Message, "exceeded token limit") {
		return tooLarge(r.limits.Tokens, "tokens")
	}
	if strings.HasPrefix(shown.Message, "exceeded maximum nesting depth") {
		return tooLarge(parser.MaxNestingDepth, "levels")
	}
	errcode.Set(shown, errcode.ParseFailed)
	shorten(shown)
	return shown
}

const (
	// maxMistakes bounds the reported mistakes of a document.
	maxMistakes = 50
	// maxMessage bounds a message about a document, which may quote values, in bytes.
	maxMessage = 1000
)

// invalidDocument returns the errors for the client for those of the validator.
func invalidDocument(errs gqlerror.List) gqlerror.List {
	if more := len(errs) - maxMistakes; more > 0 {
		errs = append(errs[:maxMistakes:maxMistakes], gqlerror.Errorf("There are %d more errors.", more))
	}
	for _, err := range errs {
		errcode.Set(err, errcode.ValidationFailed)
		err.Message = redact(err.Message)
		shorten(err)
	}
	return errs
}

// literals matches strings and long numbers in the form in which the validator quotes them: they may be
// addresses, passcodes or telephone numbers.
var literals = regexp.MustCompile(`"(?:[^"\\]|\\.)*"|[0-9][0-9.eE+-]{3,}`)

// redact removes the literals of the value that a message quotes, because callers log
// messages; the location of the error still shows the place. Suggested names of the schema
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

// suggestions matches names of enum values after [suggests].
var suggestions = regexp.MustCompile("^" + suggests + `[A-Z0-9_", or]+\?$`)

// shorten truncates the message of an error to maxMessage.
func shorten(err *gqlerror.Error) {
	if len(err.Message) > maxMessage {
		err.Message = strings.ToValidUTF8(err.Message[:maxMessage], "") + "…"
	}
}

// The validation rules. Suggestions are names of the schema, and finding them takes longer
// than the rest of the validation.
var (
	quietRules   = newRules(false)
	helpfulRules = newRules(true)
	// cycleRules are for documents with fragment cycles, for which survey cannot bound the work of the
	// other rules.
	cycleRules = rules.NewRules(rules.NoFragmentCyclesRule)
)

func newRules(suggestions bool) *rules.Rules {
	all := rules.NewDefaultRules()
	all.AddRule("ObjectLiterals", objectLiterals)
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

// objectLiterals refuses object literals where no input object is expected. ValuesOfCorrectType
// accepts {} there, which has no field that could be wrong: the executor then panics for a directive,
// and fails for an argument, after other fields of a mutation were executed. Literals of scalars
// other than the built-in ones are checked by their own parsers (see documentCheck).
//
// Spec: https://spec.graphql.org/September2025/#sec-Values-of-Correct-Type
func objectLiterals(observers *validator.Events, addError validator.AddErrFunc) {
	observers.OnValue(func(_ *validator.Walker, v *ast.Value) {
		if v.Kind != ast.ObjectValue || v.Definition == nil || v.ExpectedType == nil || len(v.Children) > 0 {
			return // one with fields is refused for these
		}
		if d := v.Definition; d.Kind == ast.InputObject || d.Kind == ast.Scalar && !d.BuiltIn {
			return
		}
		addError(validator.Message(`Expected value of type "%s", found {}.`, v.ExpectedType), core.At(v.Position))
	})
}

const (
	// maxSuggested is the largest number of mistakes for which names are suggested: each mistake is
	// compared with all names of the schema.
	maxSuggested = 10
	// maxSuggestedName is the longest name for which others are suggested, in bytes.
	maxSuggestedName = 64
)

// validate validates a document against the schema.
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

// undeferAll removes @defer from a new document. Answers are complete, which the
// specification allows the server; gqlgen's executor would return nulls first and never send
// the rest.
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

// open reads a request's document and returns the operation context. If dry, Config.Check is skipped: the
// operation is priced instead of executed, whatever it costs.
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
		e.reader.orderUnknown(opCtx, params.Variables, errs)
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

// opened is the executor's document cache. It has only the document that open has put into ctx.
type opened struct{}

// Get implements [graphql.Cache].
func (opened) Get(ctx context.Context, _ string) (*ast.QueryDocument, bool) {
	doc, ok := ctx.Value(documentKey{}).(*ast.QueryDocument)
	return doc, ok
}

// Add implements [graphql.Cache]. It does nothing.
func (opened) Add(context.Context, string, *ast.QueryDocument) {}
