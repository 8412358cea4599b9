package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// operation is the part of Zoom's document of one operation that is used here.
type operation struct {
	Responses map[string]*node `json:"responses"`
	Request   struct {
		Body *node `json:"body"`
	} `json:"request"`
	SameShapeAs string `json:"sameShapeAs"`
}

// node is a part of a body.
type node struct {
	Deprecated bool             `json:"deprecated"`
	Properties map[string]*node `json:"properties"`
	Items      *node            `json:"items"`
	Enum       []any            `json:"enum"`
}

// leaf is a field of an answer that has no fields itself.
type leaf struct {
	path       string // such as "meetings[].start_time"
	deprecated bool   // it, or an object around it
}

// leaves adds the fields below n that have no fields themselves.
func (n *node) leaves(path string, deprecated bool, add func(leaf)) {
	switch {
	case n == nil:
	case len(n.Properties) > 0:
		for name, below := range n.Properties {
			below.leaves(strings.TrimPrefix(path+"."+name, "."), deprecated || n.Deprecated, add)
		}
	case n.Items != nil:
		n.Items.leaves(path+"[]", deprecated || n.Deprecated, add)
	case path != "":
		add(leaf{path, deprecated || n.Deprecated})
	}
}

// readShapes reads the operations of every file of shapes.
func readShapes(dir string) (map[string]*operation, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil || len(files) == 0 {
		return nil, fmt.Errorf("no shapes in %s: %w", dir, errors.Join(err, os.ErrNotExist))
	}
	all := map[string]*operation{}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		var shapes struct {
			Operations map[string]*operation `json:"operations"`
		}
		if err := json.Unmarshal(raw, &shapes); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		maps.Copy(all, shapes.Operations)
	}
	return all, nil
}

// answers returns the fields of an operation's answers, by any of its paths. A field is
// deprecated if it is so in all of them.
func answers(shapes map[string]*operation, method string, paths []string) []leaf {
	found := map[string]leaf{}
	for _, path := range paths {
		op := shapes[method+" "+path]
		if op == nil {
			continue
		}
		for _, body := range op.Responses {
			body.leaves("", false, func(l leaf) {
				if other, ok := found[l.path]; ok {
					l.deprecated = l.deprecated && other.deprecated
				}
				found[l.path] = l
			})
		}
	}
	return slices.SortedFunc(maps.Values(found), func(a, b leaf) int { return strings.Compare(a.path, b.path) })
}

// readSeeds returns the operations that the gateway must have, by the column "seed" of
// the list of operations.
func readSeeds(file string) ([]string, error) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	r := csv.NewReader(bytes.NewReader(raw))
	r.Comma, r.LazyQuotes = '\t', true
	rows, err := r.ReadAll()
	if err != nil || len(rows) == 0 {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	method, path, seed := slices.Index(rows[0], "method"), slices.Index(rows[0], "path"), slices.Index(rows[0], "seed")
	if min(method, path, seed) < 0 {
		return nil, fmt.Errorf("%s: a column is missing", file)
	}
	var list []string
	for _, row := range rows[1:] {
		if row[seed] != "-" && strings.HasPrefix(row[path], "/") {
			list = append(list, row[method]+" "+row[path])
		}
	}
	return list, nil
}
