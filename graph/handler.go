package graph

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/executor"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"zoomql/cache"
	"zoomql/graph/admission"
	"zoomql/graph/audit"
	"zoomql/graph/endpoint"
	"zoomql/graph/generated"
	"zoomql/graph/idempotency"
	"zoomql/graph/pricing"
	"zoomql/graph/rosters"
	"zoomql/graph/schema"
	"zoomql/graph/session"
	"zoomql/internal/events"
	"zoomql/internal/identity"
	"zoomql/internal/links"
	"zoomql/internal/logs"
	"zoomql/internal/zoom"
)

// Budget bounds one response.
type Budget = session.Budget

// MaxPrice is how many calls of each label an operation may cost at most.
type MaxPrice = pricing.MaxPrice

// DefaultBudget is the budget of a handler without one.
var DefaultBudget = session.DefaultBudget

// Config is the configuration of New.
type Config struct {
	// Client calls Zoom, for each request with the credential that Credential returns.
	Client     *zoom.Client
	Credential identity.Source
	// Links signs links to files at Zoom; nil signs none.
	Links *links.Links
	// MaxPrice bounds the cost of one operation; nil bounds none.
	MaxPrice MaxPrice
	// Events returns whether Zoom's events of the account arrive; nil if none are accepted.
	Events EventStatus
	// Bus has Zoom's events of the account, for subscriptions; nil if none are accepted.
	// Names reports that the events have the names of people, too.
	Bus   *events.Bus
	Names bool
	// Live bounds connections and subscriptions; nil means bounds of the handler's own.
	Live *endpoint.Live
	// RawRequests lets callers send operations with parameters of their own.
	RawRequests bool
	// Answers caches whole answers. It MUST accept the tickets of the client's store:
	// it is that store, or its first tier. Nil caches none.
	Answers cache.Local
	// Ledger records the outcomes of creates with an idempotencyKey, for all replicas; nil
	// if there is a single gateway.
	Ledger cache.Ledger
	// Log receives a line for each operation, and one more for each mutation field.
	Log *slog.Logger
	// LogRemote adds the address of the client to the lines of mutation fields.
	LogRemote bool
	// Persisted stores documents that were sent with their hash, for callers that then send
	// the hash alone; nil stores none.
	Persisted cache.Store
	// Trusted are documents that callers name by their ids; nil means none.
	Trusted *endpoint.Trusted
	// TrustedOnly refuses all other documents.
	TrustedOnly bool
	// Documents caches parsed documents; nil means a cache of the handler's own.
	Documents endpoint.Documents
	// Admission bounds the memory and concurrency of all operations; nil means the handler's
	// own.
	Admission *admission.Control
	// Limits bound the size of a query; zero means [endpoint.DefaultLimits].
	Limits endpoint.Limits
	// Budget bounds the size of an answer; zero means DefaultBudget.
	Budget Budget
	// Drift adds extensions.drift to each answer: the values and fields in Zoom's answers that
	// the schema lacks.
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
		Idempotency: idempotency.New(cfg.Ledger), Links: cfg.Links, RawRequests: cfg.RawRequests, Events: cfg.Events,
		Bus: cfg.Bus, Names: cfg.Names,
		prices:  pricing.Pricer{Client: cfg.Client, Index: schemaIndex, Max: cfg.MaxPrice, Objects: cfg.Budget.Objects, CodeOf: codeOf},
		rosters: rosters.Rosters{Bus: cfg.Bus, Served: cfg.Client.AccountID()},
	}
	executable := generated.NewExecutableSchema(generated.Config{Resolvers: root})
	root.Schema = executable.Schema()
	exec := executor.New(executable)
	exec.SetErrorPresenter(present(cfg.Log))
	exec.SetRecoverFunc(recovered(cfg.Log))
	exec.AroundOperations(root.begin)
	root.prices.PeekWith(executable, root.begin)
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
	exec.AroundResponses(preflown)
	served := endpoint.New(endpoint.Config{
		Executor: exec, Schema: root.Schema, SchemaHash: schema.Hash(), Credential: cfg.Credential, Check: root.check, Plan: func(ctx context.Context, opCtx *graphql.OperationContext) any { return root.prices.Report(ctx, opCtx) },
		Answers: cfg.Answers, Coverage: cfg.Client.Coverage(), Persisted: cfg.Persisted, Trusted: cfg.Trusted, TrustedOnly: cfg.TrustedOnly, Documents: cfg.Documents,
		Admission: cfg.Admission, Live: cfg.Live, Limits: cfg.Limits, Introspection: cfg.Introspection, Drift: cfg.Drift, Timeout: cfg.Timeout, Log: cfg.Log,
	})
	cfg.Client.OnEvict(served.Forget)
	return served
}

// recovered converts a panic to an error of its field, and logs the stack.
func recovered(log *slog.Logger) graphql.RecoverFunc {
	return func(ctx context.Context, v any) error {
		log.ErrorContext(ctx, "panic", "value", logs.Message(fmt.Sprint(v)), logs.StackKey, string(debug.Stack()))
		return errPanic
	}
}

// logged writes a line for each operation, with its name, its duration and its calls, but no
// variables and no answer.
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

// notDry is a root field middleware: in a query that only requests its price, it resolves no
// other field.
func notDry(ctx context.Context, next graphql.RootResolver) graphql.Marshaler {
	if r := from(ctx); r != nil && r.dry {
		switch f := graphql.GetRootFieldContext(ctx).Field; {
		case f.Name == "rateLimit" || strings.HasPrefix(f.Name, "__"):
		case f.Definition != nil && f.Definition.Type.NonNull: // the fields below it are null: see awaited
		default:
			return graphql.Null
		}
	}
	return next(ctx)
}

// preflown is a response middleware: it adds the error of missing scopes before all others.
func preflown(ctx context.Context, next graphql.ResponseHandler) *graphql.Response {
	resp := next(ctx)
	if r := from(ctx); resp != nil && r != nil {
		r.preflight.Tell(resp)
	}
	return resp
}

// check refuses an operation before it is executed: by its size, by its price, or because a
// part of it cannot be answered and the caller requests strict handling.
func (r *Resolver) check(ctx context.Context, opCtx *graphql.OperationContext) *gqlerror.Error {
	if err := r.Budget.Foresee(opCtx); err != nil {
		return err
	}
	return r.prices.Check(ctx, opCtx)
}
