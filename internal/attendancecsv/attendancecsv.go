// Package attendancecsv serves attendance as CSV (RFC 4180):
//
//	GET /attendance/{id}.csv
//
// The id is the global id of an instance of a meeting or webinar, for a line per person, or that
// of a meeting or webinar, for persons by instances. The absent registrants follow the persons.
//
// A file is made of the answers to queries, which the account's own GraphQL handler executes as
// the caller: keys, limits, budgets and prices are those of any query. A gateway that executes
// only trusted documents trusts these [Documents], too. If an answer has an error, there is no
// file, since a table has no place for errors.
package attendancecsv

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"io"
	"log/slog"
	"math"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"zoomql/internal/negotiation"
	"zoomql/internal/ratelimit"
	"zoomql/internal/zoom/types"
)

// Path is the prefix of the paths of files, below which the handler MUST be served.
const Path = "/attendance/"

// PathOf returns the path of the file of an object, with parameters as its query.
func PathOf(tenant types.Tenant, id types.NodeID, parameters url.Values) string {
	path := Path + id.Encode(tenant) + ".csv"
	if len(parameters) > 0 {
		path += "?" + parameters.Encode()
	}
	return path
}

const (
	// maxFile bounds a file, and each answer of the graph, in bytes. A line has about 150 bytes,
	// and at most 30,000 stays of an instance are read.
	maxFile = 6 << 20
	// maxFiles bounds the files that are made and sent at once, of all callers together. One
	// caller has at most two of them.
	maxFiles = 3
)

// NewPlaces returns the pool of places for files, which all handlers of a process share.
func NewPlaces() *ratelimit.Pool { return ratelimit.NewSharedPool(maxFiles) }

// Handler serves the files of one account.
type Handler struct {
	// Graph is the account's GraphQL handler.
	Graph http.Handler
	// Tenant is the account in global ids.
	Tenant types.Tenant
	// Places bounds the files that are made and sent at once: see [NewPlaces].
	Places *ratelimit.Pool
	// Log receives a line for each file; nil means none.
	Log *slog.Logger
}

// failure is the reason why there is no file.
type failure struct {
	status int
	why    string
	retry  time.Duration // for Retry-After; 0 if a retry would not help
}

// Error returns the text of the response.
func (p *failure) Error() string { return p.why }

func fail(status int, why string) error { return &failure{status: status, why: why} }

// ServeHTTP answers GET and HEAD.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		writeError(w, fail(http.StatusMethodNotAllowed, "A file is read by GET."))
		return
	}
	if dry, ok := negotiation.Flag(r.Header.Values("X-Dry-Run")); dry || !ok {
		writeError(w, fail(http.StatusBadRequest, "A file has no price. Price the field attendance in a query."))
		return
	}
	q, err := h.parse(r)
	if err != nil {
		writeError(w, err)
		return
	}
	release, ok := h.Places.TryAcquire(r.Context(), 1)
	if !ok {
		writeError(w, &failure{http.StatusServiceUnavailable, "Other files are being made. Try again.", 5 * time.Second})
		return
	}
	defer release()
	f := &file{query: q, graph: h.Graph, request: r, written: map[string]bool{}}
	if err := f.build(); err != nil {
		writeError(w, err)
		return
	}
	if h.Log != nil {
		h.Log.InfoContext(r.Context(), "attendance", "bytes", f.body.Len())
	}
	header := w.Header()
	header.Set("Content-Type", "text/csv; charset=utf-8; header=present")
	header.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": f.filename()}))
	header.Set("Cache-Control", "private, no-cache")
	header.Add("Vary", "Authorization, X-Zoom-Account") // in addition to what other handlers have set
	sum := sha256.Sum256(f.body.Bytes())
	header.Set("Etag", `"`+base64.RawURLEncoding.EncodeToString(sum[:12])+`"`)
	protect(header)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(f.body.Bytes()))
}

// protect prevents browsers from executing a response as a page.
func protect(h http.Header) {
	h.Set("Content-Security-Policy", "sandbox")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
}

func writeError(w http.ResponseWriter, err error) {
	p, ok := errors.AsType[*failure](err)
	if !ok {
		p = &failure{status: http.StatusInternalServerError, why: "The file could not be made."}
	}
	h := w.Header()
	if p.retry > 0 {
		h.Set("Retry-After", strconv.Itoa(int(math.Ceil(p.retry.Seconds()))))
	}
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	protect(h)
	w.WriteHeader(p.status)
	_, _ = io.WriteString(w, p.why+"\n") // the caller may have left
}
