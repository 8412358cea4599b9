// Package baseline is what the gateway is measured against: the GraphQL server
// that one would write for Zoom in an afternoon. Plain gqlgen, structs for
// encoding/json, one dataloader of users for each request, and nothing else: no
// cache, no rate limiter, no bound on the calls in flight, no retries.
//
// It is written fairly. Its batches leave after 1 ms and not dataloader's 16,
// it keeps the connections of a burst open, its parsed queries are kept, lists
// are read in pages as large as asked for, and nobody is fetched twice under the
// same name. What it does not know is what the gateway is for: that a listed
// user need not be fetched, that one page of users spares hundreds of calls,
// what a label allows.
package baseline

//go:generate go run generate.go

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/99designs/gqlgen/graphql/handler"
	"github.com/99designs/gqlgen/graphql/handler/lru"
	"github.com/99designs/gqlgen/graphql/handler/transport"
	"github.com/graph-gophers/dataloader/v7"
	"github.com/vektah/gqlparser/v2/ast"

	"zoomql/internal/bench/baseline/generated"
	"zoomql/internal/bench/baseline/model"
)

// Config is the Zoom that the baseline asks, and its credentials there.
type Config struct {
	APIURL       string // with "/v2"
	OAuthURL     string
	AccountID    string
	ClientID     string
	ClientSecret string
}

// New returns the handler of the baseline's GraphQL endpoint.
func New(cfg Config) http.Handler {
	z := newZoom(cfg)
	server := handler.New(generated.NewExecutableSchema(generated.Config{Resolvers: &resolver{z}}))
	server.AddTransport(transport.POST{})
	server.SetQueryCache(lru.New[*ast.QueryDocument](1000))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		server.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), loaderKey{}, newLoader(z))))
	})
}

type loaderKey struct{}

type userLoader = dataloader.Loader[string, *model.User]

// newLoader returns the loader of users of one request.
func newLoader(z *zoom) *userLoader {
	batch := func(ctx context.Context, names []string) []*dataloader.Result[*model.User] {
		results := make([]*dataloader.Result[*model.User], len(names))
		var wait sync.WaitGroup
		for i, name := range names {
			wait.Go(func() {
				u, err := z.user(ctx, name)
				results[i] = &dataloader.Result[*model.User]{Data: u, Error: err}
			})
		}
		wait.Wait()
		return results
	}
	return dataloader.NewBatchedLoader(batch, dataloader.WithWait[string, *model.User](time.Millisecond))
}

// loadUser returns a user by id or e-mail address; no name is nobody.
func loadUser(ctx context.Context, name string) (*model.User, error) {
	if name == "" {
		return nil, nil
	}
	return ctx.Value(loaderKey{}).(*userLoader).Load(ctx, name)()
}
