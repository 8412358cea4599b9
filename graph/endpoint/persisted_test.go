package endpoint

import (
	"context"
	"strings"
	"testing"

	"zoomql/cache"
	"zoomql/graph/generated"
	"zoomql/internal/identity"
)

const (
	typeQuery = `{__typename}`
	// typeHash is the hash of typeQuery, from Apollo's documentation.
	typeHash = "ecf4edb46db40b5132295c0291d62fb65d6759a9eedfa4d5d612dd5ec54a6b38"
)

// A document that was sent for one account is not available to another, and the stored
// documents are bounded by bytes.
func TestLibrary_perAccountAndBounded(t *testing.T) {
	as := func(account string) context.Context {
		return identity.With(t.Context(), identity.New(identity.View{Account: account}, nil))
	}
	ctx, theirs := as("mine"), as("theirs")
	const room = 1 << 20
	l := &library{store: cache.NewMemory(room)}
	send := func(text string) *requestParams {
		r := &requestParams{hash: hashOf(text)}
		r.Query = text
		l.remember(ctx, r)
		return r
	}
	send(typeQuery)
	if text, ok := l.find(ctx, typeHash); !ok || text != typeQuery {
		t.Errorf("not stored: %q", text)
	}
	if _, ok := l.find(theirs, typeHash); ok {
		t.Error("it is available to another account")
	}
	long := send("{ a: __typename } #" + strings.Repeat("x", maxPersisted))
	if _, ok := l.find(ctx, long.hash); ok {
		t.Error("a document of more than maxPersisted is stored")
	}
	if key := l.key(ctx, typeHash); strings.Contains(key, "mine") {
		t.Errorf("the key %s names the account", key)
	}
	stored := 0
	for i := range 1000 {
		r := send(strings.Repeat("#", 10_000+i) + "\n{ __typename }")
		if _, ok := l.find(ctx, r.hash); ok {
			stored++
		}
	}
	held := 0
	for i := range 1000 {
		if _, ok := l.find(ctx, hashOf(strings.Repeat("#", 10_000+i)+"\n{ __typename }")); ok {
			held += 10_000
		}
	}
	if stored == 0 || held > room {
		t.Errorf("%d were stored, and %d bytes still are, of %d", stored, held, room)
	}
}

// The error of an invalid manifest names the place.
func TestReadTrusted(t *testing.T) {
	schema := generated.NewExecutableSchema(generated.Config{}).Schema()
	for _, c := range []struct{ why, text, want string }{
		{"no JSON", `{"a"`, "m.json: not JSON (at byte 4)"},
		{"a list", `[]`, "m.json: neither a JSON object from ids to documents"},
		{"nothing in it", `{}`, "m.json: contains no document"},
		{"no text", `{"a": 7}`, `m.json: "a": not the text of a document`},
		{"an empty id", `{"": "{ __typename }"}`, "the id is empty"},
		{"no GraphQL", `{"a": "{ b"}`, `m.json: document "a": Expected Name, found <EOF> (line 1, column `},
		{"only a fragment", `{"a": "fragment A on Query { __typename }"}`, `m.json: document "a": `},
		{"a field that is not there", `{"a": "query A {\n  nothing }"}`, `m.json: document "a": Cannot query field "nothing" on type "Query". (line 2, column 3)`},
		{"Apollo's, of another version", `{"format": "apollo-persisted-query-manifest", "version": 2, "operations": [{"id": "a", "body": "{ __typename }"}]}`, "format and version"},
		{"Apollo's, without a body", `{"format": "apollo-persisted-query-manifest", "version": 1, "operations": [{"id": "a"}]}`, "operation 1 has no id or no body"},
		{"Apollo's, empty", `{"format": "apollo-persisted-query-manifest", "version": 1, "operations": []}`, "contains no document"},
		{"Apollo's, one id twice", `{"format": "apollo-persisted-query-manifest", "version": 1, "operations": [{"id": "a", "body": "{ __typename }"}, {"id": "a", "body": "{ a: __typename }"}]}`, `two operations have the id "a"`},
		{"many mistakes", `{"a": "{", "b": "{", "c": "{", "d": "{", "e": "{", "f": "{", "g": "{", "h": "{", "i": "{", "j": "{", "k": "{", "l": "{"}`, "and 2 more errors"},
	} {
		if _, err := ReadTrusted(schema, Manifest{"m.json", []byte(c.text)}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.why, err, c.want)
		}
	}
	_, err := ReadTrusted(schema, Manifest{"a.json", []byte(`{"a": "{ __typename }"}`)}, Manifest{"b.json", []byte(`{"a": "{ a: __typename }"}`)})
	if err == nil || !strings.Contains(err.Error(), "b.json: document \"a\": another document has this id") {
		t.Errorf("two files: %v", err)
	}
}
