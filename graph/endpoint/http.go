// Package endpoint serves GraphQL over HTTP and WebSockets: it reads and bounds requests, finds persisted
// documents, validates, negotiates, and writes answers and streams of answers. The executor, which
// resolves the operations, is part of its configuration.
//
// Spec: https://graphql.github.io/graphql-over-http/draft/
package endpoint

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/executor"
	"github.com/99designs/gqlgen/graphql/handler/extension"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"zoomql/cache"
	"zoomql/graph/admission"
	"zoomql/graph/answers"
	"zoomql/internal/flight"
	"zoomql/internal/identity"
	"zoomql/internal/links"
	"zoomql/internal/negotiation"
	"zoomql/internal/ratelimit"
	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

// maxBody bounds the body of a request.
const maxBody = 1 << 20

// Config is the configuration of an Endpoint.
type Config struct {
	// Executor executes operations. New sets its document cache and extensions.
	Executor *executor.Executor
	// Documents are validated against Schema. SchemaHash is the hash of its text.
	Schema     *ast.Schema
	SchemaHash string
	// Credential returns the credential for a request's calls to Zoom. A request without one
	// is refused.
	Credential identity.Source
	// Check refuses an operation before it is executed; nil refuses none.
	Check func(context.Context, *graphql.OperationContext) *gqlerror.Error
	// Plan returns the cost of an operation, for extensions.plan; nil means no plans.
	Plan func(context.Context, *graphql.OperationContext) any
	// Coverage returns which answers Zoom's events keep up to date; nil means none.
	Coverage zoom.Coverage
	// Answers caches whole answers; see [answers.Config]. Nil caches none.
	Answers cache.Local
	// Persisted stores documents that were sent with their hash; nil stores none.
	Persisted cache.Store
	// Trusted are documents that callers name by their ids; nil means none.
	Trusted *Trusted
	// TrustedOnly refuses all other documents.
	TrustedOnly bool
	// Documents caches parsed documents.
	Documents Documents
	// Admission bounds the memory and concurrency of operations.
	Admission *admission.Control
	// Live bounds connections and subscriptions; nil means bounds of this endpoint's own.
	Live *Live
	// Limits bound a document.
	Limits Limits
	// Introspection lets clients read the schema.
	Introspection bool
	// Drift adds extensions.drift to each answer: the values and fields in Zoom's answers that
	// the schema lacks.
	Drift bool
	// Timeout bounds an operation.
	Timeout time.Duration
	// Log receives a line for each query that joined another one, and for the end of each subscription.
	Log *slog.Logger
}

// Endpoint serves GraphQL over HTTP: POST with a JSON body or with files, GET for queries, and streams
// for subscriptions. It replaces gqlgen's transports, which echo invalid bodies, do not bound bodies,
// and write "data": null where the specification requires no data.
type Endpoint struct {
	exec      *executor.Executor
	as        identity.Source
	reader    *reader
	check     func(context.Context, *graphql.OperationContext) *gqlerror.Error
	plan      func(context.Context, *graphql.OperationContext) any
	log       *slog.Logger
	timeout   time.Duration
	answers   *answers.Cache
	library   *library
	flights   flight.Group[*outcome]
	items     recent
	streams   reservations
	live      *Live
	admission *admission.Control
	drift     bool
	uncached  http.Handler // serves requests without a cached answer
}

// New returns an endpoint.
func New(cfg Config) *Endpoint {
	e := &Endpoint{
		exec: cfg.Executor, as: cfg.Credential, check: cfg.Check, plan: cfg.Plan, log: cfg.Log, timeout: cfg.Timeout, admission: cfg.Admission, drift: cfg.Drift,
		reader:  &reader{schema: cfg.Schema, limits: cfg.Limits, cached: cfg.Documents, suggest: cfg.Introspection},
		live:    cfg.Live,
		answers: answers.New(answers.Config{Store: cfg.Answers, Coverage: cfg.Coverage, Schema: cfg.SchemaHash, Log: cfg.Log}),
		library: &library{store: cfg.Persisted, trusted: cfg.Trusted, only: cfg.TrustedOnly},
	}
	if e.live == nil {
		e.live = &Live{}
	}
	e.uncached = admitted(cfg.Admission.Operations, cfg.Timeout, e.execute)
	e.exec.SetQueryCache(opened{})
	e.exec.Use(&inputCheck{}) // before extensions that read variables
	e.exec.Use(&nameLimits{})
	if cfg.Introspection {
		e.exec.Use(extension.Introspection{})
	} else {
		e.exec.Use(introspectionOff{})
	}
	return e
}

// Forget prevents operations that start from now on from joining operations in flight. It is called
// after evictions, since those may have read the cache before.
func (e *Endpoint) Forget() { e.flights.Forget(func(any) bool { return true }) }

// request is a GraphQL request before parsing.
type request struct {
	answers.Request
	raw     []byte         // the body, or the URL's query; borrowed
	key     answers.Key    // zero for a form
	form    *requestParams // of a form with files; nil for other requests
	release func()         // of the memory for the body; nil if it has none, or if held has returned it
	counted int            // values of a long body; 0 if they have not been counted
	tooMany bool           // the body has too many values, and raw lacks it
	dry     bool           // the operation is priced instead of executed
	plan    bool           // a header requests the plan in addition to the answer
	// subscription is set by execute, which leaves a subscription to a stream.
	subscription *requestParams
}

// held passes the memory for the body to the caller, who calls release: close does not.
func (q *request) held() (release func()) {
	release, q.release = q.release, nil
	if release == nil {
		return func() {}
	}
	return release
}

// close releases the resources that reading took.
func (q *request) close(buf *bytes.Buffer) {
	if q.release != nil {
		q.release()
	}
	if buf.Cap() <= maxReused {
		buffers.Put(buf)
	}
}

type requestKey struct{}

// ServeHTTP answers one request, from the cache if possible.
func (e *Endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	defer e.recovered(w, r)
	if problem := headerProblem(r); problem != "" {
		fail(w, cmp.Or(negotiation.MediaType(r.Header["Accept"]), negotiation.JSON), http.StatusBadRequest, problem)
		return
	}
	if opened, ok := w.(*socketWriter); ok {
		e.attach(opened.socket, r)
		return
	}
	if e.serveReserved(w, r) {
		return
	}
	if s := e.answered(w, r); s != nil {
		s.serve(w, r)
	}
}

// serveReserved answers requests about reserved streams. ok is false for other requests.
func (e *Endpoint) serveReserved(w http.ResponseWriter, r *http.Request) (ok bool) {
	token := tokenOf(r)
	if token == "" && r.Method != http.MethodPut {
		return false
	}
	credential := e.as(r)
	if credential == nil {
		return false // answered refuses it
	}
	if r.Method == http.MethodPut {
		e.reserve(w, r, credential)
		return true
	}
	if read := e.routeReserved(w, r, credential, token); read != nil {
		read()
	}
	return true
}

// answered answers a request, unless a stream is to answer it, which it returns.
func (e *Endpoint) answered(w http.ResponseWriter, r *http.Request) *streamed {
	q := request{Request: answers.Request{Media: negotiation.MediaType(r.Header["Accept"]), Get: answers.IsGet(r), Start: time.Now()}, dry: isTrue(r, dryRunHeader), plan: isTrue(r, planHeader)}
	form := noStream
	if q.Media == "" {
		if form = streamOf(r.Header["Accept"]); form == noStream {
			fail(w, negotiation.JSON, http.StatusNotAcceptable, "the header Accept must allow "+negotiation.GraphQLResponse+" or "+negotiation.JSON)
			return nil
		}
		q.Media = negotiation.JSON // of errors, which are sent without a stream
	}
	credential := e.as(r)
	if credential == nil {
		failWith(w, q.Media, http.StatusUnauthorized, types.ErrorCodeUnauthenticated, "The gateway has no Zoom credential for this request.")
		return nil
	}
	buf, _ := buffers.Get().(*bytes.Buffer)
	defer q.close(buf)
	buf.Reset()
	e.answers.Begin(buf, r, credential)
	begun := buf.Len()
	if status, problem := q.read(w, r, bodyReader{e.admission.Bodies, buf, e.reader.limits.Values}); problem != "" {
		fail(w, q.Media, status, problem)
		return nil
	}
	if q.form == nil && (!q.tooMany || form != noStream) {
		q.raw = buf.Bytes()[begun:]
		if form != noStream {
			if refused := e.reader.limits.tooManyValues(q.values()); refused != nil { // before they are decoded
				writeError(w, q.Media, http.StatusBadRequest, refused)
				return nil
			}
			req, problem := q.params(r)
			if problem != "" {
				fail(w, q.Media, http.StatusBadRequest, problem)
				return nil
			}
			return e.stream(r, &q, form, credential, req)
		}
		q.key = e.answers.Key(begun, buf.Bytes())
		if !q.dry && !q.plan {
			if a := e.answers.Get(r.Context(), q.key, q.Start); a != nil {
				e.serve(w, r, &q, a)
				return nil
			}
		}
	}
	missed := q // so that q stays on the stack for requests with a cached answer
	ctx := identity.With(r.Context(), credential)
	e.uncached.ServeHTTP(w, r.WithContext(context.WithValue(ctx, requestKey{}, &missed)))
	if missed.subscription == nil {
		return nil
	}
	if q.form != nil {
		fail(w, q.Media, http.StatusBadRequest, "a subscription does not accept files; send it as application/json")
		return nil
	}
	if form = streamOf(r.Header["Accept"]); form == noStream {
		fail(w, q.Media, http.StatusNotAcceptable, "a subscription is available as "+eventStream+", as "+multipartMixed+";subscriptionSpec=1.0, or over a WebSocket with the subprotocol "+subprotocol)
		return nil
	}
	return e.stream(r, &q, form, credential, missed.subscription)
}

// serve writes a cached answer.
func (e *Endpoint) serve(w http.ResponseWriter, r *http.Request, q *request, a *answers.Answer) {
	if a.Len() > admission.LongAnswer {
		release, err := e.admitAnswer(r)
		if err != nil {
			tooBusy(w, q)
			return
		}
		defer release()
	}
	a.Serve(w, r, q.Request)
	e.answers.Hit(a, q.Start)
	e.admission.Short(ratelimit.CallerFrom(r.Context()))
}

// admitAnswer waits for admission of a long answer.
func (e *Endpoint) admitAnswer(r *http.Request) (release func(), err error) {
	ctx, cancel := context.WithTimeout(r.Context(), e.timeout)
	defer cancel()
	return e.admission.Answers.Acquire(ctx, 1)
}

// recovered answers a request after a panic outside of resolvers. The caller MUST defer it.
func (e *Endpoint) recovered(w http.ResponseWriter, r *http.Request) {
	p := recover()
	if p == nil {
		return
	}
	if p == http.ErrAbortHandler { //nolint:errorlint // net/http compares it, too
		panic(p)
	}
	writeError(w, negotiation.JSON, http.StatusInternalServerError, e.presented(r.Context(), p))
}

// presented returns the error that clients receive for a panic.
func (e *Endpoint) presented(ctx context.Context, p any) *gqlerror.Error {
	shown, _ := errors.AsType[*gqlerror.Error](e.exec.PresentRecoveredError(ctx, p))
	return shown
}

// execute answers a request that needs parsing.
func (e *Endpoint) execute(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	q, _ := ctx.Value(requestKey{}).(*request)
	held := &admission.Response{}
	defer held.Release()
	ctx = admission.WithResponse(ctx, held)
	ctx = graphql.StartOperationTrace(links.From(ctx, links.BaseOf(r)))
	read, release, refused, err := e.admit(ctx, len(q.raw), q.values())
	if err != nil {
		tooBusy(w, q)
		return
	}
	defer release()
	defer read()
	if refused != nil {
		e.refuse(ctx, w, q, &graphql.OperationContext{Stats: graphql.Stats{OperationStart: graphql.GetStartTime(ctx)}}, gqlerror.List{refused})
		return
	}
	req, problem := q.params(r)
	var unknown *gqlerror.Error
	if problem == "" {
		problem, unknown = e.library.resolve(ctx, req)
	}
	switch {
	case problem != "":
		fail(w, q.Media, http.StatusBadRequest, problem)
		return
	case unknown != nil:
		stats := graphql.Stats{Read: req.ReadTime, OperationStart: graphql.GetStartTime(ctx)}
		e.refuse(ctx, w, q, &graphql.OperationContext{Stats: stats}, gqlerror.List{unknown})
		return
	}
	opCtx, errs := e.open(ctx, &req.RawParams, q.dry)
	read()
	if opCtx.Operation != nil && opCtx.Operation.Operation == ast.Subscription && errs == nil && !q.dry {
		q.subscription = req
		return
	}
	if q.Get && opCtx.Operation != nil && opCtx.Operation.Operation == ast.Mutation {
		w.Header().Set("Allow", http.MethodPost)
		fail(w, q.Media, http.StatusMethodNotAllowed, "GET is for queries; send a mutation by POST")
		return
	}
	if errs != nil {
		e.refuse(ctx, w, q, opCtx, explained(opCtx, errs))
		return
	}
	e.library.remember(ctx, req)
	if q.dry {
		e.price(ctx, w, r, q, opCtx)
		return
	}
	if opCtx.Operation.Operation == ast.Mutation {
		ctx = withSender(ctx, w, r)
	}
	out, err := e.answer(ctx, q, opCtx)
	if err != nil {
		e.refuse(ctx, w, q, opCtx, gqlerror.List{gqlerror.Wrap(err)})
		return
	}
	if out != nil {
		out.send(w, r, q)
	}
}

// admit waits for the admission of a request with so many bytes and values. read ends the admission to
// decoding, parsing and validation, at its first call; release releases the memory for the values.
func (e *Endpoint) admit(ctx context.Context, length, values int) (read, release func(), refused *gqlerror.Error, err error) {
	release, refused, err = e.admitValues(ctx, values)
	if err != nil {
		return nil, nil, nil, err
	}
	if read, err = e.admitText(ctx, length); err != nil {
		release()
		return nil, nil, nil, err
	}
	return read, release, refused, nil
}

// admitValues waits for the admission of n values before they are decoded, which takes many times the
// memory of their text, or refuses them.
func (e *Endpoint) admitValues(ctx context.Context, n int) (release func(), refused *gqlerror.Error, err error) {
	if refused = e.reader.limits.tooManyValues(n); refused != nil || n <= admission.FewValues {
		return func() {}, refused, nil
	}
	release, err = e.admission.Values.Acquire(ctx, int64(n))
	return release, nil, err
}

// admitText waits for the admission of a request of n bytes to decoding, parsing and validation, if it is
// long. The first call of done ends the admission.
func (e *Endpoint) admitText(ctx context.Context, n int) (done func(), err error) {
	if n <= admission.LongText {
		return func() {}, nil
	}
	release, err := e.admission.Texts.Acquire(ctx, 1)
	if err != nil {
		return nil, err
	}
	return sync.OnceFunc(release), nil
}

// refuse answers a request that was not executed with errors.
func (e *Endpoint) refuse(ctx context.Context, w http.ResponseWriter, q *request, opCtx *graphql.OperationContext, errs gqlerror.List) {
	resp := e.exec.DispatchError(graphql.WithOperationContext(ctx, opCtx), errs)
	(&outcome{text: encode(resp), empty: true}).send(w, nil, q)
}

// answer executes an operation. Concurrent queries that are equal in every byte are executed
// once.
func (e *Endpoint) answer(ctx context.Context, q *request, opCtx *graphql.OperationContext) (*outcome, error) {
	if opCtx.Operation.Operation != ast.Query || q.form != nil || q.plan {
		return e.dispatch(ctx, answers.Key{}, opCtx), nil
	}
	key := q.key
	if !q.Get && !e.answers.Admits(key) {
		key = answers.Key{}
	}
	began := time.Now()
	var own atomic.Bool // set by the flight's goroutine, for which a caller that leaves early does not wait
	out, err := e.flights.Here(ctx, q.key.String(), nil, func(ctx context.Context) (*outcome, error) {
		own.Store(true)
		return e.dispatch(ctx, key, opCtx), nil
	})
	if own.Load() {
		return out, err
	}
	attrs := append([]slog.Attr{slog.String("name", OperationName(opCtx))}, CallerAttr(ctx)...)
	e.log.LogAttrs(ctx, slog.LevelInfo, "operation", append(attrs,
		slog.Float64("ms", float64(time.Since(began).Microseconds())/1000), slog.Bool("joined", true))...)
	if out == nil {
		return nil, err
	}
	joined := *out
	joined.cost = out.cost.again()
	return &joined, err
}

// dispatch executes an operation. The answer is cached under key, unless that is zero or the answer must
// not be cached. The outcome is nil if the client has gone.
func (e *Endpoint) dispatch(ctx context.Context, key answers.Key, opCtx *graphql.OperationContext) *outcome {
	usage := &zoom.Usage{}
	if e.drift {
		usage.KeepDrift()
	}
	ctx, cancel := context.WithTimeout(zoom.WithUsage(ctx, usage), e.timeout)
	defer cancel()
	responses, inner := e.exec.DispatchOperation(ctx, opCtx)
	resp := responses(inner)
	switch {
	case resp != nil:
	case errors.Is(ctx.Err(), context.DeadlineExceeded): // before any field was resolved
		resp = &graphql.Response{Errors: busyErrors()}
	default:
		return nil // the client has gone
	}
	if WantsPlan(opCtx) && e.plan != nil {
		if resp.Extensions == nil {
			resp.Extensions = map[string]any{}
		}
		resp.Extensions["plan"] = e.plan(ctx, opCtx)
	}
	out := &outcome{text: encode(resp), empty: resp.Data == nil, failed: len(resp.Errors) > 0, cost: costOf(usage)}
	if !key.IsZero() && len(resp.Errors) == 0 && !out.empty {
		again := out.cost.again()
		whole := out.text.whole(&again)
		if out.cached = e.answers.Set(ctx, key, OperationName(opCtx), whole, usage); out.cached != nil {
			out.text = out.text.in(whole)
		}
	}
	return out
}

// first is http.Header.Get for values that were looked up by the canonical name.
func first(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return values[0]
}

// read reads the request's text. If it is invalid, read returns the status and the message of the
// refusal. A body with too many values is read to its end, and sets tooMany.
func (q *request) read(w http.ResponseWriter, r *http.Request, into bodyReader) (int, string) {
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		into.buf.WriteString(r.URL.RawQuery)
	case http.MethodPost:
		if !negotiation.IsIdentity(r.Header["Content-Encoding"]) {
			w.Header().Set("Accept-Encoding", "identity") // RFC 9110, section 15.5.16
			return http.StatusUnsupportedMediaType, "the body is compressed (Content-Encoding); send it uncompressed"
		}
		if content := first(r.Header["Content-Type"]); !negotiation.IsJSON(content) {
			if media, _, _ := mime.ParseMediaType(content); media == multipartForm {
				given, ok := into.pool.TryAcquire(r.Context(), maxUploadBody)
				if !ok {
					return tooManyBodies(w)
				}
				q.release = given
				var status int
				var problem string
				q.form, status, problem = readUploads(w, r)
				return status, problem
			}
			return http.StatusUnsupportedMediaType, "the body's Content-Type must be application/json"
		}
		var err error
		if n := int(r.ContentLength); 0 <= r.ContentLength && n <= maxBody { // net/http ends the body there
			q.release, q.counted, err = into.read(r.Context(), r.Body, n)
			_ = r.Body.Close() // else net/http looks for the rest before it answers
		} else {
			q.release, q.counted, err = into.read(r.Context(), http.MaxBytesReader(w, r.Body, maxBody), -1)
		}
		q.tooMany = errors.Is(err, errTooManyValues)
		if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
			return http.StatusRequestEntityTooLarge, "the body is larger than 1 MiB"
		} else if errors.Is(err, errTooManyBodies) {
			return tooManyBodies(w)
		} else if err != nil && !q.tooMany {
			return http.StatusBadRequest, "the body ended early"
		}
	default:
		w.Header().Set("Allow", "GET, HEAD, POST")
		return http.StatusMethodNotAllowed, "send GraphQL by POST, or a query by GET"
	}
	return 0, ""
}

// values counts the values of the request. Those of a request with files were counted when it
// was read.
func (q *request) values() int {
	switch {
	case q.form != nil:
		return 0
	case q.counted > 0:
		return q.counted
	case !q.Get:
		return valuesIn(q.raw)
	}
	given, _ := url.ParseQuery(string(q.raw)) // params reports the error
	return valuesIn([]byte(given.Get("variables"))) + valuesIn([]byte(given.Get("extensions")))
}

// params parses the request, or returns a message that describes the problem. The message
// never quotes the body.
func (q *request) params(r *http.Request) (req *requestParams, problem string) {
	if req = q.form; req != nil {
		// readUploads has read it
	} else if q.Get {
		req, problem = readURL(r.URL.RawQuery)
	} else if req, problem = readJSON(bytes.TrimPrefix(q.raw, byteOrderMark)), ""; req == nil {
		problem = "the body is not a JSON object with query, variables and operationName"
	}
	if problem == "" {
		problem = req.readIDs()
	}
	if problem != "" {
		return nil, problem
	}
	req.Headers = r.Header
	if q.plan {
		req.Extensions = maps.Clone(req.Extensions)
		if req.Extensions == nil {
			req.Extensions = map[string]any{}
		}
		req.Extensions["plan"] = true
	}
	req.ReadTime = graphql.TraceTiming{Start: q.Start, End: graphql.Now()}
	return req, ""
}

// members returns pointers to the request's members, by their names.
func (r *requestParams) members() map[string]any {
	return map[string]any{
		"query": &r.Query, "operationName": &r.OperationName, "variables": &r.Variables, "extensions": &r.Extensions,
		"documentId": &r.DocumentID, "doc_id": &r.RelayID,
	}
}

// readURL reads a request from the query of a URL. It refuses a parameter that is invalid or
// occurs twice: ignoring it would answer another request.
func readURL(query string) (*requestParams, string) {
	given, err := url.ParseQuery(query)
	if err != nil {
		return nil, "the query of the URL cannot be parsed: encode % as %25, and ; as %3B"
	}
	req := &requestParams{}
	for name, into := range req.members() {
		if len(given[name]) > 1 {
			return nil, "the parameter " + name + " occurs twice"
		}
		switch text := given.Get(name); into := into.(type) {
		case *string:
			*into = text
		case *map[string]any:
			if text != "" && decode([]byte(text), into) != nil {
				return nil, "the parameter " + name + " is not a JSON object"
			}
		}
	}
	return req, ""
}

// readJSON reads a request from a body; nil means that it is invalid. json.Unmarshal would match names
// without regard to case, and merge the variables of a body that contains them twice.
func readJSON(body []byte) *requestParams {
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	if begin, err := dec.Token(); err != nil || begin != json.Delim('{') {
		return nil
	}
	req := &requestParams{}
	members := req.members()
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return nil
		}
		key, _ := name.(string)
		switch into := members[key].(type) {
		case *string:
			*into = ""
			err = dec.Decode(into)
		case *map[string]any:
			*into = nil
			err = dec.Decode(into)
		default:
			err = dec.Decode(new(json.RawMessage))
		}
		if err != nil {
			return nil
		}
	}
	if _, err := dec.Token(); err != nil {
		return nil
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil
	}
	return req
}

// byteOrderMark may precede a text in UTF-8. RFC 8259, section 8.1, allows parsers to ignore
// it.
var byteOrderMark = []byte("\uFEFF")

// decode decodes one JSON value with nothing after it. Numbers keep their digits: a meeting
// number may lose some in a float.
func decode(data []byte, v any) error {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	if err := dec.Decode(v); err != nil {
		return err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("data after the value")
	}
	return nil
}

// buffers are reused for bodies and messages.
var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// outcome is the answer to an operation. All requests for the same operation share it.
type outcome struct {
	text   text
	cost   cost
	empty  bool // there is no data
	failed bool // there are errors
	// cached is the answer in the cache; nil if it was not cached.
	cached *answers.Answer
}

// send writes an answer, compressed if the client accepts that. Without r it is not compressed; r is nil
// only if nothing was executed.
func (o *outcome) send(w http.ResponseWriter, r *http.Request, q *request) {
	if o.cached != nil {
		o.cached.ServeFirst(w, r, q.Request, o.text.length(), o.cost.append(nil))
		return
	}
	tail := o.cost.append(nil)
	h := w.Header()
	h["Content-Type"], h["Vary"], h["Cache-Control"] = negotiation.ContentType(q.Media), negotiation.Vary, negotiation.Unstored
	length := o.text.length() + len(tail)
	compress := length >= negotiation.MinGzip && r != nil && negotiation.TakesGzip(r.Header["Accept-Encoding"])
	if compress {
		h["Content-Encoding"] = negotiation.Gzip
	} else {
		h.Set("Content-Length", strconv.Itoa(length))
	}
	if o.empty && q.Media == negotiation.GraphQLResponse {
		w.WriteHeader(http.StatusBadRequest)
	}
	write := func(w io.Writer) error {
		for _, part := range [...][]byte{o.text.before, o.text.data, o.text.after, tail} {
			if _, err := w.Write(part); err != nil {
				return err
			}
		}
		return nil
	}
	if compress { // an error means that the client has gone
		_ = negotiation.WriteGzip(w, write)
	} else {
		_ = write(w)
	}
}

// text is an answer without its cost, which cost.append adds. It has three parts, because data may be
// long and is copied only if necessary.
type text struct{ before, data, after []byte }

func (t *text) length() int { return len(t.before) + len(t.data) + len(t.after) }

// in returns the text with the first two parts as slices of whole, a copy of the answer, so that only
// the copy stays in memory.
func (t text) in(whole []byte) text {
	data, after := len(t.before), len(t.before)+len(t.data)
	return text{whole[:data:data], whole[data:after:after], t.after}
}

// whole returns the answer with its cost.
func (t text) whole(c *cost) []byte {
	return c.append(append(append(append(make([]byte, 0, t.length()+200), t.before...), t.data...), t.after...))
}

// errorsText returns errors as JSON.
func errorsText(errs gqlerror.List) []byte {
	raw, err := json.Marshal(errs)
	if err != nil {
		return []byte(`[{"message":"The errors cannot be written.","extensions":{"code":"INTERNAL"}}]`)
	}
	return raw
}

// encode encodes an answer in the order errors, data, extensions, up to the cost. There is no data if
// nothing was executed.
func encode(resp *graphql.Response) text {
	buf := &bytes.Buffer{}
	buf.WriteByte('{')
	if len(resp.Errors) > 0 {
		buf.WriteString(`"errors":`)
		buf.Write(errorsText(resp.Errors))
		buf.WriteByte(',')
	}
	if resp.Data != nil {
		buf.WriteString(`"data":`)
	}
	before := buf.Len()
	if resp.Data != nil {
		buf.WriteByte(',')
	}
	buf.WriteString(`"extensions":{`)
	if raw, err := json.Marshal(resp.Extensions); err == nil && len(resp.Extensions) > 0 {
		buf.Write(raw[1 : len(raw)-1])
		buf.WriteByte(',')
	}
	return text{buf.Bytes()[:before:before], resp.Data, buf.Bytes()[before:]}
}

// fail answers a request that could not be read.
func fail(w http.ResponseWriter, media string, status int, problem string) {
	code := types.ErrorCodeBadRequest
	switch status {
	case http.StatusRequestEntityTooLarge:
		code = types.ErrorCodeLimitExceeded
	case http.StatusServiceUnavailable:
		code = types.ErrorCodeTimeout // the client may send it again unchanged
	}
	failWith(w, media, status, code, problem)
}

func failWith(w http.ResponseWriter, media string, status int, code types.ErrorCode, problem string) {
	writeError(w, media, status, WithCode(gqlerror.Errorf("%s", problem), code))
}

// writeError answers a request that was not executed with one error.
func writeError(w http.ResponseWriter, media string, status int, err *gqlerror.Error) {
	w.Header()["Content-Type"] = negotiation.ContentType(media)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(encode(&graphql.Response{Errors: gqlerror.List{err}}).whole(&cost{}))
}
