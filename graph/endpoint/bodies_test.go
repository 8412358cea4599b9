package endpoint

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"zoomql/graph/admission"
	"zoomql/graph/answers"
	"zoomql/internal/negotiation"
	"zoomql/internal/ratelimit"
	"zoomql/internal/zoom/types"
)

const most = 20_000 // values of a body

// A body takes memory as its bytes arrive, whatever its Content-Length.
func TestReadBody_memoryByBytesRead(t *testing.T) {
	room := ratelimit.NewSharedPool(admission.MaxBodies)
	for range 300 {
		buf := &bytes.Buffer{}
		from := io.MultiReader(strings.NewReader("{"), iotest.ErrReader(io.ErrUnexpectedEOF))
		release, _, err := bodyReader{room, buf, most}.read(t.Context(), from, maxBody)
		if err == nil || buf.Cap() > 32<<10 {
			t.Fatalf("one byte takes %d: %v", buf.Cap(), err)
		}
		t.Cleanup(release)
	}
}

// A body of any length, known or unknown, is appended to the buffer completely.
func TestReadBody(t *testing.T) {
	room := ratelimit.NewSharedPool(admission.MaxBodies)
	for _, n := range []int{0, 1, 8 << 10, 8<<10 + 1, shortBody, shortBody + 1, maxBody} {
		for _, known := range []bool{true, false} {
			for _, slow := range []bool{true, false} {
				body := strings.Repeat("x", n)
				buf := bytes.NewBufferString("before")
				var from io.Reader = strings.NewReader(body)
				if slow {
					from = iotest.HalfReader(from)
				}
				length := -1
				if known {
					length = n
				}
				release, _, err := bodyReader{room, buf, most}.read(t.Context(), from, length)
				if err != nil || buf.String() != "before"+body {
					t.Errorf("%d bytes, known %v: %d came: %v", n, known, buf.Len(), err)
				}
				release()
			}
		}
	}
	if all, ok := room.TryAcquire(t.Context(), admission.MaxBodies); !ok {
		t.Error("the room was not released")
	} else {
		all()
	}
}

// A body with too many values is read to its end, since its sender may read the answer only then. It takes
// the memory of its beginning, and no admission. Characters in strings are not counted, wherever the parts
// of the body end.
func TestBodyReader_tooManyValues(t *testing.T) {
	room := ratelimit.NewSharedPool(admission.MaxBodies)
	text := `{"a":"` + strings.Repeat(`,\\\",`, 50_000) + `",`
	for name, test := range map[string]struct {
		body   string
		values int
		err    error
	}{
		"many":                 {text + `"b":[0` + strings.Repeat(",0", most-3) + `]}`, most, nil},
		"one too many":         {text + `"b":[0` + strings.Repeat(",0", most-2) + `]}`, most + 1, errTooManyValues},
		"too many":             {`[0` + strings.Repeat(",0", 230_000) + `]`, 0, errTooManyValues},
		"too many, at the end": {text + `"b":[` + strings.Repeat("0,", most), 0, errTooManyValues},
	} {
		for _, known := range []bool{true, false} {
			for _, slow := range []bool{true, false} {
				from := strings.NewReader(test.body)
				var body io.Reader = from
				if slow {
					body = iotest.HalfReader(body)
				}
				length := -1
				if known {
					length = len(test.body)
				}
				buf := bytes.NewBufferString("before")
				release, values, err := bodyReader{room, buf, most}.read(t.Context(), body, length)
				switch {
				case !errors.Is(err, test.err) || test.values > 0 && values != test.values:
					t.Errorf("%s, known %v, slow %v: %d values: %v", name, known, slow, values, err)
				case from.Len() > 0:
					t.Errorf("%s, known %v, slow %v: %d bytes were not read", name, known, slow, from.Len())
				case test.err == nil && buf.String() != "before"+test.body:
					t.Errorf("%s, known %v, slow %v: %d bytes came", name, known, slow, buf.Len())
				}
				if test.err != nil {
					if all, ok := room.TryAcquire(t.Context(), admission.MaxBodies); ok {
						all()
					} else {
						t.Errorf("%s, known %v, slow %v: it holds room", name, known, slow)
					}
				}
				release()
			}
		}
	}
	buf := &bytes.Buffer{}
	_, _, err := bodyReader{room, buf, most}.read(t.Context(), strings.NewReader("["+strings.Repeat("0,", maxBody/2-1)+"]"), maxBody)
	if !errors.Is(err, errTooManyValues) || buf.Cap() > maxReused {
		t.Errorf("a megabyte of values takes %d bytes: %v", buf.Cap(), err)
	}
	buf = bytes.NewBufferString("before")
	if _, _, err := (bodyReader{room, buf, most}).read(t.Context(), strings.NewReader(strings.Repeat("x", shortBody)), shortBody); err != nil || buf.Cap() > maxReused {
		t.Errorf("a short body takes %d bytes: %v", buf.Cap(), err)
	}
}

// One caller's large bodies leave room for another's.
func TestReadBody_callersTakeTurns(t *testing.T) {
	room := ratelimit.NewSharedPool(admission.MaxBodies)
	large := func(caller string) error {
		_, _, err := bodyReader{room, &bytes.Buffer{}, most}.read(ratelimit.WithCaller(t.Context(), caller), strings.NewReader(strings.Repeat("x", maxBody)), maxBody)
		return err
	}
	n := 0
	for large("flood") == nil {
		n++
	}
	if n != admission.MaxBodies/maxBody/2 {
		t.Errorf("one caller has %d", n)
	}
	if err := large("single"); err != nil {
		t.Errorf("another has none: %v", err)
	}
	_, _, err := bodyReader{room, &bytes.Buffer{}, most}.read(ratelimit.WithCaller(t.Context(), "flood"), strings.NewReader(strings.Repeat("x", shortBody)), shortBody)
	if err != nil {
		t.Errorf("a short one: %v", err)
	}
}

// An operation waits for admission, at most for the timeout of operations.
func TestAdmitted_callersTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		room := ratelimit.NewSharedPool(4)
		hang := make(chan struct{})
		h := admitted(room, 5*time.Second, func(w http.ResponseWriter, r *http.Request) {
			if ratelimit.CallerFrom(r.Context()) == "flood" {
				<-hang
			}
			end, _ := r.Context().Deadline()
			w.Header().Set("Left", time.Until(end).String())
		})
		ask := func(caller string) *httptest.ResponseRecorder {
			w := httptest.NewRecorder()
			ctx := context.WithValue(ratelimit.WithCaller(t.Context(), caller), requestKey{}, &request{Request: answers.Request{Media: negotiation.JSON}})
			h(w, httptest.NewRequestWithContext(ctx, http.MethodPost, "/graphql", nil))
			return w
		}
		flood := make(chan *httptest.ResponseRecorder, 10)
		for range 10 {
			go func() { flood <- ask("flood") }()
		}
		synctest.Wait()
		if w := ask("single"); w.Code != http.StatusOK || w.Header().Get("Left") != "5s" {
			t.Errorf("a single one during a flood: %d, %s left", w.Code, w.Header().Get("Left"))
		}
		time.Sleep(5 * time.Second)
		for range 8 {
			if w := <-flood; w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" || !strings.Contains(w.Body.String(), string(types.ErrorCodeTimeout)) {
				t.Errorf("one of many: %d %s", w.Code, w.Body)
			}
		}
		close(hang)
		for range 2 {
			if w := <-flood; w.Code != http.StatusOK {
				t.Errorf("one of those admitted: %d", w.Code)
			}
		}
	})
}

// A body that the pool has no memory for is refused with Retry-After.
func TestReadBody_full(t *testing.T) {
	room := ratelimit.NewSharedPool(1)
	taken, _ := room.TryAcquire(t.Context(), 1)
	defer taken()
	q := &request{}
	body := strings.NewReader(strings.Repeat("x", 2*shortBody))
	req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/graphql", body)
	req.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	if status, problem := q.read(w, req, bodyReader{room, &bytes.Buffer{}, most}); status != http.StatusServiceUnavailable || problem == "" || w.Header().Get("Retry-After") == "" {
		t.Errorf("%d %s", status, problem)
	}
}

// Requests with many values wait for admission before they are decoded; those with few do
// not wait.
func TestValues_callersTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &Endpoint{reader: &reader{limits: DefaultLimits}, admission: admission.New()}
		ask := func(caller string, n int) (func(), error) {
			ctx, cancel := context.WithTimeout(ratelimit.WithCaller(t.Context(), caller), time.Second)
			defer cancel()
			release, refused, err := e.admitValues(ctx, n)
			if refused != nil {
				t.Errorf("%s: %d values are refused: %v", caller, n, refused)
			}
			return release, err
		}
		first, err := ask("flood", DefaultLimits.Values)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ask("flood", DefaultLimits.Values); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("one caller has all of the room: %v", err)
		}
		other, err := ask("single", DefaultLimits.Values)
		if err != nil {
			t.Errorf("another caller has none: %v", err)
		}
		if _, err := ask("third", admission.FewValues); err != nil {
			t.Errorf("a few need room: %v", err)
		}
		first()
		other()
		if _, err := ask("flood", DefaultLimits.Values); err != nil {
			t.Errorf("the room was not released: %v", err)
		}
		if _, refused, _ := e.admitValues(t.Context(), DefaultLimits.Values+1); refused == nil || refused.Extensions["code"] != string(types.ErrorCodeLimitExceeded) {
			t.Errorf("too many are not refused: %v", refused)
		}
	})
}

// Many long requests of one caller delay those of another by one request, and short requests
// not at all.
func TestLongRequests_callersTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &Endpoint{admission: admission.New()}
		e.admission.Texts = ratelimit.NewPool(1)
		var order []string
		ask := func(caller string) {
			done, err := e.admitText(ratelimit.WithCaller(t.Context(), caller), admission.LongText+1)
			if err != nil {
				t.Error(err)
				return
			}
			time.Sleep(time.Millisecond) // it is parsed
			order = append(order, caller)
			done()
			done() // at the end of the operation
		}
		for range 12 {
			go ask("flood")
		}
		synctest.Wait()
		go ask("single")
		synctest.Wait()
		if done, err := e.admitText(t.Context(), admission.LongText); err != nil {
			t.Errorf("a short request waits: %v", err)
		} else {
			done()
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if len(order) != 13 || slices.Index(order, "single") > 2 {
			t.Errorf("they were parsed in the order %q", order)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		held, err := e.admitText(ctx, admission.LongText+1)
		if err != nil {
			t.Fatalf("the turn was not released: %v", err)
		}
		defer held()
		if _, err := e.admitText(ctx, admission.LongText+1); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("two are parsed at once: %v", err)
		}
	})
}
