package spread

import (
	"bytes"
	"context"
	"errors"
	"strconv"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
)

// inOperation returns the context of a field of an operation.
func inOperation(t *testing.T) context.Context {
	ctx := graphql.WithOperationContext(t.Context(), &graphql.OperationContext{
		RecoverFunc: func(context.Context, any) error { return errors.New("it panicked") },
	})
	ctx = graphql.WithResponseContext(ctx, graphql.DefaultErrorPresenter, graphql.DefaultRecover)
	return graphql.WithFieldContext(ctx, &graphql.FieldContext{Field: graphql.CollectedField{Field: &ast.Field{Alias: "list"}}})
}

func number(n int) graphql.Marshaler { return graphql.MarshalInt(n) }

func marshal(m graphql.Marshaler) string {
	var b bytes.Buffer
	m.MarshalGQL(&b)
	return b.String()
}

// TestSlice resolves the items of lists within lists: in order, and not more concurrently than
// the share of the branch.
func TestSlice(t *testing.T) {
	for _, lengths := range [][]int{{0}, {1}, {3, 3}, {3000}, {2, 3000}, {1000, 30}, {600, 20, 20}} {
		synctest.Test(t, func(t *testing.T) {
			var now, most atomic.Int64
			most.Store(-1)
			var level func(ctx context.Context, lengths []int) graphql.Marshaler
			level = func(ctx context.Context, lengths []int) graphql.Marshaler {
				return Slice(ctx, lengths[0], func(ctx context.Context, i int) graphql.Marshaler {
					if at := graphql.GetFieldContext(ctx).Index; at == nil || *at != i {
						t.Errorf("item %d is at another place", i)
					}
					if len(lengths) > 1 {
						return level(ctx, lengths[1:])
					}
					most.Store(max(most.Load(), now.Add(1)))
					time.Sleep(time.Second)
					now.Add(-1)
					return number(i)
				})
			}
			if n := lengths[len(lengths)-1]; n > 0 {
				inner := level(inOperation(t), lengths)
				for range len(lengths) - 1 {
					inner = inner.(graphql.Array)[0]
				}
				for i, m := range inner.(graphql.Array) {
					if marshal(m) != strconv.Itoa(i) {
						t.Fatalf("%v: item %d is %s", lengths, i, marshal(m))
					}
				}
			} else if len(level(inOperation(t), lengths).(graphql.Array)) != 0 {
				t.Error("an empty list has items")
			}
			if n := most.Load(); n > Breadth*minBreadth*minBreadth/2 || len(lengths) == 1 && n > Breadth {
				t.Errorf("%v: %d at once", lengths, n)
			}
		})
	}
}

// TestSliceOfObjects keeps resolved objects as text, and other values unchanged: the executor
// compares with graphql.Null.
func TestSliceOfObjects(t *testing.T) {
	ctx := inOperation(t)
	all := Slice(ctx, 2, func(_ context.Context, i int) graphql.Marshaler {
		if i == 0 {
			return graphql.Null
		}
		object := graphql.NewFieldSet([]graphql.CollectedField{{Field: &ast.Field{Alias: "n"}}})
		object.Values[0] = number(7)
		return object
	})
	if all[0] != graphql.Null || marshal(all) != `[null,{"n":7}]` {
		t.Errorf("%s", marshal(all))
	}
	if _, ok := all[1].(*text); !ok {
		t.Errorf("an object is kept as %T", all[1])
	}
}

// TestSliceThatPanics expects null for the list, with an error at the path of the item.
func TestSliceThatPanics(t *testing.T) {
	ctx := inOperation(t)
	if all := Slice(ctx, 3, func(_ context.Context, i int) graphql.Marshaler { return number(6 / (i - 1)) }); all != nil {
		t.Errorf("%s", marshal(all))
	}
	if errs := graphql.GetErrors(ctx); len(errs) != 1 || errs[0].Path.String() != "list[1]" {
		t.Errorf("%v", errs)
	}
}

// counted counts the items that begin.
type counted struct{ begun atomic.Int64 }

func (l *counted) Open(func(done func())) {}

func (l *counted) Begin(ctx context.Context, _ int) context.Context {
	l.begun.Add(1)
	return ctx
}

// TestItems expects the items of one list to be reported, and not those of the lists below.
func TestItems(t *testing.T) {
	list := &counted{}
	Slice(WithItems(inOperation(t), list), 3, func(ctx context.Context, i int) graphql.Marshaler {
		return Slice(ctx, 5, func(context.Context, int) graphql.Marshaler { return number(i) })
	})
	if n := list.begun.Load(); n != 3 {
		t.Errorf("%d items began, want 3", n)
	}
}

// widened resolves n more items concurrently.
type widened struct {
	counted
	n    int
	done atomic.Int64
}

func (l *widened) Open(more func(done func())) {
	for range l.n {
		more(func() { l.done.Add(1) })
	}
}

// TestItems_more resolves more items concurrently than the breadth of the list.
func TestItems_more(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n, more = Breadth + 100, 70
		list, began := &widened{n: more}, time.Now()
		var now, most atomic.Int64
		Slice(WithItems(inOperation(t), list), n, func(context.Context, int) graphql.Marshaler {
			most.Store(max(most.Load(), now.Add(1)))
			time.Sleep(time.Second)
			now.Add(-1)
			return number(0)
		})
		if most.Load() != Breadth+more || list.begun.Load() != n || list.done.Load() != more {
			t.Errorf("%d at once, want %d; %d began, %d done of %d", most.Load(), Breadth+more, list.begun.Load(), list.done.Load(), more)
		}
		if took := time.Since(began); took != 2*time.Second {
			t.Errorf("it took %s", took)
		}
	})
}
