package types

import (
	stdjson "encoding/json"
	"io"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// JSON is a value of a form that Zoom leaves free. The zero value is "none".
type JSON jsontext.Value

// UnmarshalJSONFrom keeps the value as it comes.
func (j *JSON) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	v, err := dec.ReadValue()
	*j = JSON(v.Clone())
	return err
}

// MarshalJSONTo writes the value as it came.
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

// written keeps numbers as the caller wrote them: encoding/json, which reads
// variables, has a text for a number.
var written = json.JoinOptions(json.Deterministic(true), json.WithMarshalers(json.MarshalToFunc(
	func(enc *jsontext.Encoder, n stdjson.Number) error { return enc.WriteValue(jsontext.Value(n)) },
)))

// UnmarshalGQL reads the value that a caller wrote.
func (j *JSON) UnmarshalGQL(v any) error {
	raw, err := json.Marshal(v, written)
	*j = JSON(raw)
	return err
}
