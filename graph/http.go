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
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"zoomql/internal/flight"
	"zoomql/internal/links"
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

// transport serves GraphQL over HTTP: POST with a JSON body, and GET for
// queries. gqlgen's own echoes bodies that it cannot read, has no bound for
// them, and writes "data": null where the specification wants no data.
type transport struct {
	log     *slog.Logger
	timeout time.Duration // of an operation; what there is then is the answer
	answers flight.Group[*graphql.Response]
}

var _ graphql.Transport = (*transport)(nil)

// Supports takes all but WebSockets.
func (*transport) Supports(r *http.Request) bool { return r.Header.Get("Upgrade") == "" }

// Do answers one request.
func (t *transport) Do(w http.ResponseWriter, r *http.Request, exec graphql.GraphExecutor) {
	media := negotiate(r.Header.Get("Accept"))
	if media == "" {
		fail(w, plainJSON, http.StatusNotAcceptable, "the answer comes as "+graphqlResponse+" or "+plainJSON)
		return
	}
	params, status, problem := readParams(w, r)
	if problem != "" {
		fail(w, media, status, problem)
		return
	}
	ctx := links.From(r.Context(), r)
	opCtx, errs := exec.CreateOperationContext(ctx, params)
	if errs != nil {
		tellLimit(errs)
		send(w, media, exec.DispatchError(graphql.WithOperationContext(ctx, opCtx), errs), http.StatusBadRequest)
		return
	}
	if r.Method == http.MethodGet && opCtx.Operation.Operation != ast.Query {
		w.Header().Set("Allow", http.MethodPost)
		fail(w, media, http.StatusMethodNotAllowed, "GET is for queries; send a mutation by POST")
		return
	}
	resp, err := t.answer(ctx, exec, opCtx)
	if err != nil {
		resp = exec.DispatchError(graphql.WithOperationContext(ctx, opCtx), gqlerror.List{gqlerror.Wrap(err)})
	}
	if resp != nil {
		send(w, media, resp, http.StatusBadRequest)
	}
}

// answer carries an operation out. Queries that are the same in every byte and
// are asked at once are answered once.
func (t *transport) answer(ctx context.Context, exec graphql.GraphExecutor, opCtx *graphql.OperationContext) (*graphql.Response, error) {
	execute := func(ctx context.Context) (*graphql.Response, error) {
		ctx, cancel := context.WithTimeout(ctx, t.timeout)
		defer cancel()
		responses, ctx := exec.DispatchOperation(ctx, opCtx)
		return responses(ctx), nil
	}
	if opCtx.Operation.Operation != ast.Query {
		return execute(ctx)
	}
	variables, err := json.Marshal(opCtx.Variables)
	if err != nil {
		return execute(ctx)
	}
	began := time.Now()
	var own atomic.Bool // who leaves early does not wait for the one who sets it
	resp, err := t.answers.Do(ctx, links.Base(ctx)+"\x00"+opCtx.OperationName+"\x00"+opCtx.RawQuery+"\x00"+string(variables), nil, func(ctx context.Context) (*graphql.Response, error) {
		own.Store(true)
		return execute(ctx)
	})
	if !own.Load() {
		t.log.LogAttrs(ctx, slog.LevelInfo, "operation", slog.String("name", nameOf(opCtx)),
			slog.Float64("ms", float64(time.Since(began).Microseconds())/1000), slog.Bool("joined", true))
	}
	return resp, err
}

// tellLimit gives the parser's own limit the code of the others.
func tellLimit(errs gqlerror.List) {
	for _, e := range errs {
		if strings.HasPrefix(e.Message, "exceeded token limit") {
			e.Message, e.Extensions = "The query is too large: it has too many words.", map[string]any{"code": codeLimit}
		}
	}
}

// readParams reads what is asked, or says with which status and why it cannot
// be read. The body itself is never quoted.
func readParams(w http.ResponseWriter, r *http.Request) (*graphql.RawParams, int, string) {
	start := graphql.Now()
	var params *graphql.RawParams
	var status int
	var problem string
	switch r.Method {
	case http.MethodGet:
		params, status, problem = readQuery(r)
	case http.MethodPost:
		params, status, problem = readBody(w, r)
	default:
		w.Header().Set("Allow", "GET, POST")
		return nil, http.StatusMethodNotAllowed, "GraphQL is asked by POST, a query also by GET"
	}
	if problem == "" && params.Query == "" {
		status, problem = http.StatusBadRequest, "there is no query"
	}
	if problem != "" {
		return nil, status, problem
	}
	params.Headers = r.Header
	params.ReadTime = graphql.TraceTiming{Start: start, End: graphql.Now()}
	return params, 0, ""
}

func readQuery(r *http.Request) (*graphql.RawParams, int, string) {
	q := r.URL.Query()
	params := &graphql.RawParams{Query: q.Get("query"), OperationName: q.Get("operationName")}
	for name, into := range map[string]*map[string]any{"variables": &params.Variables, "extensions": &params.Extensions} {
		if text := q.Get(name); text != "" && decode([]byte(text), into) != nil {
			return nil, http.StatusBadRequest, "the parameter " + name + " is not a JSON object"
		}
	}
	return params, 0, ""
}

func readBody(w http.ResponseWriter, r *http.Request) (*graphql.RawParams, int, string) {
	media, attrs, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if charset := attrs["charset"]; err != nil || media != plainJSON || (charset != "" && !strings.EqualFold(charset, "utf-8")) {
		return nil, http.StatusUnsupportedMediaType, "the body's Content-Type must be application/json"
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return nil, http.StatusRequestEntityTooLarge, "the body is larger than 1 MiB"
	} else if err != nil {
		return nil, http.StatusBadRequest, "the body broke off"
	}
	var params *graphql.RawParams
	if err := decode(body, &params); err != nil || params == nil {
		return nil, http.StatusBadRequest, "the body is not a JSON object with query, variables and operationName"
	}
	return params, 0, ""
}

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

// negotiate picks the media type of the answer, "" if none will do. Who does not
// name one gets what every client could read before there was the other.
func negotiate(accept string) string {
	if accept == "" {
		return plainJSON
	}
	media := ""
	for part := range strings.SplitSeq(accept, ",") {
		name, attrs, err := mime.ParseMediaType(part)
		charset := attrs["charset"]
		if err != nil || attrs["q"] == "0" || (charset != "" && !strings.EqualFold(charset, "utf-8")) {
			continue
		}
		switch name {
		case graphqlResponse:
			return graphqlResponse
		case plainJSON, "*/*", "application/*":
			media = plainJSON
		}
	}
	return media
}

var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// send writes an answer. unread is the status when nothing was executed.
func send(w http.ResponseWriter, media string, resp *graphql.Response, unread int) {
	buf, _ := buffers.Get().(*bytes.Buffer)
	defer buffers.Put(buf)
	buf.Reset()
	encode(buf, resp)
	h := w.Header()
	h.Set("Content-Type", media+"; charset=utf-8")
	h.Set("Cache-Control", "private, no-store")
	h.Set("Vary", "Accept, Authorization")
	if resp.Data == nil && media == graphqlResponse {
		w.WriteHeader(unread)
	}
	_, _ = w.Write(buf.Bytes()) // the client has gone; nobody is left to tell
}

// encode writes the three parts of an answer in the order in which people read
// them: errors, data, extensions. There is no data if nothing was executed.
func encode(buf *bytes.Buffer, resp *graphql.Response) {
	buf.WriteByte('{')
	part := func(name string, raw []byte) {
		if buf.Len() > 1 {
			buf.WriteByte(',')
		}
		buf.WriteString(name)
		buf.Write(raw)
	}
	if len(resp.Errors) > 0 {
		raw, err := json.Marshal(resp.Errors)
		if err != nil {
			raw = []byte(`[{"message":"The errors cannot be written.","extensions":{"code":"INTERNAL"}}]`)
		}
		part(`"errors":`, raw)
	}
	if resp.Data != nil {
		part(`"data":`, resp.Data)
	}
	if raw, err := json.Marshal(resp.Extensions); err == nil && len(resp.Extensions) > 0 {
		part(`"extensions":`, raw)
	}
	buf.WriteByte('}')
}

// fail answers a request that could not be read.
func fail(w http.ResponseWriter, media string, status int, problem string) {
	resp := &graphql.Response{Errors: gqlerror.List{{Message: problem, Extensions: map[string]any{"code": "BAD_REQUEST"}}}}
	var body bytes.Buffer
	encode(&body, resp)
	w.Header().Set("Content-Type", media+"; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(body.Bytes())
}
