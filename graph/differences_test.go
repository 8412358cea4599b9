package graph

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"

	"zoomql/graph/schema"
	"zoomql/internal/links"
)

// spot is a place in an answer: names of fields and, for items, their indices.
type spot []any

func (s spot) String() string {
	parts := make([]string, len(s))
	for i, p := range s {
		parts[i] = fmt.Sprint(p)
	}
	return strings.Join(parts, ".")
}

// leadsTo reports whether one of two places contains the other.
func (s spot) leadsTo(other spot) bool {
	for i := range min(len(s), len(other)) {
		if fmt.Sprint(s[i]) != fmt.Sprint(other[i]) {
			return false
		}
	}
	return true
}

func dataOf(raw json.RawMessage) any {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var v any
	_ = dec.Decode(&v) // none is null
	return v
}

// differences returns the places where two answers differ: the innermost fields and items, or
// the lists whose lengths differ.
func differences(want, got any, at spot) []spot {
	switch want := want.(type) {
	case map[string]any:
		got, ok := got.(map[string]any)
		if !ok {
			break
		}
		var all []spot
		for name, v := range want {
			all = append(all, differences(v, got[name], append(slices.Clone(at), name))...)
		}
		slices.SortFunc(all, func(a, b spot) int { return cmp.Compare(a.String(), b.String()) })
		return all
	case []any:
		list, ok := got.([]any)
		if !ok {
			break
		}
		if i, ok := missingItem(want, list); ok {
			return []spot{append(slices.Clone(at), i)}
		}
		if len(want) != len(list) {
			break
		}
		var all []spot
		for i := range want {
			all = append(all, differences(want[i], list[i], append(slices.Clone(at), i))...)
		}
		return all
	}
	if reflect.DeepEqual(want, got) || isLink(want) && isLink(got) || isCursor(at) {
		return nil
	}
	return []spot{slices.Clone(at)}
}

// isLink reports whether a value is a link to a file, which changes each time.
func isLink(v any) bool {
	text, ok := v.(string)
	return ok && strings.Contains(text, links.Path)
}

// isCursor reports whether the value at a place is a cursor, which depends on the items'
// contents, or the time when a link expires.
func isCursor(at spot) bool {
	return len(at) > 0 && slices.Contains([]any{"startCursor", "endCursor", "cursor", "expiresAt"}, at[len(at)-1])
}

// missingItem returns the index of the item that another list lacks, if the lists are equal
// otherwise.
func missingItem(want, got []any) (int, bool) {
	if len(got) != len(want)-1 {
		return 0, false
	}
	for i := range want {
		if i == len(got) || len(differences(want[i], got[i], nil)) > 0 {
			return i, len(differences(append(slices.Clone(want[:i]), want[i+1:]...), append([]any{}, got...), nil)) == 0
		}
	}
	return 0, false
}

// told reports whether an answer has an error about a place: at the place, above it, or below
// where it propagated from; or, in a payload, in its userErrors.
func (a *answer) told(at spot) bool {
	for _, e := range a.Errors {
		if len(e.Path) > 0 && at.leadsTo(e.Path) {
			return true
		}
	}
	payload, _ := dataOf(a.Data).(map[string]any)
	if len(at) == 0 {
		return false
	}
	if of, ok := payload[fmt.Sprint(at[0])].(map[string]any); ok {
		list, _ := of["userErrors"].([]any)
		return len(list) > 0
	}
	return false
}

// readSchema is the schema with the directives of its fields.
var readSchema = sync.OnceValue(func() *ast.Schema {
	return gqlparser.MustLoadSchema(&ast.Source{Name: "schema", Input: schema.SDL()})
})

// wireNames returns Zoom's names of the fields on the path to a place.
func wireNames(root string, at spot) []string {
	schema := readSchema()
	def := schema.Types[root]
	var names []string
	for _, part := range at {
		name, ok := part.(string)
		if !ok {
			names = append(names, fmt.Sprintf("[%v]", part))
			continue
		}
		var field *ast.FieldDefinition
		if def != nil {
			field = def.Fields.ForName(name)
		}
		if field == nil {
			names, def = append(names, name), nil
			continue
		}
		names, def = append(names, wireName(field)), schema.Types[field.Type.Name()]
	}
	return names
}

func wireName(field *ast.FieldDefinition) string {
	if d := field.Directives.ForName("zoomField"); d != nil {
		return d.Arguments.ForName("name").Value.Raw
	}
	var b strings.Builder
	for _, c := range field.Name {
		if c >= 'A' && c <= 'Z' {
			b.WriteByte('_')
		}
		b.WriteRune(c)
	}
	return strings.ToLower(b.String())
}

// plainName returns a name without the differences between Zoom's spelling and the graph's.
func plainName(name string) string {
	return strings.ToLower(strings.NewReplacer("_", "", "-", "", " ", "").Replace(name))
}

// identifies reports whether one of Zoom's fields identifies the object: without it, the object
// is lost.
func identifies(name string) bool {
	name = plainName(name)
	return strings.HasSuffix(name, "id") || strings.HasSuffix(name, "ids") || name == "email" || name == "id"
}

// costsAtMost reports whether a difference at one place of an answer is within what a change at a
// place of Zoom's answer may cause: the loss of that field or, if it identifies the object, of
// the object. place is the path of mutate.Site, root the type at which the query begins.
func costsAtMost(root string, at spot, place []string) bool {
	var fields, numbers []string
	for _, p := range place {
		if strings.HasPrefix(p, "[") {
			numbers = append(numbers, p)
		} else {
			fields = append(fields, p)
		}
	}
	names := wireNames(root, at)
	if len(fields) == 0 {
		return false
	}
	if !inItem(names, numbers) {
		return false
	}
	last := fields[len(fields)-1]
	if len(place) == 1 && isListField(root, listOf(at)) { // the list of an answer that has nothing else
		return true
	}
	if slices.ContainsFunc(names, func(n string) bool { return plainName(n) == plainName(last) }) {
		return true
	}
	return identifies(last)
}

// listOf returns the list that contains the item at a place, or the place itself.
func listOf(at spot) spot {
	if n := len(at); n > 0 {
		if _, isItem := at[n-1].(int); isItem {
			return at[:n-1]
		}
	}
	return at
}

// isListField reports whether the field at a place is a list other than a connection.
func isListField(root string, at spot) bool {
	def := readSchema().Types[root]
	var field *ast.FieldDefinition
	for _, p := range at {
		name, ok := p.(string)
		if !ok || def == nil {
			return false
		}
		if field = def.Fields.ForName(name); field == nil {
			return false
		}
		def = readSchema().Types[field.Type.Name()]
	}
	return field != nil && isList(field.Type)
}

// meansNone are Zoom's fields without which there is no object, and why.
var meansNone = map[string]string{
	"GET /meetings/{meetingId}/livestream stream_url": "a meeting without the address of a stream has none",
}

// wholeAnswers are fields that are the only content of an answer: without one, the answer is
// invalid, which has to be reported.
var wholeAnswers = []string{
	"GET /report/billing billing_reports",
	"GET /report/billing/invoices invoices",
	"GET /report/daily dates",
	"POST /meetings/{meetingId}/sip_dialing sip_dialing",
}

// inItem reports whether a place is in the items with the indices of another place, as far as
// that leads into lists.
func inItem(names, numbers []string) bool {
	var own []string
	for _, n := range names {
		if strings.HasPrefix(n, "[") {
			own = append(own, n)
		}
	}
	for i := range min(len(own), len(numbers)) {
		if own[i] != numbers[i] {
			return false
		}
	}
	return true
}

// siteOf parses a place in the form of the sandbox's ledger: users[3].dept.
func siteOf(text string) []string {
	var path []string
	for part := range strings.SplitSeq(text, ".") {
		name, rest, _ := strings.Cut(part, "[")
		if name != "" {
			path = append(path, name)
		}
		for number := range strings.SplitSeq(rest, "[") {
			if number, ok := strings.CutSuffix(number, "]"); ok {
				path = append(path, "["+number+"]")
			}
		}
	}
	return path
}

// Each kind of difference is found at its place, and allowed losses are distinguished from
// others.
func TestDifferences(t *testing.T) {
	t.Parallel()
	const whole = `{"account": {"users": {"totalCount": 3, "pageInfo": {"endCursor": "x"}, "nodes": [{"zoomId": "a", "department": "d"}, {"zoomId": "b", "department": "e"}, {"zoomId": "c", "department": "f"}]}}}`
	for _, c := range []struct {
		why, old, new string
		at            string // of the one difference; "" where there is none
		place         string // of the change at Zoom
		may           bool   // cost that
	}{
		{"nothing", "", "", "", "", false},
		{"another cursor", `"x"`, `"y"`, "", "", false},
		{"the field", `"e"`, `null`, "account.users.nodes.1.department", "users[1].dept", true},
		{"another field", `"e"`, `null`, "account.users.nodes.1.department", "users[1].status", false},
		{"the field of another item", `"e"`, `null`, "account.users.nodes.1.department", "users[0].dept", false},
		{"the item, for a field", `{"zoomId": "b", "department": "e"}`, `null`, "account.users.nodes.1", "users[1].dept", false},
		{"the item, for its id", `{"zoomId": "b", "department": "e"}`, `null`, "account.users.nodes.1", "users[1].id", true},
		{"an item that is not there, for its id", `{"zoomId": "b", "department": "e"}, `, ``, "account.users.nodes.1", "users[1].id", true},
		{"an item that is not there, for another's id", `{"zoomId": "b", "department": "e"}, `, ``, "account.users.nodes.1", "users[2].id", false},
		{"the list, for a field", `{"users": {`, `{"users": null, "x": {`, "account.users", "users[1].dept", false},
		{"two items", `{"zoomId": "a", "department": "d"}, {"zoomId": "b", "department": "e"}, `, ``, "account.users.nodes", "users[1].dept", false},
	} {
		got := differences(dataOf(json.RawMessage(whole)), dataOf(json.RawMessage(strings.Replace(whole, c.old, c.new, 1))), nil)
		if at := fmt.Sprint(got); c.at == "" && len(got) > 0 || c.at != "" && at != "["+c.at+"]" {
			t.Errorf("%s: differ at %v, want %s", c.why, got, c.at)
			continue
		}
		if c.at != "" && costsAtMost("Query", got[0], siteOf(c.place)) != c.may {
			t.Errorf("%s: %s may cost %s: %t", c.why, c.place, c.at, !c.may)
		}
	}
}

func TestTold(t *testing.T) {
	t.Parallel()
	a := &answer{
		Data:   json.RawMessage(`{"a": null, "createMeeting": {"meeting": null, "userErrors": [{}]}, "deleteMeeting": {"userErrors": []}}`),
		Errors: []answerError{{Path: []any{"account", "users", float64(1), "id"}}},
	}
	for at, want := range map[string]bool{
		"account.users.1.id.x": true, "account.users.1": true, "account": true, "account.users.2": false,
		"createMeeting.meeting": true, "deleteMeeting.x": false, "a": false,
	} {
		var where spot
		for part := range strings.SplitSeq(at, ".") {
			where = append(where, part)
		}
		if a.told(where) != want {
			t.Errorf("%s is told: %t", at, !want)
		}
	}
}
