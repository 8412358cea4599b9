// Package argument reads the arguments of fields: it rejects texts that Zoom would
// misunderstand, and finds the path of the part of an input that an error is about.
package argument

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"zoomql/graph/errs"
	"zoomql/internal/zoom"
)

// fieldError is an error about a part of the caller's input.
type fieldError struct {
	error
	path []string // in the schema's names, relative to the part where the error occurred
}

// Unwrap returns the error itself.
func (e *fieldError) Unwrap() error { return e.error }

// Within adds the path of a part of the input to an error. Indices of lists are decimal.
func Within(err error, path ...string) error {
	if err == nil {
		return nil
	}
	return &fieldError{err, path}
}

// Item is Within for an item of a list.
func Item(err error, list string, index int) error {
	return Within(err, list, strconv.Itoa(index))
}

// Blamed returns the path of the part of the input that an error is about, as far as it is known.
func Blamed(err error) []string {
	var path []string
	for part, ok := errors.AsType[*fieldError](err); ok; part, ok = errors.AsType[*fieldError](err) {
		path = append(path, part.path...)
		err = part.error
	}
	if input, ok := errors.AsType[*errs.InputError](err); ok {
		return append(path, argumentOf(input.Message)...)
	}
	if unsent, ok := errors.AsType[*zoom.Error](err); ok && unsent.Unsent() {
		return append(path, argumentOf(unsent.Message)...)
	}
	return path
}

// argumentOf returns the argument that a message begins with, such as in "path.meetingId: one
// value is needed"; the first of several.
func argumentOf(message string) []string {
	name, _, ok := strings.Cut(message, ": ")
	if name, _, _ = strings.Cut(name, ", "); !ok || strings.ContainsAny(name, " $") {
		return nil
	}
	return strings.Split(name, ".")
}

// Address returns an e-mail address in lower case, the form of keys.
func Address(email string) (string, error) {
	email, err := NonEmpty("email", strings.ToLower(email))
	if err == nil && !strings.Contains(email, "@") {
		err = errs.Invalid("email: an e-mail address holds an @")
	}
	return email, err
}

// Optional is NonEmpty for an optional argument; "" if it is not given.
func Optional(name string, value *string) (string, error) {
	if value == nil {
		return "", nil
	}
	return NonEmpty(name, *value)
}

// Filled rejects empty texts among optional arguments, by name: Zoom would ignore them and
// return all objects.
func Filled(arguments map[string]*string) error {
	for _, name := range slices.Sorted(maps.Keys(arguments)) {
		if _, err := Optional(name, arguments[name]); err != nil {
			return err
		}
	}
	return nil
}

// NonEmpty returns the text of an argument without surrounding spaces, and rejects one that
// cannot name an object at Zoom.
func NonEmpty(name, value string) (string, error) {
	value = strings.TrimSpace(value)
	switch {
	case value == "":
		return "", errs.Invalid(name + ": it is empty")
	case value == ".", value == "..":
		return "", errs.Invalid(name + ": it is a path")
	case len(value) > zoom.MaxID:
		return "", longID(name)
	}
	return value, nil
}

// longID returns the error of a name that is too long for Zoom.
func longID(name string) error {
	return errs.Invalid(fmt.Sprintf("%s: it is longer than %d bytes, so it names nothing", name, zoom.MaxID))
}

// Items returns the texts of a list that Zoom reads separated by commas. A list that is left out
// means all at Zoom, and so would an empty one, by which a caller means none: it is refused.
func Items[T ~string](name string, list []T) ([]string, error) {
	if list != nil && len(list) == 0 {
		return nil, errs.Invalid(name + ": name at least one, or leave it out")
	}
	length := 0
	for i, x := range list {
		if strings.TrimSpace(string(x)) == "" || strings.Contains(string(x), ",") {
			return nil, errs.Invalid(fmt.Sprintf("%s.%d: it is empty, or holds a comma, which separates one from the next at Zoom", name, i))
		}
		if length += len(x) + 1; length > zoom.MaxList {
			return nil, errs.Invalid(fmt.Sprintf("%s: all together they have more than %d bytes", name, zoom.MaxList))
		}
	}
	texts := make([]string, len(list))
	for i, x := range list {
		texts[i] = string(x)
	}
	return texts, nil
}

// OneAtLeast is Items for the objects of a write: given none, Zoom may apply it to all.
func OneAtLeast[T ~string](name string, list []T) ([]string, error) {
	if len(list) == 0 {
		return nil, errs.Invalid(name + ": name at least one")
	}
	return Items(name, list)
}
