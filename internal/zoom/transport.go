package zoom

import (
	"bytes"
	"cmp"
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

// NewTransport returns an HTTP transport that keeps as many connections open
// as calls may be under way at once, so that a burst does not open them anew.
func NewTransport(conns int) *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConnsPerHost = conns
	t.MaxIdleConns = conns
	t.MaxResponseHeaderBytes = maxHeaders
	t.DialContext = (&net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second}).DialContext
	return t
}

// NewHTTP returns what carries the calls of a client, or of several, of which
// maxInFlight may be under way of each label. It follows no redirects.
func NewHTTP(maxInFlight int) *http.Client {
	return &http.Client{Transport: NewTransport(len(Rates) * maxInFlight), CheckRedirect: noRedirects}
}

// noRedirects keeps a token from following an answer to another host.
func noRedirects(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// transport sends calls to Zoom. It is the innermost: what the layers are for has been done.
//
//	reads:   what is asked; token
//	writes:  of the Response, took
//	refuses: [ByGateway] a call whose token has ended since it was fetched; [ByNetwork] where
//	         no answer came; [ByZoom] what Zoom refuses
type transport struct {
	cfg   Config
	looks looks
}

// do sends a call. Once it is sent it is not given up when the caller leaves:
// it is spent then, a read may be of use to the next request, and a write's
// outcome must be learned.
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
	t.cfg.Log.DebugContext(ctx, "call sent", "operation", req.Spec.Pattern)
	began := time.Now()
	answer, err := t.send(req, call)
	if err != nil {
		return nil, unreachable(req.Spec, err)
	}
	defer func() { _ = answer.Body.Close() }()
	body, release, err := t.cfg.Bodies.read(ctx, answer.Body, answer.ContentLength)
	defer release()
	body = withoutMark(body)
	took := time.Since(began)
	switch succeeded := answer.StatusCode >= 200 && answer.StatusCode <= 299; {
	case errors.Is(err, errTooLarge) && succeeded:
		e := failure(req.Spec, answer, ErrBadAnswer, "", err)
		e.unsure = !req.Spec.Reads()
		return nil, e
	case err != nil && !errors.Is(err, errTooLarge):
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

// unreachable says that no answer came. The cause may hold the URL, and so an
// e-mail: it is for the log's eyes only after scrubbing, never for a caller.
func unreachable(s *Spec, err error) error {
	e := &Error{By: ByNetwork, Op: s.Pattern, Kind: ErrUnavailable, unsure: !s.Reads(), Cause: errors.New(scrub(err.Error()))}
	if errors.Is(err, context.DeadlineExceeded) {
		e.Cause = context.DeadlineExceeded
	}
	var dial *net.OpError
	if errors.As(err, &dial) && dial.Op == "dial" {
		e.Cause, e.unsure = errNotSent, false
	}
	return e
}

// errTokenEnded is the cause of a call whose token was good when it was fetched, and is not
// any more: while the call waited for its turn, it expired, or Zoom did not take it from
// another call. With a new token the call may be sent.
var errTokenEnded = errors.New("the token has ended while the call waited")

// errNotSent is the cause of a call that never left: even a write may be tried
// again.
var errNotSent = errors.New("no connection")
