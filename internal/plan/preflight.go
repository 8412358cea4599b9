package plan

import (
	"slices"
	"sync"

	"github.com/vektah/gqlparser/v2/ast"

	"zoomql/internal/selection"
	"zoomql/internal/zoom"
)

// Lack is an operation that a plan needs and that cannot be used.
type Lack struct {
	// Op is the operation, and Account the account that it is called for, as in [Step].
	Op      *zoom.Spec
	Account string
	// Fields are the paths of the fields that are null without it.
	Fields []string
	// Places are the fields that need not be resolved, because they are null without it.
	Places []Place
	// Listed reports that some of Fields are in lists.
	Listed bool
}

// Place is a field of objects of a type, at a path of the answer without the indices of
// lists.
type Place struct{ On, Path string }

// Bar is the reason why an operation cannot be used.
type Bar uint8

const (
	// NoScope is the Bar of an operation for which the credential has no scope.
	NoScope Bar = iota + 1
	// NotIncluded is the Bar of an operation that the account's plan does not include.
	NotIncluded
)

// Lacking returns the operations that a plan needs and that are barred, with the fields that are null
// without them, except for fields that an operation returns which is not barred. Both are in the order
// of the plan. barred returns 0 for an operation that can be used.
func (p *Plan) Lacking(barred func(op *zoom.Spec, account string) Bar) []*Lack {
	var lacks []*Lack
	type where struct {
		Place
		own bool
	}
	usable := sync.OnceValue(func() map[where]bool { // the places with calls that are not barred
		at := map[where]bool{}
		p.All(func(s *Step) {
			if s.On != "" && barred(s.Op, s.Account) == 0 {
				at[where{Place{s.On, s.Path}, s.Account == ""}] = true
			}
		})
		return at
	})
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
			// Objects of another account may be at the same place, and need not be null.
			lacks = s.addTo(lacks, usable()[where{Place{s.On, s.Path}, s.Account != ""}])
		}
	})
	return lacks
}

// addTo adds the fields of a step to the lack of its operation. If only some of the objects at its
// place lack them, each field is resolved.
func (s *Step) addTo(lacks []*Lack, some bool) []*Lack {
	i := slices.IndexFunc(lacks, func(l *Lack) bool { return l.Op == s.Op && (l.Account == "") == (s.Account == "") })
	if i < 0 {
		i = len(lacks)
		lacks = append(lacks, &Lack{Op: s.Op, Account: s.Account})
	}
	l := lacks[i]
	l.Add(s.Fields...)
	l.Listed = l.Listed || s.Listed
	if s.On != "" && !some {
		l.Places = append(l.Places, Place{s.On, s.Path})
	}
	return lacks
}

// Add adds the paths of fields, each once.
func (l *Lack) Add(fields ...string) {
	for _, f := range fields {
		if !slices.Contains(l.Fields, f) {
			l.Fields = append(l.Fields, f)
		}
	}
}

// Scopes returns the scopes of the operation, of which any one is enough.
func (l *Lack) Scopes() Scopes { return scopesOf(l.Op, l.Account) }

// requiredFor records that the field of an edge is null without the step. Query.nodes is not: without
// one of its objects, it has the others.
func (s *Step) requiredFor(e *edge) {
	if e.def.Name != "Query" || e.field.Name != "nodes" {
		s.Fields, s.On, s.Listed = []string{e.path}, e.def.Name, e.listed
	}
}

// fieldsNeverIn returns the paths of the needed fields that answers of an operation never carry. path
// is that of the selection of want.
func fieldsNeverIn(path string, want *selection.Needs, op string) (fields []string) {
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
