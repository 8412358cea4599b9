package graph

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"zoomql/graph/generated"
	"zoomql/internal/codegen/sdl"
	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

// fieldError is an error of a part of the caller's input.
type fieldError struct {
	error
	path []string // in the caller's names, from where the error was met
}

// Unwrap returns the error itself.
func (e *fieldError) Unwrap() error { return e.error }

// within says in which part of the input an error is. Indexes of lists are digits.
func within(err error, path ...string) error {
	if err == nil {
		return nil
	}
	return &fieldError{err, path}
}

// item is within for an item of a list.
func item(err error, list string, index int) error {
	return within(err, list, strconv.Itoa(index))
}

// blamed returns the part of the input that an error is of, as far as it says so.
func blamed(err error) []string {
	var path []string
	for part, ok := errors.AsType[*fieldError](err); ok; part, ok = errors.AsType[*fieldError](err) {
		path = append(path, part.path...)
		err = part.error
	}
	if input, ok := errors.AsType[*inputError](err); ok {
		return append(path, argumentOf(input.Message)...)
	}
	if unsent, ok := errors.AsType[*zoom.Error](err); ok && unsent.Unsent() {
		return append(path, argumentOf(unsent.Message)...)
	}
	return path
}

// argumentOf returns the argument that a message begins with: "path.meetingId: one
// value is needed". Of several, it is the first.
func argumentOf(message string) []string {
	name, _, ok := strings.Cut(message, ": ")
	if name, _, _ = strings.Cut(name, ", "); !ok || strings.ContainsAny(name, " $") {
		return nil
	}
	return strings.Split(name, ".")
}

// inputPath finds in the arguments of the field of ctx what a path names. It returns
// nil where there is nothing of the kind.
func inputPath(ctx context.Context, path []string) []types.Text {
	if len(path) == 0 {
		return nil
	}
	return findInput(arguments(ctx), path, false)
}

// zoomPath is inputPath for a name of Zoom's, such as "recurrence.repeat_interval"
// or "questions[0].name". It may begin further down in the caller's input, or hold
// what stands around that at Zoom.
func zoomPath(ctx context.Context, name string) []types.Text {
	path := strings.FieldsFunc(name, func(r rune) bool { return strings.ContainsRune(".[]/", r) })
	for ; len(path) > 0; path = path[1:] {
		if found := findInput(arguments(ctx), path, true); found != nil {
			return found
		}
	}
	// A variable of the path, meetingId or meeting_id, is what names the meeting.
	object, isID := strings.CutSuffix(name, "Id")
	if !isID {
		object, isID = strings.CutSuffix(name, "_id")
	}
	if found := findInput(arguments(ctx), []string{object}, false); isID && len(found) == 2 {
		return found
	}
	return nil
}

// changeIn returns the part of the input of the field of ctx that says what to change;
// of several changes of which one is given, it is that one.
func changeIn(ctx context.Context) (path []string) {
	for _, input := range arguments(ctx) {
		for _, n := range input.members() {
			if !n.t.NonNull || n.fields() == nil || strings.HasSuffix(n.t.Name(), "By") {
				continue
			}
			for isOneOf(n) && len(n.members()) == 1 {
				n = n.members()[0]
			}
			return n.path[1:]
		}
	}
	return nil
}

func isOneOf(n inputNode) bool {
	def := inputTypes()[n.t.Name()]
	return def != nil && def.Directives.ForName("oneOf") != nil
}

// inputNode is a part of the caller's input.
type inputNode struct {
	t     *ast.Type
	value any // nil where nothing was given
	path  []string
}

// arguments returns the arguments that are given to the field of ctx.
func arguments(ctx context.Context) []inputNode {
	field := graphql.GetFieldContext(ctx).Field
	values := field.ArgumentMap(graphql.GetOperationContext(ctx).Variables)
	var nodes []inputNode
	for _, def := range field.Definition.Arguments {
		if value := values[def.Name]; value != nil {
			nodes = append(nodes, inputNode{def.Type, value, []string{def.Name}})
		}
	}
	return nodes
}

var inputTypes = sync.OnceValue(func() map[string]*ast.Definition {
	return generated.NewExecutableSchema(generated.Config{}).Schema().Types
})

// below returns a part of a part.
func (n inputNode) below(name string, t *ast.Type, value any) inputNode {
	return inputNode{t, value, append(slices.Clone(n.path), name)}
}

// members returns the parts that are given.
func (n inputNode) members() []inputNode {
	var nodes []inputNode
	switch value := n.value.(type) {
	case []any:
		for i, item := range value {
			if n.t.Elem != nil {
				nodes = append(nodes, n.below(strconv.Itoa(i), n.t.Elem, item))
			}
		}
	case map[string]any:
		for _, fd := range n.fields() {
			if value[fd.Name] != nil {
				nodes = append(nodes, n.below(fd.Name, fd.Type, value[fd.Name]))
			}
		}
	}
	return nodes
}

// fields are those of an input object; none of anything else.
func (n inputNode) fields() ast.FieldList {
	if def := inputTypes()[n.t.NamedType]; def != nil && def.Kind == ast.InputObject {
		return def.Fields
	}
	return nil
}

// follow goes along a path as far as the types know it, and says how far that is.
func (n inputNode) follow(path []string) (end inputNode, steps int) {
	for steps < len(path) {
		if n.t.Elem != nil {
			items, _ := n.value.([]any)
			i, err := strconv.Atoi(path[steps])
			switch {
			case err == nil && 0 <= i && i < len(items):
				n, steps = n.below(path[steps], n.t.Elem, items[i]), steps+1
				continue
			case len(items) == 1: // it can be no other
				n = n.below("0", n.t.Elem, items[0])
			default:
				return n, steps
			}
		}
		name := path[steps]
		fields := n.fields()
		at := slices.IndexFunc(fields, func(fd *ast.FieldDefinition) bool { return fd.Name == name || sdl.JSONName(fd) == name })
		if at < 0 {
			return n, steps
		}
		values, _ := n.value.(map[string]any)
		n, steps = n.below(fields[at].Name, fields[at].Type, values[fields[at].Name]), steps+1
	}
	return n, steps
}

// findInput returns the path of the first part, breadth first, that has all that a
// path names, or else most of it. What names an object is in no body of Zoom's.
func findInput(level []inputNode, path []string, inBody bool) []types.Text {
	var best inputNode
	most := 0
	for len(level) > 0 && most < len(path) {
		var next []inputNode
		for _, n := range level {
			if end, steps := n.follow(path); steps > most {
				best, most = end, steps
			}
			next = append(next, n.members()...)
		}
		level = slices.DeleteFunc(next, func(n inputNode) bool { return inBody && strings.HasSuffix(n.t.Name(), "By") })
	}
	var found []types.Text
	for _, step := range best.path {
		found = append(found, types.Text(step))
	}
	return found
}
