package identity

import (
	"context"
	"testing"
	"time"
)

// Views that differ have different ids; the order of scopes and duplicates do not
// count.
func TestID(t *testing.T) {
	seen := map[string]int{}
	for i, v := range []View{
		{}, {Account: "a"}, {App: "a"}, {User: "a"}, {Scopes: []string{}}, {Scopes: []string{"a"}},
		{Account: "a", App: "b"}, {Account: "ab"}, {Account: "a", User: "b"}, {App: "a", User: "b"},
		{Scopes: []string{"a", "b"}}, {Scopes: []string{"ab"}}, {User: "x", Scopes: []string{"a"}}, {User: "x"},
	} {
		id := New(v, nil).ID()
		if before, twice := seen[id]; twice || len(id) != 16 {
			t.Errorf("view %d has the id %x, as %d has", i, id, before)
		}
		seen[id] = i
	}
	a, b := New(View{Scopes: []string{"a", "b", "a"}}, nil), New(View{Scopes: []string{"b", "a"}}, nil)
	if a.ID() != b.ID() {
		t.Error("the order of scopes counts")
	}
}

type source struct{ refused *Token }

func (*source) Token(context.Context) (*Token, error) { return &Token{}, nil }
func (s *source) Refused(t *Token)                    { s.refused = t }

func TestToken_good(t *testing.T) {
	now := time.Now()
	tokens := &source{}
	c, token := New(View{}, tokens), &Token{}
	if !token.Good(now) {
		t.Error("a token without an expiry is not good")
	}
	token.Expires = now
	if token.Good(now) || !token.Good(now.Add(-1)) {
		t.Error("it is not good until it expires")
	}
	if c.Refused(token); token.Good(now.Add(-1)) || tokens.refused != token {
		t.Error("a rejected token is good")
	}
}

func TestFrom(t *testing.T) {
	c := New(View{Account: "a"}, nil)
	if From(With(t.Context(), c)) != c || From(t.Context()) != nil || Always(c)(nil) != c {
		t.Error("it is not the credential of the context")
	}
}
