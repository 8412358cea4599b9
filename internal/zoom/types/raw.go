package types

import (
	stdjson "encoding/json"
	"io"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// JSON is a value whose form Zoom does not define. The zero value is "none".
type JSON jsontext.Value

// UnmarshalJSONFrom copies the value unchanged.
func (j *JSON) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	v, err := dec.ReadValue()
	*j = JSON(v.Clone())
	return err
}

// MarshalJSONTo writes the value unchanged.
func (j JSON) MarshalJSONTo(enc *jsontext.Encoder) error {
	if len(j) == 0 {
		return enc.WriteToken(jsontext.Null)
	}
	return enc.WriteValue(jsontext.Value(j))
}

// AppendGQL appends the value, or null for none.
func (j JSON) AppendGQL(to []byte) []byte {
	if len(j) == 0 {
		return append(to, null...)
	}
	return append(to, j...)
}

// MarshalGQL writes the same.
func (j JSON) MarshalGQL(w io.Writer) { write(w, j.AppendGQL) }

// written preserves numbers as the caller wrote them: the variables are decoded by
// encoding/json, as json.Number.
var written = json.JoinOptions(json.Deterministic(true), json.WithMarshalers(json.MarshalToFunc(
	func(enc *jsontext.Encoder, n stdjson.Number) error { return enc.WriteValue(jsontext.Value(n)) },
)))

// UnmarshalGQL reads the value that a caller wrote.
func (j *JSON) UnmarshalGQL(v any) error {
	raw, err := json.Marshal(v, written)
	*j = JSON(raw)
	return err
}
