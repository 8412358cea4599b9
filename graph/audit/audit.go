// Package audit writes the audit log: one line for each mutation field that was executed.
// The line says whose key it was, which object was to be written to, and the outcome. It
// holds no contents, no variable, and nobody's e-mail address, also not in a global id.
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

// OK is the outcome of a write that was done.
const OK = "ok"

// maxKey bounds Zoom's key in an id, which a caller may have made up.
const maxKey = 256

// Entry is what the line of one mutation field says of the write. The mutation fills it.
type Entry struct {
	// Object is the object that was made or written to, or else the one that the caller
	// named. The log names its kind alone where it has no key, or one with an e-mail
	// address.
	Object types.NodeID
	// Operation stands in the place of an object where the caller named an operation, "" for
	// one that there is not; nil for all other writes.
	Operation *string
	// Outcome is OK, or the code of the first mistake that the caller can mend; "" where
	// the field failed.
	Outcome string
}

type entryKey struct{}

// EntryOf returns the entry of the mutation field of ctx. Where nothing is logged, it is
// one that nobody reads.
func EntryOf(ctx context.Context) *Entry {
	if e, ok := ctx.Value(entryKey{}).(*Entry); ok {
		return e
	}
	return &Entry{}
}

// Log writes the line of a mutation field when the field is done. remote has the lines
// hold the address that the request came from.
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

// failure returns the code of what went wrong with the field itself: that its answer
// cannot be read afterwards is no failure of the write.
func failure(ctx context.Context, alias string) string {
	own := slices.DeleteFunc(slices.Clone(graphql.GetErrors(ctx)), func(e *gqlerror.Error) bool {
		return len(e.Path) != 1 || e.Path[0] != ast.PathName(alias)
	})
	return string(cmp.Or(endpoint.CodeOf(own), types.ErrorCodeInternal))
}

// object says which object it was. Where the entry does not tell its kind, the name of
// the field does: createRole makes a Role.
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
