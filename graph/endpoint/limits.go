package endpoint

import (
	"time"

	"github.com/99designs/gqlgen/graphql/errcode"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"zoomql/internal/zoom/types"
)

// Limits bound a document before it is validated: a document that exceeds one is refused in time linear in
// its length. They bound neither the calls of a query to Zoom nor the size of its answer: see
// [Config.Check].
type Limits struct {
	Bytes     int // of the document
	Tokens    int // of the document
	NameBytes int // of every name in it, and of operationName
	Variables int // of an operation
	Values    int // of the request's JSON: each takes some hundred bytes, and is read for each field that has it as an argument
	Nesting   int // of lists and objects in a value, of lists in a type, and of inline fragments

	// Of an operation, with every fragment expanded at each of its spreads.
	Depth      int // of nested fields
	Aliases    int
	RootFields int
	Directives int

	// Of the work of validation, which visits a fragment again for each operation and fragment that
	// reaches it.
	Nodes       int // fields, spreads, arguments, values and directives
	Merged      int // fields and spreads of an answer, at every place where they are spread
	Comparisons int // of fields and spreads at one place of an answer
}

// DefaultLimits are far above what clients send, and yet a document at all limits takes only some
// hundredths of a second.
var DefaultLimits = Limits{
	Bytes: 128 << 10, Tokens: 5000, NameBytes: 256, Variables: 200, Values: 20_000, Nesting: 25,
	Depth: 25, Aliases: 30, RootFields: 20, Directives: 50,
	Nodes: 30_000, Merged: 30_000, Comparisons: 50_000,
}

// WithCode sets the code of an error unless it has one, and returns the error.
func WithCode(e *gqlerror.Error, code types.ErrorCode) *gqlerror.Error {
	if _, has := e.Extensions["code"]; !has {
		errcode.Set(e, string(code))
	}
	return e
}

// AddRetryAt adds to an error with a code when to send the operation again.
func AddRetryAt(e *gqlerror.Error, at time.Time) {
	e.Extensions["retryAt"] = at.UTC().Format(time.RFC3339)
}

// CodeOf returns the code of the first error that has one, for logs; "" if none has.
func CodeOf(errs gqlerror.List) types.ErrorCode {
	for _, e := range errs {
		if code, ok := e.Extensions["code"].(string); ok {
			return types.ErrorCode(code)
		}
	}
	return ""
}

// tooLarge returns the error of a document that exceeds a limit.
func tooLarge(most int, what string) *gqlerror.Error {
	return WithCode(gqlerror.Errorf("The query is too large: more than %d %s.", most, what), types.ErrorCodeLimitExceeded)
}

// valuesIn estimates the number of values in a JSON text: it counts commas and the beginnings
// of lists and objects.
func valuesIn(text []byte) int {
	c := valueCounter{}
	c.add(text)
	return c.n
}

// tooManyValues returns the error of a request with n values; nil if that is within the limit.
func (l Limits) tooManyValues(n int) *gqlerror.Error {
	if n > l.Values {
		return tooLarge(l.Values, "values in its variables")
	}
	return nil
}

// valueCounter is valuesIn for a text that arrives in parts. The zero value is ready.
type valueCounter struct {
	n        int
	inString bool // the next part begins within a string
	escaped  bool // and there after a backslash
}

// add counts the values of the next part.
func (c *valueCounter) add(part []byte) {
	for i := 0; i < len(part); i++ {
		if c.inString {
		text:
			for ; i < len(part); i++ {
				switch {
				case c.escaped:
					c.escaped = false
				case part[i] == '\\':
					c.escaped = true
				case part[i] == '"':
					c.inString = false
					break text
				}
			}
			continue
		}
		switch part[i] {
		case ',', '[', '{':
			c.n++
		case '"':
			c.inString = true
		}
	}
}

// tooLong returns the error of a name that exceeds the limit.
func (l Limits) tooLong() *gqlerror.Error {
	return WithCode(gqlerror.Errorf("The query is too large: a name has more than %d bytes.", l.NameBytes), types.ErrorCodeLimitExceeded)
}

// survey has the measurements of a document before its validation.
type survey struct {
	limits      Limits
	definitions []definition // operations first
	fragments   map[string]int
	nodes       int // of the whole document
	longest     int // name, in bytes
	nesting     int // of values and types
	variables   int // of the operation with most
	cyclic      bool
	tooBig      *gqlerror.Error // of the first number that exceeds 64 bits

	steps []step // from the root of the response, or from the fragment, to the current node
}

// step is the name of a field, an argument or an input field, or the index of an item, which has no name.
type step struct {
	name  string
	index int
}

func (s *survey) enter(name string, index int) { s.steps = append(s.steps, step{name, index}) }
func (s *survey) leave()                       { s.steps = s.steps[:len(s.steps)-1] }

// path returns the steps as the path of an error.
func (s *survey) path() ast.Path {
	path := make(ast.Path, len(s.steps))
	for i, at := range s.steps {
		if path[i] = ast.PathName(at.name); at.name == "" {
			path[i] = ast.PathIndex(at.index)
		}
	}
	return path
}

// definition is an operation or a fragment.
type definition struct {
	set     ast.SelectionSet
	nodes   int
	pairs   int   // of fields with one response name, and of spreads, in one selection set
	spreads []int // the indices of the fragments that it spreads
}

// newSurvey measures a document. It removes the comments, which would take memory in the cache.
func newSurvey(limits Limits, doc *ast.QueryDocument) *survey {
	s := &survey{limits: limits, fragments: make(map[string]int, len(doc.Fragments)), definitions: make([]definition, 0, len(doc.Operations)+len(doc.Fragments))}
	for i, f := range doc.Fragments {
		if _, twice := s.fragments[f.Name]; !twice { // the validator also uses the first
			s.fragments[f.Name] = len(doc.Operations) + i
		}
	}
	doc.Comment = nil
	for _, op := range doc.Operations {
		op.Comment = nil
		s.define(op.Name, "", op.VariableDefinitions, op.Directives, op.SelectionSet)
	}
	for _, f := range doc.Fragments {
		f.Comment = nil
		s.define(f.Name, f.TypeCondition, f.VariableDefinition, f.Directives, f.SelectionSet)
	}
	return s
}

// define measures an operation, or a fragment on a type.
func (s *survey) define(name, on string, variables ast.VariableDefinitionList, directives ast.DirectiveList, set ast.SelectionSet) {
	d := &definition{set: set}
	s.name(name)
	s.name(on)
	s.variables = max(s.variables, len(variables))
	for _, v := range variables {
		v.Comment = nil
		d.nodes++
		s.name(v.Variable)
		level := 1
		for t := v.Type; t != nil; t = t.Elem {
			s.name(t.NamedType)
			s.nesting = max(s.nesting, level)
			level++
		}
		s.enter("variable", 0)
		s.enter(v.Variable, 0)
		s.value(d, v.DefaultValue, 1)
		s.leave()
		s.leave()
		s.directives(d, v.Directives)
	}
	s.directives(d, directives)
	s.selections(d, set, 1)
	s.nodes += d.nodes
	s.definitions = append(s.definitions, *d)
}

func (s *survey) name(name string) { s.longest = max(s.longest, len(name)) }

// selections measures a selection set at a nesting level of inline fragments. It returns the counts of
// the set, for the enclosing set.
func (s *survey) selections(d *definition, set ast.SelectionSet, level int) *ownSet {
	own := &ownSet{times: make(map[string]int, len(set))}
	s.nesting = max(s.nesting, level)
	for _, sel := range set {
		d.nodes++
		switch sel := sel.(type) {
		case *ast.Field:
			sel.Comment = nil
			s.name(sel.Name)
			s.name(sel.Alias)
			s.enter(sel.Alias, 0)
			s.arguments(d, sel.Arguments)
			s.directives(d, sel.Directives)
			if len(sel.SelectionSet) > 0 {
				s.selections(d, sel.SelectionSet, 1)
			}
			s.leave()
			d.pairs += own.times[sel.Alias]
			own.times[sel.Alias]++
		case *ast.InlineFragment:
			sel.Comment = nil
			s.name(sel.TypeCondition)
			s.directives(d, sel.Directives)
			if level > s.limits.Nesting {
				continue // check refuses the document
			}
			inner := s.selections(d, sel.SelectionSet, level+1)
			for name, n := range inner.times {
				d.pairs += n * own.times[name]
				own.times[name] += n
			}
			d.pairs += inner.spreads * own.spreads
			own.spreads += inner.spreads
		case *ast.FragmentSpread:
			sel.Comment = nil
			s.name(sel.Name)
			s.directives(d, sel.Directives)
			d.pairs += own.spreads
			own.spreads++
			if i, ok := s.fragments[sel.Name]; ok {
				d.spreads = append(d.spreads, i)
			}
		}
	}
	return own
}

// ownSet counts the selections of a selection set, including its inline fragments.
type ownSet struct {
	times   map[string]int // of fields, by response name
	spreads int
}

func (s *survey) directives(d *definition, list ast.DirectiveList) {
	for _, directive := range list {
		d.nodes++
		s.name(directive.Name)
		s.arguments(d, directive.Arguments)
	}
}

func (s *survey) arguments(d *definition, list ast.ArgumentList) {
	for _, arg := range list {
		arg.Comment = nil
		s.name(arg.Name)
		s.enter(arg.Name, 0)
		s.value(d, arg.Value, 1)
		s.leave()
	}
}

func (s *survey) value(d *definition, v *ast.Value, level int) {
	if v == nil {
		return
	}
	v.Comment = nil
	d.nodes++
	switch v.Kind {
	case ast.Variable, ast.EnumValue:
		s.name(v.Raw)
	case ast.ListValue, ast.ObjectValue:
		s.nesting = max(s.nesting, level)
		for i, child := range v.Children {
			child.Comment = nil
			s.name(child.Name)
			s.enter(child.Name, i)
			s.value(d, child.Value, level+1)
			s.leave()
		}
	case ast.IntValue, ast.FloatValue:
		if _, err := v.Value(nil); err != nil && s.tooBig == nil {
			s.tooBig = s.numberTooBig(v)
		}
	default: // no limits: a string is shorter than the document
	}
}

// numberTooBig returns the error of a number of more than 64 bits, which the executor cannot read. The
// validator's message would be about the whole argument.
func (s *survey) numberTooBig(v *ast.Value) *gqlerror.Error {
	path := s.path()
	err := gqlerror.Errorf("%s: the number %s is too large: a number in a document has at most 64 bits. A variable of type JSON may contain any number.", path, shortName(v.Raw))
	err.Path = path
	return WithCode(locate(err, v.Position), types.ErrorCodeBadUserInput)
}

// check returns an error for a document that exceeds a limit.
func (s *survey) check(doc *ast.QueryDocument) *gqlerror.Error {
	l := s.limits
	switch {
	case s.longest > l.NameBytes:
		return l.tooLong()
	case s.variables > l.Variables:
		return tooLarge(l.Variables, "variables")
	case s.nesting > l.Nesting:
		return tooLarge(l.Nesting, "lists, objects or fragments within each other")
	case s.tooBig != nil:
		return s.tooBig
	}
	switch nodes, pairs := s.reached(); {
	case nodes > l.Nodes:
		return tooLarge(l.Nodes, "parts to validate, counted for each operation and fragment that reaches them")
	case pairs > l.Comparisons:
		return tooLarge(l.Comparisons, tooOften)
	}
	if err := s.measure(doc); err != nil || s.cyclic {
		return err
	}
	return s.merge(len(doc.Operations))
}

// tooOften describes the limit of comparisons in messages.
const tooOften = "pairs of fields to merge: one field occurs in one place too often"

// reached returns the number of nodes that a validator visits if it visits, for each definition, each
// fragment that the definition reaches once, and the number of pairs that it compares there. It stops
// above the limits. It also finds cycles.
func (s *survey) reached() (nodes, pairs int) {
	seen := make([]int, len(s.definitions)) // 1 + the index of the definition that reached it last
	var stack []int
	for i := range s.definitions {
		stack = append(stack[:0], i)
		seen[i] = i + 1
		for len(stack) > 0 {
			d := &s.definitions[stack[len(stack)-1]]
			stack = stack[:len(stack)-1]
			nodes += d.nodes + 1
			pairs += d.pairs
			if nodes > s.limits.Nodes || pairs > s.limits.Comparisons {
				return nodes, pairs
			}
			for _, next := range d.spreads {
				s.cyclic = s.cyclic || next == i
				if seen[next] != i+1 {
					seen[next] = i + 1
					stack = append(stack, next)
				}
			}
		}
	}
	return nodes, pairs
}

// measure checks each operation against the limits of depth, aliases and directives.
func (s *survey) measure(doc *ast.QueryDocument) *gqlerror.Error {
	m := measurer{of: doc.Fragments, fragments: make(map[string]measure, len(doc.Fragments)), most: s.limits}
	for _, op := range doc.Operations {
		got := m.set(op.SelectionSet)
		got.directives += len(op.Directives)
		for _, check := range []struct {
			what      string
			got, most int
		}{
			{"levels", got.depth, s.limits.Depth},
			{"aliases", got.aliases, s.limits.Aliases},
			{"directives", got.directives, s.limits.Directives},
		} {
			if check.got > check.most {
				return tooLarge(check.most, check.what)
			}
		}
	}
	return nil
}

// measure is the size of a selection set with its fragments expanded.
type measure struct{ depth, aliases, directives int }

// measurer measures selection sets. It measures each fragment once, however often it is spread: nested
// fragments can double the size with each level.
type measurer struct {
	of        ast.FragmentDefinitionList
	fragments map[string]measure
	most      Limits
}

func (m *measurer) set(set ast.SelectionSet) measure {
	var sum measure
	for _, sel := range set {
		var part measure
		switch sel := sel.(type) {
		case *ast.Field:
			part = m.set(sel.SelectionSet)
			part.depth++
			part.directives += len(sel.Directives)
			if sel.Alias != sel.Name {
				part.aliases++
			}
		case *ast.InlineFragment:
			part = m.set(sel.SelectionSet)
			part.directives += len(sel.Directives)
		case *ast.FragmentSpread:
			part = m.fragment(sel)
		}
		sum.depth = max(sum.depth, part.depth)
		sum.aliases = min(sum.aliases+part.aliases, m.most.Aliases+1)
		sum.directives = min(sum.directives+part.directives, m.most.Directives+1)
	}
	return sum
}

func (m *measurer) fragment(spread *ast.FragmentSpread) measure {
	got, ok := m.fragments[spread.Name]
	if !ok {
		m.fragments[spread.Name] = measure{} // ends the recursion in a cycle, which validation refuses
		if def := m.of.ForName(spread.Name); def != nil {
			got = m.set(def.SelectionSet)
			m.fragments[spread.Name] = got
		}
	}
	got.directives += len(spread.Directives)
	return got
}

// merge checks the limits of merged fields and comparisons. It walks the fields of each operation, and of
// each unused fragment, as the validation rule OverlappingFieldsCanBeMerged and the executor do: the
// fields with one response name at one place are one field. Both compare the fields of a place.
func (s *survey) merge(operations int) *gqlerror.Error {
	m := &merger{survey: s, seen: make([]int, len(s.definitions))}
	for i := range s.definitions {
		if i >= operations && m.seen[i] > 0 {
			continue
		}
		roots := m.merge([]ast.SelectionSet{s.definitions[i].set})
		switch {
		case m.fields > s.limits.Merged:
			return tooLarge(s.limits.Merged, "fields, with fragments written out")
		case m.comparisons > s.limits.Comparisons:
			return tooLarge(s.limits.Comparisons, tooOften)
		case i < operations && roots > s.limits.RootFields:
			return tooLarge(s.limits.RootFields, "root fields")
		}
	}
	return nil
}

// merger counts merged fields and their comparisons, up to the limits.
type merger struct {
	*survey
	seen                []int // by definition: the number of the set in which the fragment was last spread
	sets                int   // the number of the last set
	fields, comparisons int
}

// done reports whether a limit is exceeded.
func (m *merger) done() bool {
	return m.fields > m.limits.Merged || m.comparisons > m.limits.Comparisons
}

// merge merges the selection sets of one place and of the places below, and returns the
// number of fields of the place.
func (m *merger) merge(sets []ast.SelectionSet) int {
	m.sets++
	into := &mergedSet{number: m.sets, named: map[string]*mergedField{}}
	for _, set := range sets {
		m.collect(into, set)
	}
	for _, f := range into.fields {
		if m.done() {
			break
		}
		if len(f.below) > 0 {
			m.merge(f.below)
		}
	}
	return len(into.fields)
}

// mergedSet holds the fields of one place of an answer.
type mergedSet struct {
	number  int
	spreads int
	named   map[string]*mergedField // by response name
	fields  []*mergedField
}

// mergedField is the field of one place with one response name.
type mergedField struct {
	times int
	below []ast.SelectionSet
}

// collect adds the fields of a selection set to the set of their place.
func (m *merger) collect(into *mergedSet, set ast.SelectionSet) {
	for _, sel := range set {
		if m.fields++; m.done() {
			return
		}
		switch sel := sel.(type) {
		case *ast.Field:
			m.field(into, sel)
		case *ast.InlineFragment:
			m.collect(into, sel.SelectionSet)
		case *ast.FragmentSpread:
			// A spread is compared with all other spreads and with the fields.
			m.comparisons += into.spreads + len(into.fields)
			into.spreads++
			if i, ok := m.fragments[sel.Name]; ok && m.seen[i] != into.number {
				m.seen[i] = into.number
				m.collect(into, m.definitions[i].set)
			}
		}
	}
}

func (m *merger) field(into *mergedSet, sel *ast.Field) {
	f := into.named[sel.Alias]
	if f == nil {
		f = &mergedField{}
		into.named[sel.Alias] = f
		into.fields = append(into.fields, f)
		m.comparisons += into.spreads
	}
	m.comparisons += f.times
	f.times++
	if len(sel.SelectionSet) > 0 {
		f.below = append(f.below, sel.SelectionSet)
	}
}
