// Package schema has the API: the files of the schema, and what is printed of them.
package schema

import (
	"crypto/sha256"
	"embed"
	"io/fs"
	"slices"
	"strings"
	"sync"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/formatter"
)

//go:embed *.graphqls
var files embed.FS

// sources returns the files of the schema in the order of their names.
func sources() []*ast.Source {
	var sources []*ast.Source
	names, _ := fs.Glob(files, "*.graphqls") // the pattern is right
	for _, name := range names {
		text, _ := files.ReadFile(name) // it is embedded
		sources = append(sources, &ast.Source{Name: name, Input: string(text)})
	}
	return sources
}

// Load returns the schema, parsed.
func Load() *ast.Schema {
	schema, err := gqlparser.LoadSchema(sources()...)
	if err != nil {
		panic(err) // code was generated from it
	}
	deprecated := schema.Directives["deprecated"]
	deprecated.Locations = slices.DeleteFunc(slices.Clone(deprecated.Locations), func(l ast.DirectiveLocation) bool { return l == draftLocation })
	return schema
}

// draftLocation is where @deprecated may stand by a draft of the specification. This schema has it
// nowhere there, and graphql-core 3.2, on which clients in Python are built, refuses a schema whose
// directives name it.
const draftLocation = ast.LocationDirectiveDefinition

// newDirectives defines directives that documents and the schema may have, and that
// parsers older than them refuse unless they are defined; younger ones accept the
// definition. @oneOf is in the specification since September 2025, @defer is a draft, and so is
// @deprecated at directives (see draftLocation).
//
// Spec: https://spec.graphql.org/September2025/#sec--oneOf
const newDirectives = `"A part of the answer may come later. Here it comes with the rest."
directive @defer(
  "Whether it may."
  if: Boolean = true
  "What the part is called."
  label: String
) on FRAGMENT_SPREAD | INLINE_FRAGMENT

"The input object takes exactly one of its fields, and no null."
directive @oneOf on INPUT_OBJECT

"What has it will be taken out of the schema."
directive @deprecated(
  "Why, and what there is in its place."
  reason: String = "No longer supported"
) on FIELD_DEFINITION | ARGUMENT_DEFINITION | INPUT_FIELD_DEFINITION | ENUM_VALUE
`

// SDL returns the schema as text, for tools that generate code from it or compose
// it: each type stands there once, with all that extends it in the source, and every
// directive that is used is defined.
var SDL = sync.OnceValue(func() string {
	var b strings.Builder
	b.WriteString(newDirectives)
	formatter.NewFormatter(&b, formatter.WithIndent("  ")).FormatSchema(Load())
	return tidied(b.String())
})

// Hash returns the hash of the schema's text, which identifies the schema.
var Hash = sync.OnceValue(func() string {
	hash := sha256.Sum256([]byte(SDL()))
	return string(hash[:])
})

// tidied sets definitions apart by an empty line, and descriptions of one line on one
// line, where the formatter takes three.
func tidied(sdl string) string {
	const block = `"""`
	var out, description []string
	described, inside := false, false // a description ended the line before; a line of one is read
	for line := range strings.Lines(sdl) {
		line = strings.TrimSuffix(line, "\n")
		text := strings.TrimLeft(line, " ")
		if !inside && !described && len(out) > 0 && text == line && strings.Trim(line, "})") == line {
			out = append(out, "")
		}
		switch {
		case inside && text != block:
			description = append(description, line)
		case inside:
			out, inside, described = append(out, descriptionLines(line, description)...), false, true
		case text == block:
			description, inside = nil, true
		default:
			out, described = append(out, line), strings.HasPrefix(text, `"`)
		}
	}
	return strings.Join(out, "\n") + "\n"
}

// descriptionLines returns a description as it is to stand, between quotes that are
// indented as the line quotes is.
func descriptionLines(quotes string, text []string) []string {
	if len(text) == 1 && !strings.ContainsAny(text[0], `"\`) {
		indent := strings.TrimSuffix(quotes, `"""`)
		return []string{indent + `"` + strings.TrimLeft(text[0], " ") + `"`}
	}
	return append(append([]string{quotes}, text...), quotes)
}
