package zoom

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"zoomql/internal/zoom/types"
)

// oneAtATime is a server whose writes take a while, and that refuses concurrent calls of the
// same path.
type oneAtATime struct {
	busy          sync.Map // paths
	done, refused atomic.Int32
}

func (z *oneAtATime) wire(r *http.Request) *http.Response {
	if _, busy := z.busy.LoadOrStore(r.URL.Path, true); busy {
		z.refused.Add(1)
		return answer(429, `{"code":429,"message":"Too many concurrent requests."}`)
	}
	defer z.busy.Delete(r.URL.Path)
	time.Sleep(10 * time.Millisecond)
	z.done.Add(1)
	return answer(204, "")
}

func TestExclusive_oneWriteAtATime(t *testing.T) {
	var z oneAtATime
	clients := replicas(t, 3, z.wire)
	var wait sync.WaitGroup
	for i := range 30 {
		wait.Go(func() {
			c, user := clients[i%3], []string{"u", "v"}[i%2]
			var err error
			if i%5 == 0 {
				_, err = DeleteUser.Do(t.Context(), c, UserRemoval{UserID: user})
			} else {
				_, err = UpdateUser.Do(t.Context(), c, UserPatch{UserID: user, Patch: &types.UserPatch{FirstName: new("A")}})
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	if z.done.Load() != 30 || z.refused.Load() != 0 {
		t.Errorf("%d writes, %d refused", z.done.Load(), z.refused.Load())
	}
}

// A write that waits returns when its context ends, and does not block later ones.
func TestExclusive_contextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls log
		first := make(chan struct{})
		c := newTestClient(logged(&calls, func(r *http.Request) *http.Response {
			if r.URL.Path == "/v2/users/u" {
				<-first
			}
			return answer(204, "")
		}))
		update := func(ctx context.Context, user string) error {
			_, err := UpdateUser.Do(ctx, c, UserPatch{UserID: user, Patch: &types.UserPatch{FirstName: new("A")}})
			return err
		}
		var wait sync.WaitGroup
		wait.Go(func() {
			if err := update(t.Context(), "u"); err != nil {
				t.Error(err)
			}
		})
		synctest.Wait()
		soon, leave := context.WithTimeout(t.Context(), time.Second)
		defer leave()
		if err := update(soon, "u"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		if err := update(t.Context(), "v"); err != nil {
			t.Errorf("another user: %v", err)
		}
		close(first)
		wait.Wait()
		if err := update(t.Context(), "u"); err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff([]string{"PATCH /users/u", "PATCH /users/v", "PATCH /users/u"}, calls.take()); diff != "" {
			t.Error(diff)
		}
	})
}
