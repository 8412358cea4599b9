package graph

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"zoomql/internal/ratelimit"
)

// A body takes memory as it comes, whatever it promises.
func TestABodyTakesWhatCame(t *testing.T) {
	room := ratelimit.NewSharedPool(maxBodies)
	for range 300 {
		buf := &bytes.Buffer{}
		from := io.MultiReader(strings.NewReader("{"), iotest.ErrReader(io.ErrUnexpectedEOF))
		release, err := arrive(t.Context(), room, from, buf, maxBody)
		if err == nil || buf.Cap() > 32<<10 {
			t.Fatalf("one byte takes %d: %v", buf.Cap(), err)
		}
		t.Cleanup(release)
	}
}

// Whatever the length, and whether it is told or not, a body comes whole, behind what
// stands in the buffer.
func TestArrive(t *testing.T) {
	room := ratelimit.NewSharedPool(maxBodies)
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
				release, err := arrive(t.Context(), room, from, buf, length)
				if err != nil || buf.String() != "before"+body {
					t.Errorf("%d bytes, told %v: %d came: %v", n, told, buf.Len(), err)
				}
				release()
			}
		}
	}
	if all, ok := room.TryAcquire(t.Context(), maxBodies); !ok {
		t.Error("room was not given back")
	} else {
		all()
	}
}

// One caller's large bodies leave room for another's.
func TestLargeBodiesAreBounded(t *testing.T) {
	room := ratelimit.NewSharedPool(maxBodies)
	large := func(caller string) error {
		_, err := arrive(ratelimit.WithCaller(t.Context(), caller), room, strings.NewReader(strings.Repeat("x", maxBody)), &bytes.Buffer{}, maxBody)
		return err
	}
	n := 0
	for large("flood") == nil {
		n++
	}
	if n != maxBodies/maxBody/2 {
		t.Errorf("one caller has %d", n)
	}
	if err := large("single"); err != nil {
		t.Errorf("another has none: %v", err)
	}
	_, err := arrive(ratelimit.WithCaller(t.Context(), "flood"), room, strings.NewReader(strings.Repeat("x", shortBody)), &bytes.Buffer{}, shortBody)
	if err != nil {
		t.Errorf("a short one: %v", err)
	}
}

// Over HTTP, a body for which there is no room is refused, and what was held is given
// back with the answer.
func TestNoRoomForABody(t *testing.T) {
	inRig(t, setup{}, func(r *rig) {
		query := `{"query":"{ account { zoomId } }","variables":{"x":"` + strings.Repeat("x", shortBody) + `"}}`
		for range 3 * maxBodies / maxBody {
			if a := r.post("application/json", query); a.status != http.StatusOK {
				t.Fatalf("%d %.200s", a.status, a.body)
			}
		}
	})
	room := ratelimit.NewSharedPool(1)
	taken, _ := room.TryAcquire(t.Context(), 1)
	defer taken()
	q := &inquiry{}
	body := strings.NewReader(strings.Repeat("x", 2*shortBody))
	req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/graphql", body)
	req.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	if status, problem := q.read(w, req, &bytes.Buffer{}, room); status != http.StatusServiceUnavailable || problem == "" || w.Header().Get("Retry-After") == "" {
		t.Errorf("%d %s", status, problem)
	}
}

// An operation waits for its caller's turn, as long as an operation may take.
func TestOperationsTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		room := ratelimit.NewSharedPool(4)
		hang := make(chan struct{})
		h := permitted(room, 5*time.Second, func(w http.ResponseWriter, r *http.Request) {
			if ratelimit.CallerFrom(r.Context()) == "flood" {
				<-hang
			}
			end, _ := r.Context().Deadline()
			w.Header().Set("Left", time.Until(end).String())
		})
		ask := func(caller string) *httptest.ResponseRecorder {
			w := httptest.NewRecorder()
			ctx := context.WithValue(ratelimit.WithCaller(t.Context(), caller), inquiryKey{}, &inquiry{media: plainJSON})
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
			if w := <-flood; w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" || !strings.Contains(w.Body.String(), codeTimeout) {
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

// One operation with a long list leaves room for another caller's.
func TestAdmissionLeavesRoom(t *testing.T) {
	of := &admission{NewRoom().items}
	ctx := func(caller string) context.Context {
		ctx, cancel := context.WithCancel(ratelimit.WithCaller(t.Context(), caller))
		t.Cleanup(cancel)
		return ctx
	}
	var stays []*stay
	for range openItems / 2 / 1_000 {
		s := &stay{of: of}
		if err := s.open(ctx("flood"), 1_000); err != nil {
			t.Fatal(err)
		}
		stays = append(stays, s)
	}
	over, leave := context.WithCancel(ctx("flood"))
	left := make(chan error, 1)
	go func() { left <- (&stay{of: of}).open(over, 1_000) }()
	single := &stay{of: of}
	if err := single.open(ctx("single"), 3_000); err != nil {
		t.Fatal(err)
	}
	leave()
	if err := <-left; !errors.Is(err, context.Canceled) {
		t.Errorf("one caller has more than half: %v", err)
	}
	for _, s := range append(stays, single) {
		s.end()
	}
	if all, ok := of.room.TryAcquire(t.Context(), openItems); !ok {
		t.Error("room was not given back")
	} else {
		all()
	}
}

// What is kept of results is bounded by bytes.
func TestRememberedIsBounded(t *testing.T) {
	m := newIdempotency(nil)
	large := strings.Repeat("x", 100<<10)
	for i := range 1_000 {
		m.done.Set([32]byte{byte(i), byte(i >> 8)}, made{result: &large})
	}
	m.done.CleanUp()
	if w := m.done.WeightedSize(); w > rememberedBytes {
		t.Errorf("%d bytes are kept", w)
	}
}
