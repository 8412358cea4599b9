package sandbox

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync"

	"zoomql/internal/zoom"
)

// answer is the answer to a call: a status and a body.
type answer struct {
	status int
	body   any // nil, or encoded as JSON; text when kind is set
	kind   string
	header http.Header
	buf    *bytes.Buffer // the encoded body, from buffers
}

// zoomError is an error in Zoom's format.
//
// Source: https://developers.zoom.us/docs/api/errors/
type zoomError struct {
	status  int
	Code    int          `json:"code"`
	Message string       `json:"message"`
	Errors  []fieldError `json:"errors,omitempty"`
}

type fieldError struct {
	Field   string `json:"field"`
	Message string `json:"message"`
}

func (e *zoomError) Error() string {
	return fmt.Sprintf("HTTP %d, code %d: %s", e.status, e.Code, e.Message)
}

func badRequest(code int, message string) error {
	return &zoomError{http.StatusBadRequest, code, message, nil}
}

func notFound(code int, message string) error {
	return &zoomError{http.StatusNotFound, code, message, nil}
}

// invalid returns an error that names the invalid fields of a request.
func invalid(fields ...string) error {
	e := &zoomError{http.StatusBadRequest, 300, "Validation Failed.", nil}
	for _, f := range fields {
		e.Errors = append(e.Errors, fieldError{f, "Invalid field."})
	}
	return e
}

func refused(err error) *answer {
	if e, ok := errors.AsType[*zoomError](err); ok {
		return &answer{status: e.status, body: e}
	}
	if o, ok := errors.AsType[*oauthError](err); ok {
		return &answer{status: o.status, body: o}
	}
	return &answer{status: http.StatusInternalServerError, body: &zoomError{Code: 500, Message: err.Error()}}
}

// notRecognized is the answer to a path that is no operation.
//
// Source: code 2300 of GET /users.
func notRecognized() *answer {
	return refused(badRequest(2300, "This API endpoint is not recognized."))
}

func unavailable() *answer {
	return &answer{
		status: http.StatusServiceUnavailable,
		kind:   "text/html",
		body:   "<html><head><title>503 Service Temporarily Unavailable</title></head><body></body></html>\n",
	}
}

// clone returns a deep copy of a value's JSON fields: decoding writes through pointers, and
// a refused patch must not change the original.
func clone[T any](v T) (c T) {
	raw, err := json.Marshal(v)
	if err == nil {
		err = json.Unmarshal(raw, &c)
	}
	if err != nil {
		panic(fmt.Sprintf("sandbox: %v", err)) // clone is called with values of JSON alone
	}
	return c
}

var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// encode writes the body into a buffer. It is called while the state is still locked,
// because the items of a page are made here.
func (a *answer) encode() *answer {
	a.buf = buffers.Get().(*bytes.Buffer)
	a.buf.Reset()
	switch body := a.body.(type) {
	case nil:
	case string:
		a.buf.WriteString(body)
	case *page:
		body.encode(a.buf)
	default:
		appendJSON(a.buf, body)
	}
	return a
}

// send writes an answer, changed by a fault if one applies, and returns its status.
func send(w http.ResponseWriter, c *call, a *answer, f Fault) int {
	if f.CloseConnection {
		panic(http.ErrAbortHandler)
	}
	if a.buf == nil {
		a.encode()
	}
	defer buffers.Put(a.buf)
	if f.BrokenJSON {
		a.buf.Truncate(a.buf.Len() / 2)
	}
	head(w.Header(), c, a, f)
	if a.status == http.StatusNoContent {
		w.WriteHeader(a.status)
		return a.status
	}
	w.Header().Set("Content-Length", strconv.Itoa(a.buf.Len()))
	w.WriteHeader(a.status)
	_, _ = w.Write(a.buf.Bytes()) // it fails if the caller has gone
	return a.status
}

// appendJSON writes v as Zoom does, without escaping "&".
func appendJSON(buf *bytes.Buffer, v any) { newEncoder(buf).append(v) }

// encoder writes one JSON value after another.
type encoder struct {
	buf *bytes.Buffer
	enc *json.Encoder
}

func newEncoder(buf *bytes.Buffer) encoder {
	e := encoder{buf, json.NewEncoder(buf)}
	e.enc.SetEscapeHTML(false)
	return e
}

func (e encoder) append(v any) {
	if raw, ok := v.(json.RawMessage); ok {
		e.buf.Write(raw)
		return
	}
	if err := e.enc.Encode(v); err != nil {
		panic(fmt.Sprintf("sandbox: %v", err)) // a handler returned a value without a JSON form
	}
	e.buf.Truncate(e.buf.Len() - 1) // the encoder ends with a new line
}

// categories are the values of X-RateLimit-Category.
var categories = map[zoom.Rate]string{
	zoom.Light:             "Light",
	zoom.Medium:            "Medium",
	zoom.Heavy:             "Heavy",
	zoom.ResourceIntensive: "Resource-intensive",
}

// head sets the headers of every answer, then those of the limits, and then those of a
// fault, which override the others.
func head(h http.Header, c *call, a *answer, f Fault) {
	h.Set("Content-Type", orElse(a.kind, "application/json;charset=UTF-8"))
	h.Set("X-Zm-Trackingid", fmt.Sprintf("v=2.0;clid=us06;rid=WEB_%016x", mix(c.opt.Seed^c.seq<<1)))
	if spec := c.spec(); spec != nil {
		h.Set("X-Ratelimit-Category", categories[spec.Rate])
	}
	for _, from := range []http.Header{c.header, a.header, f.Header} {
		for name, values := range from {
			h[http.CanonicalHeaderKey(name)] = values
		}
	}
}
