package graph

import (
	"context"
	"net/url"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"zoomql/graph/audit"
	"zoomql/graph/errs"
	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

var errRawOff = &errs.InputError{Code: types.ErrorCodeForbidden, Message: "Raw requests are off here. Who runs the gateway can set RAW_REQUESTS=on."}

// rawTarget returns the account that a raw request is sent for. In the audit log, the
// operation takes the place of an object.
func rawTarget(ctx context.Context, input types.ZoomRequestInput) (*target, error) {
	operation := input.Operation
	if zoom.Lookup(operation) == nil {
		operation = ""
	}
	audit.EntryOf(ctx).Operation = &operation
	return newTarget(ctx, input.Account)
}

func (s *scope) zoomRequest(ctx context.Context, p *types.ZoomRequestPayload, input types.ZoomRequestInput) error {
	raw := zoom.Raw{Operation: input.Operation, Path: map[string]string{}}
	path, err := parameters("path", input.Path)
	if err != nil {
		return err
	}
	for name, values := range path {
		if len(values) != 1 {
			return errs.Invalid("path." + name + ": one value is needed")
		}
		raw.Path[name] = values[0]
	}
	if raw.Query, err = parameters("query", input.Query); err != nil {
		return err
	}
	if jsontext.Value(input.Body).Kind() != 'n' {
		raw.Body = input.Body
	}
	answer, err := raw.Do(ctx, s.client)
	if err == nil && answer != nil {
		p.Status, p.Body = types.Int{N: int64(answer.Status), Valid: answer.Status != 0}, answer.Body
	}
	return err
}

// parameters reads an object of single values and lists of these.
func parameters(what string, v types.JSON) (url.Values, error) {
	values := url.Values{}
	if len(v) == 0 {
		return values, nil
	}
	var fields map[string]jsontext.Value
	if err := json.Unmarshal(v, &fields); err != nil {
		return nil, errs.Invalid(what + ": an object is needed")
	}
	for name, field := range fields {
		items := []jsontext.Value{field}
		if field.Kind() == '[' {
			if err := json.Unmarshal(field, &items); err != nil {
				return nil, err
			}
		}
		for _, item := range items {
			switch item.Kind() {
			case 'n': // none
			case '"':
				text, err := jsontext.AppendUnquote(nil, item)
				if err != nil {
					return nil, err
				}
				values.Add(name, string(text))
			case '0', 't', 'f':
				values.Add(name, item.String())
			default:
				return nil, errs.Invalid(what + "." + name + ": a text, a number, true or false is needed, or a list of these")
			}
		}
	}
	return values, nil
}
