package batch

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

// squares finds the squares of numbers, in a second per batch. Negative numbers are not
// found.
func squares(batches *atomic.Int32) func(context.Context, []int) []zoom.Found[int] {
	return func(_ context.Context, keys []int) []zoom.Found[int] {
		batches.Add(1)
		time.Sleep(time.Second)
		found := make([]zoom.Found[int], len(keys))
		for i, n := range keys {
			if square := n * n; n >= 0 {
				found[i].Object = &square
			} else {
				found[i].Err = zoom.ErrNotFound
			}
		}
		return found
	}
}

// oneUser is the demand of a field that loads one user, and userRoute the field's route.
var (
	oneUser   = &demand{1, []levelDemand{{users, 1, 1}}}
	userRoute = &route{level: 1, object: "User", own: oneUser}
)

// users is the kind of users.
const users Kind = 0

// testRounds are rounds without an executor.
type testRounds struct{ *Rounds }

// await makes the rounds expect fields that load one user each.
func (r testRounds) await(fields int) {
	for range fields {
		r.begin(oneUser)
	}
}

// resolve resolves one of them, which loads keys one after the other.
func (r testRounds) resolve(ctx context.Context, l *Loader[int, int], keys ...int) {
	r.enter()
	for _, key := range keys {
		_, _ = l.Load(ctx, key)
	}
	r.left(r.groupOf(ctx), 0)
}

// left records that one of them is resolved, with so many unresolved fields below it.
func (r testRounds) left(of *group, below int) {
	r.leave(of, oneUser, []objects{{oneUser, below}}, 0)
}

// fieldOf returns the context of a field with the demand oneUser, and its rounds.
func fieldOf(ctx context.Context) (context.Context, testRounds) {
	r := testRounds{&Rounds{}}
	field := graphql.CollectedField{
		Field:      &ast.Field{Name: "user", Definition: &ast.FieldDefinition{Name: "user", Type: ast.NamedType("User", nil)}},
		Selections: ast.SelectionSet{&ast.Field{Name: "email"}},
	}
	r.routes.of = map[routeKey]*route{{unsafe.SliceData(field.Selections), 1, field.Definition}: userRoute}
	ctx = graphql.WithOperationContext(ctx, &graphql.OperationContext{})
	return graphql.WithFieldContext(ctx, &graphql.FieldContext{Field: field}), r
}

// userBelow is the demand of a field that loads one user on the next level.
var userBelow = &demand{1, []levelDemand{{users, 2, 1}}}

// further returns the context of a field with the demand userBelow.
func further(ctx context.Context, r testRounds) context.Context {
	above := graphql.GetFieldContext(ctx)
	field := above.Field
	field.Selections = ast.SelectionSet{&ast.Field{Name: "department"}}
	r.routes.of[routeKey{unsafe.SliceData(field.Selections), 1, field.Definition}] = &route{level: 2, object: "User", own: userBelow}
	return graphql.WithFieldContext(ctx, &graphql.FieldContext{Field: field})
}

// A loader loads the keys of a call in one batch, and no key twice.
func TestLoader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var batches atomic.Int32
		l := (&Loader[int, int]{}).AtOnce(squares(&batches))
		go func() { _, _ = l.Load(t.Context(), 3) }()
		synctest.Wait()
		found := l.LoadMany(t.Context(), []int{5, 3, -1, 5})
		for i, want := range []int{25, 9, 0, 25} {
			if f := found[i]; want == 0 && !errors.Is(f.Err, zoom.ErrNotFound) || want != 0 && (f.Err != nil || *f.Object != want) {
				t.Errorf("the object of key %d is %+v", i, f)
			}
		}
		if got, err := l.Load(t.Context(), 5); err != nil || *got != 25 {
			t.Errorf("requested again: %v, %v", got, err)
		}
		if _, err := l.Load(t.Context(), -1); !errors.Is(err, zoom.ErrNotFound) {
			t.Errorf("a missing object requested again: %v", err)
		}
		if n := batches.Load(); n != 2 {
			t.Errorf("%d batches, want 2: of new keys", n)
		}
	})
}

// A caller that waits for a key of another caller's returns when its own context ends.
func TestLoader_waiterContextEnds(t *testing.T) {
	for name, way := range map[string]func(r *Rounds, find func(context.Context, []int) []zoom.Found[int]) *Loader[int, int]{
		"at once": func(_ *Rounds, find func(context.Context, []int) []zoom.Found[int]) *Loader[int, int] {
			return (&Loader[int, int]{}).AtOnce(find)
		},
		"in rounds": func(r *Rounds, find func(context.Context, []int) []zoom.Found[int]) *Loader[int, int] {
			return (&Loader[int, int]{}).InRounds(r, users, find)
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			var batches atomic.Int32
			ctx, r := fieldOf(t.Context())
			l := way(r.Rounds, squares(&batches))
			first := make(chan error)
			go func() {
				_, err := l.Load(ctx, 3)
				first <- err
			}()
			synctest.Wait()
			own, cancel := context.WithTimeout(ctx, time.Second/2)
			defer cancel()
			if _, err := l.Load(own, 3); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s: it got %v", name, err)
			}
			if err := <-first; err != nil {
				t.Errorf("%s: the first caller: %v", name, err)
			}
		})
	}
}

// A round waits until all expected fields have arrived, also those below others.
func TestRounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var batches atomic.Int32
		ctx, r := fieldOf(t.Context())
		l := (&Loader[int, int]{}).InRounds(r.Rounds, users, squares(&batches))
		r.await(3)
		var wait sync.WaitGroup
		field := func(after time.Duration, keys ...int) {
			wait.Go(func() {
				time.Sleep(after)
				r.resolve(ctx, l, keys...)
			})
		}
		began := time.Now()
		field(0, 1)
		field(time.Millisecond, 2, 4) // 4 is requested when 2 is loaded
		wait.Go(func() {
			r.enter()
			time.Sleep(10 * time.Second) // a list is read
			r.left(nil, 1)
			field(0, 3, 4)
		})
		wait.Wait()
		if n, took := batches.Load(), time.Since(began); n != 2 || took != 12*time.Second {
			t.Errorf("%d batches, want 2, after %s", n, took)
		}
	})
}

// A round waits for a field that the executor resolves late, as on a busy machine.
func TestRounds_lateField(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var batches atomic.Int32
		ctx, r := fieldOf(t.Context())
		l := (&Loader[int, int]{}).InRounds(r.Rounds, users, squares(&batches))
		r.await(2)
		var wait sync.WaitGroup
		for key, after := range []time.Duration{0, 500 * time.Millisecond} {
			wait.Go(func() {
				time.Sleep(after)
				r.resolve(ctx, l, key)
			})
		}
		wait.Wait()
		if n := batches.Load(); n != 1 {
			t.Errorf("%d batches, want 1", n)
		}
	})
}

// A key that is requested on a level, and then on the level above, is loaded by the round
// above; the round below loads the other keys.
func TestLoader_keyLoadedByLevelAbove(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var batches [][]int
		above, r := fieldOf(t.Context())
		below := further(above, r)
		l := (&Loader[int, int]{}).InRounds(r.Rounds, users, func(_ context.Context, keys []int) []zoom.Found[int] {
			batches = append(batches, slices.Clone(keys))
			return squares(new(atomic.Int32))(t.Context(), keys)
		})
		r.begin(oneUser)
		r.begin(userBelow)
		var wait sync.WaitGroup
		wait.Go(func() {
			r.enter()
			for i, f := range l.LoadMany(below, []int{3, 4}) {
				if want := (3 + i) * (3 + i); f.Err != nil || *f.Object != want {
					t.Errorf("%d below: %+v, want %d", 3+i, f, want)
				}
			}
			r.leave(nil, userBelow, nil, 0)
		})
		synctest.Wait()
		r.enter()
		if got, err := l.Load(above, 3); err != nil || *got != 9 {
			t.Errorf("above: %v, %v", got, err)
		}
		r.left(nil, 0)
		wait.Wait()
		if want := [][]int{{3}, {4}}; !reflect.DeepEqual(batches, want) {
			t.Errorf("the batches are %v, want %v", batches, want)
		}
	})
}

// If an expected field never arrives, the others wait for stallTimeout, once.
func TestRounds_missingField(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var batches atomic.Int32
		ctx, r := fieldOf(t.Context())
		l := (&Loader[int, int]{}).InRounds(r.Rounds, users, squares(&batches))
		r.await(2)
		began := time.Now()
		r.resolve(ctx, l, 0, 1, 2)
		if took := time.Since(began); took != 3*time.Second+stallTimeout {
			t.Errorf("it took %s", took)
		}
	})
}

// The timer of a wait is stopped with it, because it references the whole operation.
func TestRounds_timerStopsWithWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var batches atomic.Int32
		ctx, r := fieldOf(t.Context())
		l := (&Loader[int, int]{}).InRounds(r.Rounds, users, squares(&batches))
		r.await(2)
		var wait sync.WaitGroup
		wait.Go(func() { r.resolve(ctx, l, 1) })
		synctest.Wait()
		if r.stall == nil {
			t.Error("the wait has no timer")
		}
		r.resolve(ctx, l, 2)
		wait.Wait()
		if n := batches.Load(); n != 1 || r.stall != nil {
			t.Errorf("%d batches, want 1; a timer runs: %t", n, r.stall != nil)
		}
	})
}

// In a list that is resolved a few items at a time, a round has all items that lead to it, up to
// maxAhead. Beyond that, no round begins between one item and the next, so rounds are as large as
// possible.
func TestRounds_listInParts(t *testing.T) {
	for name, test := range map[string]struct{ ahead, batches int }{
		"whole":      {0, 2},
		"some ahead": {maxAhead - 3, 2 * 2},
		"none ahead": {maxAhead, 2 * 3},
	} {
		synctest.Test(t, func(t *testing.T) {
			var batches atomic.Int32
			ctx, r := fieldOf(t.Context())
			l := (&Loader[int, int]{}).InRounds(r.Rounds, users, squares(&batches))
			const width = 3
			items := make([]*types.User, 10)
			for i := range items {
				if i != 4 { // is null
					items[i] = &types.User{}
				}
			}
			r.narrowed.Store(true)
			r.ahead = test.ahead
			r.await(1)
			r.enter()
			list := &window{}
			twoUsers := &demand{2, []levelDemand{{users, 1, 2}}}
			list.narrow(r.Rounds, nil, &route{object: "User", below: map[string]*demand{"User": twoUsers}}, reflect.ValueOf(items), width)
			r.left(nil, 0)
			var wait sync.WaitGroup
			var next atomic.Int64
			resolve := func() {
				for i := int(next.Add(1)) - 1; i < len(items); i = int(next.Add(1)) - 1 {
					time.Sleep(stallTimeout / 2) // the executor is slow
					ctx := list.Begin(ctx, i)
					if items[i] == nil {
						continue
					}
					r.resolve(ctx, l)          // a field without a key
					r.resolve(ctx, l, i, 10+i) // a field with two waits
				}
			}
			list.Open(func(done func()) {
				wait.Go(func() {
					defer done()
					resolve()
				})
			})
			for range width {
				wait.Go(resolve)
			}
			wait.Wait()
			if n := batches.Load(); int(n) != test.batches {
				t.Errorf("%s: %d batches, want %d", name, n, test.batches)
			}
			if n := r.of[users].pending[1]; n != 0 || r.active != 0 || r.ahead != test.ahead {
				t.Errorf("%s: %d fields are still expected, %d are being resolved, %d ahead", name, n, r.active, r.ahead)
			}
		})
	}
}
