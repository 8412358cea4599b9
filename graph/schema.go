package graph

import (
	"embed"
	"io/fs"
	"strings"
)

//go:embed schema/*.graphqls
var schemaFiles embed.FS

// schemaText joins the files of the schema in the order of their names.
func schemaText() string {
	var b strings.Builder
	files, _ := fs.Glob(schemaFiles, "schema/*.graphqls") // the pattern is right
	for _, file := range files {
		text, _ := schemaFiles.ReadFile(file) // it is embedded
		b.Write(text)
		b.WriteByte('\n')
	}
	return b.String()
}
