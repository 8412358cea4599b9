// Package errs has the errors of the graph's own that packages below it find. Package
// graph makes of them what callers see.
package errs

import (
	"strings"

	"github.com/vektah/gqlparser/v2/ast"

	"zoomql/internal/zoom/types"
)

// InputError is a mistake in what the caller sent, found before Zoom was asked. A message that
// begins with the name of an argument and a colon is about that argument.
type InputError struct {
	Code    types.ErrorCode
	Message string
}

// Invalid returns the error of input that cannot be meant.
func Invalid(message string) *InputError {
	return &InputError{Code: types.ErrorCodeBadUserInput, Message: message}
}

// Error returns the message.
func (e *InputError) Error() string { return e.Message }

// PathError is an error of a field further down than the one that met it.
type PathError struct {
	Err  error
	Path ast.Path
}

// Error returns the error's message.
func (e *PathError) Error() string { return e.Err.Error() }

// Unwrap returns the error itself.
func (e *PathError) Unwrap() error { return e.Err }

// NotToldError is the error of fields that no answer carries that was read for their objects.
type NotToldError struct{ Fields []string }

// Error names the fields.
func (e *NotToldError) Error() string {
	return "What was read for this does not tell " + strings.Join(e.Fields, ", ") + ": Zoom tells it elsewhere."
}
