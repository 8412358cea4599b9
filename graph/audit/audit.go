// Package audit writes the audit log: one line for each executed mutation field. The line
// names the caller's API key, the object of the write, and the outcome. It holds no contents,
// no variables and no e-mail addresses, also not in a global id.
package audit

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"strings"
	"unicode"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"zoomql/graph/endpoint"
	"zoomql/internal/zoom/types"
)

// OK is the outcome of a successful write.
const OK = "ok"

// maxKey bounds Zoom's key in an id, which a caller may have made up.
const maxKey = 256

// Entry describes the write of one mutation field. The mutation fills it.
type Entry struct {
	// Object is the object that was created, changed or deleted, or else the one that the
	// caller named. If it has no key, or one with an e-mail address, the log has its type
	// only.
	Object types.NodeID
	// Operation is logged instead of an object if the caller named an operation, "" for an
	// unknown one; nil for all other writes.
	Operation *string
	// Outcome is OK, or the code of the first error that the caller can correct; "" if
	// the field failed.
	Outcome string
}

type entryKey struct{}

// EntryOf returns the entry of the mutation field of ctx. If nothing is logged, it returns a
// new one.
func EntryOf(ctx context.Context) *Entry {
	if e, ok := ctx.Value(entryKey{}).(*Entry); ok {
		return e
	}
	return &Entry{}
}

// Log returns a middleware that writes the line of a mutation field after its execution.
// remote adds the address of the request's sender.
func Log(log *slog.Logger, remote bool) graphql.RootFieldMiddleware {
	return func(ctx context.Context, next graphql.RootResolver) graphql.Marshaler {
		if graphql.GetOperationContext(ctx).Operation.Operation != ast.Mutation || !log.Enabled(ctx, slog.LevelInfo) {
			return next(ctx)
		}
		e := &Entry{}
		out := next(context.WithValue(ctx, entryKey{}, e))
		e.write(ctx, log, remote)
		return out
	}
}

func (e *Entry) write(ctx context.Context, log *slog.Logger, remote bool) {
	field := graphql.GetRootFieldContext(ctx).Field
	attrs := make([]slog.Attr, 0, 8)
	attrs = append(attrs, endpoint.CallerAttr(ctx)...)
	attrs = append(attrs, slog.String("field", field.Name))
	attrs = append(attrs, e.object(types.TenantFrom(ctx), field.Name)...)
	attrs = append(attrs, slog.String("outcome", cmp.Or(e.Outcome, failure(ctx, field.Alias))))
	if s, ok := endpoint.SenderFrom(ctx); ok {
		attrs = append(attrs, slog.String("request", s.RequestID))
		if remote {
			attrs = append(attrs, slog.String("remote", s.Remote))
		}
	}
	log.LogAttrs(ctx, slog.LevelInfo, "audit", attrs...)
}

// failure returns the error code of the field itself. Errors of fields below it, which are
// read after the write, are no failure of the write.
func failure(ctx context.Context, alias string) string {
	own := slices.DeleteFunc(slices.Clone(graphql.GetErrors(ctx)), func(e *gqlerror.Error) bool {
		return len(e.Path) != 1 || e.Path[0] != ast.PathName(alias)
	})
	return string(cmp.Or(endpoint.CodeOf(own), types.ErrorCodeInternal))
}

// object returns the attributes of the object. Without a type in the entry, it is derived
// from the name of the field: createRole creates a Role.
func (e *Entry) object(tenant types.Tenant, field string) []slog.Attr {
	switch {
	case e.Operation == nil:
	case *e.Operation == "":
		return nil
	default:
		return []slog.Attr{slog.String("operation", *e.Operation)}
	}
	id := e.Object
	attrs := []slog.Attr{slog.String("kind", cmp.Or(id.Type, strings.TrimLeftFunc(field, unicode.IsLower)))}
	if id.Key != "" && len(id.Key)+len(id.Account) <= maxKey && !strings.Contains(id.Key+id.Account, "@") {
		attrs = append(attrs, slog.String("id", id.Encode(tenant)))
	}
	return attrs
}
