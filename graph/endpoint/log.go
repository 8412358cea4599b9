package endpoint

import (
	"context"
	"log/slog"

	"github.com/99designs/gqlgen/graphql"

	"zoomql/internal/logs"
	"zoomql/internal/ratelimit"
)

// OperationName returns the name of an operation for the log, truncated. It is that of the document, not
// operationName of the request, which may be any text.
func OperationName(op *graphql.OperationContext) string {
	if op.Operation == nil {
		return ""
	}
	return logs.Text(op.Operation.Name)
}

// CallerAttr returns the attribute of a log line with the name of the caller's API key; none without keys.
func CallerAttr(ctx context.Context) []slog.Attr {
	if name := ratelimit.CallerFrom(ctx); name != "" {
		return []slog.Attr{slog.String("caller", name)}
	}
	return nil
}
