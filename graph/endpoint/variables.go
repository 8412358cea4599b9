package endpoint

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"zoomql/internal/zoom/types"
)

// inputCheck refuses, before execution, values that the specification forbids, but that the executor
// accepts, or refuses only at the field, when others may have been executed: @oneOf inputs with no or
// several fields, null in a variable for a non-null type, numbers that are too large, invalid values of
// scalars, and names of enum values in another case. Each variable and each part of the document is
// checked once.
//
// It accepts one value that the specification forbids: in a variable, a null field of a @oneOf input
// counts as not given, because typed clients send null for unset fields.
//
// Spec: https://spec.graphql.org/draft/#sec-OneOf-Input-Objects
type inputCheck struct{ types map[string]*ast.Definition }

var _ interface {
	graphql.HandlerExtension
	graphql.OperationContextMutator
} = &inputCheck{}

// ExtensionName names the extension.
func (*inputCheck) ExtensionName() string { return "InputCheck" }

// Validate stores the types of the schema.
func (c *inputCheck) Validate(schema graphql.ExecutableSchema) error {
	c.types = schema.Schema().Types
	return nil
}

// MutateOperationContext refuses an operation with an invalid input.
func (c *inputCheck) MutateOperationContext(_ context.Context, op *graphql.OperationContext) *gqlerror.Error {
	for _, def := range op.Operation.VariableDefinitions {
		value := op.Variables[def.Variable]
		if value == nil {
			continue
		}
		if m := c.value(def.Type, value); m != nil {
			return m.in(def)
		}
	}
	walk := documentCheck{variables: op.Variables}
	return walk.set(op.Operation.Directives, op.Operation.SelectionSet)
}

// inputProblem describes an invalid part of a value.
type inputProblem struct {
	message string
	path    ast.Path // from the innermost step to the outermost
}

// below returns the problem with the next outer step appended to its path; nil for nil.
func (m *inputProblem) below(step ast.PathElement) *inputProblem {
	if m != nil {
		m.path = append(m.path, step)
	}
	return m
}

// in returns the problem as an error that names the variable.
func (m *inputProblem) in(def *ast.VariableDefinition) *gqlerror.Error {
	slices.Reverse(m.path)
	path := append(ast.Path{ast.PathName(def.Variable)}, m.path...)
	err := gqlerror.Errorf("$%s: %s", path, m.message)
	err.Path = append(ast.Path{ast.PathName("variable")}, path...)
	return WithCode(locate(err, def.Position), types.ErrorCodeBadUserInput)
}

// locate sets the location of an error, if it is known.
func locate(err *gqlerror.Error, at *ast.Position) *gqlerror.Error {
	if at != nil {
		err.Locations = []gqlerror.Location{{Line: at.Line, Column: at.Column}}
	}
	return err
}

// value checks a value that is not null against a type.
func (c *inputCheck) value(t *ast.Type, value any) *inputProblem {
	if t.Elem != nil {
		return c.list(t.Elem, value)
	}
	switch def := c.types[t.NamedType]; def.Kind {
	case ast.InputObject:
		if fields, ok := value.(map[string]any); ok {
			return c.object(def, fields)
		}
	case ast.Scalar:
		if problem := scalarProblem(t.NamedType, value); problem != "" {
			return &inputProblem{message: problem}
		}
	case ast.Enum:
		if name, _ := value.(string); def.EnumValues.ForName(name) == nil {
			return &inputProblem{message: "it is not a value of " + def.Name}
		}
	}
	return nil
}

// list checks the items of a list. A value that is no list is a list of one, by input coercion.
func (c *inputCheck) list(elem *ast.Type, value any) *inputProblem {
	items, ok := value.([]any)
	if !ok {
		v := reflect.ValueOf(value)
		if v.Kind() != reflect.Slice {
			return c.value(elem, value)
		}
		for i := range v.Len() { // input coercion makes other types of slices
			items = append(items, v.Index(i).Interface())
		}
	}
	for i, item := range items {
		if item == nil {
			continue
		}
		if m := c.value(elem, item); m != nil {
			return m.below(ast.PathIndex(i))
		}
	}
	return nil
}

// object checks an input object.
func (c *inputCheck) object(def *ast.Definition, fields map[string]any) *inputProblem {
	if _, there := fields["__typename"]; there { // gqlparser accepts it in every input object
		return (&inputProblem{message: "unknown field"}).below(ast.PathName("__typename"))
	}
	set := 0
	for _, fd := range def.Fields {
		value := fields[fd.Name]
		if value == nil {
			continue
		}
		set++
		if m := c.value(fd.Type, value); m != nil {
			return m.below(ast.PathName(fd.Name))
		}
	}
	if set != 1 && def.Directives.ForName("oneOf") != nil {
		return &inputProblem{message: oneOfProblem(def, set)}
	}
	return nil
}

// oneOfProblem describes a @oneOf input with a number of fields other than one.
func oneOfProblem(def *ast.Definition, set int) string {
	names := make([]string, len(def.Fields))
	for i, fd := range def.Fields {
		names[i] = fd.Name
	}
	given := "none is"
	if set > 1 {
		given = strconv.Itoa(set) + " are"
	}
	return fmt.Sprintf("%s takes exactly one of %s, but %s given", def.Name, strings.Join(names, ", "), given)
}

// scalarParsers parse the values of the schema's scalars, to check them. JSON is missing: it accepts every
// value.
var scalarParsers = map[string]func(value any) error{
	"ByteCount":     reads[types.Int],
	"Date":          reads[types.Date],
	"DateTime":      reads[types.Time],
	"MeetingNumber": reads[types.MeetingNumber],
	"MeetingUUID":   reads[types.UUID],
	"Secret":        reads[types.Secret],
	"URL":           reads[types.Text],
	"Upload":        reads[types.Upload],
}

// reads is the parser for a scalar with the Go type T.
func reads[T any, P interface {
	*T
	graphql.Unmarshaler
}](value any) error {
	return P(new(T)).UnmarshalGQL(value)
}

// scalarProblem describes why a value is not valid for a scalar; "" if it is valid. For built-in scalars,
// the executor would accept numbers as String, strings as Int and Float, and numbers of more than 32 bits
// as Int.
func scalarProblem(name string, value any) string {
	if parse := scalarParsers[name]; parse != nil {
		if err := parse(value); err != nil {
			return err.Error()
		}
		return ""
	}
	switch x := value.(type) {
	case json.Number:
		switch name {
		case "String":
			return "a number is not of type String"
		case "Int":
			if _, err := strconv.ParseInt(x.String(), 10, 32); err != nil {
				return "it is not a 32-bit integer"
			}
		case "ID":
			if _, err := strconv.ParseInt(x.String(), 10, 64); err != nil {
				return "it is neither a string nor an integer"
			}
		}
	case int64:
		if name == "Int" && x != int64(int32(x)) {
			return "it is not a 32-bit integer"
		}
	case string:
		if name == "Int" || name == "Float" {
			return "a string is not of type " + name
		}
	}
	return ""
}

// documentCheck checks the arguments in the text of an operation, each fragment once.
type documentCheck struct {
	variables map[string]any
	fragments map[string]bool // by name: whether it has been checked
	lengths   map[string]int  // of variables, as written returns them
	length    int             // of all arguments so far
}

const (
	// maxWritten bounds the arguments of an operation with their variables expanded, in bytes: a short
	// document may use a long variable in many places. The largest body without variables has less.
	maxWritten = 4 * maxBody
	// writtenValue is added to the length of each value, for the time that it takes to read one.
	writtenValue = 20
)

// set checks directives, and the selections unless the directives exclude them.
func (d *documentCheck) set(on ast.DirectiveList, set ast.SelectionSet) *gqlerror.Error {
	for _, directive := range on {
		if err := d.arguments(directive.Arguments); err != nil {
			return err
		}
	}
	if d.excluded(on) {
		return nil
	}
	for _, selection := range set {
		if err := d.selection(selection); err != nil {
			return err
		}
	}
	return nil
}

// selection checks a selection, unless its directives exclude it.
func (d *documentCheck) selection(selection ast.Selection) *gqlerror.Error {
	switch s := selection.(type) {
	case *ast.Field:
		if err := d.set(s.Directives, s.SelectionSet); err != nil || d.excluded(s.Directives) {
			return err
		}
		for _, argument := range s.Arguments {
			if d.length += d.written(argument.Value); d.length > maxWritten {
				return locate(tooLarge(maxWritten, "bytes in arguments, with variables written out"), s.Position)
			}
		}
		return d.arguments(s.Arguments)
	case *ast.InlineFragment:
		return d.set(s.Directives, s.SelectionSet)
	case *ast.FragmentSpread:
		if err := d.set(s.Directives, nil); err != nil {
			return err
		}
		if d.fragments[s.Name] || s.Definition == nil || d.excluded(s.Directives) {
			return nil
		}
		if d.fragments == nil {
			d.fragments = map[string]bool{}
		}
		d.fragments[s.Name] = true
		return d.set(s.Definition.Directives, s.Definition.SelectionSet)
	}
	return nil
}

// written estimates the length of a value in JSON, in bytes.
func (d *documentCheck) written(v *ast.Value) int {
	if v.Kind != ast.Variable {
		n := len(v.Raw) + writtenValue
		for _, child := range v.Children {
			n += len(child.Name) + d.written(child.Value)
		}
		return n
	}
	n, known := d.lengths[v.Raw]
	if !known {
		if d.lengths == nil {
			d.lengths = map[string]int{}
		}
		n = writtenLength(d.variables[v.Raw])
		d.lengths[v.Raw] = n
	}
	return n
}

// writtenLength is documentCheck.written for the value of a variable, without the contents of files.
func writtenLength(value any) int {
	n := writtenValue
	switch value := value.(type) {
	case string:
		n += len(value)
	case json.Number:
		n += len(value)
	case []any:
		for _, item := range value {
			n += writtenLength(item)
		}
	case map[string]any:
		for name, item := range value {
			n += len(name) + writtenLength(item)
		}
	}
	return n
}

// excluded reports whether @skip or @include excludes a selection.
func (d *documentCheck) excluded(list ast.DirectiveList) bool {
	for _, directive := range list {
		if directive.Name != "skip" && directive.Name != "include" {
			continue
		}
		for _, argument := range directive.Arguments {
			value, err := argument.Value.Value(d.variables)
			if holds, ok := value.(bool); err == nil && ok && holds == (directive.Name == "skip") {
				return true
			}
		}
	}
	return false
}

func (d *documentCheck) arguments(list ast.ArgumentList) *gqlerror.Error {
	for _, argument := range list {
		if err := d.argument(argument.Value); err != nil {
			return err
		}
	}
	return nil
}

// argument checks the value of an argument, and the values within it.
func (d *documentCheck) argument(v *ast.Value) *gqlerror.Error {
	switch v.Kind {
	case ast.Variable:
		if value, given := d.variables[v.Raw]; given && value == nil && v.ExpectedType != nil && v.ExpectedType.NonNull {
			err := gqlerror.Errorf("The variable $%s is null, but %s is required. If it is omitted, its default is used.", v.Raw, v.ExpectedType)
			err.Path = ast.Path{ast.PathName("variable"), ast.PathName(v.Raw)}
			return WithCode(locate(err, v.Position), types.ErrorCodeBadUserInput)
		}
	case ast.IntValue:
		if _, err := strconv.ParseInt(v.Raw, 10, 32); err != nil && v.ExpectedType != nil && v.ExpectedType.Name() == "Int" {
			return WithCode(locate(gqlerror.Errorf("The number %s is too large: an Int has 32 bits.", v.Raw), v.Position), types.ErrorCodeBadUserInput)
		}
	}
	if problem := d.literalProblem(v); problem != "" {
		return WithCode(locate(gqlerror.Errorf("A value of type %s is required: %s.", v.ExpectedType.Name(), problem), v.Position), types.ErrorCodeBadUserInput)
	}
	for _, child := range v.Children {
		if err := d.argument(child.Value); err != nil {
			return err
		}
	}
	return nil
}

// literalProblem describes why a literal is not valid for a scalar of scalarParsers; "" if it is valid. No
// validation rule checks this.
func (d *documentCheck) literalProblem(v *ast.Value) string {
	if v.ExpectedType == nil || v.Kind == ast.Variable || v.Kind == ast.NullValue || v.Kind == ast.ListValue && v.ExpectedType.Elem != nil {
		return ""
	}
	parse := scalarParsers[v.ExpectedType.Name()]
	if parse == nil {
		return ""
	}
	if v.Kind == ast.EnumValue {
		return "a string must be in quotes"
	}
	value, _ := v.Value(d.variables) // survey has refused numbers that are too large
	if err := parse(value); err != nil {
		return err.Error()
	}
	return ""
}
