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

// refused is an error in an answer, with its code.
type refused struct {
	*problem
	code string
}

// Unwrap returns what callers are told.
func (r *refused) Unwrap() error { return r.problem }

// statuses are the HTTP statuses of codes of errors.
var statuses = map[string]int{
	"BAD_USER_INPUT": http.StatusBadRequest, "GRAPHQL_VALIDATION_FAILED": http.StatusBadRequest,
	"NOT_FOUND": http.StatusNotFound, "EXPIRED": http.StatusNotFound, "NOT_ENABLED": http.StatusNotFound,
	"DOCUMENT_NOT_TRUSTED": http.StatusForbidden, "FORBIDDEN": http.StatusForbidden, "MISSING_SCOPE": http.StatusForbidden, "PLAN_REQUIRED": http.StatusForbidden,
	"LIMIT_EXCEEDED": http.StatusUnprocessableEntity,
	"RATE_LIMITED":   http.StatusTooManyRequests, "DAILY_LIMIT": http.StatusTooManyRequests,
	"NOT_READY": http.StatusServiceUnavailable, "ZOOM_UNAVAILABLE": http.StatusServiceUnavailable, "TIMEOUT": http.StatusServiceUnavailable,
	"INTERNAL": http.StatusInternalServerError,
}

// ask sends a document to the graph, as the caller of the file would.
func (f *file) ask(document string) (*attended, error) {
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
		return nil, refusal(http.StatusUnprocessableEntity, "The answer to a part of the file is longer than 6 MiB: ask for fewer days.")
	}
	a := &answer{}
	if json.Unmarshal(w.body.Bytes(), a) != nil || w.status >= 300 && len(a.Errors) == 0 {
		return nil, notAnswered(w)
	}
	if len(a.Errors) > 0 {
		return nil, refusedBy(&a.Errors[0], w)
	}
	if a.Data.Node == nil || a.Data.Node.Attendance == nil {
		return nil, &refused{&problem{status: http.StatusNotFound, why: "There is no such meeting or webinar, or no such run of one."}, "NOT_FOUND"}
	}
	return a.Data.Node.Attendance, nil
}

func refusedBy(e *answerError, w *recorder) error {
	p := &problem{status: statuses[e.Extensions.Code], why: e.Extensions.Code + ": " + e.Message}
	if p.status == 0 {
		p.status = http.StatusBadGateway
	}
	if at := e.Extensions.RetryAt; !at.IsZero() {
		p.retry = max(time.Until(at), time.Second)
	} else {
		p.retry = w.retryAfter()
	}
	return &refused{p, e.Extensions.Code}
}

// notAnswered is what is told where the graph has not carried the document out: it is busy.
func notAnswered(w *recorder) error {
	p := &problem{status: http.StatusBadGateway, why: "The gateway did not answer.", retry: w.retryAfter()}
	if w.status >= 400 {
		p.status = w.status
	}
	return p
}

// recorder keeps an answer, up to a bound.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
	full   bool
}

// retryAfter returns the value of Retry-After, 0 without one.
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
