package endpoint

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/vektah/gqlparser/v2/gqlerror"

	"zoomql/internal/identity"
	"zoomql/internal/links"
	"zoomql/internal/negotiation"
	"zoomql/internal/ratelimit"
	"zoomql/internal/zoom/types"
)

// In the single connection mode of graphql-sse, a client reserves a stream (PUT), reads it (GET), sends
// operations in separate requests (POST), whose answers arrive in the stream, and ends them (DELETE).
// So a browser with HTTP/1.1, which opens six connections to a host, can have more subscriptions than
// that. All requests of a stream must reach the same replica.
//
// Spec: https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md

const (
	// tokenHeader contains the token of the request's stream. The URL may have it as the
	// parameter "token" instead, since EventSource sets no headers.
	tokenHeader = "X-Graphql-Event-Stream-Token"
	// reservedFor is how long a stream stays reserved before it is read.
	reservedFor = 10 * time.Second
)

// reservations are the streams of an endpoint. The zero value is ready.
type reservations struct {
	mu sync.Mutex
	of map[string]*reserved // by token
}

// reserved is an event stream shared by many operations.
type reserved struct {
	token  string
	client client
	end    func() // see Live.connect
	timer  *time.Timer
	busy   chan struct{} // has an item for each operation that is read or executed

	mu      sync.Mutex
	feed    *streamFeed                   // nil while it is not read
	ctx     context.Context               // of the request that reads it
	running map[string]context.CancelFunc // by operation id
	wait    sync.WaitGroup
}

// tokenOf returns the token of the request's stream, or "" if it has none.
func tokenOf(r *http.Request) string {
	if token := first(r.Header[tokenHeader]); token != "" {
		return token
	}
	if !strings.Contains(r.URL.RawQuery, "token=") {
		return ""
	}
	return r.URL.Query().Get("token")
}

// find returns the stream of a token, if a client with the same caller and view has reserved it.
func (l *reservations) find(token string, c *client) *reserved {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.of[token]
	if s == nil || s.client.caller != c.caller || subtle.ConstantTimeCompare([]byte(s.client.credential.ID()), []byte(c.credential.ID())) != 1 {
		return nil
	}
	return s
}

// drop removes a stream, and ends the count of its connection.
func (l *reservations) drop(s *reserved) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.of[s.token] == s {
		delete(l.of, s.token)
		s.end()
	}
}

// clientOf returns the sender of a request.
func (e *Endpoint) clientOf(r *http.Request, credential *identity.Credential) client {
	return client{Endpoint: e, credential: credential, caller: ratelimit.CallerFrom(r.Context()), base: links.BaseOf(r), sender: senderOf(r), dry: isTrue(r, dryRunHeader)}
}

// reserve answers PUT: it reserves a stream.
func (e *Endpoint) reserve(w http.ResponseWriter, r *http.Request, credential *identity.Credential) {
	c := e.clientOf(r, credential)
	end, ok := e.live.connect(c.caller)
	if !ok {
		w.Header().Set("Retry-After", "1")
		failWith(w, negotiation.JSON, http.StatusTooManyRequests, types.ErrorCodeLimitExceeded, tooManyConnections)
		return
	}
	s := &reserved{token: rand.Text(), client: c, end: end, running: map[string]context.CancelFunc{}, busy: make(chan struct{}, maxBusy)}
	s.timer = time.AfterFunc(reservedFor, func() { e.streams.drop(s) })
	e.streams.mu.Lock()
	if e.streams.of == nil {
		e.streams.of = map[string]*reserved{}
	}
	e.streams.of[s.token] = s
	e.streams.mu.Unlock()
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusCreated)
	_, _ = w.Write([]byte(s.token)) // an error means that the client has gone
}

// routeReserved answers a request about a reserved stream. For the request that reads the stream, it
// returns the function that serves it.
func (e *Endpoint) routeReserved(w http.ResponseWriter, r *http.Request, credential *identity.Credential, token string) (read func()) {
	c := e.clientOf(r, credential)
	s := e.streams.find(token, &c)
	if s == nil {
		fail(w, negotiation.JSON, http.StatusNotFound, "there is no such stream: it has ended, or belongs to another replica")
		return nil
	}
	switch r.Method {
	case http.MethodGet:
		return func() { s.read(w, r) }
	case http.MethodPost:
		s.receive(w, r)
	case http.MethodDelete:
		id := r.URL.Query().Get("operationId")
		if id == "" {
			fail(w, negotiation.JSON, http.StatusBadRequest, "the parameter operationId is missing")
			return nil
		}
		s.mu.Lock()
		if cancel := s.running[id]; cancel != nil {
			cancel()
			delete(s.running, id)
		}
		s.mu.Unlock()
		w.WriteHeader(http.StatusOK)
	default:
		w.Header().Set("Allow", "GET, POST, DELETE")
		fail(w, negotiation.JSON, http.StatusMethodNotAllowed, "PUT reserves a stream, GET reads it, POST starts an operation in it, and DELETE ends one")
	}
	return nil
}

const tooManyConnections = "This caller has too many connections. The operator can raise MAX_CONNECTIONS."

// read serves the stream itself until the client disconnects.
func (s *reserved) read(w http.ResponseWriter, r *http.Request) {
	e := s.client.Endpoint
	ctx, cancel := context.WithCancelCause(r.Context())
	defer cancel(nil)
	out := &streamFeed{streamed: &streamed{form: serverEvents}, w: w, r: r, control: http.NewResponseController(w)}
	s.mu.Lock()
	taken := s.feed != nil || !s.timer.Stop()
	if !taken {
		s.feed, s.ctx = out, ctx
	}
	s.mu.Unlock()
	if taken {
		fail(w, negotiation.JSON, http.StatusConflict, "the stream is already being read")
		return
	}
	defer e.streams.drop(s)
	leave, ok := e.live.enter(func() { cancel(errGoingAway) })
	if !ok {
		fail(w, negotiation.JSON, http.StatusServiceUnavailable, goingAway)
		return
	}
	defer leave()
	_ = out.control.SetReadDeadline(time.Time{}) // see streamed.serve
	time.AfterFunc(heartbeatEvery, func() { out.keepAlive(cancel) })
	out.following()
	<-ctx.Done()
	out.end(ctx)
	s.mu.Lock()
	s.feed = nil
	s.mu.Unlock()
	s.wait.Wait()
}

// receive answers POST: it starts an operation.
func (s *reserved) receive(w http.ResponseWriter, r *http.Request) {
	e := s.client.Endpoint
	q := request{}
	buf := &bytes.Buffer{}
	defer q.close(buf)
	if status, problem := q.read(w, r, bodyReader{e.admission.Bodies, buf, e.reader.limits.Values}); problem != "" {
		fail(w, negotiation.JSON, status, problem)
		return
	}
	q.raw = buf.Bytes()
	if refused := e.reader.limits.tooManyValues(q.values()); refused != nil { // before they are decoded
		writeError(w, negotiation.JSON, http.StatusBadRequest, refused)
		return
	}
	text := bytes.Clone(buf.Bytes())
	req := readJSON(text)
	if req == nil {
		fail(w, negotiation.JSON, http.StatusBadRequest, "the body is not a JSON object with query, variables and operationName")
		return
	}
	id, _ := req.Extensions["operationId"].(string)
	problem := req.readIDs()
	switch {
	case id == "" || len(id) > maxOperationID:
		problem = "extensions.operationId is missing or too long"
	case problem != "":
	default:
		delete(req.Extensions, "operationId") // not a part of the operation's key
		c := s.client
		c.dry = c.dry || isTrue(r, dryRunHeader)
		s.start(w, id, &c, text, req, &q)
		return
	}
	fail(w, negotiation.JSON, http.StatusBadRequest, problem)
}

// start starts an operation. The memory for its text is released when it ends, or when its source is
// open.
func (s *reserved) start(w http.ResponseWriter, id string, c *client, text []byte, req *requestParams, q *request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, taken := s.running[id]
	switch {
	case s.feed == nil:
		fail(w, negotiation.JSON, http.StatusNotFound, "no client is reading the stream")
		return
	case taken:
		fail(w, negotiation.JSON, http.StatusConflict, "an operation with this id is running")
		return
	}
	select {
	case s.busy <- struct{}{}:
	default:
		fail(w, negotiation.JSON, http.StatusTooManyRequests, "too many operations of this stream are running")
		return
	}
	ctx, cancel := context.WithCancel(s.ctx)
	s.running[id] = cancel
	release := q.held()
	op := &reservedOp{s, s.feed, id, ctx, sync.OnceFunc(func() {
		<-s.busy
		release()
	})}
	s.wait.Go(func() {
		defer cancel()
		defer op.idle()
		defer op.forget(ctx)
		defer func() {
			if p := recover(); p != nil {
				op.refused(gqlerror.List{c.presented(ctx, p)})
			}
		}()
		c.run(ctx, text, req, op)
	})
	w.WriteHeader(http.StatusAccepted)
}

// reservedOp sends the answers of an operation in a reserved stream. It is a [feed].
type reservedOp struct {
	*reserved
	feed *streamFeed
	id   string
	ctx  context.Context //nolint:containedctx // ends when the client ends the operation
	idle func()          // ends its count in busy, and releases the memory for its text
}

// forget frees the id of the operation, unless DELETE has done so, or the stream has ended.
func (op *reservedOp) forget(ctx context.Context) {
	if ctx.Err() != nil {
		return
	}
	op.mu.Lock()
	defer op.mu.Unlock()
	delete(op.running, op.id)
}

// following implements [feed].
func (op *reservedOp) following() { op.idle() }

// next implements [feed].
func (op *reservedOp) next(_ context.Context, answer []byte) error {
	return op.put("event: next\ndata: {\"id\":", `,"payload":`+string(answer))
}

// refused implements [feed].
func (op *reservedOp) refused(errs gqlerror.List) {
	_ = op.put("event: next\ndata: {\"id\":", `,"payload":`+string(encodeErrors(errs)))
	op.complete()
}

// complete implements [feed].
func (op *reservedOp) complete() {
	_ = op.put("event: complete\ndata: {\"id\":", "") // read finds that the client has gone
}

// put writes an event with the operation's id between two texts, unless the client has ended the
// operation: another one may have its id by then.
func (op *reservedOp) put(before, behind string) error {
	f := op.feed
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.ended:
		return errGoingAway
	case op.ctx.Err() != nil:
		return op.ctx.Err()
	}
	id, err := json.Marshal(op.id)
	if err != nil {
		return err
	}
	f.setDeadline()
	f.put(before, string(id), behind, "}\n\n")
	return f.flush()
}
