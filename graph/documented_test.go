package graph

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"zoomql/internal/mutate"
	"zoomql/internal/zoom"
)

// documentedAnswers returns an answer of each operation whose answer Zoom's documents describe,
// built from the examples of its properties. It is empty if the documents are not available.
func documentedAnswers(t *testing.T) map[string]*mutate.Value {
	t.Helper()
	answers := map[string]*mutate.Value{}
	for _, raw := range openDocuments(t) {
		var doc struct {
			Paths map[string]map[string]struct {
				Responses map[string]struct {
					Content map[string]struct{ Schema map[string]any }
				}
			}
		}
		if err := json.Unmarshal(raw, &doc); err != nil {
			t.Fatal(err)
		}
		for path, methods := range doc.Paths {
			for method, op := range methods {
				spec := zoom.Lookup(strings.ToUpper(method) + " " + path)
				if spec == nil {
					continue
				}
				for _, status := range slices.Sorted(maps.Keys(op.Responses)) {
					schema := op.Responses[status].Content["application/json"].Schema
					if schema == nil || status[0] != '2' || answers[spec.Pattern] != nil {
						continue
					}
					v := exampleOf(schema, "", 0)
					paged(spec, v)
					answers[spec.Pattern] = v
				}
			}
		}
	}
	return answers
}

// exampleOf returns a value of a schema: its example, or else a value of its type. n
// distinguishes the items of a list.
func exampleOf(schema map[string]any, name string, n int) *mutate.Value {
	schema = mergedSchema(schema)
	kind, _ := schema["type"].(string)
	properties, _ := schema["properties"].(map[string]any)
	items, _ := schema["items"].(map[string]any)
	switch {
	case len(properties) > 0:
		v := mutate.Object()
		for _, name := range slices.Sorted(maps.Keys(properties)) {
			if property, ok := properties[name].(map[string]any); ok {
				v.Set(name, exampleOf(property, name, n))
			}
		}
		return v
	case kind == "array" && items != nil:
		return mutate.List(exampleOf(items, name, 2*n), exampleOf(items, name, 2*n+1))
	case schema["example"] != nil:
		raw, err := json.Marshal(schema["example"])
		if v, bad := mutate.Parse(raw); err == nil && bad == nil {
			return varied(v, kind, name, n)
		}
	}
	if enum, _ := schema["enum"].([]any); len(enum) > 0 {
		raw, _ := json.Marshal(enum[0])
		if v, err := mutate.Parse(raw); err == nil {
			return v
		}
	}
	switch format, _ := schema["format"].(string); {
	case kind == "integer", kind == "number":
		return mutate.Number(5 + n)
	case kind == "boolean":
		return mutate.Bool(true)
	case kind == "object":
		return mutate.Object()
	case format == "date-time":
		return mutate.String("2026-03-01T10:00:00Z")
	case format == "date":
		return mutate.String("2026-03-01")
	case format == "email":
		return varied(mutate.String("someone@example.com"), kind, "email", n)
	}
	return mutate.String(fmt.Sprintf("%s %d", name, n))
}

// varied makes identifying fields differ for each item of a list, and gives an example the type
// of its schema.
func varied(v *mutate.Value, kind, name string, n int) *mutate.Value {
	switch {
	case kind == "string" && v.Kind == '0':
		v = mutate.String(v.Text)
	case (kind == "integer" || kind == "number") && v.Kind == '"':
		if i, err := strconv.Atoi(v.Text); err == nil {
			v = mutate.Number(i)
		}
	}
	if n == 0 || !identifies(name) {
		return v
	}
	switch v.Kind {
	case '0':
		if i, err := strconv.Atoi(v.Text); err == nil {
			return mutate.Number(i + n)
		}
	case '"':
		if i, err := strconv.Atoi(v.Text); err == nil {
			return mutate.String(strconv.Itoa(i + n))
		}
		return mutate.String(string(rune('a'+n%26)) + v.Text)
	}
	return v
}

// mergedSchema returns a schema with the properties of all its alternatives.
func mergedSchema(schema map[string]any) map[string]any {
	whole := maps.Clone(schema)
	for _, word := range []string{"allOf", "oneOf", "anyOf"} {
		parts, _ := schema[word].([]any)
		for _, part := range parts {
			part, ok := part.(map[string]any)
			if !ok {
				continue
			}
			for name, v := range mergedSchema(part) {
				have, isMap := whole[name].(map[string]any)
				more, _ := v.(map[string]any)
				switch {
				case name == "properties" && isMap:
					have = maps.Clone(have)
					for p, of := range more {
						if have[p] == nil {
							have[p] = of
						}
					}
					whole[name] = have
				case whole[name] == nil:
					whole[name] = v
				}
			}
		}
	}
	return whole
}

// paged makes the fields of a list's pages consistent with the items: the documents' examples
// are per property.
func paged(s *zoom.Spec, v *mutate.Value) {
	list := v.At(s.Array)
	if s.Array == "" || list == nil {
		return
	}
	beside := v
	if i := strings.LastIndexByte(s.Array, '.'); i >= 0 {
		beside = v.At(s.Array[:i])
	}
	for name, value := range map[string]*mutate.Value{
		"next_page_token": mutate.String(""), "total_records": mutate.Number(len(list.Items)),
		"page_count": mutate.Number(1), "page_number": mutate.Number(1), "page_size": mutate.Number(30),
	} {
		if beside.Member(name) != nil {
			beside.Set(name, value)
		}
	}
}
