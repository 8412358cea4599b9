package schema

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/formatter"
	"github.com/vektah/gqlparser/v2/parser"
)

// The printed schema is one that tools of any age take: each type once, no
// extensions, and all directives that are used defined, @oneOf among them.
func TestPrintedSchema(t *testing.T) {
	printed, err := parser.ParseSchema(&ast.Source{Name: "printed", Input: SDL()})
	if err != nil {
		t.Fatal(err)
	}
	if n := len(printed.Extensions) + len(printed.SchemaExtension); n > 0 {
		t.Errorf("%d extensions", n)
	}
	// What every tool knows; @oneOf is younger than many.
	defined := []string{"specifiedBy"}
	for _, d := range printed.Directives {
		if slices.Contains(defined, d.Name) {
			t.Errorf("@%s is defined twice", d.Name)
		}
		defined = append(defined, d.Name)
	}
	if d := printed.Directives.ForName("oneOf"); d == nil || !slices.Equal(d.Locations, []ast.DirectiveLocation{ast.LocationInputObject}) {
		t.Errorf("@oneOf: %v", d)
	}
	seen := map[string]bool{}
	for _, d := range printed.Definitions {
		if seen[d.Name] {
			t.Errorf("%s is defined twice", d.Name)
		}
		seen[d.Name] = true
		for _, used := range directivesOf(d) {
			if !slices.Contains(defined, used.Name) {
				t.Errorf("%s: @%s is not defined", d.Name, used.Name)
			}
		}
	}
	if !seen["Query"] || !seen["Mutation"] {
		t.Error("there are no roots")
	}
}

func directivesOf(d *ast.Definition) ast.DirectiveList {
	list := slices.Clone(d.Directives)
	for _, f := range d.Fields {
		list = append(list, f.Directives...)
		for _, a := range f.Arguments {
			list = append(list, a.Directives...)
		}
	}
	for _, v := range d.EnumValues {
		list = append(list, v.Directives...)
	}
	return list
}

// What is printed means what the source says, descriptions included.
func TestPrintedSchemaIsWhole(t *testing.T) {
	source, printed := reprinted(t, sources()...), reprinted(t, &ast.Source{Name: "printed", Input: SDL()})
	if diff := cmp.Diff(source, printed); diff != "" {
		t.Errorf("(-source +printed):\n%s", diff)
	}
}

// Clients read the locations of directives from introspection, and some refuse one that is not in
// the specification.
func TestLoad_locations(t *testing.T) {
	draft := ast.DirectiveLocation("DIRECTIVE_DEFINITION")
	for name, d := range Load().Directives {
		if slices.Contains(d.Locations, draft) {
			t.Errorf("@%s may stand at %s", name, draft)
		}
	}
}

func reprinted(t *testing.T, sources ...*ast.Source) string {
	t.Helper()
	schema, err := gqlparser.LoadSchema(sources...)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"oneOf", "defer", "deprecated"} { // built in there, defined here
		delete(schema.Directives, name)
	}
	var b strings.Builder
	formatter.NewFormatter(&b).FormatSchema(schema)
	return b.String()
}

func TestTidied(t *testing.T) {
	const raw = `directive @a(
  """
  Of it.
  """
  by: String!
) on OBJECT
"""
On one line.
"""
type A {
  """
  Says "no".
  """
  b: Int
  """
  On two
  lines.
  """
  c(
    """
    What.
    """
    d: Int
  ): Int
}
scalar B
enum C {
  D
}
`
	const want = `directive @a(
  "Of it."
  by: String!
) on OBJECT

"On one line."
type A {
  """
  Says "no".
  """
  b: Int
  """
  On two
  lines.
  """
  c(
    "What."
    d: Int
  ): Int
}

scalar B

enum C {
  D
}
`
	if diff := cmp.Diff(want, tidied(raw)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
