package zoom

import (
	"context"
	"net/http"
	"time"

	"zoomql/cache"
	"zoomql/internal/identity"
	"zoomql/internal/zoom/types"
)

// Request is one call on its way down through the layers. Its maker says in it what is
// asked; no layer changes a Request that it was given. What a layer tells those beneath it
// stands among the notes of a copy.
type Request struct {
	Spec *Spec
	// Credential is in whose name the call is made.
	Credential *identity.Credential
	// Account is Zoom's id of the sub account that is asked about; "" is the own.
	Account string
	Path    string // below the base URL, escaped
	Query   string // canonical: sorted and escaped, without the "?"
	Body    []byte // JSON, or what Type says; nil for a call without one
	Type    string // media type of a body that is not JSON
	// Vars holds the values of the path's variables, and those that a quota
	// counts by.
	Vars map[string]string
	// Secrets asks for the credentials in the answer too: such a call is
	// neither answered from the cache nor kept there.
	Secrets bool

	id     string // identity, worked out once
	raw    bool   // the answer is wanted as it is
	decode func(body []byte, odd *types.Oddities) (any, error)
	encode func(any) ([]byte, error)

	notes
}

// notes are what layers tell those beneath them. Each is written by one layer, which the
// layer's comment names.
type notes struct {
	newer  time.Time       // the request is to replace a stale answer of this time
	ticket cache.Ticket    // of the miss that led to the call, where the process has no store but its own
	token  *identity.Token // that the call carries
}

// Response is what came back.
type Response struct {
	Status int
	Header http.Header
	Body   []byte
	// Value is the decoded answer. It is shared by all callers and MUST NOT
	// be changed.
	Value any
	// Age is how long ago Zoom said so; 0 for an answer just made.
	Age time.Duration
	// Cached tells that the answer was kept, and Stale that it is past its time.
	Cached, Stale bool

	entry *cache.Entry  // that the answer was found in; nil where Zoom gave it
	part  part          // of the cache's entry; zero where there is none
	took  time.Duration // that Zoom took for it; 0 where the cache gave it
}

// Handler carries out a request.
type Handler func(context.Context, *Request) (*Response, error)

// Layer is a Handler around a Handler.
type Layer func(Handler) Handler

// layer is a Layer with the name that the package comment gives it, and its file has.
type layer struct {
	name string
	wrap Layer
}

// layers returns what a call goes through before it is sent, the outermost first.
func (m *machine) layers() []layer {
	return []layer{
		{"cached", m.cached.layer},
		{"coalesced", m.flights.coalesced},
		{"stored", stored(m.cached.answerStore, m.hosts)},
		{"exclusive", exclusive(m.cfg.AccountID, m.cfg.Shared)},
		{"retried", retried},
		{"authorized", authorized(m.cfg)},
		{"breakers", m.breakers.layer},
		{"limited", limited(m.cfg, m.hosts)},
	}
}

// identity names the credential and what is asked: two requests with the same identity have
// the same answer.
// Whatever requests share is shared by it.
func (r *Request) identity() string {
	if r.id == "" {
		return r.identify()
	}
	return r.id
}

// identify works the identity out. What is written of the credential has one length. It is one
// concatenation, because each call of a question has one.
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
