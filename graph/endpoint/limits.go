package endpoint

import (
	"github.com/99designs/gqlgen/graphql/errcode"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"zoomql/internal/zoom/types"
)

// Limits bound a document before it is validated: what is over one of them is
// refused at a cost that grows with its length alone. What a query costs at Zoom is
// another matter, and so is how large its answer may become (see [Config.Check]).
type Limits struct {
	Bytes     int // of the document
	Tokens    int // of the document
	NameBytes int // of every name in it, and of operationName
	Variables int // of an operation
	Values    int // of the request's JSON: each is some hundred bytes, and read for every field that takes it
	Nesting   int // of lists and objects in a value, of lists in a type, and of fragments in place

	// Of an operation, with every fragment in the place of each of its spreads.
	Depth      int // of nested fields
	Aliases    int
	RootFields int
	Directives int

	// Of the work of validating, which goes through the fragments that an operation
	// or a fragment reaches for each of them anew.
	Nodes       int // fields, spreads, arguments, values and directives
	Merged      int // fields and spreads of an answer, at every place where they are spread
	Comparisons int // of fields and spreads that stand in one place
}

// DefaultLimits are far above what clients send and far below what hurts: a
// document at all of them takes some hundredths of a second.
var DefaultLimits = Limits{
	Bytes: 128 << 10, Tokens: 5000, NameBytes: 256, Variables: 200, Values: 20_000, Nesting: 25,
	Depth: 25, Aliases: 30, RootFields: 20, Directives: 50,
	Nodes: 30_000, Merged: 30_000, Comparisons: 50_000,
}

// WithCode gives an error its code, unless it has one, and returns it.
func WithCode(e *gqlerror.Error, code types.ErrorCode) *gqlerror.Error {
	if _, has := e.Extensions["code"]; !has {
		errcode.Set(e, string(code))
	}
	return e
}

// CodeOf returns the code of the first error that has one, for logs; "" where none has.
func CodeOf(errs gqlerror.List) types.ErrorCode {
	for _, e := range errs {
		if code, ok := e.Extensions["code"].(string); ok {
			return types.ErrorCode(code)
		}
	}
	return ""
}

// tooLarge is the refusal of what is over a bound.
func tooLarge(most int, what string) *gqlerror.Error {
	return WithCode(gqlerror.Errorf("The query is too large: more than %d %s.", most, what), types.ErrorCodeLimitExceeded)
}

// valuesIn counts the values in a JSON text, more or less: what stands behind a comma or
// begins a list or an object.
func valuesIn(text []byte) (n int) {
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case ',', '[', '{':
			n++
		case '"':
			for i++; i < len(text) && text[i] != '"'; i++ {
				if text[i] == '\\' {
					i++
				}
			}
		}
	}
	return n
}

// tooLong is the refusal of a name.
func (l Limits) tooLong() *gqlerror.Error {
	return WithCode(gqlerror.Errorf("The query is too large: a name has more than %d bytes.", l.NameBytes), types.ErrorCodeLimitExceeded)
}

// survey is what is found out about a document before it is validated.
type survey struct {
	limits      Limits
	definitions []definition // operations first
	fragments   map[string]int
	nodes       int // of the whole document
	longest     int // name
	nesting     int // of values and types
	variables   int // of the operation that has most
	cyclic      bool
}

// definition is an operation or a fragment.
type definition struct {
	set     ast.SelectionSet
	nodes   int
	pairs   int   // of fields of one name, and of spreads, in one selection set
	spreads []int // the fragments that it spreads, known ones only
}

// newSurvey goes through a document once. The comments go: nothing reads them, and
// they are kept with the document.
func newSurvey(limits Limits, doc *ast.QueryDocument) *survey {
	s := &survey{limits: limits, fragments: make(map[string]int, len(doc.Fragments)), definitions: make([]definition, 0, len(doc.Operations)+len(doc.Fragments))}
	for i, f := range doc.Fragments {
		if _, twice := s.fragments[f.Name]; !twice { // the validator too looks at the first
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
		s.value(d, v.DefaultValue, 1)
		s.directives(d, v.Directives)
	}
	s.directives(d, directives)
	s.selections(d, set, 1)
	s.nodes += d.nodes
	s.definitions = append(s.definitions, *d)
}

func (s *survey) name(name string) { s.longest = max(s.longest, len(name)) }

// selections goes through a selection set, at a level of fragments in place. It
// returns what stands in it, for the set around it.
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
			s.arguments(d, sel.Arguments)
			s.directives(d, sel.Directives)
			if len(sel.SelectionSet) > 0 {
				s.selections(d, sel.SelectionSet, 1)
			}
			d.pairs += own.times[sel.Alias]
			own.times[sel.Alias]++
		case *ast.InlineFragment:
			sel.Comment = nil
			s.name(sel.TypeCondition)
			s.directives(d, sel.Directives)
			if level > s.limits.Nesting {
				continue // it is over the limit
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

// ownSet is what stands in a selection set, fragments in place included.
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
		s.value(d, arg.Value, 1)
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
		for _, child := range v.Children {
			child.Comment = nil
			s.name(child.Name)
			s.value(d, child.Value, level+1)
		}
	default: // its text is as long as the document at most
	}
}

// check refuses a document that is over a limit.
func (s *survey) check(doc *ast.QueryDocument) *gqlerror.Error {
	l := s.limits
	switch {
	case s.longest > l.NameBytes:
		return l.tooLong()
	case s.variables > l.Variables:
		return tooLarge(l.Variables, "variables")
	case s.nesting > l.Nesting:
		return tooLarge(l.Nesting, "lists, objects or fragments within each other")
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

// tooOften tells of a bound on comparisons.
const tooOften = "pairs of fields to merge: one field stands in one place too often"

// reached returns how many nodes a validator goes through that visits, for each
// definition, each fragment that it reaches once, and how many pairs it compares
// there. It stops counting above the limits.
func (s *survey) reached() (nodes, pairs int) {
	seen := make([]int, len(s.definitions)) // by which definition it was reached last
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

// measure compares each operation with the limits on its size.
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

// measure is the size of a selection set, with its fragments spread out.
type measure struct{ depth, aliases, directives int }

// measurer measures each fragment once, however often it is spread: fragments
// within fragments double with each level.
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
		m.fragments[spread.Name] = measure{} // one within itself ends here, and is refused later
		if def := m.of.ForName(spread.Name); def != nil {
			got = m.set(def.SelectionSet)
			m.fragments[spread.Name] = got
		}
	}
	got.directives += len(spread.Directives)
	return got
}

// merge goes through the fields of each operation, and of each fragment that none
// reaches, as they are merged for an answer: those of one name in one place are one
// field. That is what the rule does that looks for fields which cannot be merged,
// and what the executor does; both compare what stands in one place.
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

// merger counts, up to the limits.
type merger struct {
	*survey
	seen                []int // in which set a fragment was spread last
	sets                int
	fields, comparisons int
}

func (m *merger) done() bool {
	return m.fields > m.limits.Merged || m.comparisons > m.limits.Comparisons
}

// merge merges the selection sets of one place, goes on below, and returns how many
// fields there are.
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

// mergedSet is what stands in one place of an answer.
type mergedSet struct {
	number  int
	spreads int
	named   map[string]*mergedField // by response name
	fields  []*mergedField
}

// mergedField is what stands in one place under one name.
type mergedField struct {
	times int
	below []ast.SelectionSet
}

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
			// Each is compared with all others, and with the fields.
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
