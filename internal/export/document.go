package export

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/formatter"
	"github.com/vektah/gqlparser/v2/parser"
)

// The response names and variables that parse adds to a document.
const (
	afterName = "zoomqlAfter"
	pageName  = "zoomqlPage"
)

// maxTokens bounds the tokens of a document. The gateway's own bound is lower.
const maxTokens = 100_000

// document is a query of which one connection is read to its end.
type document struct {
	text string
	// after is the variable for the cursor.
	after string
	// path is the path of the connection, by response names.
	path []string
	// rows is the response name of nodes, or of edges; then node is the response name of the
	// node of an edge, and otherwise "".
	rows, node string
	// fields are the columns of a row in CSV, unless tableErr is set.
	fields   []column
	tableErr error // why rows cannot be lines of CSV; nil if they can
}

// errNoConnection is the error of a document without a connection.
var errNoConnection = errors.New("the query has no connection to walk: one field has to select nodes { … } or edges { node { … } }")

// connection is a field that is a connection, and its path, by response names.
type connection struct {
	field *ast.Field
	path  []string
}

// parse parses a document and prepares its connection for reading page by page: it adds the argument
// after with a variable, the argument first, unless the document has it, and pageInfo.
func parse(text, operation string, first int) (*document, error) {
	doc, err := parser.ParseQueryWithTokenLimit(&ast.Source{Input: text}, maxTokens)
	if err != nil {
		return nil, err
	}
	op := doc.Operations.ForName(operation) // for "", the only one
	if op == nil || op.Operation != ast.Query {
		return nil, errors.New("the document has to hold the query, and its name has to be given where it holds several")
	}
	found := finder{doc: doc}
	found.find(op.SelectionSet, nil, map[string]bool{})
	c, err := found.pick()
	if err != nil {
		return nil, err
	}
	d := &document{path: c.path}
	if err := d.selectRows(doc, c.field); err != nil {
		return nil, err
	}
	if d.after, err = cursorOf(op, c.field); err != nil {
		return nil, err
	}
	if c.field.Arguments.ForName("first") == nil {
		c.field.Arguments = append(c.field.Arguments, &ast.Argument{Name: "first", Value: &ast.Value{Kind: ast.IntValue, Raw: strconv.Itoa(first)}})
	}
	c.field.SelectionSet = append(c.field.SelectionSet, &ast.Field{Alias: pageName, Name: "pageInfo", SelectionSet: ast.SelectionSet{
		&ast.Field{Alias: "hasNextPage", Name: "hasNextPage"}, &ast.Field{Alias: "endCursor", Name: "endCursor"},
	}})
	var b strings.Builder
	formatter.NewFormatter(&b).FormatQueryDocument(doc)
	d.text = b.String()
	return d, nil
}

// cursorOf returns the variable of the argument after of a connection. It adds both if the
// connection has no such argument.
func cursorOf(op *ast.OperationDefinition, field *ast.Field) (string, error) {
	if given := field.Arguments.ForName("after"); given != nil {
		if given.Value.Kind != ast.Variable {
			return "", fmt.Errorf("%s: leave after out, or give it by a variable", field.Alias)
		}
		return given.Value.Raw, nil
	}
	field.Arguments = append(field.Arguments, &ast.Argument{Name: "after", Value: &ast.Value{Kind: ast.Variable, Raw: afterName}})
	op.VariableDefinitions = append(op.VariableDefinitions, &ast.VariableDefinition{Variable: afterName, Type: ast.NamedType("String", nil)})
	return afterName, nil
}

// finder finds the connections of a document.
type finder struct {
	doc    *ast.QueryDocument
	marked []connection // those with a variable as their argument after
	outer  []connection // those that are not inside another connection
}

// find adds the connections in a selection set. in has the fragments that it need not search: those
// that it is in, and those without a connection. Any other fragment is searched at each of its
// places, since its connections have a path at each.
func (f *finder) find(set ast.SelectionSet, path []string, in map[string]bool) {
	for _, s := range set {
		switch s := s.(type) {
		case *ast.Field:
			below := slices.Concat(path, []string{s.Alias})
			nodes, edges := f.selected(s.SelectionSet, "nodes"), f.selected(s.SelectionSet, "edges")
			if nodes == nil && edges == nil {
				f.find(s.SelectionSet, below, in)
				continue
			}
			c := connection{s, below}
			if slices.ContainsFunc(f.outer, func(o connection) bool { return o.field == s && slices.Equal(o.path, below) }) {
				continue // the same fragment twice at one place
			}
			f.outer = append(f.outer, c)
			if after := s.Arguments.ForName("after"); after != nil && after.Value.Kind == ast.Variable {
				f.marked = append(f.marked, c)
			}
		case *ast.InlineFragment:
			f.find(s.SelectionSet, path, in)
		case *ast.FragmentSpread:
			if def := f.doc.Fragments.ForName(s.Name); def != nil && !in[s.Name] {
				in[s.Name] = true
				before := len(f.outer)
				f.find(def.SelectionSet, path, in)
				in[s.Name] = len(f.outer) == before
			}
		}
	}
}

// pick returns the connection to read: the only marked one, or else the only one.
func (f *finder) pick() (connection, error) {
	for _, found := range [][]connection{f.marked, f.outer} {
		switch len(found) {
		case 0:
		case 1:
			return found[0], nil
		default:
			names := make([]string, len(found))
			for i, c := range found {
				names[i] = strings.Join(c.path, ".")
			}
			return connection{}, fmt.Errorf("the query has several connections: %s. Give the one to be walked after: $cursor, a variable that the query declares", strings.Join(names, ", "))
		}
	}
	return connection{}, errNoConnection
}

// selected returns the field with a name in a selection set, including its fragments, or nil.
func (f *finder) selected(set ast.SelectionSet, name string) *ast.Field {
	for field := range f.fields(set, map[string]bool{}) {
		if field.Name == name {
			return field
		}
	}
	return nil
}

// fields iterates over the fields of a selection set, including its fragments. in has the fragments
// that it has visited.
func (f *finder) fields(set ast.SelectionSet, in map[string]bool) func(yield func(*ast.Field) bool) {
	return func(yield func(*ast.Field) bool) {
		for _, s := range set {
			var below ast.SelectionSet
			switch s := s.(type) {
			case *ast.Field:
				if !yield(s) {
					return
				}
				continue
			case *ast.InlineFragment:
				below = s.SelectionSet
			case *ast.FragmentSpread:
				def := f.doc.Fragments.ForName(s.Name)
				if def == nil || in[s.Name] {
					continue
				}
				in[s.Name] = true
				below = def.SelectionSet
			}
			for field := range f.fields(below, in) {
				if !yield(field) {
					return
				}
			}
		}
	}
}

// merged returns the response name of the fields with a name in a selection set, and their merged
// selection; "" if there is none. It returns an error if they have several response names.
func (f *finder) merged(set ast.SelectionSet, name string) (alias string, below ast.SelectionSet, err error) {
	for field := range f.fields(set, map[string]bool{}) {
		switch {
		case field.Name != name:
		case alias != "" && alias != field.Alias:
			return "", nil, fmt.Errorf("the connection to be walked selects %s twice, as %s and %s: select it once", name, alias, field.Alias)
		default:
			alias, below = field.Alias, append(below, field.SelectionSet...)
		}
	}
	return alias, below, nil
}

// selectRows sets where the rows of the connection are, and their columns.
func (d *document) selectRows(doc *ast.QueryDocument, field *ast.Field) (err error) {
	f := finder{doc: doc}
	rows, row, err := f.merged(field.SelectionSet, "nodes")
	if err == nil && rows == "" {
		var edge ast.SelectionSet
		if rows, edge, err = f.merged(field.SelectionSet, "edges"); err == nil {
			d.node, row, err = f.merged(edge, "node")
		}
		if err == nil && d.node == "" {
			err = errNoConnection
		}
	}
	if err != nil {
		return err
	}
	d.rows = rows
	d.fields, d.tableErr = f.columns(row, nil)
	return nil
}
