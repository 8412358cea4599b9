// Package operations joins the table of operations with the schema: which
// fields of the graph use which operation, and where the question is that shows
// it.
package operations

//go:generate go run ./document

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"

	"zoomql/internal/selection"
	"zoomql/internal/zoom"
)

// Row is an operation as its readers see it.
type Row struct {
	Operation   string   `json:"operation"` // the pattern, its name everywhere
	Method      string   `json:"method"`
	Paths       []string `json:"paths"` // own account, and sub account where Zoom has it
	Label       string   `json:"label"`
	Scopes      []string `json:"scopes"`           // any one is enough
	Coordinates []string `json:"coordinates"`      // schema coordinates, Type.field
	Paging      *Paging  `json:"paging,omitempty"` // null when the answer has no pages
	Question    string   `json:"question"`         // path of a query that makes this call alone
}

// Paging says how an operation's list is cut.
type Paging struct {
	Array   string `json:"array"`
	MaxPage int    `json:"maxPageSize"`
	By      string `json:"by"` // the parameter that picks a page
}

// Schema reads the files of the schema in a folder, for tools that must not
// compile the executor to see it.
func Schema(dir string) (*ast.Schema, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.graphqls"))
	if err != nil || len(files) == 0 {
		return nil, fmt.Errorf("no schema in %s", dir)
	}
	sources := make([]*ast.Source, len(files))
	for i, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		sources[i] = &ast.Source{Name: file, Input: string(text)}
	}
	return gqlparser.LoadSchema(sources...)
}

// Table returns every operation, ordered by path and method. sdl is the schema.
func Table(sdl string) ([]Row, error) {
	schema, err := gqlparser.LoadSchema(&ast.Source{Name: "schema", Input: sdl})
	if err != nil {
		return nil, err
	}
	return TableOf(schema), nil
}

// TableOf is Table for a schema that was read already.
func TableOf(schema *ast.Schema) []Row {
	uses := coordinates(schema)
	var rows []Row
	for _, s := range zoom.Specs() {
		row := Row{
			Operation: s.Pattern, Method: s.Method(), Paths: s.Paths(), Label: s.Rate.String(),
			Scopes: strings.Fields(s.Scopes), Coordinates: uses[s.Pattern], Question: Question(s),
		}
		if s.MaxPage > 0 {
			row.Paging = &Paging{s.Array, s.MaxPage, "next_page_token"}
			if s.Numbered {
				row.Paging.By = "page_number"
			}
		}
		rows = append(rows, row)
	}
	return rows
}

// coordinates returns the fields that name each operation in @zoom, and the types
// that name it in @source.
func coordinates(schema *ast.Schema) map[string][]string {
	uses := map[string][]string{}
	for _, def := range schema.Types {
		for _, field := range def.Fields {
			for _, op := range selection.FieldOf(def, field).All() {
				uses[op] = append(uses[op], def.Name+"."+field.Name)
			}
		}
	}
	for _, fields := range uses {
		slices.Sort(fields)
	}
	return uses
}

// Question returns the path of the query that makes a call of the operation and
// no other: testdata/operations, a folder a domain, a file an operation.
func Question(s *zoom.Spec) string {
	path := strings.NewReplacer("{", "", "}", "").Replace(strings.Trim(s.Path(), "/"))
	domain, _, _ := strings.Cut(path, "/")
	name := strings.ToLower(s.Method()) + "_" + strings.ReplaceAll(path, "/", "_")
	return "testdata/operations/" + domain + "/" + name + ".graphql"
}

// Write prints the table for people.
func Write(w io.Writer, rows []Row) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(t, "OPERATION\tLABEL\tPAGE\tFIELDS") // Flush tells what went wrong
	for _, r := range rows {
		page := ""
		if r.Paging != nil {
			page = strconv.Itoa(r.Paging.MaxPage)
		}
		_, _ = fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", r.Operation, r.Label, page, shorten(r.Coordinates))
	}
	return t.Flush()
}

// shorten keeps a line readable: fields that an operation merely completes are
// many.
func shorten(fields []string) string {
	const most = 3
	if len(fields) <= most {
		return strings.Join(fields, " ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(fields[:most], " "), len(fields)-most)
}
