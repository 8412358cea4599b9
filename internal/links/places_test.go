package links

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"zoomql/internal/ratelimit"
)

// unending is a file at Zoom that does not come to an end.
type unending struct{ stop chan struct{} }

// RoundTrip implements [http.RoundTripper].
func (u unending) RoundTrip(r *http.Request) (*http.Response, error) {
	from, to := io.Pipe()
	go func() {
		select {
		case <-u.stop:
		case <-r.Context().Done():
		}
		_ = to.CloseWithError(io.EOF)
	}()
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"video/mp4"}}, Body: from}, nil
}

// However many downloads one caller has, or one link, another's begins.
func TestPlacesAreShared(t *testing.T) {
	for _, c := range []struct {
		why  string
		link func(l *Links, i int) string
	}{
		{"one caller, many files", func(l *Links, i int) string { return l.signedFor("flood", "https://zoom.us/"+strconv.Itoa(i)) }},
		{"nobody, one file by many links", func(l *Links, _ int) string { return l.signedFor("", "https://zoom.us/x") }},
	} {
		synctest.Test(t, func(t *testing.T) {
			stop := make(chan struct{})
			l := newLinks(t, func(cfg *Config) { cfg.Transport = unending{stop} })
			var all sync.WaitGroup
			ask := func(link string) *httptest.ResponseRecorder {
				w := httptest.NewRecorder()
				all.Go(func() {
					l.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", link, nil))
				})
				synctest.Wait()
				return w
			}
			refused := 0
			for i := range maxOpen {
				if ask(c.link(l, i)).Code == http.StatusServiceUnavailable {
					refused++
				}
			}
			if refused != maxOpen/2 {
				t.Errorf("%s: %d of %d were refused", c.why, refused, maxOpen)
			}
			if w := ask(l.signedFor("single", "https://zoom.us/y")); w.Code != http.StatusOK {
				t.Errorf("%s: another's: %d", c.why, w.Code)
			}
			close(stop)
			all.Wait()
			if all, ok := l.places.TryAcquire(t.Context(), maxOpen); !ok {
				t.Errorf("%s: places were not given back", c.why)
			} else {
				all()
			}
		})
	}
}

func (l *Links) signedFor(caller, at string) string {
	ctx := context.Background()
	if caller != "" {
		ctx = ratelimit.WithCaller(ctx, caller)
	}
	link, _, err := l.Sign(ctx, File{URL: at}, time.Hour)
	if err != nil {
		panic(err)
	}
	return link
}

// The caller's name does not stand in a link.
func TestALinkNamesNobody(t *testing.T) {
	l := newLinks(t, nil)
	link := l.signedFor("accounting-department", "https://zoom.us/x")
	ticket, err := l.open(link[strings.LastIndexByte(link, '/')+1:])
	if err != nil || ticket.holder() == "" || strings.Contains(ticket.holder(), "accounting") {
		t.Errorf("%+v, %v", ticket, err)
	}
}

// A file that stops to come does not hold its place; one that comes slowly does.
func TestAFileThatStalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		from, to := io.Pipe()
		gone := false
		body := &watchedBody{from, func() { gone = true; _ = from.CloseWithError(context.Canceled) }}
		go func() {
			for range 5 {
				time.Sleep(maxStall - time.Second)
				_, _ = to.Write([]byte("x"))
			}
		}()
		began := time.Now()
		n, err := io.Copy(io.Discard, body)
		if want := 5*(maxStall-time.Second) + maxStall; n != 5 || err == nil || !gone || time.Since(began) != want {
			t.Errorf("%d bytes in %s: %v", n, time.Since(began), err)
		}
	})
}
