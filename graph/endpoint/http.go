package graph

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
	"github.com/klauspost/compress/gzip"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"zoomql/internal/flight"
	"zoomql/internal/links"
	"zoomql/internal/ratelimit"
	"zoomql/internal/zoom"
)

// maxBody bounds the body of a request.
const maxBody = 1 << 20

// The media types of an answer. Under the first, a status other than 200 says
// that nothing was executed; under the second, which older clients ask for, the
// status is 200 whenever the request could be read.
//
// Spec: https://graphql.github.io/graphql-over-http/draft/
const (
	graphqlResponse = "application/graphql-response+json"
	plainJSON       = "application/json"
)

// endpoint serves GraphQL over HTTP: POST with a JSON body, and GET for queries.
// gqlgen's own transports echo bodies that they cannot read, have no bound for
// them, and write "data": null where the specification wants no data.
type endpoint struct {
	exec    *executor.Executor
	reader  *reader
	budget  Budget
	log     *slog.Logger
	timeout time.Duration // of an operation; what there is then is the answer
	answers *answers
	library *library
	flights flight.Group[*outcome]
	room    *Room
	remote  bool         // the log holds where a mutation came from
	drift   bool         // answers tell what of Zoom's the graph does not know
	rest    http.Handler // answers what no kept answer does
}

// inquiry is a request as far as it is read before anything is parsed.
type inquiry struct {
	media   string         // of the answer
	get     bool           // the question stands in the URL
	raw     []byte         // the body, or the URL's query; it is lent
	wording wording        // what is asked, to the byte; nothing for a form
	form    *requestParams // what a form with files held, which raw does not
	start   time.Time
	release func() // gives back the room for the body; nil where it took none
}

// done gives back what reading took.
func (q *inquiry) done(buf *bytes.Buffer) {
	if q.release != nil {
		q.release()
	}
	if buf.Cap() <= shortBody {
		buffers.Put(buf)
	}
}

type inquiryKey struct{}

// ServeHTTP answers one request: with what is kept, or else anew.
func (e *endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	defer e.recovered(w, r)
	q := inquiry{media: negotiate(r.Header["Accept"]), get: isGet(r), start: time.Now()}
	if q.media == "" {
		fail(w, plainJSON, http.StatusNotAcceptable, "the answer comes as "+graphqlResponse+" or "+plainJSON)
		return
	}
	buf, _ := buffers.Get().(*bytes.Buffer)
	defer q.done(buf)
	buf.Reset()
	e.answers.begin(buf, r)
	begun := buf.Len()
	if status, problem := q.read(w, r, buf, e.room.bodies); problem != "" {
		fail(w, q.media, status, problem)
		return
	}
	if q.form == nil {
		q.raw = buf.Bytes()[begun:]
		q.wording = e.answers.wording(begun, buf.Bytes())
		if k := e.answers.get(r.Context(), q.wording, q.start); k != nil {
			e.again(w, r, &q, k)
			return
		}
	}
	missed := q // q itself stays on the stack, where a kept answer needs it no longer
	e.rest.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), inquiryKey{}, &missed)))
}

// again answers with what is kept.
func (e *endpoint) again(w http.ResponseWriter, r *http.Request, q *inquiry, k *kept) {
	if len(k.body) > longAnswer {
		give, err := e.place(r)
		if err != nil {
			tooBusy(w, q)
			return
		}
		defer give()
	}
	k.serve(w, r, q)
	e.answers.gave(k, q.start)
}

// place waits for a place for a long answer.
func (e *endpoint) place(r *http.Request) (give func(), err error) {
	ctx, cancel := context.WithTimeout(r.Context(), e.timeout)
	defer cancel()
	return e.room.answers.Acquire(ctx, 1)
}

// recovered answers when the gateway breaks where no field can catch it. It is to
// be deferred.
func (e *endpoint) recovered(w http.ResponseWriter, r *http.Request) {
	p := recover()
	if p == nil {
		return
	}
	if p == http.ErrAbortHandler { //nolint:errorlint // it is panicked with as it is
		panic(p)
	}
	shown, _ := errors.AsType[*gqlerror.Error](e.exec.PresentRecoveredError(r.Context(), p))
	w.Header().Set("Content-Type", plainJSON+"; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusInternalServerError)
	_, _ = w.Write(encode(&graphql.Response{Errors: gqlerror.List{shown}}).whole(&cost{}))
}

// execute answers what has to be parsed.
func (e *endpoint) execute(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	q, _ := ctx.Value(inquiryKey{}).(*inquiry)
	held := &sending{}
	defer held.end()
	ctx = context.WithValue(ctx, sendingKey{}, held)
	ctx = graphql.StartOperationTrace(links.From(ctx, links.BaseOf(r)))
	req, problem := q.params(r)
	var unknown *gqlerror.Error
	if problem == "" {
		problem, unknown = e.library.resolve(ctx, req)
	}
	switch {
	case problem != "":
		fail(w, q.media, http.StatusBadRequest, problem)
		return
	case unknown != nil:
		stats := graphql.Stats{Read: req.ReadTime, OperationStart: graphql.GetStartTime(ctx)}
		e.refuse(ctx, w, q, &graphql.OperationContext{Stats: stats}, gqlerror.List{unknown})
		return
	}
	opCtx, errs := e.open(ctx, &req.RawParams)
	if q.get && opCtx.Operation != nil && opCtx.Operation.Operation != ast.Query {
		w.Header().Set("Allow", http.MethodPost)
		fail(w, q.media, http.StatusMethodNotAllowed, "GET is for queries; send a mutation by POST")
		return
	}
	if errs != nil {
		e.refuse(ctx, w, q, opCtx, explained(opCtx, errs))
		return
	}
	e.library.remember(ctx, req)
	if opCtx.Operation.Operation == ast.Mutation {
		ctx = withSender(ctx, w, r, e.remote)
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

func (e *endpoint) refuse(ctx context.Context, w http.ResponseWriter, q *inquiry, opCtx *graphql.OperationContext, errs gqlerror.List) {
	resp := e.exec.DispatchError(graphql.WithOperationContext(ctx, opCtx), errs)
	(&outcome{text: encode(resp), empty: true}).send(w, nil, q)
}

// answer carries an operation out. Queries that are the same in every byte and
// are asked at once are answered once.
func (e *endpoint) answer(ctx context.Context, q *inquiry, opCtx *graphql.OperationContext) (*outcome, error) {
	if opCtx.Operation.Operation != ast.Query || q.form != nil {
		return e.dispatch(ctx, wording{}, opCtx), nil
	}
	keep := q.wording
	if !q.get && !e.answers.pays(keep.hash) {
		keep = wording{}
	}
	began := time.Now()
	var own atomic.Bool // who leaves early does not wait for the one who sets it
	out, err := e.flights.Here(ctx, string(q.wording.bytes), nil, func(ctx context.Context) (*outcome, error) {
		own.Store(true)
		return e.dispatch(ctx, keep, opCtx), nil
	})
	if own.Load() {
		return out, err
	}
	attrs := append([]slog.Attr{slog.String("name", nameOf(opCtx))}, caller(ctx)...)
	e.log.LogAttrs(ctx, slog.LevelInfo, "operation", append(attrs,
		slog.Float64("ms", float64(time.Since(began).Microseconds())/1000), slog.Bool("joined", true))...)
	if out == nil {
		return nil, err
	}
	joined := *out
	joined.cost = out.cost.again()
	return &joined, err
}

// dispatch runs an operation. The answer is kept for a question if there is one
// and if it may be kept.
func (e *endpoint) dispatch(ctx context.Context, q wording, opCtx *graphql.OperationContext) *outcome {
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
	out := &outcome{text: encode(resp), empty: resp.Data == nil, cost: costOf(usage)}
	if q.bytes != nil && len(resp.Errors) == 0 && !out.empty {
		again := out.cost.again()
		whole := out.text.whole(&again)
		if out.kept = e.answers.keep(ctx, q, nameOf(opCtx), whole, usage); out.kept != nil {
			out.text = out.text.in(whole)
		}
	}
	return out
}

// isGet reports whether a question stands in the URL.
func isGet(r *http.Request) bool { return r.Method == http.MethodGet || r.Method == http.MethodHead }

// first is http.Header.Get for a name that is written as it is kept.
func first(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return values[0]
}

// read reads what is asked into buf, behind what is there, or says with which status
// and why it cannot be read.
func (q *inquiry) read(w http.ResponseWriter, r *http.Request, buf *bytes.Buffer, bodies *ratelimit.Pool) (int, string) {
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		buf.WriteString(r.URL.RawQuery)
	case http.MethodPost:
		if !isPlain(r.Header["Content-Encoding"]) {
			w.Header().Set("Accept-Encoding", "identity") // RFC 9110, section 15.5.16
			return http.StatusUnsupportedMediaType, "the body is compressed (Content-Encoding); send it as it is"
		}
		if content := first(r.Header["Content-Type"]); !isJSON(content) {
			if media, _, _ := mime.ParseMediaType(content); media == multipartForm {
				given, ok := bodies.TryAcquire(r.Context(), maxUploadBody)
				if !ok {
					return noRoom(w)
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
			q.release, err = arrive(r.Context(), bodies, r.Body, buf, n)
			_ = r.Body.Close() // or net/http looks for more of it before it answers
		} else {
			q.release, err = arrive(r.Context(), bodies, http.MaxBytesReader(w, r.Body, maxBody), buf, -1)
		}
		if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
			return http.StatusRequestEntityTooLarge, "the body is larger than 1 MiB"
		} else if errors.Is(err, errNoRoom) {
			return noRoom(w)
		} else if err != nil {
			return http.StatusBadRequest, "the body broke off"
		}
	default:
		w.Header().Set("Allow", "GET, HEAD, POST")
		return http.StatusMethodNotAllowed, "GraphQL is asked by POST, a query also by GET"
	}
	return 0, ""
}

// params parses what is asked, or says what is wrong with it. The body itself is never
// quoted.
func (q *inquiry) params(r *http.Request) (req *requestParams, problem string) {
	if req = q.form; req != nil {
		// it is read
	} else if q.get {
		req, problem = readURL(r.URL.Query())
	} else if err := decode(bytes.TrimPrefix(q.raw, byteOrderMark), &req); err != nil || req == nil {
		problem = "the body is not a JSON object with query, variables and operationName"
	}
	if problem == "" {
		problem = req.named()
	}
	if problem != "" {
		return nil, problem
	}
	req.Headers = r.Header
	req.ReadTime = graphql.TraceTiming{Start: q.start, End: graphql.Now()}
	return req, ""
}

func readURL(q url.Values) (*requestParams, string) {
	req := &requestParams{DocumentID: q.Get("documentId"), RelayID: q.Get("doc_id")}
	req.Query, req.OperationName = q.Get("query"), q.Get("operationName")
	for name, into := range map[string]*map[string]any{"variables": &req.Variables, "extensions": &req.Extensions} {
		if text := q.Get(name); text != "" && decode([]byte(text), into) != nil {
			return nil, "the parameter " + name + " is not a JSON object"
		}
	}
	return req, ""
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
	empty bool  // nothing was executed
	kept  *kept // nil where it must not be kept
}

// send writes an answer, compressed for a reader who takes that. r may be nil where
// nothing was executed.
func (o *outcome) send(w http.ResponseWriter, r *http.Request, q *inquiry) {
	if o.kept != nil {
		o.kept.serveFirst(w, r, q, o.text.whole(&o.cost))
		return
	}
	tail := o.cost.append(nil)
	h := w.Header()
	h["Content-Type"], h["Vary"], h["Cache-Control"] = mediaHeader(q.media), varies, unstored
	length := o.text.length() + len(tail)
	packs := length >= packs && r != nil && takesGzip(r.Header["Accept-Encoding"])
	if packs {
		h["Content-Encoding"] = gzipped
	} else {
		h.Set("Content-Length", strconv.Itoa(length))
	}
	if o.empty && q.media == graphqlResponse {
		w.WriteHeader(http.StatusBadRequest)
	}
	into := io.Writer(w)
	if packs {
		packer, _ := packers.Get().(*gzip.Writer)
		defer packers.Put(packer)
		packer.Reset(w)
		defer func() { _ = packer.Close() }()
		into = packer
	}
	for _, part := range [...][]byte{o.text.before, o.text.data, o.text.after, tail} {
		_, _ = into.Write(part) // the client has gone; nobody is left to tell
	}
}

// Headers that are the same in many answers. They are shared, and so never
// changed.
var (
	varies   = []string{"Accept, Accept-Encoding, Authorization, Origin, X-Zoom-Account"}
	unstored = []string{"private, no-store"}
	newMedia = []string{graphqlResponse + "; charset=utf-8"}
	oldMedia = []string{plainJSON + "; charset=utf-8"}
)

func mediaHeader(media string) []string {
	if media == graphqlResponse {
		return newMedia
	}
	return oldMedia
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

// fail answers a request that could not be read.
func fail(w http.ResponseWriter, media string, status int, problem string) {
	failWith(w, media, status, codeBadRequest, problem)
}

func failWith(w http.ResponseWriter, media string, status int, code, problem string) {
	refused := encode(&graphql.Response{Errors: gqlerror.List{{Message: problem, Extensions: map[string]any{"code": code}}}})
	w.Header().Set("Content-Type", media+"; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(refused.whole(&cost{}))
}
