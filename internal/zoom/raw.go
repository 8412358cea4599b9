package zoom

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"zoomql/internal/zoom/types"
)

// Raw is a call of an operation of the table with parameters and a body of the caller's
// choice: it can send what Zoom accepts and the typed input lacks. The URL is fixed by the
// operation.
type Raw struct {
	// Operation is the pattern of a row.
	Operation string
	// Path holds the values of the path's variables, unescaped: Do escapes them,
	// a UUID twice if Zoom requires it. The account is the client's.
	Path map[string]string
	// Query holds the query's parameters.
	Query url.Values
	// Body is JSON; nil for none.
	Body []byte
}

// RawAnswer is Zoom's answer.
type RawAnswer struct {
	Status int
	Body   types.JSON // nil for none
}

// Do executes the call under the limits of its row. A read is neither answered from the
// cache nor stored in it; a write evicts its row's tags. An error is an *Error, or the
// context's.
func (in Raw) Do(ctx context.Context, c *Client) (*RawAnswer, error) {
	spec := Lookup(in.Operation)
	if spec == nil {
		return nil, &Error{By: ByGateway, Op: in.Operation[:min(len(in.Operation), MaxID)], Kind: ErrInvalid, Message: "operation: no such row; `zoomql operations` lists them"}
	}
	req, err := in.request(spec, c.sub)
	if err != nil {
		return nil, &Error{By: ByGateway, Op: spec.Pattern, Kind: ErrInvalid, Message: err.Error()}
	}
	if err := c.sign(req); err != nil {
		return nil, err
	}
	resp, err := c.do(ctx, req)
	if err != nil {
		return nil, err
	}
	body, _ := resp.Value.(types.JSON)
	return &RawAnswer{resp.Status, body}, nil
}

func (in Raw) request(spec *Spec, account string) (*Request, error) {
	path, err := spec.pathIn(account)
	if err != nil {
		return nil, err
	}
	req := &Request{Spec: spec, Account: account, Vars: map[string]string{}, Secrets: true, raw: true, decode: rawBody}
	for _, p := range spec.input.path {
		value := in.Path[p.name]
		if value == "" {
			return nil, fmt.Errorf("path.%s: it is empty", p.name)
		}
		escaped, err := spec.segment(p.name, value)
		if errors.Is(err, ErrNoID) {
			return nil, fmt.Errorf("path.%s: it is no number", p.name)
		} else if err != nil {
			return nil, fmt.Errorf("path.%s: %w", p.name, err)
		}
		req.Vars[p.name] = value
		path = strings.Replace(path, "{"+p.name+"}", escaped, 1)
	}
	for name := range in.Path {
		if _, known := req.Vars[name]; !known {
			return nil, fmt.Errorf("path.%s: %s has no such variable", name, spec.Pattern)
		}
	}
	switch {
	case spec.input.file != nil:
		return nil, fmt.Errorf("operation: %s takes a file, which cannot be sent as JSON", spec.Pattern)
	case in.Body != nil && spec.Reads():
		return nil, fmt.Errorf("body: %s takes none", spec.Pattern)
	}
	req.Path, req.Query, req.Body = path, in.Query.Encode(), in.Body
	if len(req.Query) > MaxList {
		return nil, fmt.Errorf("query: it is longer than %d bytes", MaxList)
	}
	if in.Body != nil {
		req.countBy(in.Body)
	}
	return req, nil
}

// withheld are fields that are removed from answers: tokens of Zoom's that give access to
// files without any further check. The gateway serves files by links of its own.
var withheld = []string{"download_access_token", "download_token"}

// rawBody checks that an answer is JSON and removes the withheld fields.
func rawBody(body []byte, _ *types.Oddities) (any, error) {
	if len(body) == 0 {
		return types.JSON(nil), nil
	}
	if v := jsontext.Value(body); !v.IsValid(types.Lenient) {
		return nil, errors.New("no JSON")
	}
	clean, err := withhold(body)
	return types.JSON(clean), err
}

func withhold(v jsontext.Value) (jsontext.Value, error) {
	switch v.Kind() {
	case '{':
		var fields map[string]jsontext.Value
		if err := json.Unmarshal(v, &fields, types.Lenient); err != nil {
			return nil, err
		}
		for name, field := range fields {
			if slices.Contains(withheld, name) {
				delete(fields, name)
				continue
			}
			clean, err := withhold(field)
			if err != nil {
				return nil, err
			}
			fields[name] = clean
		}
		return json.Marshal(fields, json.Deterministic(true))
	case '[':
		var items []jsontext.Value
		if err := json.Unmarshal(v, &items, types.Lenient); err != nil {
			return nil, err
		}
		for i, item := range items {
			clean, err := withhold(item)
			if err != nil {
				return nil, err
			}
			items[i] = clean
		}
		return json.Marshal(items)
	}
	return v, nil
}
