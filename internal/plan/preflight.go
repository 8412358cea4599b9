package plan

import (
	"slices"

	"github.com/vektah/gqlparser/v2/ast"

	"zoomql/internal/selection"
	"zoomql/internal/zoom"
)

// Lack is an operation that a plan needs and that may not be used.
type Lack struct {
	// Op is the operation, and Account whose it is, as in [Step].
	Op      *zoom.Spec
	Account string
	// Fields are the fields that are null without it, by their paths in the answer.
	Fields []string
	// Places are those of them that need not be resolved.
	Places []Place
	// Listed tells that some of them stand in lists.
	Listed bool
}

// Place is a field of objects of a type, at a path of the answer without the indices of
// lists.
type Place struct{ On, Path string }

// Bar is why an operation cannot be used.
type Bar uint8

const (
	// NoScope bars an operation that the credential has no scope for.
	NoScope Bar = iota + 1
	// NotIncluded bars an operation that the account's plan does not include.
	NotIncluded
)

// Lacking returns the operations that a plan needs and that are barred, with the fields that
// are null without them. A field that another operation tells too, which is not barred, is
// none of these. Both are in the order of the plan. barred returns 0 for an operation that may be
// used.
func (p *Plan) Lacking(barred func(op *zoom.Spec, account string) Bar) []*Lack {
	var lacks []*Lack
	p.All(func(s *Step) {
		if s.Fields == nil || s.AtMost == 0 {
			return
		}
		free := func(op *zoom.Spec) bool { return op != nil && barred(op, s.Account) == 0 }
		switch barred(s.Op, s.Account) {
		case 0:
			return
		case NotIncluded:
			if free(s.Instead) {
				return
			}
		}
		if !free(s.Or) {
			lacks = s.addTo(lacks)
		}
	})
	return lacks
}

// addTo notes the fields of a step.
func (s *Step) addTo(lacks []*Lack) []*Lack {
	i := slices.IndexFunc(lacks, func(l *Lack) bool { return l.Op == s.Op && (l.Account == "") == (s.Account == "") })
	if i < 0 {
		i = len(lacks)
		lacks = append(lacks, &Lack{Op: s.Op, Account: s.Account})
	}
	l := lacks[i]
	l.Add(s.Fields...)
	l.Listed = l.Listed || s.Listed
	if s.On != "" {
		l.Places = append(l.Places, Place{s.On, s.Path})
	}
	return lacks
}

// Add notes fields, each once.
func (l *Lack) Add(fields ...string) {
	for _, f := range fields {
		if !slices.Contains(l.Fields, f) {
			l.Fields = append(l.Fields, f)
		}
	}
}

// Scopes returns the scopes of which any one lets the operation be used.
func (l *Lack) Scopes() Scopes { return scopesOf(l.Op, l.Account) }

// holds notes that the field of an edge is null without the step. Of several objects that a
// query names by global ids, others may be there.
func (s *Step) holds(e *edge) {
	if e.def.Name != "Query" || e.field.Name != "nodes" {
		s.Fields, s.On, s.Listed = []string{e.path}, e.def.Name, e.listed
	}
}

// untold returns the paths of the fields that answers of an operation never carry, of objects
// whose place is below a path.
func untold(path string, want *selection.Needs, op string) (fields []string) {
	for _, n := range want.Fields {
		if !n.Never(op) {
			continue
		}
		at := path
		for _, part := range n.Path(nil, -1) {
			if name, ok := part.(ast.PathName); ok {
				at = join(at, string(name))
			}
		}
		if !slices.Contains(fields, at) {
			fields = append(fields, at)
		}
	}
	return fields
}
