package types

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"zoomql/internal/drift"
)

// codes maps an enum's GraphQL names to Zoom's codes and back. The generated enums are
// strings that hold the GraphQL name.
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

// unknownMark prefixes Zoom's code in an enum whose table lacks it. No GraphQL name begins
// with it.
const unknownMark = "\x00"

// decode reads Zoom's value. A code that is not in the table is no error: Zoom's
// enums grow, and an answer must not fail because of it. It is null in the graph, and
// the code is retained.
func (c *codes) decode(dec *jsontext.Decoder) (string, error) {
	v, err := dec.ReadValue()
	if err != nil {
		return "", err
	}
	text := scalarText(v)
	if _, known := c.fromZoom[text]; !known {
		if whole := digits(v, text); c.fromZoom[whole] != "" {
			text = whole
		}
	}
	if name, known := c.fromZoom[text]; known || text == "" {
		if kind := v.Kind(); kind == '{' || kind == '[' {
			note(dec, drift.Unreadable, "")
		}
		return name, nil
	}
	note(dec, drift.Value, text)
	return unknownMark + text, nil
}

func (c *codes) encode(enc *jsontext.Encoder, name string) error {
	code := c.text(name)
	switch {
	case code == "":
		return enc.WriteToken(jsontext.Null)
	case c.numeric && (c.toZoom[name] != "" || isDigits(code)):
		return enc.WriteValue(jsontext.Value(code))
	}
	return enc.WriteToken(jsontext.String(code))
}

// text returns Zoom's code of a value, whether the table has it or not.
func (c *codes) text(name string) string {
	if text, unknown := strings.CutPrefix(name, unknownMark); unknown {
		return text
	}
	return c.toZoom[name]
}

// named returns the enum's value for Zoom's code.
func (c *codes) named(text string) string {
	if name, known := c.fromZoom[text]; known || text == "" {
		return name
	}
	return unknownMark + text
}

// isDigits reports whether a code is a JSON integer.
func isDigits(code string) bool {
	return code != "" && (code == "0" || code[0] != '0') && strings.Trim(code, "0123456789") == ""
}

// knownOf returns the values of a list that the enum's table has; nil for no list.
func knownOf[T ~string](list []T) []T {
	if list == nil {
		return nil
	}
	known := make([]T, 0, len(list))
	for _, x := range list {
		if x != "" && !strings.HasPrefix(string(x), unknownMark) {
			known = append(known, x)
		}
	}
	return known
}

// textsOf returns Zoom's codes of the values of a list; nil for no list.
func textsOf[T interface {
	~string
	Code() string
}](list []T) []Text {
	if list == nil {
		return nil
	}
	texts := make([]Text, 0, len(list))
	for _, x := range list {
		if text := x.Code(); text != "" {
			texts = append(texts, Text(text))
		}
	}
	return texts
}

func (c *codes) unmarshalGQL(v any) (string, error) {
	name, ok := v.(string)
	if _, known := c.toZoom[name]; !ok || !known {
		return "", fmt.Errorf("%s is no value of %s", strconv.Quote(fmt.Sprint(v)), c.enum)
	}
	return name, nil
}

// appendEnum appends the name of a value, or null if the table lacks it.
func appendEnum(to []byte, name string) []byte {
	if name == "" || strings.HasPrefix(name, unknownMark) {
		return append(to, null...)
	}
	return append(append(append(to, '"'), name...), '"')
}
