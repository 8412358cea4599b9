package endpoint

import (
	"context"
	"strconv"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

// The longest names that a caller may give to an object or a place, in bytes. What
// is longer was never handed out, and would fill requests, caches and tags.
const (
	maxGlobalID = 1 << 10
	MaxCursor   = 2 << 10
)

// nameLimits refuses an operation with an id, an e-mail address or a cursor that is
// too long to be one, wherever it stands: before anything is carried out.
type nameLimits struct{ schema *ast.Schema }

var _ interface {
	graphql.HandlerExtension
	graphql.OperationContextMutator
} = (*nameLimits)(nil)

// ExtensionName names the extension.
func (*nameLimits) ExtensionName() string { return "NameLimits" }

// Validate notes the schema, which says what each argument is.
func (n *nameLimits) Validate(s graphql.ExecutableSchema) error {
	n.schema = s.Schema()
	return nil
}

// MutateOperationContext looks at each set of fields of the
// document once, however often it is spread, with the variables that stand in it.
func (n *nameLimits) MutateOperationContext(_ context.Context, opCtx *graphql.OperationContext) *gqlerror.Error {
	c := argumentCheck{n, opCtx.Variables}
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
}

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

func (c argumentCheck) arguments(f *ast.Field) *gqlerror.Error {
	if f.Definition == nil {
		return nil
	}
	for _, arg := range f.Arguments {
		def := f.Definition.Arguments.ForName(arg.Name)
		if def == nil {
			continue
		}
		if err := c.literal(arg.Name, def.Type, arg.Value); err != nil {
			return err
		}
	}
	return nil
}

// literal checks a value in the document, and the variable that stands for one by
// the name of the argument: $x names nothing.
func (c argumentCheck) literal(at string, t *ast.Type, v *ast.Value) *gqlerror.Error {
	switch v.Kind {
	case ast.Variable:
		return c.value(at, t, c.variables[v.Raw])
	case ast.StringValue, ast.BlockValue:
		return c.text(at, t, len(v.Raw))
	case ast.ListValue:
		for i, item := range v.Children {
			if err := c.literal(at+"."+strconv.Itoa(i), element(t), item.Value); err != nil {
				return err
			}
		}
	case ast.ObjectValue:
		for _, field := range v.Children {
			if def := c.field(t, field.Name); def != nil {
				if err := c.literal(at+"."+field.Name, def.Type, field.Value); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// value is literal for a variable's value.
func (n *nameLimits) value(at string, t *ast.Type, v any) *gqlerror.Error {
	switch v := v.(type) {
	case string:
		return n.text(at, t, len(v))
	case []any:
		for i, item := range v {
			if err := n.value(at+"."+strconv.Itoa(i), element(t), item); err != nil {
				return err
			}
		}
	case map[string]any:
		for name, item := range v {
			if def := n.field(t, name); def != nil {
				if err := n.value(at+"."+name, def.Type, item); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// element returns the type of a list's items, or a single value's own, which a
// list of one may be written as.
func element(t *ast.Type) *ast.Type {
	if t.Elem != nil {
		return t.Elem
	}
	return t
}

func (n *nameLimits) field(t *ast.Type, name string) *ast.FieldDefinition {
	def := n.schema.Types[t.Name()]
	if def == nil || def.Kind != ast.InputObject {
		return nil
	}
	return def.Fields.ForName(name)
}

// text refuses a text that is longer than what stands at its place may be.
func (n *nameLimits) text(at string, t *ast.Type, length int) *gqlerror.Error {
	most := longestName(at, t.Name())
	if most == 0 || length <= most {
		return nil
	}
	return withCode(gqlerror.Errorf("%s: it is longer than %d bytes, so it names nothing", at, most), types.ErrorCodeBadUserInput)
}

// longestName returns how many bytes a text may have by its type and, for a String,
// by the name of the argument or field that it is given for; 0 for any number.
func longestName(at, typeName string) int {
	switch typeName {
	case "ID":
		return maxGlobalID
	case "MeetingUUID", "MeetingNumber":
		return zoom.MaxID
	case "String":
	default:
		return 0
	}
	name := strings.TrimRight(at, ".0123456789")
	name = name[strings.LastIndexByte(name, '.')+1:]
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
