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

// streamForm is the media type of several answers in the response to one request.
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

// streamOf returns the form for the values of Accept.
func streamOf(accept []string) streamForm {
	found := noStream
	for part := range negotiation.Elements(accept) {
		name, attrs, err := mime.ParseMediaType(part)
		switch {
		case err != nil:
		case name == eventStream && found == noStream:
			found = serverEvents
		case name == multipartMixed && attrs["subscriptionspec"] != "":
			return mixedParts
		}
	}
	return found
}

// heartbeatEvery is the interval of heartbeats, which also keep proxies from closing the
// connection.
const heartbeatEvery = 12 * time.Second

// streamed is a request that is answered by a stream.
type streamed struct {
	request // without its borrowed buffers
	asker   asker
	form    streamForm
	params  *requestParams
	text    []byte
	release func() // gives back the memory for the text
}

// stream returns a request that is answered by a stream. It refers to none of the request's
// borrowed buffers.
func (e *Endpoint) stream(r *http.Request, q *request, form streamForm, credential *identity.Credential, params *requestParams) *streamed {
	s := &streamed{form: form, params: params, text: bytes.Clone(q.raw), release: q.held()}
	s.Request = q.Request
	s.asker = e.askerOf(r, credential)
	s.asker.readOnly = q.Get
	return s
}

// serve answers the request until the client disconnects.
func (s *streamed) serve(w http.ResponseWriter, r *http.Request) {
	defer s.release()
	e := s.asker.Endpoint
	counted, ok := e.live.connect(s.asker.caller)
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
	time.AfterFunc(heartbeatEvery, func() { out.beat(cancel) })
	defer out.end(ctx)
	s.asker.run(ctx, s.text, s.params, out)
}

// errGoingAway ends a stream when the gateway shuts down.
var errGoingAway = errors.New("endpoint: the gateway ends")

const goingAway = "The gateway ends. Subscribe again, with the cursor of the last item as the argument after."

// streamFeed writes the answers of a stream. It is a [feed].
type streamFeed struct {
	*streamed
	w       http.ResponseWriter
	r       *http.Request
	control *http.ResponseController

	mu    sync.Mutex
	begun bool // the header has been written
	over  bool
}

// following implements [feed].
func (f *streamFeed) following() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.begin()
	_ = f.control.Flush() // the next write returns the error, too
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

// put writes strings.
func (f *streamFeed) put(parts ...string) {
	for _, part := range parts {
		_, _ = f.w.Write([]byte(part)) // flush returns the error
	}
}

// flush sends the data written before.
func (f *streamFeed) flush() error {
	return f.control.Flush()
}

// inTime sets the deadline of the next write.
func (f *streamFeed) inTime() {
	_ = f.control.SetWriteDeadline(time.Now().Add(sendWithin)) // an error means that deadlines are not supported
}

const partHead = "\r\nContent-Type: application/json; charset=utf-8\r\n\r\n"

// next implements [feed].
func (f *streamFeed) next(_ context.Context, answer []byte) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.inTime()
	f.begin()
	// Clients read a part of multipart/mixed when the boundary after it has arrived.
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
	if !f.begun && f.form == mixedParts { // errors alone need no parts
		f.begun, f.over = true, true
		(&outcome{text: encode(&graphql.Response{Errors: errs}), empty: true}).send(f.w, nil, &f.request)
		return
	}
	f.inTime()
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
	f.inTime()
	f.begin()
	f.finish()
}

// finish writes the end of the stream. The caller holds the lock.
func (f *streamFeed) finish() {
	if f.over {
		return
	}
	f.over = true
	if f.form == serverEvents {
		f.put("event: complete\ndata: \n\n")
	} else {
		f.put("--\r\n")
	}
	_ = f.flush() // the client has gone, or reads it
}

// beat sends heartbeats, and ends a stream whose client does not read.
func (f *streamFeed) beat(cancel context.CancelCauseFunc) {
	if f.mu.TryLock() { // otherwise a write is in progress, which serves as a heartbeat
		defer f.mu.Unlock()
		if f.over {
			return
		}
		if err := f.heartbeat(); err != nil {
			cancel(err)
			return
		}
	}
	time.AfterFunc(heartbeatEvery, func() { f.beat(cancel) })
}

// heartbeat writes an empty message. The caller holds the lock.
func (f *streamFeed) heartbeat() error {
	if !f.begun {
		return nil
	}
	f.inTime()
	if f.form == serverEvents {
		f.put(":\n\n")
	} else {
		f.put(partHead, "{}\r\n---")
	}
	return f.flush()
}

// end ends the stream. A client of events reconnects unless it has received a complete event;
// a client of parts receives an error.
func (f *streamFeed) end(ctx context.Context) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.over {
		return
	}
	if errors.Is(context.Cause(ctx), errGoingAway) && f.form == mixedParts {
		f.inTime()
		f.begin()
		f.putErrors(gqlerror.List{WithCode(gqlerror.Errorf("%s", goingAway), types.ErrorCodeTimeout)})
		f.finish()
	}
	f.over = true
}
