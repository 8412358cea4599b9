package config

import (
	"fmt"
	"reflect"
	"strings"
	"text/tabwriter"
)

// name returns the variable of a field of Config.
func name(field string) string {
	if f, ok := reflect.TypeFor[Config]().FieldByName(field); ok {
		return f.Tag.Get("env")
	}
	return field
}

// Help lists the settings with their defaults, for --help.
func Help() string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for f := range reflect.TypeFor[Config]().Fields() {
		if f.Tag.Get("help") == "" {
			continue
		}
		text := f.Tag.Get("help")
		if d := f.Tag.Get("envDefault"); d != "" {
			text += " (" + d + ")"
		}
		_, _ = fmt.Fprintf(w, "  %s\t%s\n", f.Tag.Get("env"), text) // a Builder does not fail
	}
	_ = w.Flush()
	return b.String()
}
