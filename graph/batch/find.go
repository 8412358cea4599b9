package batch

import (
	"cmp"
	"context"
	"sync"

	"github.com/99designs/gqlgen/graphql"

	"zoomql/internal/zoom"
)

// Each returns a find function that makes one call per key, all concurrently.
func Each[K comparable, T any](c *zoom.Client, get func(context.Context, K) (*T, error)) func(context.Context, []K) []zoom.Found[T] {
	return func(ctx context.Context, keys []K) []zoom.Found[T] {
		found := make([]zoom.Found[T], len(keys))
		c.Each(len(keys), func(i int) {
			defer Caught(ctx, &found[i].Err)
			found[i].Object, found[i].Err = get(ctx, keys[i])
		})
		return found
	}
}

// Caught recovers a panic and stores it as an error, as gqlgen's executor does in its own
// goroutines. It MUST be deferred in goroutines that are started here, where a panic would end the
// process.
func Caught(ctx context.Context, err *error) {
	if p := recover(); p != nil {
		*err = graphql.GetOperationContext(ctx).Recover(ctx, p)
	}
}

// Grouped finds the keys of each group together, and the groups concurrently. find receives the
// group and its keys.
func Grouped[K comparable, T any](ctx context.Context, keys []K, group func(K) K, find func(K, []K) []zoom.Found[T]) []zoom.Found[T] {
	found := make([]zoom.Found[T], len(keys))
	groups := map[K][]int{}
	for i, k := range keys {
		groups[group(k)] = append(groups[group(k)], i)
	}
	var wait sync.WaitGroup
	for g, places := range groups {
		wait.Go(func() {
			var failed error
			defer func() {
				for _, i := range places {
					found[i].Err = cmp.Or(found[i].Err, failed)
				}
			}()
			defer Caught(ctx, &failed)
			own := make([]K, len(places))
			for n, i := range places {
				own[n] = keys[i]
			}
			for n, f := range find(g, own) {
				found[places[n]] = f
			}
		})
	}
	wait.Wait()
	return found
}
