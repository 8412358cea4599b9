// Package baseline is the server that the gateway is compared with: a simple GraphQL
// server for Zoom. It has plain gqlgen, structs for encoding/json, one dataloader of
// users for each request, and no cache, no rate limiter, no bound on the calls in
// flight, no retries.
//
// The comparison is fair: its batches wait for 1 ms and not dataloader's 16,
// connections of a burst stay open, parsed queries are cached, pages have the requested
// size, and no user is fetched twice by the same id or address. It lacks the
// optimizations of the gateway: it fetches listed users again, does not replace
// hundreds of calls by one page of users, and ignores the limits of labels.
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

// Config holds the addresses of Zoom and the credentials.
type Config struct {
	APIURL       string // with "/v2"
	OAuthURL     string
	AccountID    string
	ClientID     string
	ClientSecret string
	// Transport carries the calls; nil is one of the baseline's own.
	Transport http.RoundTripper
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

// loadUser returns a user by id or e-mail address; nil for "".
func loadUser(ctx context.Context, name string) (*model.User, error) {
	if name == "" {
		return nil, nil
	}
	return ctx.Value(loaderKey{}).(*userLoader).Load(ctx, name)()
}
