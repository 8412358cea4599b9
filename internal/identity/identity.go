// Package identity says who asks Zoom. A [Credential] is a value that travels with each
// request: whatever is shared among requests (a cached answer, a call under way, a lease,
// what is remembered of lists) is shared among those of one [View] alone.
//
// What Zoom counts and what changes belong to the account, whoever asks: its budgets, the
// tags that an eviction names, and the turns of writes to one object.
package identity

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"net/http"
	"slices"
	"sync/atomic"
	"time"
)

// View is what somebody may see of an account. Requests of the same view get the same
// answers.
type View struct {
	// Account is the Zoom account whose data and budget are used.
	Account string
	// App names the app that Zoom knows, and how it was authorized:
	// "server-to-server:" and the client id.
	App string
	// User is Zoom's id of the user who has authorized the app; "" where it acts for the
	// account.
	User string
	// Scopes narrow what the token allows to what the caller may do; nil leaves it as it
	// is, and an empty list allows nothing that needs a scope.
	Scopes []string
}

// Credential is in whose name Zoom is asked: a view, and what proves that it is allowed.
// It MUST NOT be changed.
type Credential struct {
	View
	// Tokens returns the tokens that calls carry.
	Tokens Tokens

	id string
}

// New returns a credential.
func New(view View, tokens Tokens) *Credential {
	view.Scopes = slices.Clone(view.Scopes)
	return &Credential{View: view, Tokens: tokens, id: view.id()}
}

// ID identifies the view, for keys: 16 bytes that are equal for equal views, and for no
// others. It tells nothing else about the view.
func (c *Credential) ID() string { return c.id }

// id hashes the fields, each with its length before it, so that no two views read the same
// when their fields are put together.
func (v *View) id() string {
	var text []byte
	add := func(s string) { text = append(binary.AppendUvarint(text, uint64(len(s))), s...) }
	add(v.Account)
	add(v.App)
	add(v.User)
	if v.Scopes != nil {
		scopes := slices.Sorted(slices.Values(v.Scopes))
		for _, scope := range slices.Compact(scopes) {
			add(scope)
		}
		text = append(text, 0) // no scope is empty: the end of a list, which no scopes at all do not have
	}
	sum := sha256.Sum256(text)
	return string(sum[:16])
}

// Grants returns the lists of scopes that are known to bound what a token allows: the
// token's own and the caller's. An operation has to be allowed by all of them.
func (c *Credential) Grants(t *Token) [][]string {
	var lists [][]string
	if len(t.Scopes) > 0 { // a token that does not tell its scopes may be tried
		lists = append(lists, t.Scopes)
	}
	if c.Scopes != nil {
		lists = append(lists, c.Scopes)
	}
	return lists
}

// Refused tells that Zoom did not take a token: nobody sends it any more, and the next one
// is another.
func (c *Credential) Refused(t *Token) {
	t.refused.Store(true)
	c.Tokens.Refused(t)
}

// Token is what proves to Zoom who asks, call after call, until it expires.
type Token struct {
	Access string
	Scopes []string
	// APIURL is the base that Zoom names for the account, without "/v2".
	APIURL string
	// ForeignHost is the host that Zoom names where that is none of its cloud's; APIURL is
	// "" then.
	ForeignHost string
	// Expires is when Zoom takes the token no more; zero where that is not known.
	Expires time.Time

	refused atomic.Bool
}

// Good reports whether Zoom may still take the token.
func (t *Token) Good(now time.Time) bool {
	return !t.refused.Load() && (t.Expires.IsZero() || now.Before(t.Expires))
}

// Tokens returns the tokens of a credential.
type Tokens interface {
	// Token returns a token that is good now, asking for a new one if need be.
	Token(context.Context) (*Token, error)
	// Refused tells that Zoom did not take the token, so that the next Token is another.
	// Callers use [Credential.Refused].
	Refused(*Token)
}

// A Source tells in whose name Zoom is asked for a request; nil for nobody's. It returns
// the same credential for all requests of one caller, since making one takes a hash.
type Source func(*http.Request) *Credential

// Always returns the source for a gateway that asks in the name of one credential, whoever
// its callers are.
func Always(c *Credential) Source { return func(*http.Request) *Credential { return c } }

type contextKey struct{}

// With returns a context of work that is done in the name of a credential.
func With(ctx context.Context, c *Credential) context.Context {
	return context.WithValue(ctx, contextKey{}, c)
}

// From returns the credential in whose name work is done; nil where there is none.
func From(ctx context.Context) *Credential {
	c, _ := ctx.Value(contextKey{}).(*Credential)
	return c
}
