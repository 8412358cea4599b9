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

// A body takes memory as it comes, whatever it promises.
func TestReadBody_takesWhatCame(t *testing.T) {
	room := ratelimit.NewSharedPool(admission.MaxBodies)
	for range 300 {
		buf := &bytes.Buffer{}
		from := io.MultiReader(strings.NewReader("{"), iotest.ErrReader(io.ErrUnexpectedEOF))
		release, err := readBody(t.Context(), room, from, buf, maxBody)
		if err == nil || buf.Cap() > 32<<10 {
			t.Fatalf("one byte takes %d: %v", buf.Cap(), err)
		}
		t.Cleanup(release)
	}
}

// Whatever the length, and whether it is told or not, a body comes whole, behind what
// stands in the buffer.
func TestReadBody(t *testing.T) {
	room := ratelimit.NewSharedPool(admission.MaxBodies)
	for _, n := range []int{0, 1, 8 << 10, 8<<10 + 1, shortBody, shortBody + 1, maxBody} {
		for _, told := range []bool{true, false} {
			for _, slow := range []bool{true, false} {
				body := strings.Repeat("x", n)
				buf := bytes.NewBufferString("before")
				var from io.Reader = strings.NewReader(body)
				if slow {
					from = iotest.HalfReader(from)
				}
				length := -1
				if told {
					length = n
				}
				release, err := readBody(t.Context(), room, from, buf, length)
				if err != nil || buf.String() != "before"+body {
					t.Errorf("%d bytes, told %v: %d came: %v", n, told, buf.Len(), err)
				}
				release()
			}
		}
	}
	if all, ok := room.TryAcquire(t.Context(), admission.MaxBodies); !ok {
		t.Error("room was not given back")
	} else {
		all()
	}
}

// One caller's large bodies leave room for another's.
func TestReadBody_callersTakeTurns(t *testing.T) {
	room := ratelimit.NewSharedPool(admission.MaxBodies)
	large := func(caller string) error {
		_, err := readBody(ratelimit.WithCaller(t.Context(), caller), room, strings.NewReader(strings.Repeat("x", maxBody)), &bytes.Buffer{}, maxBody)
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
	_, err := readBody(ratelimit.WithCaller(t.Context(), "flood"), room, strings.NewReader(strings.Repeat("x", shortBody)), &bytes.Buffer{}, shortBody)
	if err != nil {
		t.Errorf("a short one: %v", err)
	}
}

// An operation waits for its caller's turn, as long as an operation may take.
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
			t.Errorf("a single one beside a flood: %d, %s left", w.Code, w.Header().Get("Left"))
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
				t.Errorf("one of those that were let in: %d", w.Code)
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
	if status, problem := q.read(w, req, &bytes.Buffer{}, room); status != http.StatusServiceUnavailable || problem == "" || w.Header().Get("Retry-After") == "" {
		t.Errorf("%d %s", status, problem)
	}
}

// Requests with many values wait for their callers' turns before they are decoded; those
// with a few do not.
func TestValues_callersTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &Endpoint{reader: &reader{limits: DefaultLimits}, admission: admission.New()}
		ask := func(caller string, n int) (func(), error) {
			ctx, cancel := context.WithTimeout(ratelimit.WithCaller(t.Context(), caller), time.Second)
			defer cancel()
			give, refused, err := e.admitValues(ctx, n)
			if refused != nil {
				t.Errorf("%s: %d values are refused: %v", caller, n, refused)
			}
			return give, err
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
			t.Errorf("the room was not given back: %v", err)
		}
		if _, refused, _ := e.admitValues(t.Context(), DefaultLimits.Values+1); refused == nil || refused.Extensions["code"] != string(types.ErrorCodeLimitExceeded) {
			t.Errorf("too many are not refused: %v", refused)
		}
	})
}

// TestLongRequests_callersTakeTurns has one caller send long requests without an end: it
// delays another's by one of them, and short ones by none.
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
			t.Fatalf("the turn was not given back: %v", err)
		}
		defer held()
		if _, err := e.admitText(ctx, admission.LongText+1); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("two are parsed at once: %v", err)
		}
	})
}
