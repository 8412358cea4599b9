package graph

import (
	"context"
	"net/url"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

var errRawOff = &inputError{Code: types.ErrorCodeForbidden, Message: "Raw requests are off here. Who runs the gateway can set RAW_REQUESTS=on."}

func (s *scope) zoomRequest(ctx context.Context, input types.ZoomRequestInput) (*zoom.RawAnswer, error) {
	raw := zoom.Raw{Operation: input.Operation, Path: map[string]string{}}
	path, err := parameters("path", input.Path)
	if err != nil {
		return nil, err
	}
	for name, values := range path {
		if len(values) != 1 {
			return nil, invalid("path." + name + ": one value is needed")
		}
		raw.Path[name] = values[0]
	}
	if raw.Query, err = parameters("query", input.Query); err != nil {
		return nil, err
	}
	if jsontext.Value(input.Body).Kind() != 'n' {
		raw.Body = input.Body
	}
	return raw.Do(ctx, s.client)
}

// parameters reads an object of single values and lists of these.
func parameters(what string, v types.JSON) (url.Values, error) {
	values := url.Values{}
	if len(v) == 0 {
		return values, nil
	}
	var fields map[string]jsontext.Value
	if err := json.Unmarshal(v, &fields); err != nil {
		return nil, invalid(what + ": an object is needed")
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
				return nil, invalid(what + "." + name + ": a text, a number, true or false is needed, or a list of these")
			}
		}
	}
	return values, nil
}
