package zoom

import (
	"bytes"
	"cmp"
	"compress/flate"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"time"

	"zoomql/internal/identity"
	"zoomql/internal/zoom/types"
)

// maxHeaders bounds the headers of an answer; Zoom's have one or two kilobytes.
const maxHeaders = 64 << 10

// NewTransport returns an HTTP transport that keeps as many idle connections as
// calls may be under way, so that a burst does not open new ones.
func NewTransport(conns int) *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConnsPerHost = conns
	t.MaxIdleConns = conns
	t.MaxResponseHeaderBytes = maxHeaders
	t.DialContext = (&net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second}).DialContext
	return t
}

// NewHTTP returns an HTTP client for one or several Clients with maxInFlight calls of each
// label under way. It follows no redirects.
func NewHTTP(maxInFlight int) *http.Client {
	return &http.Client{Transport: NewTransport(len(Rates) * maxInFlight), CheckRedirect: noRedirects}
}

// noRedirects prevents redirects, which could send a token to another host.
func noRedirects(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// transport sends calls to Zoom. It is the innermost Handler.
//
//	reads:   the request; token
//	writes:  of the Response, took
//	refuses: [ByGateway] a call whose token has ended since it was fetched; [ByNetwork] a call
//	         without an answer; [ByZoom] a call that Zoom refuses
type transport struct {
	cfg     Config
	sampler sampler
}

// do sends a call. A call that is sent is not canceled when the caller leaves: it has used
// its share of the budget, the next request may use a read, and the outcome of a write must
// be known.
func (t *transport) do(ctx context.Context, req *Request) (*Response, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	token := req.token
	if !token.Good(time.Now()) {
		return nil, &Error{By: ByGateway, Op: req.Spec.Pattern, Kind: ErrUnauthenticated, Cause: errTokenEnded}
	}
	usage := usageFrom(ctx)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), t.cfg.CallTimeout)
	defer cancel()
	call, err := t.newCall(ctx, req, token)
	if err != nil {
		return nil, err
	}
	usage.called(req.Spec.Rate)
	usage.observed(ctx, req.Spec, Called)
	t.cfg.Log.DebugContext(ctx, "call sent", "operation", req.Spec.Pattern)
	began := time.Now()
	answer, err := t.send(req, call)
	if err != nil {
		return nil, unreachable(req.Spec, err)
	}
	defer func() { _ = answer.Body.Close() }()
	body, release, err := t.cfg.Bodies.read(ctx, answer.Body, answer.ContentLength)
	defer release()
	body = trimBOM(body)
	took := time.Since(began)
	switch succeeded := answer.StatusCode >= 200 && answer.StatusCode <= 299; {
	case errors.Is(err, errTooLarge) && succeeded:
		e := failure(req.Spec, answer, ErrBadAnswer, "", err)
		e.outcomeUnknown = !req.Spec.Reads()
		return nil, e
	case isGarbled(err) && succeeded:
		e := failure(req.Spec, answer, ErrBadAnswer, "the body cannot be decompressed", err)
		e.outcomeUnknown = !req.Spec.Reads()
		return nil, e
	case err != nil && !errors.Is(err, errTooLarge) && !isGarbled(err):
		return nil, unreachable(req.Spec, err)
	}
	if answer.StatusCode < 200 || answer.StatusCode > 299 {
		err = refusal(req.Spec, answer.StatusCode, answer.Header, body, time.Now())
	} else {
		var resp *Response
		odd := &types.Oddities{}
		if resp, err = received(req, answer, body, odd); err == nil {
			resp.took = took
			t.observe(ctx, req, body, odd)
			return resp, nil
		}
	}
	if errors.Is(err, ErrUnauthenticated) {
		req.Credential.Refused(token)
	}
	return nil, err
}

func (t *transport) newCall(ctx context.Context, req *Request, token *identity.Token) (*http.Request, error) {
	base := t.cfg.BaseURL
	if base == "" {
		base = token.APIURL + "/v2"
	}
	target := base + req.Path
	if req.Query != "" {
		target += "?" + req.Query
	}
	var body io.Reader
	if req.Body != nil {
		body = bytes.NewReader(req.Body)
	}
	call, err := http.NewRequestWithContext(ctx, req.Spec.Method(), target, body)
	if err != nil {
		return nil, &Error{By: ByGateway, Op: req.Spec.Pattern, Kind: ErrInvalid, Message: "the id does not fit into a path"}
	}
	call.Header.Set("Authorization", "Bearer "+token.Access)
	call.Header.Set("Accept", "application/json")
	if req.Body != nil {
		call.Header.Set("Content-Type", cmp.Or(req.Type, "application/json"))
	}
	return call, nil
}

// isGarbled reports whether a body has come, but is not the gzip that its headers name: a retry
// would return the same.
func isGarbled(err error) bool {
	var corrupt flate.CorruptInputError
	return errors.Is(err, gzip.ErrHeader) || errors.Is(err, gzip.ErrChecksum) || errors.As(err, &corrupt)
}

// unreachable returns the error for a call without an answer. The cause may hold the URL,
// and so an e-mail address: it is scrubbed, and only logged, never returned to a caller.
func unreachable(s *Spec, err error) error {
	e := &Error{By: ByNetwork, Op: s.Pattern, Kind: ErrUnavailable, outcomeUnknown: !s.Reads(), Cause: errors.New(scrub(err.Error()))}
	if errors.Is(err, context.DeadlineExceeded) {
		e.Cause = context.DeadlineExceeded
	}
	var dial *net.OpError
	if errors.As(err, &dial) && dial.Op == "dial" {
		e.Cause, e.outcomeUnknown = errNotSent, false
	}
	return e
}

// errTokenEnded is the cause of the error for a call whose token ended while the call was
// queued: it expired, or Zoom refused it for another call. The call may be sent with a new
// token.
var errTokenEnded = errors.New("the token has ended while the call waited")

// errNotSent is the cause of the error for a call that was not sent: even a write may be
// retried.
var errNotSent = errors.New("no connection")
