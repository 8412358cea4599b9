package selection

import (
	"slices"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
)

// Needs are the requirements of a selection on an object: which operations carry its
// fields.
type Needs struct {
	// Fields are the plain fields that not every source of the type carries.
	Fields []Need
	// Secrets reports whether credentials are selected.
	Secrets bool
	// Key reports whether a field of the object's key is selected, Plain one that the
	// key does not hold, and Edges one with a resolver of its own.
	Key, Plain, Edges bool
	// Names are the selected fields, for calls that must name the fields they return.
	Names map[string]bool
	// again are the needs of the edges that lead back to the objects: see [Needs.LacksInAll].
	again []Need
}

// Need is a plain field that some sources of its type carry, and its path in the
// answer: below the field that names the objects, around their index.
type Need struct {
	Sources
	Name          string // of the field that holds the value
	before, after ast.Path
}

// Path returns the path of the field of object i below the path of the field that names
// the objects. An object outside a list has no index: i is negative.
func (n Need) Path(of ast.Path, i int) ast.Path {
	if i < 0 {
		return slices.Concat(of, n.before, n.after)
	}
	return slices.Concat(of, n.before, ast.Path{ast.PathIndex(i)}, n.after)
}

// InList reports whether the field is in items of a list.
func (n Need) InList() bool { return n.before != nil }

// missing reports whether an object lacks the field.
func (n Need) missing(op string, object any) bool {
	if slices.Contains(n.Ops, op) {
		return false
	}
	return n.Never(op) || isZero(object, n.Name)
}

// Lacks reports whether an object read from one operation may lack a field.
func (s *Needs) Lacks(op string) bool { return anyOutside(s.Fields, op) }

// LacksInAll is Lacks for the object and for the edges below it that lead back to it, such as the host
// of a user's meetings: whether the object would be read a second time after a read from the operation.
func (s *Needs) LacksInAll(op string) bool {
	return s.Lacks(op) || anyOutside(s.again, op)
}

// anyOutside reports whether an operation does not return one of the fields for certain.
func anyOutside(fields []Need, op string) bool {
	return slices.ContainsFunc(fields, func(n Need) bool { return !slices.Contains(n.Ops, op) })
}

// NeverIn reports whether objects read from one operation always lack a field.
func (s *Needs) NeverIn(op string) bool {
	return slices.ContainsFunc(s.Fields, func(n Need) bool { return n.Never(op) })
}

// LacksOf returns the needs that an object which was read from an operation lacks.
func (s *Needs) LacksOf(op string, object any) []Need {
	var lacking []Need
	for _, n := range s.Fields {
		if n.missing(op, object) {
			lacking = append(lacking, n)
		}
	}
	return lacking
}

// KeyOnly reports whether only the key and edges are selected. The object need not be
// read then: the edges' own calls return whether it exists.
func (s *Needs) KeyOnly() bool { return !s.Plain && s.Edges && !s.Secrets }

// Needs returns the needs of a selection on objects of a type. ways are the paths from
// the selection to the objects, such as "edges.node"; none means that it is on the
// objects themselves.
func (x *Index) Needs(opCtx *graphql.OperationContext, set ast.SelectionSet, typeName string, ways ...string) *Needs {
	c := collector{x, opCtx, typeName, &Needs{}}
	if len(ways) == 0 {
		c.object(set, nil, nil)
	}
	for _, way := range ways {
		c.along(set, strings.Split(way, "."), nil)
	}
	return c.needs
}

// collector collects the needs of one selection.
type collector struct {
	index    *Index
	opCtx    *graphql.OperationContext
	typeName string
	needs    *Needs
}

// along follows a way to objects, of which the first step is a list.
func (c collector) along(set ast.SelectionSet, way []string, at ast.Path) {
	if len(way) == 0 {
		c.object(set, at[:1], at[1:])
		return
	}
	for _, f := range graphql.CollectFields(c.opCtx, set, nil) {
		if f.Name == way[0] {
			c.along(f.Selections, way[1:], append(slices.Clone(at), ast.PathName(f.Alias)))
		}
	}
}

// object adds the needs of a selection on an object. before and after are the path to it,
// around its index.
func (c collector) object(set ast.SelectionSet, before, after ast.Path) {
	for _, f := range graphql.CollectFields(c.opCtx, set, c.index.Conditions(c.typeName)) {
		if f.Definition == nil || f.ObjectDefinition == nil {
			continue // __typename
		}
		if c.needs.Names == nil {
			c.needs.Names = map[string]bool{}
		}
		c.needs.Names[f.Name] = true
		info := c.index.Field(f.ObjectDefinition, f.Definition)
		switch {
		case info.Edge:
			c.needs.Edges = true
			// An edge that costs no call is computed from the object itself.
			c.needs.Secrets = c.needs.Secrets || info.Ops == nil && info.Secret
			c.back(f)
			continue
		case slices.Contains(c.index.Keys(c.typeName), f.Name):
			c.needs.Key = true
		case f.Name != "__typename":
			c.needs.Plain = true
		}
		if info.Ops != nil {
			c.needs.Fields = append(c.needs.Fields, Need{info.Sources, info.Holder, before, append(slices.Clone(after), ast.PathName(f.Alias))})
		}
		if info.Secret {
			c.needs.Secrets = true
		} else if len(f.Selections) > 0 {
			c.nested(f.Selections, f.Definition.Type.Name())
		}
	}
}

// backEdges are the edges of lists whose items lead back to the object that has the list.
var backEdges = map[string]string{
	"User.meetings": "host", "User.webinars": "host", "User.chatChannels": "user", "User.phoneRecordings": "user",
}

// back adds the needs of the edges that lead back to the objects of the collector from an edge of them.
func (c collector) back(f graphql.CollectedField) {
	edge := backEdges[c.typeName+"."+f.Name]
	if edge == "" {
		return
	}
	for _, way := range []string{"nodes." + edge, "edges.node." + edge} {
		other := c.index.Needs(c.opCtx, f.Selections, c.typeName, way)
		c.needs.again = slices.Concat(c.needs.again, other.Fields, other.again)
	}
}

// nested looks for credentials below a plain field.
func (c collector) nested(set ast.SelectionSet, typeName string) {
	for _, f := range graphql.CollectFields(c.opCtx, set, c.index.Conditions(typeName)) {
		if f.Definition == nil {
			continue
		}
		if IsSecret(f.Definition.Type) {
			c.needs.Secrets = true
		}
		c.nested(f.Selections, f.Definition.Type.Name())
	}
}
