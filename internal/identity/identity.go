// Package identity holds the credential by which Zoom is called. A [Credential] is a
// value that travels with each request: state that requests share (a cached answer, a
// call under way, a lease, known lists) is shared among those of one [View] alone.
//
// Budgets, the tags of evictions and the order of writes to one object belong to the
// account, whatever the credential.
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

// View is the part of an account that a caller may see. Requests of the same view get
// the same answers.
type View struct {
	// Account is the Zoom account whose data and budget are used.
	Account string
	// App names the app at Zoom, and how it was authorized:
	// "server-to-server:" and the client id.
	App string
	// User is Zoom's id of the user who has authorized the app; "" if it acts for the
	// account.
	User string
	// Scopes restrict the scopes of the token to those of the caller; nil restricts
	// nothing, and an empty list allows no operation that needs a scope.
	Scopes []string
}

// Credential is a view, and the tokens that authorize calls for it. It MUST NOT be
// changed.
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
// others. It is a hash.
func (c *Credential) ID() string { return c.id }

// id hashes the fields, each with its length before it, so that no two views have the
// same concatenation.
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
		text = append(text, 0) // no scope is empty: the end of a list, absent for nil
	}
	sum := sha256.Sum256(text)
	return string(sum[:16])
}

// Grants returns the lists of scopes that bound a token: the token's own and the
// caller's. An operation has to be allowed by all of them.
func (c *Credential) Grants(t *Token) [][]string {
	var lists [][]string
	if len(t.Scopes) > 0 { // a token without known scopes may be tried
		lists = append(lists, t.Scopes)
	}
	if c.Scopes != nil {
		lists = append(lists, c.Scopes)
	}
	return lists
}

// Refused records that Zoom rejected a token: it is no longer sent, and the next one
// is different.
func (c *Credential) Refused(t *Token) {
	t.refused.Store(true)
	c.Tokens.Refused(t)
}

// Token is an OAuth access token and its properties.
type Token struct {
	Access string
	Scopes []string
	// APIURL is the base URL that Zoom returns for the account, without "/v2".
	APIURL string
	// ForeignHost is the host that Zoom returns, if it is none of the cloud's; APIURL is
	// then "".
	ForeignHost string
	// Expires is when the token expires; zero if unknown.
	Expires time.Time

	refused atomic.Bool
}

// Good reports whether Zoom may still accept the token.
func (t *Token) Good(now time.Time) bool {
	return !t.refused.Load() && (t.Expires.IsZero() || now.Before(t.Expires))
}

// Tokens returns the tokens of a credential.
type Tokens interface {
	// Token returns a valid token, and requests a new one if needed.
	Token(context.Context) (*Token, error)
	// Refused records that Zoom rejected the token, so that the next Token is another.
	// Callers use [Credential.Refused].
	Refused(*Token)
}

// A Source returns the credential for a request; nil if it has none. It returns the
// same credential for all requests of one caller, since making one takes a hash.
type Source func(*http.Request) *Credential

// Always returns the source for a gateway with one credential for all callers.
func Always(c *Credential) Source { return func(*http.Request) *Credential { return c } }

type contextKey struct{}

// With returns a context of work under a credential.
func With(ctx context.Context, c *Credential) context.Context {
	return context.WithValue(ctx, contextKey{}, c)
}

// From returns the credential of the context; nil if there is none.
func From(ctx context.Context) *Credential {
	c, _ := ctx.Value(contextKey{}).(*Credential)
	return c
}
