// Package operations joins the table of operations with the schema: which fields of the
// graph use which operation, and which query of testdata makes its call alone.
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

// Row is an operation in the table for readers.
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

// Paging describes the pagination of an operation's list.
type Paging struct {
	Array   string `json:"array"`
	MaxPage int    `json:"maxPageSize"`
	By      string `json:"by"` // the parameter that picks a page
}

// Schema reads the files of the schema in a folder, for tools that do not compile the
// executor.
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

// TableOf is Table for a parsed schema.
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
			f := selection.FieldOf(def, field)
			for _, op := range slices.Concat(f.All(), f.Proofs) {
				uses[op] = append(uses[op], def.Name+"."+field.Name)
			}
		}
	}
	for _, fields := range uses {
		slices.Sort(fields)
	}
	return uses
}

// Question returns the path of the query that makes a call of the operation and no
// other: testdata/operations, with a folder for each domain and a file for each
// operation.
func Question(s *zoom.Spec) string {
	path := strings.NewReplacer("{", "", "}", "").Replace(strings.Trim(s.Path(), "/"))
	domain, _, _ := strings.Cut(path, "/")
	name := strings.ToLower(s.Method()) + "_" + strings.ReplaceAll(path, "/", "_")
	return "testdata/operations/" + domain + "/" + name + ".graphql"
}

// Write prints the table as text.
func Write(w io.Writer, rows []Row) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(t, "OPERATION\tLABEL\tPAGE\tFIELDS") // Flush returns the error
	for _, r := range rows {
		page := ""
		if r.Paging != nil {
			page = strconv.Itoa(r.Paging.MaxPage)
		}
		_, _ = fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", r.Operation, r.Label, page, shorten(r.Coordinates))
	}
	return t.Flush()
}

// shorten bounds a line: some operations complete many fields.
func shorten(fields []string) string {
	const most = 3
	if len(fields) <= most {
		return strings.Join(fields, " ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(fields[:most], " "), len(fields)-most)
}
