package endpoint

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

// The bounds of ids and cursors, in bytes. The gateway issues no longer ones; they would only fill
// requests, caches and tags.
const (
	maxGlobalID = 1 << 10
	// MaxCursor bounds a cursor.
	MaxCursor = 2 << 10
	// maxItems bounds a list of ids. The executor reads the list for each object whose field has it as
	// an argument.
	maxItems = zoom.MaxList / 2
)

// nameLimits refuses an operation with an id, an e-mail address or a cursor that is
// too long, in any argument, before the operation is executed.
type nameLimits struct{ schema *ast.Schema }

var _ interface {
	graphql.HandlerExtension
	graphql.OperationContextMutator
} = (*nameLimits)(nil)

// ExtensionName names the extension.
func (*nameLimits) ExtensionName() string { return "NameLimits" }

// Validate stores the schema, which has the types of the arguments.
func (n *nameLimits) Validate(s graphql.ExecutableSchema) error {
	n.schema = s.Schema()
	return nil
}

// MutateOperationContext checks each selection set of the document once, however often it is spread, and
// each variable once for each name of an argument or input field.
func (n *nameLimits) MutateOperationContext(_ context.Context, opCtx *graphql.OperationContext) *gqlerror.Error {
	c := argumentCheck{n, opCtx.Variables, map[[2]string]bool{}}
	if err := c.set(opCtx.Operation.SelectionSet); err != nil {
		return err
	}
	for _, f := range opCtx.Doc.Fragments {
		if err := c.set(f.SelectionSet); err != nil {
			return err
		}
	}
	return nil
}

// argumentCheck checks the arguments of one operation.
type argumentCheck struct {
	*nameLimits
	variables map[string]any
	checked   map[[2]string]bool // by the names of the variable and of the argument or input field
}

// set checks the arguments in a selection set, without those in fragments that it spreads.
func (c argumentCheck) set(set ast.SelectionSet) *gqlerror.Error {
	for _, sel := range set {
		var below ast.SelectionSet
		switch sel := sel.(type) {
		case *ast.Field:
			if err := c.arguments(sel); err != nil {
				return err
			}
			below = sel.SelectionSet
		case *ast.InlineFragment:
			below = sel.SelectionSet
		}
		if err := c.set(below); err != nil {
			return err
		}
	}
	return nil
}

// arguments checks the arguments of a field.
func (c argumentCheck) arguments(f *ast.Field) *gqlerror.Error {
	if f.Definition == nil {
		return nil
	}
	for _, arg := range f.Arguments {
		def := f.Definition.Arguments.ForName(arg.Name)
		if def == nil {
			continue
		}
		if m := c.literal(arg.Name, def.Type, arg.Value).below(ast.PathName(arg.Name)); m != nil {
			return WithCode(gqlerror.Errorf("%s: %s", m.dotted(), m.message), types.ErrorCodeBadUserInput)
		}
	}
	return nil
}

// dotted returns the path with dots, such as ids.1.
func (m *inputProblem) dotted() string {
	steps := make([]string, 0, len(m.path))
	for _, step := range slices.Backward(m.path) {
		steps = append(steps, fmt.Sprint(step))
	}
	return strings.Join(steps, ".")
}

// literal checks a value in the document. The value of a variable is checked by the name of the argument,
// since the caller chooses that of the variable.
func (c argumentCheck) literal(name string, t *ast.Type, v *ast.Value) *inputProblem {
	switch v.Kind {
	case ast.Variable:
		key := [2]string{v.Raw, name}
		if c.checked[key] {
			return nil
		}
		c.checked[key] = true
		return c.value(name, t, c.variables[v.Raw])
	case ast.StringValue, ast.BlockValue:
		return c.text(name, t, len(v.Raw))
	case ast.ListValue:
		for i, item := range v.Children {
			if m := c.literal(name, element(t), item.Value); m != nil {
				return m.below(ast.PathIndex(i))
			}
		}
	case ast.ObjectValue:
		for _, field := range v.Children {
			if def := c.fields(t).ForName(field.Name); def != nil {
				if m := c.literal(field.Name, def.Type, field.Value); m != nil {
					return m.below(ast.PathName(field.Name))
				}
			}
		}
	}
	return nil
}

// value is literal for the value of a variable. It does not descend into values of a scalar, such as
// JSON.
func (n *nameLimits) value(name string, t *ast.Type, v any) *inputProblem {
	switch v := v.(type) {
	case string:
		return n.text(name, t, len(v))
	case []any:
		if t.Elem == nil {
			return nil
		}
		if longestName(name, t.Name()) > 0 && len(v) > maxItems {
			return &inputProblem{message: fmt.Sprintf("there are more than %d of them", maxItems)}
		}
		for i, item := range v {
			if m := n.value(name, t.Elem, item); m != nil {
				return m.below(ast.PathIndex(i))
			}
		}
	case map[string]any:
		for _, def := range n.fields(t) {
			if m := n.value(def.Name, def.Type, v[def.Name]); m != nil {
				return m.below(ast.PathName(def.Name))
			}
		}
	default:
		if list := reflect.ValueOf(v); list.Kind() == reflect.Slice { // the result of input coercion of a single value
			for i := range list.Len() {
				if m := n.value(name, element(t), list.Index(i).Interface()); m != nil {
					return m.below(ast.PathIndex(i))
				}
			}
		}
	}
	return nil
}

// element returns the type of a list's items, or t itself for a single value, by which a
// list of one may be written.
func element(t *ast.Type) *ast.Type {
	if t.Elem != nil {
		return t.Elem
	}
	return t
}

// fields returns the fields of an input object; nil for other types.
func (n *nameLimits) fields(t *ast.Type) ast.FieldList {
	def := n.schema.Types[t.Name()]
	if def == nil || def.Kind != ast.InputObject {
		return nil
	}
	return def.Fields
}

// text refuses a string that is longer than its argument may be.
func (n *nameLimits) text(name string, t *ast.Type, length int) *inputProblem {
	most := longestName(name, t.Name())
	if most == 0 || length <= most {
		return nil
	}
	return &inputProblem{message: fmt.Sprintf("it is longer than %d bytes, so it names nothing", most)}
}

// longestName returns the bound of a string, in bytes, by its type and, for a String, by the name of the
// argument or input field; 0 means no bound.
func longestName(name, typeName string) int {
	switch typeName {
	case "ID":
		return maxGlobalID
	case "MeetingUUID", "MeetingNumber":
		return zoom.MaxID
	case "String":
	default:
		return 0
	}
	if name == "after" {
		return MaxCursor
	}
	for _, ending := range []string{"id", "Id", "ids", "Ids", "email", "Email"} {
		if strings.HasSuffix(name, ending) {
			return zoom.MaxID
		}
	}
	return 0
}
