package render

import (
	"reflect"
	"strings"
	"sync"
	"unsafe"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"zoomql/internal/selection"
	"zoomql/internal/zoom/types"
)

// Plan describes how the objects of one selection are written.
type Plan struct {
	// Fields are the fields written of each object.
	Fields types.Selection
	// Users are the edges to users of the objects, or of the nodes of edges.
	Users []Edge
	// Objects is the number of objects written for each object of the selection, without
	// the items of lists, and Length estimates their bytes.
	Objects, Length int
}

// Edge is an edge that the writer follows.
type Edge struct {
	// Name is the edge with its type, such as Meeting.host.
	Name  string
	At    *types.SelectedField
	Field graphql.CollectedField
}

// Of returns the plan of a field's selection; nil if it cannot be planned. Plans are computed
// once per operation, because directives may depend on variables.
func (p *Plans) Of(index *selection.Index, opCtx *graphql.OperationContext, f graphql.CollectedField, list bool) *Plan {
	key := planKey{unsafe.SliceData(f.Selections), len(f.Selections), f.Definition, list}
	p.mu.Lock()
	defer p.mu.Unlock()
	found, known := p.of[key]
	if !known {
		if p.of == nil {
			p.of = map[planKey]*Plan{}
		}
		found = planner{index, opCtx, p.Follows}.plan(f, list)
		p.of[key] = found
	}
	return found
}

// Plans are the plans of one response. The zero value is ready.
type Plans struct {
	// Follows reports whether the writer can follow an edge of a list's items, such as
	// Meeting.host, to a user; nil means that it follows none.
	Follows func(edge string) bool

	mu sync.Mutex
	of map[planKey]*Plan
}

type planKey struct {
	first  *ast.Selection
	length int
	field  *ast.FieldDefinition
	list   bool
}

// planner plans the fields of one operation.
type planner struct {
	index   *selection.Index
	opCtx   *graphql.OperationContext
	follows func(edge string) bool
}

// plan returns the plan of a field, or nil.
func (by planner) plan(f graphql.CollectedField, list bool) *Plan {
	typeName := f.Definition.Type.Name()
	if !onlyOf(by.opCtx, f.Selections, typeName, map[string]bool{}) {
		return nil
	}
	fields := graphql.CollectFields(by.opCtx, f.Selections, by.index.Conditions(typeName))
	p := &Plan{Fields: make(types.Selection, len(fields)), Objects: 1, Length: 30 * len(fields)}
	for i, field := range fields {
		if len(field.Deferrables) > 0 || !p.add(by, &p.Fields[i], field, typeName, list) {
			return nil
		}
		if i > 0 {
			p.Fields[i].Label = "," + p.Fields[i].Label
		}
	}
	return p
}

// add plans a field, and reports whether that is possible.
func (p *Plan) add(by planner, at *types.SelectedField, f graphql.CollectedField, typeName string, list bool) bool {
	at.Label = `"` + f.Alias + `":`
	if f.Name == "__typename" {
		at.Number, at.Text = types.Literal, `"`+typeName+`"`
		return true
	}
	if f.Definition == nil {
		return false
	}
	at.NonNull = f.Definition.Type.NonNull
	edge := typeName + "." + f.Name
	user := list && by.follows != nil && by.follows(edge)
	if user {
		at.Number = types.Followed
		p.Users = append(p.Users, Edge{edge, at, f})
	} else if at.Number = types.FieldNumber(typeName, f.Name); at.Number == types.NoField {
		return false
	}
	if len(f.Selections) == 0 {
		return true
	}
	below := by.plan(f, list && !user && f.Definition.Type.Elem == nil && strings.HasSuffix(typeName, "Edge"))
	if below == nil {
		return false
	}
	at.Below = below.Fields
	p.Users = append(p.Users, below.Users...)
	p.Length += below.Length
	if f.Definition.Type.Elem == nil {
		p.Objects += below.Objects
	}
	return true
}

// onlyOf reports whether all fragments in a selection cover its own type. seen are the
// fragments that have been checked.
func onlyOf(opCtx *graphql.OperationContext, set ast.SelectionSet, typeName string, seen map[string]bool) bool {
	for _, s := range set {
		switch s := s.(type) {
		case *ast.InlineFragment:
			if s.TypeCondition != "" && !covers(s.TypeCondition, typeName) || !onlyOf(opCtx, s.SelectionSet, typeName, seen) {
				return false
			}
		case *ast.FragmentSpread:
			if seen[s.Name] {
				continue
			}
			seen[s.Name] = true
			fragment := opCtx.Doc.Fragments.ForName(s.Name)
			if fragment == nil || !covers(fragment.TypeCondition, typeName) || !onlyOf(opCtx, fragment.SelectionSet, typeName, seen) {
				return false
			}
		}
	}
	return true
}

// covers reports whether a fragment applies to a type: its type condition is the type itself,
// or Node, whose only field all planned types have.
func covers(condition, typeName string) bool { return condition == typeName || condition == "Node" }

// Objects returns the objects in a field's value; ok is false if one is null or cannot write
// itself.
func Objects(v reflect.Value) (objects []types.Object, ok bool) {
	if v.Kind() == reflect.Pointer {
		o, is := reflect.TypeAssert[types.Object](v)
		return []types.Object{o}, is && !v.IsNil()
	}
	if v.Kind() != reflect.Slice || v.IsNil() {
		return nil, false
	}
	objects = make([]types.Object, v.Len())
	for i := range objects {
		item := v.Index(i)
		if item.Kind() == reflect.Struct {
			item = item.Addr()
		}
		if item.Kind() != reflect.Pointer || item.IsNil() {
			return nil, false
		}
		if objects[i], ok = reflect.TypeAssert[types.Object](item); !ok {
			return nil, false
		}
	}
	return objects, true
}
