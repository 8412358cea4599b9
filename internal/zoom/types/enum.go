package types

import (
	"fmt"
	"io"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// codes is the name table of an enum: what GraphQL calls a value and what Zoom
// writes for it. The generated enums are strings that hold the GraphQL name.
type codes struct {
	enum     string
	toZoom   map[string]string
	fromZoom map[string]string
	numeric  bool // Zoom writes a JSON number
}

func newCodes(enum string, numeric bool, pairs ...string) *codes {
	c := &codes{enum: enum, numeric: numeric, toZoom: map[string]string{}, fromZoom: map[string]string{}}
	for i := 0; i < len(pairs); i += 2 {
		c.toZoom[pairs[i]], c.fromZoom[pairs[i+1]] = pairs[i+1], pairs[i]
	}
	return c
}

// decode reads Zoom's value. One that is not in the table is no error: Zoom's
// enums grow, and an answer must not fail because of it. It becomes null.
func (c *codes) decode(dec *jsontext.Decoder) (string, error) {
	v, err := dec.ReadValue()
	if err != nil {
		return "", err
	}
	return c.fromZoom[scalarText(v)], nil
}

func (c *codes) encode(enc *jsontext.Encoder, name string) error {
	code, known := c.toZoom[name]
	switch {
	case !known:
		return enc.WriteToken(jsontext.Null)
	case c.numeric:
		return enc.WriteValue(jsontext.Value(code))
	}
	return enc.WriteToken(jsontext.String(code))
}

func (c *codes) unmarshalGQL(v any) (string, error) {
	name, ok := v.(string)
	if _, known := c.toZoom[name]; !ok || !known {
		return "", fmt.Errorf("%s is no value of %s", strconv.Quote(fmt.Sprint(v)), c.enum)
	}
	return name, nil
}

func marshalEnum(w io.Writer, name string) { writeText(w, name) }
