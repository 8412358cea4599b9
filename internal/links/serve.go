package links

import (
	"bufio"
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"

	"zoomql/internal/logs"
	"zoomql/internal/ratelimit"
	"zoomql/internal/zoom"
)

const (
	// maxOpen bounds the concurrent downloads. One caller has half of them at most, and
	// less where others download too.
	maxOpen = 100
	// maxStall is how long Zoom may send nothing of a file.
	maxStall = 30 * time.Second
	// maxHops bounds the redirects of a download.
	maxHops = 5
)

// ServeHTTP answers GET and HEAD of a link with the file, or the requested range of it.
// The link is the credential: no key is needed.
func (l *Links) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	t, err := l.open(strings.TrimPrefix(r.URL.Path, Path))
	l.serve(w, r, t, err)
}

// Of returns the handler of the links of several accounts. A link does not name its
// account: each of them tries to open it, which takes a microsecond, and only its own
// can.
func Of(all ...*Links) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, l := range all {
			if t, err := l.open(strings.TrimPrefix(r.URL.Path, Path)); !errors.Is(err, errForged) {
				l.serve(w, r, t, err)
				return
			}
		}
		refuse(w, http.StatusNotFound, noLink)
	})
}

const noLink = "There is no such link."

// serve answers a request for the file of a link, or returns why it was not opened.
func (l *Links) serve(w http.ResponseWriter, r *http.Request, t *ticket, err error) {
	switch {
	case errors.Is(err, errExpired):
		refuse(w, http.StatusGone, "The link has expired. Request a new one.")
		return
	case err != nil:
		refuse(w, http.StatusNotFound, noLink)
		return
	}
	release, ok := l.slots.TryAcquire(ratelimit.WithCaller(r.Context(), t.holder()), 1)
	if !ok {
		w.Header().Set("Retry-After", "5")
		refuse(w, http.StatusServiceUnavailable, "Too many downloads are in progress. Try again.")
		return
	}
	defer release()
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	answer, err := l.get(r.WithContext(ctx), t)
	if err != nil {
		l.cfg.Log.WarnContext(r.Context(), "download failed", "error", logs.Message(scrubbed(err)))
		why := "Zoom does not give the file."
		if away, ok := errors.AsType[*ElsewhereError](err); ok {
			why = "Zoom does not give the file itself: " + away.Error() + "."
		}
		refuse(w, http.StatusBadGateway, why)
		return
	}
	defer func() { _ = answer.Body.Close() }()
	answer.Body = &watchedBody{answer.Body, cancel}
	l.pass(w, r, t, answer)
}

// pass forwards Zoom's answer, if it is a file: an HTML page of Zoom's would run in the
// origin of the gateway.
func (l *Links) pass(w http.ResponseWriter, r *http.Request, t *ticket, answer *http.Response) {
	l.cfg.Log.InfoContext(r.Context(), "download", "status", answer.StatusCode)
	switch answer.StatusCode {
	case http.StatusOK, http.StatusPartialContent, http.StatusNotModified, http.StatusRequestedRangeNotSatisfiable:
	case http.StatusNotFound, http.StatusGone:
		refuse(w, http.StatusNotFound, "The file is gone.")
		return
	case http.StatusTooManyRequests:
		w.Header().Set("Retry-After", "5")
		refuse(w, http.StatusServiceUnavailable, "Zoom is busy. Try again.")
		return
	default:
		refuse(w, http.StatusBadGateway, notGiven(answer.Body))
		return
	}
	body := bufio.NewReaderSize(answer.Body, maxRefusal)
	if first, _ := body.Peek(1); answer.StatusCode == http.StatusOK && len(first) == 1 && strings.IndexByte(refusals, first[0]) >= 0 {
		if text, err := body.Peek(maxRefusal); errors.Is(err, io.EOF) {
			if words, refused := zoom.Refusal(text); refused {
				refuse(w, http.StatusBadGateway, "Zoom does not give the file: "+words+".")
				return
			}
		}
	}
	if kind, _, _ := mime.ParseMediaType(answer.Header.Get("Content-Type")); answer.StatusCode < 300 && kind == "text/html" {
		refuse(w, http.StatusBadGateway, "Zoom requires a sign-in instead of the file.")
		return
	}
	h := w.Header()
	for _, name := range []string{"Content-Type", "Content-Length", "Content-Range", "Accept-Ranges", "Last-Modified", "Etag"} {
		if v := answer.Header.Get(name); v != "" {
			h.Set(name, v)
		}
	}
	h.Set("Content-Disposition", disposition(answer, t.Name))
	protect(h)
	w.WriteHeader(answer.StatusCode)
	if r.Method == http.MethodHead || answer.StatusCode == http.StatusNotModified {
		return
	}
	if _, err := io.Copy(w, body); err != nil {
		panic(http.ErrAbortHandler) // or a truncated file would look complete
	}
}

// refusals are the bytes that a refusal may begin with: of JSON, of XML, and of the
// byte order mark before both. Audio and video files begin with none of them.
const refusals = "{<\xef"

// maxRefusal bounds the bytes that are read of a refusal in place of a file.
const maxRefusal = 16 << 10

// notGiven returns the message for a refused file, with Zoom's text if there is one.
func notGiven(body io.Reader) string {
	text, err := io.ReadAll(io.LimitReader(body, maxRefusal))
	if words, refused := zoom.Refusal(text); err == nil && refused {
		return "Zoom does not give the file: " + words + "."
	}
	return "Zoom does not give the file."
}

// watchedBody cancels a download when a Read takes longer than maxStall, so a stalled
// one does not hold its slot for ever. The time that the reader of the file takes does
// not count.
type watchedBody struct {
	io.ReadCloser
	cancel func()
}

// Read implements [io.Reader].
func (b *watchedBody) Read(p []byte) (int, error) {
	stalled := time.AfterFunc(maxStall, b.cancel)
	defer stalled.Stop()
	return b.ReadCloser.Read(p)
}

// forwarded are the headers of a request that are forwarded to Zoom.
var forwarded = []string{"Range", "If-Range", "If-None-Match", "If-Modified-Since"}

// get requests a file, with a token. A token that Zoom rejects is replaced, once.
func (l *Links) get(r *http.Request, t *ticket) (*http.Response, error) {
	for try := 0; ; try++ {
		token, err := l.cfg.Tokens.Token(r.Context())
		if err != nil {
			return nil, err
		}
		answer, err := l.follow(r, t, token.Access)
		if err != nil || answer.StatusCode != http.StatusUnauthorized || try > 0 {
			return answer, err
		}
		_ = answer.Body.Close()
		l.cfg.Tokens.Refused(token)
	}
}

// follow follows redirects, as long as they lead to Zoom. The token is sent to the
// first host only, and not to it again once another was in between.
func (l *Links) follow(r *http.Request, t *ticket, bearer string) (*http.Response, error) {
	at, err := url.Parse(t.URL)
	if err != nil {
		return nil, err
	}
	first := origin(at)
	for range maxHops + 1 {
		if !l.hosts.trusts(at) {
			return nil, elsewhere(at)
		}
		if origin(at) != first || !l.hosts.takesToken(at) {
			bearer = ""
		}
		answer, err := l.send(r, at, bearer)
		if err != nil {
			return nil, err
		}
		next, moved := redirect(answer)
		if !moved {
			return answer, nil
		}
		_ = answer.Body.Close()
		if next == nil {
			return nil, errors.New("a redirect that leads nowhere")
		}
		at = next
	}
	return nil, errors.New("too many redirects")
}

// send makes one call. It is GET also for HEAD: addresses of files may be signed
// for one method.
func (l *Links) send(r *http.Request, at *url.URL, bearer string) (*http.Response, error) {
	call, err := http.NewRequestWithContext(r.Context(), http.MethodGet, at.String(), nil)
	if err != nil {
		return nil, err
	}
	for _, name := range forwarded {
		if v := r.Header.Get(name); v != "" {
			call.Header.Set(name, v)
		}
	}
	call.Header.Set("Accept-Encoding", "identity") // a range is one of the file, not of a compressed form
	if bearer != "" {
		call.Header.Set("Authorization", "Bearer "+bearer)
	}
	return l.cfg.Transport.RoundTrip(call)
}

// redirect returns the target of a redirect; nil if it names none.
func redirect(answer *http.Response) (next *url.URL, moved bool) {
	switch answer.StatusCode {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		next, err := answer.Location()
		if err != nil {
			return nil, true
		}
		return next, true
	}
	return nil, false
}

// disposition returns the Content-Disposition of a download, with the name that Zoom
// gives it or else name.
func disposition(answer *http.Response, name string) string {
	if _, params, err := mime.ParseMediaType(answer.Header.Get("Content-Disposition")); err == nil && params["filename"] != "" {
		name = params["filename"]
	}
	if name == "" {
		return "attachment"
	}
	return mime.FormatMediaType("attachment", map[string]string{"filename": name})
}

// protect prevents a file from running as a page, from being cached, and from leaking
// its link as a referrer.
func protect(h http.Header) {
	h.Set("Cache-Control", "private, no-store")
	h.Set("Content-Security-Policy", "sandbox")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
}

func refuse(w http.ResponseWriter, status int, why string) {
	protect(w.Header())
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, why+"\n") // the client may be gone
}

// scrubbed returns why a call failed, without the address that it was made to.
func scrubbed(err error) string {
	var at *url.Error
	switch {
	case errors.Is(err, context.Canceled):
		return "the caller left"
	case errors.As(err, &at):
		return at.Err.Error()
	}
	return err.Error()
}
