package endpoint

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"zoomql/graph/admission"
	"zoomql/internal/access"
	"zoomql/internal/logs"
	"zoomql/internal/ratelimit"
)

// The protocol over WebSockets is graphql-transport-ws. This implementation with
// github.com/coder/websocket replaces gqlgen's transport, which reads documents without the bounds of
// this package, bounds neither operations nor the time of writes, and closes connections with codes
// that the protocol does not have.
//
// Spec: https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md

// subprotocol is the WebSocket subprotocol that clients must offer.
const subprotocol = "graphql-transport-ws"

// The codes with which connections are closed.
const (
	closeBadMessage   websocket.StatusCode = 4400
	closeUnauthorized websocket.StatusCode = 4401
	closeForbidden    websocket.StatusCode = 4403
	closeSubprotocol  websocket.StatusCode = 4406
	closeInitTimeout  websocket.StatusCode = 4408
	closeIDTaken      websocket.StatusCode = 4409
	closeTooMany      websocket.StatusCode = 4429
	closeInternal     websocket.StatusCode = 4500
)

// The bounds of connections.
const (
	maxReason         = 123 // bytes of the reason of a close, RFC 6455, section 5.5
	initWithin        = 10 * time.Second
	sendWithin        = time.Minute // a write
	maxOperationID    = 256         // bytes
	maxBusy           = 16          // operations of a connection that are read or executed
	maxUnacknowledged = 1000        // connections that have not been authenticated
	silentPings       = 3           // without a message of the client
)

// pingEvery is the interval of pings, which also keep proxies from closing an idle connection.
const pingEvery = 25 * time.Second

// Sockets serves WebSocket connections, and passes all other requests on.
//
// A browser cannot set the headers of a WebSocket's request. So the first message of a connection,
// connection_init, may contain headers in its payload. They are added to the request that opened the
// connection. That request then passes through the handlers that check keys, to the [Endpoint] that
// executes the operations of the connection. If one of the handlers refuses it, the connection is
// closed with a code for the refusal.
type Sockets struct {
	// Next is the handler of the endpoints.
	Next http.Handler
	// Live bounds connections and subscriptions.
	Live *Live
	// Admission bounds the memory for messages.
	Admission *admission.Control
	// Log receives a line, at level debug, for each connection that cannot be closed properly.
	Log *slog.Logger

	unacknowledged atomic.Int64 // connections
}

// ServeHTTP implements [http.Handler].
func (s *Sockets) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if up := r.Header["Upgrade"]; len(up) == 0 || !strings.EqualFold(up[0], "websocket") {
		s.Next.ServeHTTP(w, r)
		return
	}
	if s.unacknowledged.Add(1) > maxUnacknowledged {
		s.unacknowledged.Add(-1)
		w.Header().Set("Retry-After", "1")
		http.Error(w, "too many connections are being opened", http.StatusServiceUnavailable)
		return
	}
	conn, err := websocket.Accept(hijacker{w}, r, &websocket.AcceptOptions{Subprotocols: []string{subprotocol}, InsecureSkipVerify: true}) // access.Pages has checked the origin
	if err != nil {
		s.unacknowledged.Add(-1)
		return // Accept has answered
	}
	conn.SetReadLimit(maxBody)
	// A goroutine and a request of their own let the memory of the handler's be freed: the stack of
	// its goroutine has grown.
	ctx, cancel := context.WithCancel(context.WithoutCancel(r.Context()))
	k := &socket{Sockets: s, conn: conn, ctx: ctx, cancel: cancel, running: map[string]*running{}, sends: make(chan struct{}, 1), busy: make(chan struct{}, maxBusy)}
	opened := &http.Request{
		Method: http.MethodGet, URL: r.URL, Proto: r.Proto, ProtoMajor: r.ProtoMajor, ProtoMinor: r.ProtoMinor,
		Header: r.Header.Clone(), Body: http.NoBody, Host: r.Host, RemoteAddr: r.RemoteAddr, TLS: r.TLS,
	}
	go k.serve(opened)
}

// hijacker replaces the buffers of a hijacked connection, which stay in memory until it ends:
// net/http's are 8 KiB, most of what an idle connection would take. Longer reads and writes do not
// use the buffers.
type hijacker struct{ http.ResponseWriter }

const (
	readBuffer  = 512
	writeBuffer = 1 << 10 // so that most items of subscriptions are one write
)

// Hijack implements [http.Hijacker].
func (h hijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, large, err := http.NewResponseController(h.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	early, err := large.Peek(large.Reader.Buffered()) // what the client has sent already
	if err != nil {
		return nil, nil, err
	}
	from := bufio.NewReaderSize(io.MultiReader(bytes.NewReader(early), conn), max(readBuffer, len(early)))
	if _, err := from.Peek(len(early)); err != nil { // Accept takes it from the buffer
		return nil, nil, err
	}
	return conn, bufio.NewReadWriter(from, bufio.NewWriterSize(conn, writeBuffer)), nil
}

// socket is a connection.
type socket struct {
	*Sockets
	conn    *websocket.Conn
	ctx     context.Context //nolint:containedctx // of the connection, which outlives its request
	cancel  context.CancelFunc
	*client // nil until the caller is authenticated

	mu      sync.Mutex
	running map[string]*running // by the client's id
	sends   chan struct{}       // has an item while a message of an operation is written
	pings   *time.Timer
	silent  atomic.Int32  // pings since the last message of the client
	busy    chan struct{} // has an item for each operation that is read or executed
	wait    sync.WaitGroup
}

// message is a message of the protocol.
type message struct {
	ID      string          `json:"id"`
	Type    string          `json:"type"`
	Payload json.RawMessage `json:"payload"`

	release func() // of the memory for the message
}

// serve serves a connection until it ends.
func (k *socket) serve(opened *http.Request) {
	defer k.cancel()
	defer func() { _ = k.conn.CloseNow() }()
	end := k.begin(opened)
	if end == nil {
		return
	}
	defer end()
	for {
		m, ok := k.read(k.ctx)
		if !ok || !k.handle(m) {
			break
		}
	}
	k.cancel()
	_ = k.conn.CloseNow() // ends writes that wait for the client
	k.wait.Wait()
}

// begin waits for connection_init, and authenticates the caller. end is nil if it has closed the
// connection instead.
func (k *socket) begin(opened *http.Request) (end func()) {
	defer k.unacknowledged.Add(-1)
	if k.conn.Subprotocol() != subprotocol {
		k.close(closeSubprotocol, "Subprotocol not acceptable")
		return nil
	}
	init, ok := k.initiated()
	if !ok {
		return nil
	}
	withParams(opened, init.Payload)
	init.release()
	answer := &socketWriter{socket: k, header: http.Header{}}
	k.Next.ServeHTTP(answer, opened.WithContext(k.ctx))
	if k.client == nil {
		k.close(answer.code(), answer.reason())
		return nil
	}
	counted, ok := k.Live.connect(k.caller)
	if !ok {
		k.close(closeTooMany, "Too many connections of this caller")
		return nil
	}
	leave, ok := k.Live.enter(func() { k.close(websocket.StatusGoingAway, "The gateway is shutting down") })
	if !ok {
		counted()
		k.close(websocket.StatusGoingAway, "The gateway is shutting down")
		return nil
	}
	if k.write(`{"type":"connection_ack"}`, nil, "") != nil {
		counted()
		leave()
		return nil
	}
	k.mu.Lock()
	k.pings = time.AfterFunc(pingEvery, k.ping)
	k.mu.Unlock()
	return func() {
		k.mu.Lock()
		k.pings.Stop()
		k.pings = nil
		k.mu.Unlock()
		leave()
		counted()
	}
}

// initiated waits for connection_init.
func (k *socket) initiated() (message, bool) {
	late := time.AfterFunc(initWithin, func() { k.close(closeInitTimeout, "Connection initialisation timeout") })
	defer late.Stop()
	for {
		m, ok := k.read(k.ctx)
		if !ok {
			return m, false
		}
		switch m.Type {
		case "connection_init":
			return m, true
		case "ping":
			if k.write(pong(m), nil, "") != nil {
				ok = false
			}
		case "pong":
		case "subscribe", "complete":
			k.close(closeUnauthorized, "Unauthorized")
			ok = false
		default:
			k.close(closeBadMessage, "Invalid message")
			ok = false
		}
		if m.release(); !ok {
			return m, false
		}
	}
}

// withParams sets the headers that the payload of connection_init contains, directly or in its member
// "headers", on the request that opened the connection.
func withParams(opened *http.Request, payload json.RawMessage) {
	opened.Header.Del("Upgrade")
	opened.Header.Del("Connection")
	var params map[string]any
	if json.Unmarshal(payload, &params) != nil {
		return
	}
	within, _ := params["headers"].(map[string]any)
	for _, members := range []map[string]any{params, within} {
		for name, value := range members {
			text, ok := value.(string)
			if !ok {
				continue
			}
			for _, header := range []string{"Authorization", access.AccountHeader} {
				if strings.EqualFold(name, header) {
					opened.Header.Set(header, text)
				}
			}
		}
	}
}

// socketWriter is the ResponseWriter for the request that opened a connection, once it is accepted. It
// records the refusal of a handler.
type socketWriter struct {
	socket *socket
	header http.Header
	status int
	body   bytes.Buffer
}

// Header implements [http.ResponseWriter].
func (w *socketWriter) Header() http.Header { return w.header }

// WriteHeader implements [http.ResponseWriter].
func (w *socketWriter) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
}

// Write implements [http.ResponseWriter].
func (w *socketWriter) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	if w.body.Len() < shortBody {
		w.body.Write(p)
	}
	return len(p), nil
}

// code returns the code with which the connection is closed.
func (w *socketWriter) code() websocket.StatusCode {
	switch w.status {
	case http.StatusUnauthorized:
		return closeUnauthorized
	case http.StatusForbidden, http.StatusNotFound:
		return closeForbidden
	case http.StatusInternalServerError:
		return closeInternal
	}
	return closeBadMessage
}

// reason returns the reason with which the connection is closed.
func (w *socketWriter) reason() string {
	var answer struct{ Errors []struct{ Message string } }
	if json.Unmarshal(w.body.Bytes(), &answer) != nil || len(answer.Errors) == 0 {
		return http.StatusText(w.status)
	}
	return answer.Errors[0].Message
}

// attach makes the endpoint execute the operations of a connection.
func (e *Endpoint) attach(k *socket, r *http.Request) {
	credential := e.as(r)
	if credential == nil {
		k.close(closeUnauthorized, "The gateway has no Zoom credential for this request.")
		return
	}
	c := e.clientOf(r, credential)
	k.client = &c
}

// read reads the next message, which the caller releases. ok is false if the connection is closed or
// being closed.
func (k *socket) read(ctx context.Context) (m message, ok bool) {
	kind, from, err := k.conn.Reader(ctx)
	if err != nil {
		return m, false
	}
	k.silent.Store(0)
	if k.client != nil {
		ctx = ratelimit.WithCaller(ctx, k.caller)
	}
	buf, _ := buffers.Get().(*bytes.Buffer)
	buf.Reset()
	release, _, err := bodyReader{k.Admission.Bodies, buf, maxBody}.read(ctx, from, -1) // prepare bounds the values
	m.release = release
	defer func() {
		if !ok {
			release()
		}
		if buf.Cap() <= maxReused {
			buffers.Put(buf)
		}
	}()
	switch {
	case errors.Is(err, errTooManyBodies):
		k.close(websocket.StatusTryAgainLater, "Too many large requests are under way")
		return m, false
	case err != nil:
		return m, false
	case kind != websocket.MessageText || json.Unmarshal(buf.Bytes(), &m) != nil || len(m.ID) > maxOperationID:
		k.close(closeBadMessage, "Invalid message")
		return m, false
	}
	return m, true
}

// handle processes a message. It returns false if the connection has to end.
func (k *socket) handle(m message) bool {
	if m.Type == "subscribe" {
		return k.subscribe(m)
	}
	defer m.release()
	switch m.Type {
	case "complete":
		k.mu.Lock()
		defer k.mu.Unlock()
		if op := k.running[m.ID]; op != nil {
			op.cancel()
			delete(k.running, m.ID)
		}
		return true
	case "ping":
		return k.write(pong(m), nil, "") == nil
	case "pong":
		return true
	case "connection_init":
		k.close(closeTooMany, "Too many initialisation requests")
	default:
		k.close(closeBadMessage, "Invalid message")
	}
	return false
}

// pong returns the answer to a ping, with its payload.
func pong(m message) string {
	if len(m.Payload) == 0 {
		return `{"type":"pong"}`
	}
	return `{"type":"pong","payload":` + string(m.Payload) + `}`
}

// running is an operation of a connection.
type running struct {
	*socket
	id     string
	head   string          // the beginning of its messages, up to their type
	ctx    context.Context //nolint:containedctx // ends when the client completes the operation
	cancel context.CancelFunc
	idle   func() // ends its count in busy, and releases the memory for its message
}

// subscribe starts an operation. It returns false if the connection has to end.
func (k *socket) subscribe(m message) bool {
	if m.ID == "" {
		m.release()
		k.close(closeBadMessage, "Invalid message")
		return false
	}
	select { // while maxBusy operations are executed, no message is read
	case k.busy <- struct{}{}:
	case <-k.ctx.Done():
		m.release()
		return false
	}
	quoted, _ := json.Marshal(m.ID) //nolint:errchkjson // a text can be written
	ctx, cancel := context.WithCancel(k.ctx)
	op := &running{k, m.ID, `{"id":` + string(quoted) + `,"type":`, ctx, cancel, sync.OnceFunc(func() {
		<-k.busy
		m.release()
	})}
	k.mu.Lock()
	_, taken := k.running[m.ID]
	if !taken {
		k.running[m.ID] = op
	}
	k.mu.Unlock()
	if taken {
		cancel()
		op.idle()
		k.close(closeIDTaken, "Subscriber for this id already exists")
		return false
	}
	k.wait.Go(func() { op.process(ctx, m.Payload) })
	return true
}

// process executes the operation.
func (op *running) process(ctx context.Context, payload []byte) {
	defer op.cancel()
	defer op.idle()
	defer op.forget()
	defer func() {
		if p := recover(); p != nil {
			op.refused(gqlerror.List{op.presented(ctx, p)})
		}
	}()
	req := readJSON(payload)
	if req == nil {
		op.close(closeBadMessage, "Invalid message")
		return
	}
	if problem := req.readIDs(); problem != "" {
		op.refused(badRequest(problem))
		return
	}
	op.run(ctx, payload, req, op)
}

// forget frees the id of the operation.
func (op *running) forget() {
	op.mu.Lock()
	defer op.mu.Unlock()
	if op.running[op.id] == op {
		delete(op.running, op.id)
	}
}

// following implements [feed].
func (op *running) following() { op.idle() }

// next implements [feed].
func (op *running) next(_ context.Context, answer []byte) error {
	return op.put(`"next","payload":`, answer, `}`, false)
}

// refused implements [feed].
func (op *running) refused(errs gqlerror.List) {
	_ = op.put(`"error","payload":`, errorsText(errs), `}`, true) // after an error, read returns
}

// complete implements [feed].
func (op *running) complete() {
	_ = op.put(`"complete"}`, nil, "", true) // as above
}

// put writes a message of the operation, of three parts after its head; the last one frees the id. After
// the client has completed the operation, it writes none: the client may have used the id again. So it
// checks that when all earlier messages are written.
//
// A short message is written without a deadline, since a context with one takes longer than the write:
// the next ping has a deadline, and closes the connection.
func (op *running) put(kind string, payload []byte, behind string, last bool) error {
	op.sends <- struct{}{}
	defer func() { <-op.sends }()
	if err := op.ctx.Err(); err != nil {
		return err
	}
	if last {
		op.forget()
	}
	head := op.head + kind
	if len(head)+len(payload)+len(behind) <= shortMessage {
		return op.writeShort(context.Background(), head, payload, behind)
	}
	return op.write(head, payload, behind)
}

// shortMessage is the size, in bytes, up to which the parts of a message are written at once.
const shortMessage = 4 << 10

// write writes a message of three parts, and waits until it is sent or the client is too slow.
func (k *socket) write(before string, payload []byte, behind string) error {
	ctx, cancel := context.WithTimeout(k.ctx, sendWithin)
	defer cancel()
	if len(before)+len(payload)+len(behind) <= shortMessage {
		return k.writeShort(ctx, before, payload, behind)
	}
	w, err := k.conn.Writer(ctx, websocket.MessageText)
	if err != nil {
		return err
	}
	for _, part := range [][]byte{[]byte(before), payload, []byte(behind)} {
		if _, err := w.Write(part); err != nil {
			_ = w.Close()
			return err
		}
	}
	return w.Close()
}

// writeShort writes the three parts of a message at once.
func (k *socket) writeShort(ctx context.Context, before string, payload []byte, behind string) error {
	buf, _ := buffers.Get().(*bytes.Buffer)
	defer buffers.Put(buf)
	buf.Reset()
	buf.WriteString(before)
	buf.Write(payload)
	buf.WriteString(behind)
	return k.conn.Write(ctx, websocket.MessageText, buf.Bytes())
}

// ping sends a ping and schedules the next one. It closes the connection of a client that has sent
// nothing since silentPings pings, or that does not read, so that the ping cannot be written within
// sendWithin.
func (k *socket) ping() {
	if k.silent.Add(1) > silentPings || k.write(`{"type":"ping"}`, nil, "") != nil {
		_ = k.conn.CloseNow() // read then returns
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.pings != nil {
		k.pings.Reset(pingEvery)
	}
}

// close closes the connection with a code.
func (k *socket) close(code websocket.StatusCode, reason string) {
	if len(reason) > maxReason {
		reason = strings.ToValidUTF8(reason[:maxReason-len("…")], "") + "…"
	}
	if err := k.conn.Close(code, reason); err != nil {
		k.Log.LogAttrs(k.ctx, slog.LevelDebug, "connection broke", slog.String("error", logs.Message(err.Error())))
	}
}
