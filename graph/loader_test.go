package graph

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

// squares is a loader of squares, which take a second a batch. Negative numbers
// have none.
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

// oneUser is what a field leads to that asks for a user.
var (
	oneUser   = &demand{1, []levelDemand{{users, 1, 1}}}
	userRoute = &route{level: 1, object: "User", own: oneUser}
)

// expect has the rounds expect fields that ask for a user each.
func (q *request) expect(fields int) {
	for range fields {
		q.rounds.begin(oneUser)
	}
}

// leave tells the rounds that one of them is resolved, and so many below it are not.
func (q *request) leave(of *group, below int) {
	q.rounds.leave(of, oneUser, []objects{{oneUser, below}}, 0)
}

// fieldOf returns the context of a field that leads on, in an operation.
func fieldOf(ctx context.Context) (context.Context, *request) {
	req := &request{}
	field := graphql.CollectedField{
		Field:      &ast.Field{Name: "user", Definition: &ast.FieldDefinition{Name: "user", Type: ast.NamedType("User", nil)}},
		Selections: ast.SelectionSet{&ast.Field{Name: "email"}},
	}
	req.routes.of = map[routeKey]*route{{unsafe.SliceData(field.Selections), 1, field.Definition}: userRoute}
	ctx = context.WithValue(ctx, requestKey{}, req)
	ctx = graphql.WithOperationContext(ctx, &graphql.OperationContext{})
	return graphql.WithFieldContext(ctx, &graphql.FieldContext{Field: field}), req
}

// userBelow is what a field leads to that asks for a user a level further down.
var userBelow = &demand{1, []levelDemand{{users, 2, 1}}}

// further returns the context of such a field.
func further(ctx context.Context, req *request) context.Context {
	above := graphql.GetFieldContext(ctx)
	field := above.Field
	field.Selections = ast.SelectionSet{&ast.Field{Name: "department"}}
	req.routes.of[routeKey{unsafe.SliceData(field.Selections), 1, field.Definition}] = &route{level: 2, object: "User", own: userBelow}
	return graphql.WithFieldContext(ctx, &graphql.FieldContext{Field: field})
}

// TestLoader asks for keys in one batch, and for none twice.
func TestLoader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var batches atomic.Int32
		l := (&loader[int, int]{}).get(squares(&batches))
		go func() { _, _ = l.Load(t.Context(), 3) }()
		synctest.Wait()
		found := l.LoadMany(t.Context(), []int{5, 3, -1, 5})
		for i, want := range []int{25, 9, 0, 25} {
			if f := found[i]; want == 0 && !errors.Is(f.Err, zoom.ErrNotFound) || want != 0 && (f.Err != nil || *f.Object != want) {
				t.Errorf("the object of key %d is %+v", i, f)
			}
		}
		if got, err := l.Load(t.Context(), 5); err != nil || *got != 25 {
			t.Errorf("asked again: %v, %v", got, err)
		}
		if _, err := l.Load(t.Context(), -1); !errors.Is(err, zoom.ErrNotFound) {
			t.Errorf("asked again for what there is none of: %v", err)
		}
		if n := batches.Load(); n != 2 {
			t.Errorf("%d batches, want 2: what was new", n)
		}
	})
}

// TestLoaderWaiterLeaves has one leave when its context ends, who waits for what
// another asked for.
func TestLoaderWaiterLeaves(t *testing.T) {
	for name, way := range map[string]func(*loader[int, int], func(context.Context, []int) []zoom.Found[int]) *loader[int, int]{
		"at once": (*loader[int, int]).get,
		"in rounds": func(l *loader[int, int], find func(context.Context, []int) []zoom.Found[int]) *loader[int, int] {
			return l.inRounds(users, find)
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			var batches atomic.Int32
			ctx, _ := fieldOf(t.Context())
			l := way(&loader[int, int]{}, squares(&batches))
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
				t.Errorf("%s: the first was disturbed: %v", name, err)
			}
		})
	}
}

// TestRounds has fields wait for a round until all that are expected have come, also
// those below others.
func TestRounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var batches atomic.Int32
		ctx, req := fieldOf(t.Context())
		l := (&loader[int, int]{}).inRounds(users, squares(&batches))
		req.expect(3)
		var wait sync.WaitGroup
		field := func(after time.Duration, keys ...int) {
			wait.Go(func() {
				time.Sleep(after)
				req.rounds.enter()
				for _, key := range keys {
					_, _ = l.Load(ctx, key)
				}
				req.leave(nil, 0)
			})
		}
		began := time.Now()
		field(0, 1)
		field(time.Millisecond, 2, 4) // 4 is asked for when 2 is known
		wait.Go(func() {
			req.rounds.enter()
			time.Sleep(10 * time.Second) // a list is read
			req.leave(nil, 1)
			field(0, 3, 4)
		})
		wait.Wait()
		if n, took := batches.Load(), time.Since(began); n != 2 || took != 12*time.Second {
			t.Errorf("%d batches, want 2, after %s", n, took)
		}
	})
}

// TestRoundsOutlastAStall has the executor come to a field late, as on a machine that
// leaves the process alone for a while: the round waits for it.
func TestRoundsOutlastAStall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var batches atomic.Int32
		ctx, req := fieldOf(t.Context())
		l := (&loader[int, int]{}).inRounds(users, squares(&batches))
		req.expect(2)
		var wait sync.WaitGroup
		for key, after := range []time.Duration{0, 500 * time.Millisecond} {
			wait.Go(func() {
				time.Sleep(after)
				req.rounds.enter()
				_, _ = l.Load(ctx, key)
				req.leave(nil, 0)
			})
		}
		wait.Wait()
		if n := batches.Load(); n != 1 {
			t.Errorf("%d batches, want 1", n)
		}
	})
}

// TestLoader_keyFoundFurtherUp asks for a key on a level, and then on the level above, which
// does not wait for it: the round below asks for what is left.
func TestLoader_keyFoundFurtherUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var batches [][]int
		above, req := fieldOf(t.Context())
		below := further(above, req)
		l := (&loader[int, int]{}).inRounds(users, func(_ context.Context, keys []int) []zoom.Found[int] {
			batches = append(batches, slices.Clone(keys))
			return squares(new(atomic.Int32))(t.Context(), keys)
		})
		req.rounds.begin(oneUser)
		req.rounds.begin(userBelow)
		var wait sync.WaitGroup
		wait.Go(func() {
			req.rounds.enter()
			for i, f := range l.LoadMany(below, []int{3, 4}) {
				if want := (3 + i) * (3 + i); f.Err != nil || *f.Object != want {
					t.Errorf("%d below: %+v, want %d", 3+i, f, want)
				}
			}
			req.rounds.leave(nil, userBelow, nil, 0)
		})
		synctest.Wait()
		req.rounds.enter()
		if got, err := l.Load(above, 3); err != nil || *got != 9 {
			t.Errorf("above: %v, %v", got, err)
		}
		req.leave(nil, 0)
		wait.Wait()
		if want := [][]int{{3}, {4}}; !reflect.DeepEqual(batches, want) {
			t.Errorf("asked for were %v, want %v", batches, want)
		}
	})
}

// TestNobodyWaitsForAnIDThatIsNone asks for objects beside some whose ids are none: they
// take no longer than alone.
func TestNobodyWaitsForAnIDThatIsNone(t *testing.T) {
	took := func(declared, beside string) (took time.Duration) {
		inRig(t, setup{}, func(r *rig) {
			began := time.Now()
			a := r.ask(`query `+declared+` { u: user(by: {zoomId: "${HostID}"}) { department role { name } } `+beside+` }`, map[string]any{
				"ids": "garbage", "by": map[string]any{"id": "garbage"},
			})
			if took = time.Since(began); a.at(t, "u.role.name") == "" {
				t.Errorf("%s: %s", beside, a.body)
			}
		})
		return took
	}
	alone := took("", "")
	for _, c := range []struct{ declared, beside string }{
		{"", `user(by: {id: "garbage"}) { department role { name } }`},
		{"", `node(id: "garbage") { ... on User { department } }`},
		{"", `nodes(ids: ["${User HostID}", "garbage"]) { ... on User { department } }`},
		{"($ids: [ID!]!)", `nodes(ids: $ids) { ... on User { department } }`},
		{"($by: UserBy!)", `user(by: $by) { department }`},
		{"", `account { user(by: {id: "garbage"}) { department } }`},
	} {
		if got := took(c.declared, c.beside); got >= alone+patience {
			t.Errorf("%s: it took %s, and %s alone", c.beside, got, alone)
		}
	}
}

// TestRoundsWithoutWhoIsExpected has a field not come: the others do not wait for ever,
// and not each time.
func TestRoundsWithoutWhoIsExpected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var batches atomic.Int32
		ctx, req := fieldOf(t.Context())
		l := (&loader[int, int]{}).inRounds(users, squares(&batches))
		req.expect(2)
		req.rounds.enter()
		began := time.Now()
		for key := range 3 {
			_, _ = l.Load(ctx, key)
		}
		req.leave(nil, 0)
		if took := time.Since(began); took != 3*time.Second+patience {
			t.Errorf("it took %s", took)
		}
	})
}

// TestRounds_noTimerOutlivesTheWait lets a field wait for another: the timer that would end
// the wait holds the whole operation, and goes with it.
func TestRounds_noTimerOutlivesTheWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var batches atomic.Int32
		ctx, req := fieldOf(t.Context())
		l := (&loader[int, int]{}).inRounds(users, squares(&batches))
		req.expect(2)
		var wait sync.WaitGroup
		load := func(key int) {
			req.rounds.enter()
			_, _ = l.Load(ctx, key)
			req.leave(nil, 0)
		}
		wait.Go(func() { load(1) })
		synctest.Wait()
		if req.rounds.stuck == nil {
			t.Error("nothing would end the wait")
		}
		load(2)
		wait.Wait()
		if n := batches.Load(); n != 1 || req.rounds.stuck != nil {
			t.Errorf("%d batches, want 1; a timer runs: %t", n, req.rounds.stuck != nil)
		}
	})
}

// TestRoundsOfAWindow resolves a list a few items at a time: no round begins between
// one item and the next, and so the rounds are as large as they can be.
func TestRoundsOfAWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var batches atomic.Int32
		ctx, req := fieldOf(t.Context())
		l := (&loader[int, int]{}).inRounds(users, squares(&batches))
		const width = 3
		items := make([]*types.User, 10)
		for i := range items {
			if i != 4 { // is null
				items[i] = &types.User{}
			}
		}
		req.narrowed.Store(true)
		req.expect(1)
		req.rounds.enter()
		list := &window{}
		twoUsers := &demand{2, []levelDemand{{users, 1, 2}}}
		list.narrow(&req.rounds, nil, &route{object: "User", below: map[string]*demand{"User": twoUsers}}, reflect.ValueOf(items), width)
		req.leave(nil, 0)
		var wait sync.WaitGroup
		var next atomic.Int64
		field := func(ctx context.Context, keys ...int) {
			req.rounds.enter()
			for _, key := range keys {
				_, _ = l.Load(ctx, key)
			}
			req.leave(req.groupOf(ctx), 0)
		}
		for range width {
			wait.Go(func() {
				for i := int(next.Add(1)) - 1; i < len(items); i = int(next.Add(1)) - 1 {
					time.Sleep(patience / 2) // the executor is slow
					ctx := list.Begin(ctx, i)
					if items[i] == nil {
						continue
					}
					field(ctx)          // one that waits for nothing
					field(ctx, i, 10+i) // and one that waits twice
				}
			})
		}
		wait.Wait()
		if n := batches.Load(); n != 2*3 {
			t.Errorf("%d batches, want 6: two for each three of nine", n)
		}
		if n := req.rounds.of[users].pending[1]; n != 0 || req.rounds.active != 0 {
			t.Errorf("%d are expected still, %d are being resolved", n, req.rounds.active)
		}
	})
}

// TestFoundBefore_namesAskedTwice asks for a user once who is wanted by one key, and
// whole by another; and by the name that is asked for in the place of his own.
func TestFoundBefore_namesAskedTwice(t *testing.T) {
	l := &loaded{other: map[string]otherName{"c@x.example": {"c", 0}, "d@x.example": {"d", 0}}}
	keys := []userKey{{"a", false}, {"b", false}, {"a", true}, {"c@x.example", false}, {"c", false}, {"d@x.example", false}}
	_, places, ask := l.foundBefore(keys, 1)
	if want := []int{0, 1, 0, 2, 2, 3}; !slices.Equal(places, want) {
		t.Errorf("the places are %v, want %v", places, want)
	}
	if want := []userKey{{"a", true}, {"b", false}, {"c", false}, {"d@x.example", false}}; !slices.Equal(ask.keys, want) {
		t.Errorf("asked for are %v, want %v", ask.keys, want)
	}
	ask.found = make([]zoom.Found[types.User], len(ask.keys))
	for name, want := range map[string]bool{"a": true, "c": true, "c@x.example": false, "e": false} {
		if _, got := ask.get(name, false); got != want {
			t.Errorf("the round has found %s: %v, want %v", name, got, want)
		}
	}
	if _, got := ask.get("b", true); got {
		t.Error("what was not asked for whole was found whole")
	}
}
