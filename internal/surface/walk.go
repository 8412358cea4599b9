package main

import (
	"reflect"
	"slices"
	"strings"

	"github.com/99designs/gqlgen/codegen/templates"
	"github.com/vektah/gqlparser/v2/ast"

	"zoomql/internal/codegen/sdl"
	"zoomql/internal/selection"
	"zoomql/internal/zoom"
)

// walker follows the fields of one operation's answer through the Go types that it is
// decoded into, and finds the field of the graph that serves each.
type walker struct {
	schema *ast.Schema
	spec   *zoom.Spec
	// near are the types by which the operation's answer is served: those of the fields
	// that name it in @zoom, and those that are reached from them without a call.
	near map[string]bool
	// entries are the fields that name the operation in @zoom.
	entries []field
	// byGoName are the types under the names that gqlgen gives them in Go.
	byGoName map[string]*ast.Definition
}

// field is a field of the graph.
type field struct {
	of  *ast.Definition
	def *ast.FieldDefinition
	old bool // it, or a field on the way to it, is deprecated
}

func newField(of *ast.Definition, def *ast.FieldDefinition) field {
	return field{of, def, def.Directives.ForName("deprecated") != nil}
}

func (f field) String() string { return f.of.Name + "." + f.def.Name }

func newWalker(schema *ast.Schema, spec *zoom.Spec) *walker {
	w := &walker{schema: schema, spec: spec, near: map[string]bool{}, byGoName: map[string]*ast.Definition{}}
	for _, def := range schema.Types {
		w.byGoName[templates.ToGo(def.Name)] = def
		for _, fd := range def.Fields {
			if sdl.Names(fd.Directives, "zoom", spec.Pattern) {
				w.entries = append(w.entries, newField(def, fd))
				w.approach(fd.Type.Name())
			}
		}
	}
	return w
}

// approach adds a type to near, and those that are reached from it without a call.
func (w *walker) approach(name string) {
	def := w.schema.Types[name]
	if def == nil || w.near[name] {
		return
	}
	w.near[name] = true
	for _, of := range w.schema.GetPossibleTypes(def) {
		w.approach(of.Name)
	}
	for _, fd := range def.Fields {
		if fd.Directives.ForName("zoom") == nil || !selection.IsEdge(def, fd) {
			w.approach(fd.Type.Name())
		}
	}
}

// paging are the fields of Zoom's pagination. They hold no data of the account, and the
// graph has them as the arguments, the pageInfo and the totalCount of connections; a
// list without pages has its length.
var paging = []string{"next_page_token", "page_count", "page_number", "page_size", "total_records"}

// isPaging reports whether a field of an answer is about its page alone.
func isPaging(path string) bool {
	return !strings.Contains(path, "[]") && slices.Contains(paging, path[strings.LastIndex(path, ".")+1:])
}

// serve returns the fields of the graph that serve a field of the answer.
func (w *walker) serve(path string) []field {
	return w.find(w.spec.Answer(), strings.Split(strings.ReplaceAll(path, "[]", ""), "."))
}

// find follows a path through a Go type.
func (w *walker) find(t reflect.Type, path []string) []field {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice && t.Elem().Kind() != reflect.Uint8 {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return nil
	}
	if strings.HasPrefix(t.Name(), "Page[") {
		return w.findInPage(t, path)
	}
	var found []field
	for f := range t.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case name == "" && f.IsExported():
			// It is embedded, or decoded from the same object by hand.
			found = append(found, w.find(f.Type, path)...)
		case name == path[0] && len(path) == 1:
			found = append(found, w.selectable(t, name, true)...)
		case name == path[0]:
			found = append(found, through(w.selectable(t, name, false), w.find(f.Type, path[1:]))...)
		}
	}
	return found
}

// through returns the fields that are reached by those of way: none without way, and
// deprecated ones where all of way are.
func through(way, fields []field) []field {
	if len(way) == 0 {
		return nil
	}
	old := !slices.ContainsFunc(way, func(f field) bool { return !f.old })
	for i := range fields {
		fields[i].old = fields[i].old || old
	}
	return fields
}

// findInPage follows a path into the items of a page, or to the fields beside them
// (Spec.Beside).
func (w *walker) findInPage(t reflect.Type, path []string) []field {
	items, _ := t.FieldByName("Items")
	switch {
	case path[0] == w.spec.Array && len(path) > 1:
		return w.find(items.Type, path[1:])
	case slices.Contains(w.spec.Beside, path[0]):
		return w.beside(path[0], w.byGoName[items.Type.Elem().Elem().Name()])
	}
	return nil
}

// beside returns the fields of types that are read from the operation and are not
// its items.
func (w *walker) beside(name string, item *ast.Definition) []field {
	var found []field
	for _, def := range w.schema.Types {
		if def != item && w.near[def.Name] && sdl.Names(def.Directives, "source", w.spec.Pattern) {
			found = append(found, named(def, name)...)
		}
	}
	return found
}

// selectable returns the fields of the graph by which a field of a Go type is selected.
// A type that is not in the schema is an envelope: its content is served by the fields
// that cost the call.
func (w *walker) selectable(t reflect.Type, name string, last bool) []field {
	def := w.byGoName[t.Name()]
	if def != nil && strings.HasSuffix(t.PkgPath(), "/types") {
		if w.near[def.Name] {
			return named(def, name)
		}
		return nil
	}
	var found []field
	for _, e := range w.entries {
		if !last || sdl.JSONName(e.def) == name {
			found = append(found, e)
		}
	}
	return found
}

func named(def *ast.Definition, name string) []field {
	var found []field
	for _, fd := range def.Fields {
		if sdl.JSONName(fd) == name && !sdl.IsGlobalID(def, fd) {
			found = append(found, newField(def, fd))
		}
	}
	return found
}
