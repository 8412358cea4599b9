package export

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
)

// maxColumns bounds the columns of a table.
const maxColumns = 1000

// column is a column of a table: the path from a row to a value, by response names.
type column []string

func (c column) String() string { return strings.Join(c, ".") }

// columns returns the columns of the fields that a row selects. path is that of set in the row. The
// error names a field that is not a column.
func (f *finder) columns(set ast.SelectionSet, path column) ([]column, error) {
	var all []column
	for field := range f.fields(set, map[string]bool{}) {
		at := slices.Concat(path, column{field.Alias})
		switch {
		case len(field.SelectionSet) == 0:
			if !slices.ContainsFunc(all, func(c column) bool { return slices.Equal(c, at) }) {
				all = append(all, at)
			}
		case f.selected(field.SelectionSet, "nodes") != nil || f.selected(field.SelectionSet, "edges") != nil:
			return nil, fmt.Errorf("%s is a list, which a table has no column for: remove it from the query, or write JSON Lines", at)
		default:
			below, err := f.columns(field.SelectionSet, at)
			if err != nil {
				return nil, err
			}
			all = append(all, below...)
		}
		if len(all) > maxColumns {
			return nil, fmt.Errorf("a table may have at most %d columns", maxColumns)
		}
	}
	return all, nil
}

// header returns the first line of a table.
func (d *document) header() ([]byte, error) {
	names := make([]string, len(d.fields))
	for i, c := range d.fields {
		names[i] = c.String()
	}
	return csvLine(names)
}

// record returns the line of a row. The error names a column whose value is a list or an object.
func (d *document) record(row json.RawMessage) ([]byte, error) {
	values := make([]string, len(d.fields))
	for i, c := range d.fields {
		value, err := follow(row, c)
		if err != nil {
			return nil, err
		}
		if values[i], err = cell(value); err != nil {
			return nil, fmt.Errorf("%s %w", c, err)
		}
	}
	return csvLine(values)
}

// csvLine returns a line. One empty value is quoted, since readers skip blank lines.
func csvLine(values []string) ([]byte, error) {
	if len(values) == 1 && values[0] == "" {
		return []byte("\"\"\n"), nil
	}
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	if err := w.Write(values); err != nil {
		return nil, err
	}
	w.Flush()
	return b.Bytes(), w.Error()
}

// Cell returns a text as a cell of a CSV file. A text that a spreadsheet would evaluate as a formula
// gets an apostrophe before it (https://owasp.org/www-community/attacks/CSV_Injection).
func Cell(text string) string {
	if text != "" && strings.ContainsRune("=+-@\t\r", rune(text[0])) {
		return "'" + text
	}
	return text
}

// cell returns the cell of a JSON value. Strings are escaped by Cell.
func cell(value json.RawMessage) (string, error) {
	switch {
	case len(value) == 0 || string(value) == "null":
		return "", nil
	case value[0] == '[' || value[0] == '{':
		return "", fmt.Errorf("is a list or an object, which a table has no column for: remove it from the query, or write JSON Lines")
	case value[0] != '"':
		return string(value), nil
	}
	var text string
	if err := json.Unmarshal(value, &text); err != nil {
		return "", err
	}
	return Cell(text), nil
}

// follow returns the value at a path, or nil if an object on the path is null.
func follow(value json.RawMessage, path []string) (json.RawMessage, error) {
	for _, name := range path {
		if len(value) == 0 || string(value) == "null" {
			return nil, nil
		}
		var object map[string]json.RawMessage
		if err := json.Unmarshal(value, &object); err != nil {
			return nil, fmt.Errorf("%s stands in a list, or in what is no object", name)
		}
		value = object[name]
	}
	return value, nil
}
