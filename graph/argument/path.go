package argument

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"zoomql/graph/generated"
	"zoomql/internal/codegen/sdl"
	"zoomql/internal/zoom/types"
)

// Path returns the path of the part that a path names in the arguments of the field of ctx;
// nil if there is none.
func Path(ctx context.Context, path []string) []types.Text {
	if len(path) == 0 {
		return nil
	}
	return findInput(arguments(ctx), path, false)
}

// ZoomPath is Path for a name of Zoom's, such as "recurrence.repeat_interval"
// or "questions[0].name". The name may begin at a nested part of the caller's input, or
// begin with objects of Zoom's body that the input lacks.
func ZoomPath(ctx context.Context, name string) []types.Text {
	path := strings.FieldsFunc(name, func(r rune) bool { return strings.ContainsRune(".[]/", r) })
	for ; len(path) > 0; path = path[1:] {
		if found := findInput(arguments(ctx), path, true); found != nil {
			return found
		}
	}
	// A variable of the path, meetingId or meeting_id, is the argument that names the meeting.
	object, isID := strings.CutSuffix(name, "Id")
	if !isID {
		object, isID = strings.CutSuffix(name, "_id")
	}
	if found := findInput(arguments(ctx), []string{object}, false); isID && len(found) == 2 {
		return found
	}
	return nil
}

// ChangeIn returns the path of the part of the input of the field of ctx that holds the
// change; in a @oneOf input of several changes, the one that is set.
func ChangeIn(ctx context.Context) (path []string) {
	for _, input := range arguments(ctx) {
		for _, n := range input.Members() {
			if !n.Type.NonNull || n.fields() == nil || strings.HasSuffix(n.Type.Name(), "By") {
				continue
			}
			for isOneOf(n) && len(n.Members()) == 1 {
				n = n.Members()[0]
			}
			return n.path[1:]
		}
	}
	return nil
}

func isOneOf(n Node) bool {
	def := inputTypes()[n.Type.Name()]
	return def != nil && def.Directives.ForName("oneOf") != nil
}

// Node is a part of the caller's input.
type Node struct {
	Type  *ast.Type
	Value any // nil if it is not given
	path  []string
}

// arguments returns the arguments given to the field of ctx.
func arguments(ctx context.Context) []Node {
	field := graphql.GetFieldContext(ctx).Field
	values := field.ArgumentMap(graphql.GetOperationContext(ctx).Variables)
	var nodes []Node
	for _, def := range field.Definition.Arguments {
		if value := values[def.Name]; value != nil {
			nodes = append(nodes, Node{def.Type, value, []string{def.Name}})
		}
	}
	return nodes
}

var inputTypes = sync.OnceValue(func() map[string]*ast.Definition {
	return generated.NewExecutableSchema(generated.Config{}).Schema().Types
})

// below returns a member of a part.
func (n Node) below(name string, t *ast.Type, value any) Node {
	return Node{t, value, append(slices.Clone(n.path), name)}
}

// Members returns the members that are given.
func (n Node) Members() []Node {
	var nodes []Node
	switch value := n.Value.(type) {
	case []any:
		for i, item := range value {
			if n.Type.Elem != nil {
				nodes = append(nodes, n.below(strconv.Itoa(i), n.Type.Elem, item))
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

// fields returns the fields of an input object; nil for other types.
func (n Node) fields() ast.FieldList {
	if def := inputTypes()[n.Type.NamedType]; def != nil && def.Kind == ast.InputObject {
		return def.Fields
	}
	return nil
}

// follow follows a path as far as the types have it, and returns the number of steps.
func (n Node) follow(path []string) (end Node, steps int) {
	for steps < len(path) {
		if n.Type.Elem != nil {
			items, _ := n.Value.([]any)
			i, err := strconv.Atoi(path[steps])
			switch {
			case err == nil && 0 <= i && i < len(items):
				n, steps = n.below(path[steps], n.Type.Elem, items[i]), steps+1
				continue
			case len(items) == 1: // the only candidate
				n = n.below("0", n.Type.Elem, items[0])
			default:
				return n, steps
			}
		}
		name := path[steps]
		// An object goes to Zoom under a name of Zoom's, whichever the caller named it by.
		if given := n.Members(); strings.HasSuffix(n.Type.Name(), "By") && len(given) == 1 {
			n, steps = given[0], steps+1
			continue
		}
		fields := n.fields()
		at := slices.IndexFunc(fields, func(fd *ast.FieldDefinition) bool { return fd.Name == name || sdl.JSONName(fd) == name })
		if at < 0 {
			return n, steps
		}
		values, _ := n.Value.(map[string]any)
		n, steps = n.below(fields[at].Name, fields[at].Type, values[fields[at].Name]), steps+1
	}
	return n, steps
}

// findInput returns the path of the first part, breadth first, that matches all of a path, or
// else most of it. With inBody it skips inputs that name objects, which are not in Zoom's
// bodies.
func findInput(level []Node, path []string, inBody bool) []types.Text {
	var best Node
	most := 0
	for len(level) > 0 && most < len(path) {
		var next []Node
		for _, n := range level {
			if end, steps := n.follow(path); steps > most {
				best, most = end, steps
			}
			next = append(next, n.Members()...)
		}
		level = slices.DeleteFunc(next, func(n Node) bool { return inBody && strings.HasSuffix(n.Type.Name(), "By") })
	}
	var found []types.Text
	for _, step := range best.path {
		found = append(found, types.Text(step))
	}
	return found
}
