// Package errs has the errors of the graph's own that packages below it find. Package
// graph makes of them what callers see.
package errs

import (
	"strings"

	"github.com/vektah/gqlparser/v2/ast"

	"zoomql/internal/zoom/types"
)

// Input is a mistake in what the caller sent, found before Zoom was asked. A message that
// begins with the name of an argument and a colon is about that argument.
type Input struct {
	Code    types.ErrorCode
	Message string
}

// Invalid returns the error of input that cannot be meant.
func Invalid(message string) *Input {
	return &Input{Code: types.ErrorCodeBadUserInput, Message: message}
}

// Error returns the message.
func (e *Input) Error() string { return e.Message }

// At is an error of a field further down than the one that met it.
type At struct {
	Err  error
	Path ast.Path
}

// Error returns the error's message.
func (e *At) Error() string { return e.Err.Error() }

// Unwrap returns the error itself.
func (e *At) Unwrap() error { return e.Err }

// NotTold is the error of fields that no answer carries that was read for their objects.
type NotTold struct{ Fields []string }

// Error names the fields.
func (e *NotTold) Error() string {
	return "What was read for this does not tell " + strings.Join(e.Fields, ", ") + ": Zoom tells it elsewhere."
}
