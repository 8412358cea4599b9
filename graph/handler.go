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

	"zoomql/cache"
	"zoomql/graph/admission"
	"zoomql/graph/audit"
	"zoomql/graph/endpoint"
	"zoomql/graph/generated"
	"zoomql/graph/idempotency"
	"zoomql/graph/schema"
	"zoomql/graph/session"
	"zoomql/internal/identity"
	"zoomql/internal/links"
	"zoomql/internal/logs"
	"zoomql/internal/zoom"
)

// Budget bounds one response.
type Budget = session.Budget

// DefaultBudget is the budget of a handler that is given none.
var DefaultBudget = session.DefaultBudget

// Config is what New needs.
type Config struct {
	// Client asks Zoom, for each request in the name of what Credential tells.
	Client     *zoom.Client
	Credential identity.Source
	// Links hands out links to files at Zoom; nil hands out none.
	Links *links.Links
	// MaxPrice is what one operation may cost at most; nil bounds none.
	MaxPrice MaxPrice
	// Events tells whether Zoom's events of the account come; nil where none are taken.
	Events EventStatus
	// RawRequests lets callers send operations with parameters of their own.
	RawRequests bool
	// Answers keeps whole answers. It MUST know the tickets of the client's store:
	// it is that store, or its first tier. Nil keeps none.
	Answers cache.Local
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
	Trusted *endpoint.Trusted
	// TrustedOnly refuses all other documents.
	TrustedOnly bool
	// Documents keeps what was parsed; nil means one of the handler's own.
	Documents endpoint.Documents
	// Admission bounds what operations take at once; nil means the handler's own.
	Admission *admission.Control
	// Limits bound the size of a query; zero means [endpoint.DefaultLimits].
	Limits endpoint.Limits
	// Budget bounds the size of an answer; zero means DefaultBudget.
	Budget Budget
	// Drift has each answer tell, under extensions.drift, what Zoom's answers to its
	// calls had that the graph does not know.
	Drift bool
	// Introspection lets clients read the schema.
	Introspection bool
	// Timeout bounds an operation; 0 means 30 seconds.
	Timeout time.Duration

	fields graphql.FieldMiddleware // of a test; may be nil
}

// New returns the handler of the GraphQL endpoint.
func New(cfg Config) http.Handler {
	if cfg.Limits == (endpoint.Limits{}) {
		cfg.Limits = endpoint.DefaultLimits
	}
	if cfg.Budget == (Budget{}) {
		cfg.Budget = DefaultBudget
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = 30 * time.Second
	}
	if cfg.Admission == nil {
		cfg.Admission = admission.New()
	}
	if cfg.Documents == nil {
		cfg.Documents = endpoint.NewDocuments()
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	root := &Resolver{
		Client: cfg.Client, Admission: cfg.Admission, Budget: cfg.Budget,
		Idempotency: idempotency.New(cfg.Ledger), Links: cfg.Links, MaxPrice: cfg.MaxPrice, RawRequests: cfg.RawRequests, Events: cfg.Events,
	}
	executable := generated.NewExecutableSchema(generated.Config{Resolvers: root})
	root.Schema = executable.Schema()
	exec := executor.New(executable)
	exec.SetErrorPresenter(present(cfg.Log))
	exec.SetRecoverFunc(recovered(cfg.Log))
	exec.AroundOperations(root.begin)
	exec.AroundRootFields(notDry)
	exec.AroundRootFields(audit.Log(cfg.Log, cfg.LogRemote))
	exec.AroundRootFields(session.WithinDeadline)
	exec.AroundFields(awaited)
	exec.AroundFields(session.Bounded)
	exec.AroundFields(rendered)
	if cfg.fields != nil {
		exec.AroundFields(cfg.fields)
	}
	exec.AroundResponses(logged(cfg.Log))
	exec.AroundResponses(session.Capped)
	served := endpoint.New(endpoint.Config{
		Executor: exec, Schema: root.Schema, SchemaText: schema.SDL(), Credential: cfg.Credential, Check: root.check, Plan: func(ctx context.Context, opCtx *graphql.OperationContext) any {
			return root.planOf(ctx, opCtx).Report(root.granted(ctx))
		},
		Answers: cfg.Answers, Coverage: cfg.Client.Coverage(), Persisted: cfg.Persisted, Trusted: cfg.Trusted, TrustedOnly: cfg.TrustedOnly, Documents: cfg.Documents,
		Admission: cfg.Admission, Limits: cfg.Limits, Introspection: cfg.Introspection, Drift: cfg.Drift, Timeout: cfg.Timeout, Log: cfg.Log,
	})
	cfg.Client.OnEvict(served.Forget)
	return served
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
			attrs = append(attrs, slog.String("name", endpoint.OperationName(op)))
		}
		attrs = append(attrs, endpoint.CallerAttr(ctx)...)
		attrs = append(attrs, slog.Float64("ms", float64(time.Since(began).Microseconds())/1000))
		if own := session.From(ctx); own != nil {
			attrs = append(attrs, spent(own.Usage)...)
		}
		if code := endpoint.CodeOf(resp.Errors); code != "" {
			attrs = append(attrs, slog.String("code", string(code)), slog.Int("errors", len(resp.Errors)))
		}
		log.LogAttrs(ctx, slog.LevelInfo, "operation", attrs...)
		return resp
	}
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
