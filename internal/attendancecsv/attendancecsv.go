// Package attendancecsv serves who attended as CSV (RFC 4180):
//
//	GET /attendance/{id}.csv
//
// The id is the global id of an instance of a meeting or webinar, for a line a person, or
// that of a meeting or webinar, for persons by instances. Behind the persons stand the
// registrants who did not come.
//
// A file is the answer to queries that are sent to the account's own GraphQL handler, in the
// name of the caller. So keys, limits, budgets and prices are those of every query. Their
// [Documents] are trusted where only trusted ones are executed. A file is whole: where an answer has an error, there is no file,
// since a table has no place for it.
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

	"zoomql/internal/ratelimit"
	"zoomql/internal/zoom/types"
)

// Path is where files are: the handler is to be served below it.
const Path = "/attendance/"

// PathOf returns the path of a file, with these parameters.
func PathOf(tenant types.Tenant, id types.NodeID, parameters url.Values) string {
	path := Path + id.Encode(tenant) + ".csv"
	if len(parameters) > 0 {
		path += "?" + parameters.Encode()
	}
	return path
}

const (
	// maxFile bounds a file, and the answer to one of its queries, in bytes. A line takes 150
	// of them, and 30,000 stays are read of an instance at most.
	maxFile = 6 << 20
	// maxFiles is how many files are made and sent at once by all callers together; one caller
	// has two of them at most.
	maxFiles = 3
)

// NewPlaces returns the places that all handlers of a process share.
func NewPlaces() *ratelimit.Pool { return ratelimit.NewSharedPool(maxFiles) }

// Handler serves the files of one account.
type Handler struct {
	// Graph is the account's GraphQL handler.
	Graph http.Handler
	// Tenant is the account in global ids.
	Tenant types.Tenant
	// Places bound how many files are made at once.
	Places *ratelimit.Pool
	// Log gets a line a file; nil is none.
	Log *slog.Logger
}

// problem is why there is no file.
type problem struct {
	status int
	why    string
	retry  time.Duration // 0 where it makes no difference to wait
}

// Error returns what callers are told.
func (p *problem) Error() string { return p.why }

func refusal(status int, why string) error { return &problem{status: status, why: why} }

// ServeHTTP answers GET and HEAD.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		refuse(w, refusal(http.StatusMethodNotAllowed, "A file is read by GET."))
		return
	}
	q, err := h.read(r)
	if err != nil {
		refuse(w, err)
		return
	}
	release, ok := h.Places.TryAcquire(r.Context(), 1)
	if !ok {
		refuse(w, &problem{http.StatusServiceUnavailable, "Other files are being made. Try again.", 5 * time.Second})
		return
	}
	defer release()
	f := &file{question: q, graph: h.Graph, request: r}
	if err := f.make(); err != nil {
		refuse(w, err)
		return
	}
	if h.Log != nil {
		h.Log.InfoContext(r.Context(), "attendance", "bytes", f.body.Len())
	}
	header := w.Header()
	header.Set("Content-Type", "text/csv; charset=utf-8; header=present")
	header.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": f.name()}))
	header.Set("Cache-Control", "private, no-cache")
	header.Add("Vary", "Authorization, X-Zoom-Account") // beside what others have set
	sum := sha256.Sum256(f.body.Bytes())
	header.Set("Etag", `"`+base64.RawURLEncoding.EncodeToString(sum[:12])+`"`)
	protect(header)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(f.body.Bytes()))
}

// protect keeps a file from being run as a page.
func protect(h http.Header) {
	h.Set("Content-Security-Policy", "sandbox")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
}

func refuse(w http.ResponseWriter, err error) {
	p, ok := errors.AsType[*problem](err)
	if !ok {
		p = &problem{status: http.StatusInternalServerError, why: "The file could not be made."}
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
