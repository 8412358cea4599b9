package endpoint

import (
	"bytes"
	"context"
	"errors"
	"mime"
	"net/http"
	"sync"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"zoomql/internal/identity"
	"zoomql/internal/negotiation"
	"zoomql/internal/zoom/types"
)

// streamForm is the form of a response that is a stream of answers.
type streamForm uint8

const (
	noStream streamForm = iota
	// serverEvents is text/event-stream, in the distinct connections mode of graphql-sse.
	//
	// Spec: https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md
	serverEvents
	// mixedParts is multipart/mixed, as Apollo Client reads it.
	//
	// Spec: https://www.apollographql.com/docs/router/executing-operations/subscription-multipart-protocol
	mixedParts
)

const (
	eventStream    = "text/event-stream"
	multipartMixed = "multipart/mixed"
)

// streamOf returns the form of stream that the values of Accept request.
func streamOf(accept []string) streamForm {
	found := noStream
	for part := range negotiation.Elements(accept) {
		name, attrs, err := mime.ParseMediaType(part)
		switch {
		case err != nil, negotiation.Weight(attrs["q"]) == 0:
		case name == eventStream && found == noStream:
			found = serverEvents
		case name == multipartMixed && attrs["subscriptionspec"] != "":
			return mixedParts
		}
	}
	return found
}

// heartbeatEvery is the interval of heartbeats, which detect clients that have gone and keep proxies
// from closing the connection.
const heartbeatEvery = 12 * time.Second

// streamed is a request that is answered by a stream.
type streamed struct {
	request // without its borrowed buffers
	client  client
	form    streamForm
	params  *requestParams
	text    []byte
	release func() // of the memory for the text
}

// stream returns a request that is answered by a stream. It does not use q's borrowed buffer.
func (e *Endpoint) stream(r *http.Request, q *request, form streamForm, credential *identity.Credential, params *requestParams) *streamed {
	s := &streamed{form: form, params: params, text: bytes.Clone(q.raw), release: q.held()}
	s.Request = q.Request
	s.client = e.clientOf(r, credential)
	s.client.readOnly = q.Get
	return s
}

// serve answers the request until the client disconnects.
func (s *streamed) serve(w http.ResponseWriter, r *http.Request) {
	defer s.release()
	e := s.client.Endpoint
	counted, ok := e.live.connect(s.client.caller)
	if !ok {
		w.Header().Set("Retry-After", "1")
		failWith(w, s.Media, http.StatusTooManyRequests, types.ErrorCodeLimitExceeded, tooManyConnections)
		return
	}
	defer counted()
	ctx, cancel := context.WithCancelCause(r.Context())
	defer cancel(nil)
	leave, ok := e.live.enter(func() { cancel(errGoingAway) })
	if !ok {
		w.Header().Set("Retry-After", "1")
		failWith(w, s.Media, http.StatusServiceUnavailable, types.ErrorCodeTimeout, goingAway)
		return
	}
	defer leave()
	out := &streamFeed{streamed: s, w: w, control: http.NewResponseController(w), r: r}
	// The request has been read: its deadline would end the stream. An error means that the
	// connection has none.
	_ = out.control.SetReadDeadline(time.Time{})
	time.AfterFunc(heartbeatEvery, func() { out.keepAlive(cancel) })
	defer out.end(ctx)
	s.client.run(ctx, s.text, s.params, out)
}

// errGoingAway is the cause of the end of a stream at shutdown.
var errGoingAway = errors.New("endpoint: the gateway is shutting down")

const goingAway = "The gateway is shutting down. Subscribe again, with the cursor of the last item as the argument after."

// streamFeed writes the answers of a stream. It is a [feed].
type streamFeed struct {
	*streamed
	w       http.ResponseWriter
	r       *http.Request
	control *http.ResponseController

	mu    sync.Mutex
	begun bool // the header has been written
	ended bool
}

// following implements [feed].
func (f *streamFeed) following() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.begin()
	_ = f.control.Flush() // the next write also returns the error
}

// begin writes the header. The caller holds the lock.
func (f *streamFeed) begin() {
	if f.begun {
		return
	}
	f.begun = true
	h := f.w.Header()
	h["Vary"], h["Cache-Control"] = negotiation.Vary, negotiation.Unstored
	h.Set("X-Accel-Buffering", "no") // nginx would buffer the response until its end
	if f.form == serverEvents {
		h.Set("Content-Type", eventStream+"; charset=utf-8")
		f.w.WriteHeader(http.StatusOK)
		return
	}
	h.Set("Content-Type", multipartMixed+`;boundary="-";subscriptionSpec=1.0`)
	f.w.WriteHeader(http.StatusOK)
	f.put("\r\n---")
}

// put writes strings. The caller holds the lock.
func (f *streamFeed) put(parts ...string) {
	for _, part := range parts {
		_, _ = f.w.Write([]byte(part)) // flush returns the error
	}
}

// flush sends the data that put has written.
func (f *streamFeed) flush() error {
	return f.control.Flush()
}

// setDeadline sets the deadline of the next write.
func (f *streamFeed) setDeadline() {
	_ = f.control.SetWriteDeadline(time.Now().Add(sendWithin)) // an error means that deadlines are not supported
}

// partHead begins a part of multipart/mixed.
const partHead = "\r\nContent-Type: application/json; charset=utf-8\r\n\r\n"

// next implements [feed].
func (f *streamFeed) next(_ context.Context, answer []byte) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.setDeadline()
	f.begin()
	// Clients process a part of multipart/mixed when the boundary after it has arrived.
	before, behind := "event: next\ndata: ", "\n\n"
	if f.form == mixedParts {
		before, behind = partHead+`{"payload":`, "}\r\n---"
	}
	f.put(before)
	_, _ = f.w.Write(answer)
	f.put(behind)
	return f.flush()
}

// refused implements [feed].
func (f *streamFeed) refused(errs gqlerror.List) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.begun && f.form == mixedParts { // a plain response
		f.begun, f.ended = true, true
		(&outcome{text: encode(&graphql.Response{Errors: errs}), empty: true}).send(f.w, nil, &f.request)
		return
	}
	f.setDeadline()
	f.begin()
	if f.form == serverEvents {
		f.put("event: next\ndata: ", string(encodeErrors(errs)), "\n\n")
	} else {
		f.putErrors(errs)
	}
	f.finish()
}

// putErrors writes a part with errors that end the stream.
func (f *streamFeed) putErrors(errs gqlerror.List) {
	f.put(partHead, `{"payload":null,"errors":`, string(errorsText(errs)), "}\r\n---")
}

// complete implements [feed].
func (f *streamFeed) complete() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.setDeadline()
	f.begin()
	f.finish()
}

// finish writes the end of the stream. The caller holds the lock.
func (f *streamFeed) finish() {
	if f.ended {
		return
	}
	f.ended = true
	if f.form == serverEvents {
		f.put("event: complete\ndata: \n\n")
	} else {
		f.put("--\r\n")
	}
	_ = f.flush() // an error means that the client has gone
}

// keepAlive sends a heartbeat and schedules the next one. It ends a stream whose client has gone or does
// not read.
func (f *streamFeed) keepAlive(cancel context.CancelCauseFunc) {
	if f.mu.TryLock() { // otherwise an answer is being written
		defer f.mu.Unlock()
		if f.ended {
			return
		}
		if err := f.heartbeat(); err != nil {
			cancel(err)
			return
		}
	}
	time.AfterFunc(heartbeatEvery, func() { f.keepAlive(cancel) })
}

// heartbeat writes an empty message. The caller holds the lock.
func (f *streamFeed) heartbeat() error {
	if !f.begun {
		return nil
	}
	f.setDeadline()
	if f.form == serverEvents {
		f.put(":\n\n")
	} else {
		f.put(partHead, "{}\r\n---")
	}
	return f.flush()
}

// end ends the stream, with an error for a client of multipart/mixed at shutdown. A client of
// server-sent events reconnects, since it has received no complete event.
func (f *streamFeed) end(ctx context.Context) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ended {
		return
	}
	if errors.Is(context.Cause(ctx), errGoingAway) && f.form == mixedParts {
		f.setDeadline()
		f.begin()
		f.putErrors(gqlerror.List{WithCode(gqlerror.Errorf("%s", goingAway), types.ErrorCodeTimeout)})
		f.finish()
	}
	f.ended = true
}
