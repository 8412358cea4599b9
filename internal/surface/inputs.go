package main

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/99designs/gqlgen/codegen/templates"
	"github.com/vektah/gqlparser/v2/ast"

	"zoomql/internal/codegen/sdl"
	"zoomql/internal/zoom"
)

// offered returns the values that enums of inputs have and Zoom does not document for
// the operation's body, as "operation field VALUE", and how many fields it compared.
func offered(schema *ast.Schema, shapes map[string]*operation) (undocumented []string, compared int) {
	o := &offers{byGoName: map[string]*ast.Definition{}}
	for _, def := range schema.Types {
		o.byGoName[templates.ToGo(def.Name)] = def
	}
	for _, spec := range zoom.Specs() {
		if spec.Body() == nil {
			continue
		}
		for _, path := range spec.Paths() {
			if op := shapes[spec.Method()+" "+path]; op != nil {
				o.compare(spec.Pattern, "", spec.Body(), op.Request.Body)
			}
		}
	}
	slices.Sort(o.undocumented)
	return slices.Compact(o.undocumented), o.compared
}

type offers struct {
	byGoName     map[string]*ast.Definition
	undocumented []string
	compared     int // fields
}

// compare follows the fields of a body's Go type through its documented form.
func (o *offers) compare(op, path string, t reflect.Type, n *node) {
	switch def := o.byGoName[t.Name()]; {
	case n == nil:
	case t.Kind() == reflect.Pointer:
		o.compare(op, path, t.Elem(), n)
	case def != nil && def.Kind == ast.Enum && len(n.Enum) > 0:
		o.compared++
		for _, v := range def.EnumValues {
			if !slices.ContainsFunc(n.Enum, func(documented any) bool { return sameCode(codeOf(v), documented) }) {
				o.undocumented = append(o.undocumented, fmt.Sprintf("%s %s %s", op, path, v.Name))
			}
		}
	case t.Kind() == reflect.Slice:
		o.compare(op, path, t.Elem(), n.Items)
	case t.Kind() == reflect.Struct:
		for f := range t.Fields() {
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			if below := n.Properties[name]; below != nil {
				o.compare(op, strings.TrimPrefix(path+"."+name, "."), f.Type, below)
			}
		}
	}
}

// codeOf returns Zoom's code for a value of an enum.
func codeOf(v *ast.EnumValueDefinition) string {
	if d := v.Directives.ForName("zoomValue"); d != nil {
		return sdl.Argument(d, "name")
	}
	return strings.ToLower(v.Name)
}

// sameCode reports whether a code is a documented one. Zoom's documents write large
// numbers as JavaScript rounds them.
func sameCode(code string, documented any) bool {
	if number, ok := documented.(float64); ok {
		n, err := strconv.ParseFloat(code, 64)
		return err == nil && n == number
	}
	return code == documented
}
