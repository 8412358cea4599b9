package graph

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/executor"
	"github.com/99designs/gqlgen/graphql/handler/extension"

	"zoomql/cache"
	"zoomql/graph/generated"
	"zoomql/internal/links"
	"zoomql/internal/logs"
	"zoomql/internal/ratelimit"
	"zoomql/internal/zoom"
)

// Config is what New needs.
type Config struct {
	// Client asks Zoom.
	Client *zoom.Client
	// Links hands out links to files at Zoom; nil hands out none.
	Links *links.Links
	// RawRequests lets callers send operations with parameters of their own.
	RawRequests bool
	// Answers keeps whole answers. It MUST know the tickets of the client's store:
	// it is that store, or its first tier. Nil keeps none.
	Answers cache.Store
	// Ledger notes what creates with a key of the caller's have made, for all
	// replicas; nil where there is one gateway alone.
	Ledger cache.Ledger
	// Log gets one line an operation, and one more for each mutation field.
	Log *slog.Logger
	// LogRemote has the lines of mutation fields hold the address that the request
	// came from.
	LogRemote bool
	// Persisted keeps documents that were sent with their hash, for callers who then
	// send the hash alone; nil keeps none.
	Persisted cache.Store
	// Trusted are documents that callers name by their ids; nil means none.
	Trusted *Trusted
	// TrustedOnly refuses all other documents.
	TrustedOnly bool
	// Documents keeps what was parsed; nil means one of the handler's own.
	Documents Documents
	// Room is what operations share; nil means the handler's own.
	Room *Room
	// Limits bound the size of a query; zero means DefaultLimits.
	Limits Limits
	// Budget bounds the size of an answer; zero means DefaultBudget.
	Budget Budget
	// Drift has each answer tell, under extensions.drift, what Zoom's answers to its
	// calls had that the graph does not know.
	Drift bool
	// Introspection lets clients read the schema.
	Introspection bool
	// Timeout bounds an operation; 0 means 30 seconds.
	Timeout time.Duration
}

// New returns the handler of the GraphQL endpoint.
func New(cfg Config) http.Handler {
	if cfg.Limits == (Limits{}) {
		cfg.Limits = DefaultLimits
	}
	if cfg.Budget == (Budget{}) {
		cfg.Budget = DefaultBudget
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = 30 * time.Second
	}
	if cfg.Room == nil {
		cfg.Room = NewRoom()
	}
	if cfg.Documents == nil {
		cfg.Documents = NewDocuments()
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	root := &Resolver{
		Client: cfg.Client, Admission: &admission{cfg.Room.items}, Budget: cfg.Budget, Room: cfg.Room,
		Idempotency: newIdempotency(cfg.Ledger), Links: cfg.Links, RawRequests: cfg.RawRequests,
	}
	schema := generated.NewExecutableSchema(generated.Config{Resolvers: root})
	root.Schema = schema.Schema()
	server := executor.New(schema)
	documents := &reader{schema: schema.Schema(), limits: cfg.Limits, known: cfg.Documents, suggest: cfg.Introspection}
	over := &endpoint{
		exec: server, reader: documents, budget: cfg.Budget, log: cfg.Log, timeout: cfg.Timeout, answers: newAnswers(cfg), room: cfg.Room, remote: cfg.LogRemote, drift: cfg.Drift,
		library: &library{store: cfg.Persisted, view: cfg.Client.View(), trusted: cfg.Trusted, only: cfg.TrustedOnly},
	}
	over.rest = permitted(cfg.Room.operations, cfg.Timeout, over.execute)
	// Who asks after a change must not be told what was asked before it.
	cfg.Client.OnEvict(func() { over.flights.Forget(func(any) bool { return true }) })
	server.SetQueryCache(opened{})
	server.SetErrorPresenter(present(cfg.Log))
	server.SetRecoverFunc(recovered(cfg.Log))
	server.Use(&inputCheck{}) // before what reads variables
	server.Use(&nameLimits{})
	if cfg.Introspection {
		server.Use(extension.Introspection{})
	} else {
		server.Use(introspectionOff{})
	}
	server.AroundOperations(root.begin)
	server.AroundRootFields(audit(cfg.Log))
	server.AroundFields(awaited)
	server.AroundFields(bounded)
	server.AroundFields(rendered)
	server.AroundResponses(logged(cfg.Log))
	server.AroundResponses(capped)
	return over
}

// recovered makes a panic an error of the field that met it, and logs where.
func recovered(log *slog.Logger) graphql.RecoverFunc {
	return func(ctx context.Context, v any) error {
		log.ErrorContext(ctx, "panic", "value", logs.Message(fmt.Sprint(v)), logs.StackKey, string(debug.Stack()))
		return errPanic
	}
}

// logged writes one line an operation: what it was called, how long it took,
// what it spent. It holds no variable and no answer.
func logged(log *slog.Logger) graphql.ResponseMiddleware {
	return func(ctx context.Context, next graphql.ResponseHandler) *graphql.Response {
		began := time.Now()
		resp := next(ctx)
		if resp == nil || !log.Enabled(ctx, slog.LevelInfo) {
			return resp
		}
		attrs := make([]slog.Attr, 0, 10)
		if graphql.HasOperationContext(ctx) {
			op := graphql.GetOperationContext(ctx)
			began = op.Stats.OperationStart
			attrs = append(attrs, slog.String("name", nameOf(op)))
		}
		attrs = append(attrs, caller(ctx)...)
		attrs = append(attrs, slog.Float64("ms", float64(time.Since(began).Microseconds())/1000))
		if req := from(ctx); req != nil {
			attrs = append(attrs, spent(req.usage)...)
		}
		if code := codeOf(resp.Errors); code != "" {
			attrs = append(attrs, slog.String("code", code), slog.Int("errors", len(resp.Errors)))
		}
		log.LogAttrs(ctx, slog.LevelInfo, "operation", attrs...)
		return resp
	}
}

// nameOf returns what an operation is called in its document, for the log, and so
// not at any length. What a request
// calls it besides may be any text, and is in no document if that was refused.
func nameOf(op *graphql.OperationContext) string {
	if op.Operation == nil {
		return ""
	}
	return logs.Text(op.Operation.Name)
}

// caller tells whose key was shown, by its name, if there are keys.
func caller(ctx context.Context) []slog.Attr {
	if name := ratelimit.CallerFrom(ctx); name != "" {
		return []slog.Attr{slog.String("caller", name)}
	}
	return nil
}

func spent(u *zoom.Usage) []slog.Attr {
	var attrs []slog.Attr
	for _, r := range zoom.Rates {
		if n := u.Calls(r); n > 0 {
			attrs = append(attrs, slog.Int(r.String(), n))
		}
	}
	attrs = append(attrs, slog.Int("hits", u.Hits()))
	if w := u.Waited(); w > time.Millisecond {
		attrs = append(attrs, slog.Int64("waited_ms", w.Milliseconds()))
	}
	return attrs
}
