package graph

import (
	"fmt"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/formatter"

	"zoomql/internal/selection"
	"zoomql/internal/zoom"
)

// widened adds all fields of an operation's answer to its query, except the fields in without, by
// their paths.
func widened(s *zoom.Spec, query string, without map[string]bool) (string, error) {
	doc, errs := gqlparser.LoadQueryWithRules(readSchema(), query, nil)
	if len(errs) > 0 {
		return "", errs
	}
	w := &widener{op: s.Pattern, without: without}
	for _, o := range doc.Operations {
		w.set(o.SelectionSet, "", false)
	}
	var b strings.Builder
	formatter.NewFormatter(&b).FormatQueryDocument(doc)
	return b.String(), nil
}

type widener struct {
	op      string
	without map[string]bool
	types   []string // on the path
}

// set adds fields to a selection set, only below the root.
func (w *widener) set(set ast.SelectionSet, path string, within bool) {
	for _, sel := range set {
		f, ok := sel.(*ast.Field)
		if !ok || len(f.SelectionSet) == 0 {
			continue
		}
		at := path + "." + f.Alias
		w.types = append(w.types, f.Definition.Type.Name())
		of := within || w.reads(f.Definition)
		w.set(f.SelectionSet, at, of)
		if of {
			f.SelectionSet = append(f.SelectionSet, w.more(readSchema().Types[f.Definition.Type.Name()], at, f.SelectionSet)...)
		}
		w.types = w.types[:len(w.types)-1]
	}
}

// reads reports whether a field is read by the operation.
func (w *widener) reads(f *ast.FieldDefinition) bool {
	return slices.ContainsFunc(f.Directives.ForNames("zoom"), w.isOwn)
}

func (w *widener) isOwn(d *ast.Directive) bool { return d.Arguments.ForName("op").Value.Raw == w.op }

// deepest bounds the depth of added fields.
const deepest = 9

// more returns the fields of a type that need no other call, except those that are selected
// already.
func (w *widener) more(def *ast.Definition, path string, selected ast.SelectionSet) (set ast.SelectionSet) {
	for _, f := range def.Fields {
		at := path + "." + f.Name
		costs := f.Directives.ForNames("zoom")
		switch {
		case strings.HasPrefix(f.Name, "__"), w.without[at], has(selected, f.Name), selection.IsSecret(f.Type), slices.Contains(unpredictable, f.Name):
			continue
		case len(costs) > 0 && !slices.ContainsFunc(costs, w.isOwn), f.Name == "edges" && def.Fields.ForName("nodes") != nil:
			continue
		case slices.ContainsFunc(f.Arguments, func(a *ast.ArgumentDefinition) bool { return a.Type.NonNull && a.DefaultValue == nil }):
			continue
		}
		field := &ast.Field{Alias: f.Name, Name: f.Name, Definition: f, ObjectDefinition: def}
		of := readSchema().Types[f.Type.Name()]
		switch {
		case of.IsLeafType():
		case of.Kind != ast.Object || of.Fields.ForName("pageInfo") != nil || len(w.types) > deepest || slices.Contains(w.types, of.Name):
			continue
		default:
			w.types = append(w.types, of.Name)
			field.SelectionSet = w.more(of, at, nil)
			w.types = w.types[:len(w.types)-1]
			if len(field.SelectionSet) == 0 {
				continue
			}
		}
		set = append(set, field)
	}
	return set
}

func has(set ast.SelectionSet, name string) bool {
	return slices.ContainsFunc(set, func(s ast.Selection) bool {
		f, ok := s.(*ast.Field)
		return ok && f.Alias == name
	})
}

// fieldPath returns a path without indices, as widened uses it.
func fieldPath(path []any) string {
	var b strings.Builder
	for _, p := range path {
		if name, ok := p.(string); ok {
			fmt.Fprintf(&b, ".%s", name)
		}
	}
	return b.String()
}
