// Package errs holds the errors that packages below graph return. Package graph presents
// them to callers.
package errs

import (
	"strings"

	"github.com/vektah/gqlparser/v2/ast"

	"zoomql/internal/zoom/types"
)

// InputError is an error in the caller's input, found before a call to Zoom. A message that
// begins with the name of an argument and a colon is about that argument.
type InputError struct {
	Code    types.ErrorCode
	Message string
}

// Invalid returns an InputError with the code BAD_USER_INPUT.
func Invalid(message string) *InputError {
	return &InputError{Code: types.ErrorCodeBadUserInput, Message: message}
}

// Error returns the message.
func (e *InputError) Error() string { return e.Message }

// PathError is an error at another path than that of the field whose resolver returns it.
type PathError struct {
	Err  error
	Path ast.Path
}

// Error returns the error's message.
func (e *PathError) Error() string { return e.Err.Error() }

// Unwrap returns the error itself.
func (e *PathError) Unwrap() error { return e.Err }

// NotReturnedError is the error of fields that none of the answers read for their objects has.
type NotReturnedError struct{ Fields []string }

// Error names the fields.
func (e *NotReturnedError) Error() string {
	return "The answers that were read for this object do not contain " + strings.Join(e.Fields, ", ") + ": another of Zoom's answers does."
}
