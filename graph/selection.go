package graph

import (
	"context"
	"slices"
	"strings"
	"sync"
	"unsafe"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
)

// asked is what a query wants of an object: which operations can tell it.
type asked struct {
	// needs holds the plain fields that not every source of the type carries.
	needs []need
	// secrets tells that credentials are asked for.
	secrets bool
	// key tells that a field of the object's key is asked for, plain one that
	// the key does not hold, and edges one with a resolver of its own.
	key, plain, edges bool
	// names are the fields asked for, for what a call must name to get.
	names map[string]bool
}

// need is a plain field that some sources of its type carry, and where it stands
// in the answer: below the field that names the objects, around their index.
type need struct {
	sources
	name          string // of the field that holds the value
	before, after ast.Path
}

// sources are the operations that carry a field, and those that do so sometimes.
type sources struct{ ops, sometimes []string }

// never reports whether answers of an operation do not carry the field.
func (s sources) never(op string) bool {
	return !slices.Contains(s.ops, op) && !slices.Contains(s.sometimes, op)
}

// path returns the path of the field of object i; one that is alone has no index.
func (n need) path(of ast.Path, i int) ast.Path {
	if i < 0 {
		return slices.Concat(of, n.before, n.after)
	}
	return slices.Concat(of, n.before, ast.Path{ast.PathIndex(i)}, n.after)
}

// missing reports whether an object lacks the field.
func (n need) missing(op string, object any) bool {
	if slices.Contains(n.ops, op) {
		return false
	}
	return n.never(op) || isZero(object, n.name)
}

// lacks reports whether an object read from one operation may miss something.
func (a *asked) lacks(op string) bool {
	return slices.ContainsFunc(a.needs, func(n need) bool { return !slices.Contains(n.ops, op) })
}

// neverIn reports whether objects read from one operation miss something for sure.
func (a *asked) neverIn(op string) bool {
	return slices.ContainsFunc(a.needs, func(n need) bool { return n.never(op) })
}

// lacksOf returns what an object misses.
func (a *asked) lacksOf(op string, object any) []need {
	var lacking []need
	for _, n := range a.needs {
		if n.missing(op, object) {
			lacking = append(lacking, n)
		}
	}
	return lacking
}

// keyOnly reports whether nothing is asked for but the key itself and edges. The
// object need not be read then: that it exists, the edges' own calls will tell.
func (a *asked) keyOnly() bool { return !a.plain && a.edges && !a.secrets }

// keyFields returns the fields that an object of a type holds before it was read: its
// global id, and the first field beside it of the input that names such objects. Runs
// and rooms on the dashboard are named by other inputs.
func keyFields(typeName string) []string { return keysOfTypes()[typeName] }

var keysOfTypes = sync.OnceValue(func() map[string][]string {
	keys := map[string][]string{"DashboardMeeting": {"uuid"}, "DashboardWebinar": {"uuid"}, "DashboardZoomRoom": {"zoomId"}}
	all := inputTypes()
	for name, by := range all {
		typeName, ok := strings.CutSuffix(name, "By")
		if !ok || all[typeName] == nil || by.Kind != ast.InputObject {
			continue
		}
		for _, field := range by.Fields {
			own := all[typeName].Fields.ForName(field.Name)
			if own != nil && (len(keys[typeName]) == 0 || field.Name != "id" && len(keys[typeName]) == 1) {
				keys[typeName] = append(keys[typeName], field.Name)
			}
		}
	}
	return keys
})

// selection identifies a merged selection set within one operation.
type selection struct {
	first    *ast.Selection
	length   int
	typeName string
}

// askedOf works out what the field of ctx asks of objects of a type. ways are
// those from the field to them, such as "edges.node"; none means that the field
// is of the type.
func askedOf(ctx context.Context, typeName string, ways ...string) *asked {
	field := graphql.GetFieldContext(ctx).Field
	req := from(ctx)
	key := selection{unsafe.SliceData(field.Selections), len(field.Selections), typeName}
	known, ok := req.asked.Load(key)
	if !ok {
		// The items of a list come here at once: one of them works it out.
		known, _ = req.asked.LoadOrStore(key, sync.OnceValue(func() *asked {
			a := &asked{}
			a.collect(graphql.GetOperationContext(ctx), field.Selections, typeName, ways)
			return a
		}))
	}
	return known.(func() *asked)()
}

// askedOfList is askedOf for the nodes of a connection.
func askedOfList(ctx context.Context, typeName string) *asked {
	return askedOf(ctx, typeName, "nodes", "edges.node")
}

func (a *asked) collect(opCtx *graphql.OperationContext, set ast.SelectionSet, typeName string, ways []string) {
	if len(ways) == 0 {
		a.object(opCtx, set, typeName, nil, nil)
	}
	for _, way := range ways {
		a.along(opCtx, set, typeName, strings.Split(way, "."), nil)
	}
}

// along follows a way to objects, of which the first step is a list.
func (a *asked) along(opCtx *graphql.OperationContext, set ast.SelectionSet, typeName string, way []string, at ast.Path) {
	if len(way) == 0 {
		a.object(opCtx, set, typeName, at[:1], at[1:])
		return
	}
	for _, f := range graphql.CollectFields(opCtx, set, nil) {
		if f.Name == way[0] {
			a.along(opCtx, f.Selections, typeName, way[1:], append(slices.Clone(at), ast.PathName(f.Alias)))
		}
	}
}

// object adds what a selection on an object asks for. before and after are the
// path to it, around its index.
func (a *asked) object(opCtx *graphql.OperationContext, set ast.SelectionSet, typeName string, before, after ast.Path) {
	for _, f := range graphql.CollectFields(opCtx, set, implementors()[typeName]) {
		if f.Definition == nil || f.ObjectDefinition == nil {
			continue // __typename
		}
		if a.names == nil {
			a.names = map[string]bool{}
		}
		a.names[f.Name] = true
		info := infoOf(f.ObjectDefinition, f.Definition)
		switch {
		case info.edge:
			a.edges = true
			// One that costs no call is made of what the object holds itself.
			a.secrets = a.secrets || info.ops == nil && info.secret
			continue
		case slices.Contains(keyFields(typeName), f.Name):
			a.key = true
		case f.Name != "__typename":
			a.plain = true
		}
		if info.ops != nil {
			a.needs = append(a.needs, need{info.sources, holder(f.Definition), before, append(slices.Clone(after), ast.PathName(f.Alias))})
		}
		if info.secret {
			a.secrets = true
		} else if len(f.Selections) > 0 {
			a.nested(opCtx, f.Selections, f.Definition.Type.Name())
		}
	}
}

// nested looks for credentials further down in a plain field.
func (a *asked) nested(opCtx *graphql.OperationContext, set ast.SelectionSet, typeName string) {
	for _, f := range graphql.CollectFields(opCtx, set, implementors()[typeName]) {
		if f.Definition == nil {
			continue
		}
		if isSecret(f.Definition.Type) {
			a.secrets = true
		}
		a.nested(opCtx, f.Selections, f.Definition.Type.Name())
	}
}

// fieldInfo is what the schema says of the cost of a field.
type fieldInfo struct {
	edge    bool // it has a resolver of its own
	secret  bool // it is a credential
	sources      // operations that carry it, if not all sources of its type do
}

func infoOf(def *ast.Definition, fd *ast.FieldDefinition) fieldInfo {
	info := fieldInfo{edge: len(fd.Arguments) > 0, secret: isSecret(fd.Type)}
	for _, d := range fd.Directives {
		if d.Name != "zoom" {
			continue
		}
		op := d.Arguments.ForName("op").Value.Raw
		if sometimes := d.Arguments.ForName("sometimes"); sometimes != nil && sometimes.Value.Raw == "true" {
			info.sometimes = append(info.sometimes, op)
		} else {
			info.ops = append(info.ops, op)
		}
		info.edge = info.edge || !hasSource(def, op)
	}
	return info
}

// isSecret reports whether a field is a credential, or made of one: the link to a
// file is made of where it lies at Zoom.
func isSecret(t *ast.Type) bool { return t.Name() == "Secret" || t.Name() == "SignedDownload" }

func hasSource(def *ast.Definition, op string) bool {
	return slices.ContainsFunc(def.Directives, func(d *ast.Directive) bool {
		return d.Name == "source" && d.Arguments.ForName("op").Value.Raw == op
	})
}
