// Package endpoint serves GraphQL over HTTP: it reads requests and bounds them, finds
// persisted documents, validates, negotiates, and writes answers. What an operation
// means is the executor's business.
//
// Spec: https://graphql.github.io/graphql-over-http/draft/
package endpoint

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
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

// Config is what New needs.
type Config struct {
	// Executor executes operations. New sets its document cache and extensions.
	Executor *executor.Executor
	// Schema is what documents are validated against, and SchemaText its text.
	Schema     *ast.Schema
	SchemaText string
	// Credential tells in whose name Zoom is asked for a request, which is refused where
	// that is nobody.
	Credential identity.Source
	// Check refuses an operation before it is executed; nil refuses none.
	Check func(context.Context, *graphql.OperationContext) *gqlerror.Error
	// Plan tells what an operation costs, for extensions.plan; nil tells of none.
	Plan func(context.Context, *graphql.OperationContext) any
	// Coverage tells which answers Zoom's events keep right; nil is none.
	Coverage zoom.Coverage
	// Answers keeps whole answers; see [answers.Config]. Nil keeps none.
	Answers cache.Local
	// Persisted keeps documents that were sent with their hash; nil keeps none.
	Persisted cache.Store
	// Trusted are documents that callers name by their ids; nil means none.
	Trusted *Trusted
	// TrustedOnly refuses all other documents.
	TrustedOnly bool
	// Documents keeps what was parsed.
	Documents Documents
	// Admission bounds what operations take at once.
	Admission *admission.Control
	// Limits bound a document.
	Limits Limits
	// Introspection lets clients read the schema.
	Introspection bool
	// Drift has each answer tell, under extensions.drift, what Zoom's answers to its
	// calls had that the graph does not know.
	Drift bool
	// Timeout bounds an operation.
	Timeout time.Duration
	// Log gets a line for each operation that joined another one.
	Log *slog.Logger
}

// Endpoint serves GraphQL over HTTP: POST with a JSON body, and GET for queries.
// gqlgen's own transports echo bodies that they cannot read, have no bound for them, and
// write "data": null where the specification wants no data.
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
	admission *admission.Control
	drift     bool
	operation http.Handler // executes what no cached answer serves
}

// New returns an endpoint.
func New(cfg Config) *Endpoint {
	e := &Endpoint{
		exec: cfg.Executor, as: cfg.Credential, check: cfg.Check, plan: cfg.Plan, log: cfg.Log, timeout: cfg.Timeout, admission: cfg.Admission, drift: cfg.Drift,
		reader:  &reader{schema: cfg.Schema, limits: cfg.Limits, known: cfg.Documents, suggest: cfg.Introspection},
		answers: answers.New(answers.Config{Store: cfg.Answers, Coverage: cfg.Coverage, Schema: cfg.SchemaText, Log: cfg.Log}),
		library: &library{store: cfg.Persisted, trusted: cfg.Trusted, only: cfg.TrustedOnly},
	}
	e.operation = admitted(cfg.Admission.Operations, cfg.Timeout, e.execute)
	e.exec.SetQueryCache(opened{})
	e.exec.Use(&inputCheck{}) // before what reads variables
	e.exec.Use(&nameLimits{})
	if cfg.Introspection {
		e.exec.Use(extension.Introspection{})
	} else {
		e.exec.Use(introspectionOff{})
	}
	return e
}

// Forget makes operations that begin from now on join none that began before: it is
// called when something was evicted, which those may have read before.
func (e *Endpoint) Forget() { e.flights.Forget(func(any) bool { return true }) }

// request is a GraphQL request as far as it is read before anything is parsed.
type request struct {
	answers.Request
	raw     []byte         // the body, or the URL's query; borrowed
	key     answers.Key    // zero for a form
	form    *requestParams // of a form with files; nil for all else
	release func()         // gives back the memory for the body; nil where it took none
	dry     bool           // the price is asked for, and no answer
}

// close gives back what reading took.
func (q *request) close(buf *bytes.Buffer) {
	if q.release != nil {
		q.release()
	}
	if buf.Cap() <= shortBody {
		buffers.Put(buf)
	}
}

type requestKey struct{}

// ServeHTTP answers one request: with what is kept, or else anew.
func (e *Endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	defer e.recovered(w, r)
	q := request{Request: answers.Request{Media: negotiation.MediaType(r.Header["Accept"]), Get: answers.IsGet(r), Start: time.Now()}, dry: isDryRun(r)}
	if q.Media == "" {
		fail(w, negotiation.JSON, http.StatusNotAcceptable, "the answer comes as "+negotiation.GraphQLResponse+" or "+negotiation.JSON)
		return
	}
	credential := e.as(r)
	if credential == nil {
		failWith(w, q.Media, http.StatusUnauthorized, types.ErrorCodeUnauthenticated, "The gateway does not know in whose name to ask Zoom.")
		return
	}
	buf, _ := buffers.Get().(*bytes.Buffer)
	defer q.close(buf)
	buf.Reset()
	e.answers.Begin(buf, r, credential)
	begun := buf.Len()
	if status, problem := q.read(w, r, buf, e.admission.Bodies); problem != "" {
		fail(w, q.Media, status, problem)
		return
	}
	if q.form == nil {
		q.raw = buf.Bytes()[begun:]
		q.key = e.answers.Key(begun, buf.Bytes())
		if !q.dry {
			if a := e.answers.Get(r.Context(), q.key, q.Start); a != nil {
				e.serve(w, r, &q, a)
				return
			}
		}
	}
	missed := q // q itself stays on the stack, which is all that a cached answer needs
	ctx := identity.With(r.Context(), credential)
	e.operation.ServeHTTP(w, r.WithContext(context.WithValue(ctx, requestKey{}, &missed)))
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
}

// admitAnswer waits for the place of a long answer.
func (e *Endpoint) admitAnswer(r *http.Request) (release func(), err error) {
	ctx, cancel := context.WithTimeout(r.Context(), e.timeout)
	defer cancel()
	return e.admission.Answers.Acquire(ctx, 1)
}

// recovered answers when the gateway breaks where no field can catch it. It is to
// be deferred.
func (e *Endpoint) recovered(w http.ResponseWriter, r *http.Request) {
	p := recover()
	if p == nil {
		return
	}
	if p == http.ErrAbortHandler { //nolint:errorlint // it is panicked with as it is
		panic(p)
	}
	shown, _ := errors.AsType[*gqlerror.Error](e.exec.PresentRecoveredError(r.Context(), p))
	writeError(w, negotiation.JSON, http.StatusInternalServerError, shown)
}

// execute answers what has to be parsed.
func (e *Endpoint) execute(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	q, _ := ctx.Value(requestKey{}).(*request)
	held := &admission.Response{}
	defer held.Release()
	ctx = admission.WithResponse(ctx, held)
	ctx = graphql.StartOperationTrace(links.From(ctx, links.BaseOf(r)))
	release, refused, err := e.admitValues(ctx, q.values())
	if err != nil {
		tooBusy(w, q)
		return
	}
	defer release()
	read, err := e.admitText(ctx, len(q.raw))
	if err != nil {
		tooBusy(w, q)
		return
	}
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
	if q.Get && opCtx.Operation != nil && opCtx.Operation.Operation != ast.Query {
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

// admitValues admits the values of a request, which take many times the memory of their
// text, before they are decoded; or it refuses them.
func (e *Endpoint) admitValues(ctx context.Context, n int) (release func(), refused *gqlerror.Error, err error) {
	switch most := e.reader.limits.Values; {
	case n > most:
		return func() {}, tooLarge(most, "values in its variables"), nil
	case n <= admission.FewValues:
		return func() {}, nil, nil
	}
	release, err = e.admission.Values.Acquire(ctx, int64(n))
	return release, nil, err
}

// admitText waits for the turn of a long request to be decoded, parsed and validated. The
// turn ends with the first call of done.
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

func (e *Endpoint) refuse(ctx context.Context, w http.ResponseWriter, q *request, opCtx *graphql.OperationContext, errs gqlerror.List) {
	resp := e.exec.DispatchError(graphql.WithOperationContext(ctx, opCtx), errs)
	(&outcome{text: encode(resp), empty: true}).send(w, nil, q)
}

// answer carries an operation out. Queries that are the same in every byte and
// are asked at once are answered once.
func (e *Endpoint) answer(ctx context.Context, q *request, opCtx *graphql.OperationContext) (*outcome, error) {
	if opCtx.Operation.Operation != ast.Query || q.form != nil {
		return e.dispatch(ctx, answers.Key{}, opCtx), nil
	}
	key := q.key
	if !q.Get && !e.answers.Admits(key) {
		key = answers.Key{}
	}
	began := time.Now()
	var own atomic.Bool // who leaves early does not wait for the one who sets it
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

// dispatch executes an operation. The answer is cached under a key if there is one and
// if it may be cached.
func (e *Endpoint) dispatch(ctx context.Context, key answers.Key, opCtx *graphql.OperationContext) *outcome {
	usage := &zoom.Usage{}
	if e.drift {
		usage.KeepDrift()
	}
	ctx, cancel := context.WithTimeout(zoom.WithUsage(ctx, usage), e.timeout)
	defer cancel()
	responses, inner := e.exec.DispatchOperation(ctx, opCtx)
	resp := responses(inner)
	if resp == nil {
		return nil // nobody waits any more
	}
	if wantsPlan(opCtx) && e.plan != nil {
		if resp.Extensions == nil {
			resp.Extensions = map[string]any{}
		}
		resp.Extensions["plan"] = e.plan(ctx, opCtx)
	}
	out := &outcome{text: encode(resp), empty: resp.Data == nil, cost: costOf(usage)}
	if !key.IsZero() && len(resp.Errors) == 0 && !out.empty {
		again := out.cost.again()
		whole := out.text.whole(&again)
		if out.cached = e.answers.Set(ctx, key, OperationName(opCtx), whole, usage); out.cached != nil {
			out.text = out.text.in(whole)
		}
	}
	return out
}

// first is http.Header.Get for a name that is written as it is kept.
func first(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return values[0]
}

// read reads what is asked into buf, behind what is there, or says with which status
// and why it cannot be read.
func (q *request) read(w http.ResponseWriter, r *http.Request, buf *bytes.Buffer, bodies *ratelimit.Pool) (int, string) {
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		buf.WriteString(r.URL.RawQuery)
	case http.MethodPost:
		if !negotiation.IsIdentity(r.Header["Content-Encoding"]) {
			w.Header().Set("Accept-Encoding", "identity") // RFC 9110, section 15.5.16
			return http.StatusUnsupportedMediaType, "the body is compressed (Content-Encoding); send it as it is"
		}
		if content := first(r.Header["Content-Type"]); !negotiation.IsJSON(content) {
			if media, _, _ := mime.ParseMediaType(content); media == multipartForm {
				given, ok := bodies.TryAcquire(r.Context(), maxUploadBody)
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
		if n := int(r.ContentLength); 0 <= r.ContentLength && n <= maxBody { // net/http sees to it that no more comes
			q.release, err = readBody(r.Context(), bodies, r.Body, buf, n)
			_ = r.Body.Close() // or net/http looks for more of it before it answers
		} else {
			q.release, err = readBody(r.Context(), bodies, http.MaxBytesReader(w, r.Body, maxBody), buf, -1)
		}
		if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
			return http.StatusRequestEntityTooLarge, "the body is larger than 1 MiB"
		} else if errors.Is(err, errTooManyBodies) {
			return tooManyBodies(w)
		} else if err != nil {
			return http.StatusBadRequest, "the body broke off"
		}
	default:
		w.Header().Set("Allow", "GET, HEAD, POST")
		return http.StatusMethodNotAllowed, "GraphQL is asked by POST, a query also by GET"
	}
	return 0, ""
}

// values counts the values in what is asked. Those beside files were counted when they
// were read.
func (q *request) values() int {
	switch {
	case q.form != nil:
		return 0
	case !q.Get:
		return valuesIn(q.raw)
	}
	given, _ := url.ParseQuery(string(q.raw)) // params says what is wrong with it
	return valuesIn([]byte(given.Get("variables"))) + valuesIn([]byte(given.Get("extensions")))
}

// params parses what is asked, or says what is wrong with it. The body itself is never
// quoted.
func (q *request) params(r *http.Request) (req *requestParams, problem string) {
	if req = q.form; req != nil {
		// it is read
	} else if q.Get {
		req, problem = readURL(r.URL.RawQuery)
	} else if req, problem = readJSON(bytes.TrimPrefix(q.raw, byteOrderMark)), ""; req == nil {
		problem = "the body is not a JSON object with query, variables and operationName"
	}
	if problem == "" {
		problem = req.named()
	}
	if problem != "" {
		return nil, problem
	}
	req.Headers = r.Header
	req.ReadTime = graphql.TraceTiming{Start: q.Start, End: graphql.Now()}
	return req, ""
}

// members are where the parts of a request belong, by their names.
func (r *requestParams) members() map[string]any {
	return map[string]any{
		"query": &r.Query, "operationName": &r.OperationName, "variables": &r.Variables, "extensions": &r.Extensions,
		"documentId": &r.DocumentID, "doc_id": &r.RelayID,
	}
}

// readURL reads a request from the query of a URL. A part that cannot be read, or
// stands there twice, is no part to be left out: the answer would be one to another
// question.
func readURL(query string) (*requestParams, string) {
	given, err := url.ParseQuery(query)
	if err != nil {
		return nil, "the query of the URL cannot be read: % is written as %25 there, and ; as %3B"
	}
	req := &requestParams{}
	for name, into := range req.members() {
		if len(given[name]) > 1 {
			return nil, "the parameter " + name + " is there twice"
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

// readJSON reads a request from a body; nil is none. encoding/json by itself takes names
// in any letters, and puts together the variables of a body that has them twice.
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

// byteOrderMark may stand in front of a text in UTF-8 and says nothing there. RFC 8259,
// section 8.1, allows to pass it over.
var byteOrderMark = []byte("\uFEFF")

// decode reads one JSON value and nothing after it. Numbers keep their digits:
// a meeting number does not survive a float.
func decode(data []byte, v any) error {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	if err := dec.Decode(v); err != nil {
		return err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something stands behind the value")
	}
	return nil
}

var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// outcome is an answer to an operation. It is shared by all who asked the same.
type outcome struct {
	text  text
	cost  cost
	empty bool // nothing was executed
	// cached is the answer in the cache; nil where it must not be cached.
	cached *answers.Answer
}

// send writes an answer, compressed for a reader who takes that. r may be nil where
// nothing was executed.
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
	if compress { // an error means that the reader has left
		_ = negotiation.WriteGzip(w, write)
	} else {
		_ = write(w)
	}
}

// text is an answer up to what it cost (see cost.append), around its data, which
// may be long and is not copied without need.
type text struct{ before, data, after []byte }

func (t *text) length() int { return len(t.before) + len(t.data) + len(t.after) }

// in returns the same text as it stands in a copy, which is then all that is held.
func (t text) in(whole []byte) text {
	data, after := len(t.before), len(t.before)+len(t.data)
	return text{whole[:data:data], whole[data:after:after], t.after}
}

// whole returns the answer with its cost.
func (t text) whole(c *cost) []byte {
	return c.append(append(append(append(make([]byte, 0, t.length()+200), t.before...), t.data...), t.after...))
}

// encode writes the three parts of an answer in the order in which people read
// them: errors, data, extensions. There is no data if nothing was executed.
func encode(resp *graphql.Response) text {
	buf := &bytes.Buffer{}
	buf.WriteByte('{')
	if len(resp.Errors) > 0 {
		raw, err := json.Marshal(resp.Errors)
		if err != nil {
			raw = []byte(`[{"message":"The errors cannot be written.","extensions":{"code":"INTERNAL"}}]`)
		}
		buf.WriteString(`"errors":`)
		buf.Write(raw)
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

// fail answers a request that was not read.
func fail(w http.ResponseWriter, media string, status int, problem string) {
	code := types.ErrorCodeBadRequest
	switch status {
	case http.StatusRequestEntityTooLarge:
		code = types.ErrorCodeLimitExceeded
	case http.StatusServiceUnavailable:
		code = types.ErrorCodeTimeout // it may be sent again as it is
	}
	failWith(w, media, status, code, problem)
}

func failWith(w http.ResponseWriter, media string, status int, code types.ErrorCode, problem string) {
	writeError(w, media, status, WithCode(gqlerror.Errorf("%s", problem), code))
}

// writeError answers with one error, and nothing that was executed.
func writeError(w http.ResponseWriter, media string, status int, err *gqlerror.Error) {
	w.Header()["Content-Type"] = negotiation.ContentType(media)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(encode(&graphql.Response{Errors: gqlerror.List{err}}).whole(&cost{}))
}
