package attendancecsv

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"
)

// graphError is an error in an answer of the graph, with its code.
type graphError struct {
	*failure
	code string
}

// Unwrap returns the failure that callers see.
func (r *graphError) Unwrap() error { return r.failure }

// statuses are the HTTP statuses of error codes; that of others is 502.
var statuses = map[string]int{
	"BAD_USER_INPUT": http.StatusBadRequest, "GRAPHQL_VALIDATION_FAILED": http.StatusBadRequest,
	"NOT_FOUND": http.StatusNotFound, "EXPIRED": http.StatusNotFound, "NOT_ENABLED": http.StatusNotFound,
	"DOCUMENT_NOT_TRUSTED": http.StatusForbidden, "FORBIDDEN": http.StatusForbidden, "MISSING_SCOPE": http.StatusForbidden, "PLAN_REQUIRED": http.StatusForbidden,
	"LIMIT_EXCEEDED": http.StatusUnprocessableEntity,
	"RATE_LIMITED":   http.StatusTooManyRequests, "DAILY_LIMIT": http.StatusTooManyRequests,
	"NOT_READY": http.StatusServiceUnavailable, "ZOOM_UNAVAILABLE": http.StatusServiceUnavailable, "TIMEOUT": http.StatusServiceUnavailable,
	"INTERNAL": http.StatusInternalServerError,
}

// ask executes a document in the graph, as the caller of the file, whom the context identifies.
func (f *file) ask(document string) (*attendance, error) {
	body, err := json.Marshal(map[string]any{"query": document, "variables": f.variables})
	if err != nil {
		return nil, err
	}
	r := f.request.Clone(f.request.Context())
	r.Method, r.URL.Path, r.URL.RawPath, r.URL.RawQuery, r.RequestURI = http.MethodPost, "/graphql", "", "", "/graphql"
	r.Header = http.Header{"Content-Type": {"application/json"}, "Accept": {"application/graphql-response+json"}}
	for _, name := range []string{"X-Request-Id", "Traceparent", "Tracestate"} {
		if values := f.request.Header[name]; values != nil {
			r.Header[name] = values
		}
	}
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	w := &recorder{header: http.Header{}}
	f.graph.ServeHTTP(w, r)
	if w.full {
		return nil, fail(http.StatusUnprocessableEntity, "The answer to a part of the file is longer than 6 MiB: ask for fewer days.")
	}
	a := &answer{}
	if json.Unmarshal(w.body.Bytes(), a) != nil || w.status >= 300 && len(a.Errors) == 0 {
		return nil, unanswered(w)
	}
	if len(a.Errors) > 0 {
		return nil, graphErrorOf(&a.Errors[0], w)
	}
	if a.Data.Node == nil || a.Data.Node.Attendance == nil {
		return nil, &graphError{&failure{status: http.StatusNotFound, why: "There is no such meeting or webinar, or no such run of one."}, "NOT_FOUND"}
	}
	return a.Data.Node.Attendance, nil
}

func graphErrorOf(e *answerError, w *recorder) error {
	p := &failure{status: statuses[e.Extensions.Code], why: e.Extensions.Code + ": " + e.Message}
	if p.status == 0 {
		p.status = http.StatusBadGateway
	}
	if at := e.Extensions.RetryAt; !at.IsZero() {
		p.retry = max(time.Until(at), time.Second)
	} else {
		p.retry = w.retryAfter()
	}
	return &graphError{p, e.Extensions.Code}
}

// unanswered is the failure if the graph has not executed the document, for example because it is
// busy.
func unanswered(w *recorder) error {
	p := &failure{status: http.StatusBadGateway, why: "The gateway did not answer.", retry: w.retryAfter()}
	if w.status >= 400 {
		p.status = w.status
	}
	return p
}

// recorder stores an answer of the graph, up to maxFile.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
	full   bool
}

// retryAfter returns the value of Retry-After, or 0.
func (w *recorder) retryAfter() time.Duration {
	seconds, _ := strconv.Atoi(w.header.Get("Retry-After")) // 0 if it is not a number
	return time.Duration(seconds) * time.Second
}

var errFull = errors.New("the answer is too long")

// Header implements [http.ResponseWriter].
func (w *recorder) Header() http.Header { return w.header }

// WriteHeader implements [http.ResponseWriter].
func (w *recorder) WriteHeader(status int) {
	if w.status == 0 && status >= 200 {
		w.status = status
	}
}

// Write implements [http.ResponseWriter].
func (w *recorder) Write(b []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	if w.body.Len()+len(b) > maxFile {
		w.full = true
		return 0, errFull
	}
	return w.body.Write(b)
}
