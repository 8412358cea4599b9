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

// unending is a transport to a file that does not end until stop is closed.
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

// However many downloads one caller or one file has, another caller's begins.
func TestServeHTTP_callersShareDownloads(t *testing.T) {
	for _, c := range []struct {
		why  string
		link func(l *Links, i int) string
	}{
		{"one caller, many files", func(l *Links, i int) string { return l.signedFor("flood", "https://zoom.us/"+strconv.Itoa(i)) }},
		{"no caller, one file by many links", func(l *Links, _ int) string { return l.signedFor("", "https://zoom.us/x") }},
	} {
		synctest.Test(t, func(t *testing.T) {
			stop := make(chan struct{})
			l := newLinks(t, func(cfg *Config) { cfg.Transport = unending{stop} })
			var all sync.WaitGroup
			get := func(link string) *httptest.ResponseRecorder {
				w := httptest.NewRecorder()
				all.Go(func() {
					l.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", link, nil))
				})
				synctest.Wait()
				return w
			}
			refused := 0
			for i := range maxOpen {
				if get(c.link(l, i)).Code == http.StatusServiceUnavailable {
					refused++
				}
			}
			if refused != maxOpen/2 {
				t.Errorf("%s: %d of %d were refused", c.why, refused, maxOpen)
			}
			if w := get(l.signedFor("single", "https://zoom.us/y")); w.Code != http.StatusOK {
				t.Errorf("%s: another's: %d", c.why, w.Code)
			}
			close(stop)
			all.Wait()
			if all, ok := l.slots.TryAcquire(t.Context(), maxOpen); !ok {
				t.Errorf("%s: slots were not released", c.why)
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

// A link does not contain the caller's name.
func TestSign_hidesCaller(t *testing.T) {
	l := newLinks(t, nil)
	link := l.signedFor("accounting-department", "https://zoom.us/x")
	ticket, err := l.open(link[strings.LastIndexByte(link, '/')+1:])
	if err != nil || ticket.holder() == "" || strings.Contains(ticket.holder(), "accounting") {
		t.Errorf("%+v, %v", ticket, err)
	}
}

// A stalled download is cancelled, and a slow one is not.
func TestWatchedBody_stalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		from, to := io.Pipe()
		cancelled := false
		body := &watchedBody{from, func() { cancelled = true; _ = from.CloseWithError(context.Canceled) }}
		go func() {
			for range 5 {
				time.Sleep(maxStall - time.Second)
				_, _ = to.Write([]byte("x"))
			}
		}()
		began := time.Now()
		n, err := io.Copy(io.Discard, body)
		if want := 5*(maxStall-time.Second) + maxStall; n != 5 || err == nil || !cancelled || time.Since(began) != want {
			t.Errorf("%d bytes in %s: %v", n, time.Since(began), err)
		}
	})
}
