package zoom

import (
	"context"
	"net/http"
	"time"

	"zoomql/cache"
	"zoomql/internal/identity"
	"zoomql/internal/zoom/types"
)

// Request is one call that passes through the layers. No layer changes a Request that it
// was given: it passes data to inner layers in the notes of a copy.
type Request struct {
	Spec *Spec
	// Credential is the credential that the call is made with.
	Credential *identity.Credential
	// Account is Zoom's id of the sub account that the call is about; "" is the own account.
	Account string
	Path    string // below the base URL, escaped
	Query   string // canonical: sorted and escaped, without the "?"
	Body    []byte // JSON unless Type is set; nil for a call without a body
	Type    string // media type of a body that is not JSON
	// Vars holds the values of the path's variables, and those that a quota
	// counts by.
	Vars map[string]string
	// Secrets requests the credentials in the answer too: such a call is
	// neither answered from the cache nor stored in it.
	Secrets bool
	// newer is set if the request is to replace an answer stored at this time.
	newer time.Time

	id     string // identity, computed once
	raw    bool   // the answer is returned undecoded
	decode func(body []byte, odd *types.Oddities) (any, error)
	encode func(any) ([]byte, error)

	notes
}

// notes hold the data that layers pass to inner layers. Each is written by one layer, whose
// comment names it.
type notes struct {
	ticket   cache.Ticket    // of the miss in L1 that led to the call, if there is no shared store
	believed *cache.Entry    // the answer that events have kept current, which the call is to replace
	token    *identity.Token // of the call
}

// Response is the answer to a Request, from Zoom or from the cache.
type Response struct {
	Status int
	Header http.Header
	Body   []byte
	// Value is the decoded answer. It is shared by all callers and MUST NOT
	// be changed.
	Value any
	// Age is the time since the answer was stored; 0 for an answer of a call.
	Age time.Duration
	// Cached reports that the answer is from the cache, and Stale that it is no longer fresh.
	Cached, Stale bool

	entry *cache.Entry  // the cache's entry; nil for an answer of a call
	part  part          // of the cache's entry; zero if there is none
	took  time.Duration // the duration of the call; 0 for an answer from the cache
}

// Handler executes a request.
type Handler func(context.Context, *Request) (*Response, error)

// Layer is a Handler around a Handler.
type Layer func(Handler) Handler

// layer is a Layer with its name in the package comment, which is also that of its file.
type layer struct {
	name string
	wrap Layer
}

// layers returns the layers that a call passes through before it is sent, outermost first.
func (m *machine) layers() []layer {
	return []layer{
		{"cached", m.cached.layer},
		{"coalesced", m.flights.coalesced},
		{"stored", stored(m.cached.answerStore, m.hosts)},
		{"exclusive", exclusive(m.cfg.AccountID, m.cfg.Shared, m.userID)},
		{"retried", retried},
		{"authorized", authorized(m.cfg, &m.planRefusals)},
		{"breakers", m.breakers.layer},
		{"limited", limited(m.cfg, m.hosts)},
	}
}

// identity identifies a request together with its credential: requests with the same identity
// have the same answer, and only these share flights, leases and cache entries.
func (r *Request) identity() string {
	if r.id == "" {
		return r.identify()
	}
	return r.id
}

// identify computes the identity. The credential's id has a fixed length, so no separator is
// needed. It is a single concatenation, because it is computed for every call.
func (r *Request) identify() string {
	var as, how string
	if r.Credential != nil {
		as = r.Credential.ID()
	}
	switch {
	case r.raw:
		how = " raw"
	case r.Secrets:
		how = " with secrets"
	}
	return as + r.Spec.Pattern + " " + r.Path + "?" + r.Query + how
}
