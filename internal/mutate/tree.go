// Package mutate changes one value in a JSON document: a member or an item is dropped,
// duplicated, emptied, or becomes a value of another type. The sandbox makes odd
// answers with it, and tests make documents that no specification describes.
package mutate

import (
	"bytes"
	"errors"
	"io"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// Value is a JSON value. The members of an object are ordered, and names may be
// duplicate.
type Value struct {
	Kind    jsontext.Kind
	Text    string // a string's characters, or a number's literal
	Members []Member
	Items   []*Value
}

// Member is a name and its value in an object.
type Member struct {
	Name  string
	Value *Value
}

// String returns a string.
func String(s string) *Value { return &Value{Kind: jsontext.KindString, Text: s} }

// Number returns a number.
func Number(n int) *Value { return &Value{Kind: jsontext.KindNumber, Text: strconv.Itoa(n)} }

// Bool returns true or false.
func Bool(b bool) *Value {
	if b {
		return &Value{Kind: jsontext.KindTrue}
	}
	return &Value{Kind: jsontext.KindFalse}
}

// Object returns an object.
func Object(members ...Member) *Value {
	return &Value{Kind: jsontext.KindBeginObject, Members: members}
}

// List returns a list.
func List(items ...*Value) *Value { return &Value{Kind: jsontext.KindBeginArray, Items: items} }

// Parse reads one value.
func Parse(body []byte) (*Value, error) {
	dec := jsontext.NewDecoder(bytes.NewReader(body), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	v, err := parse(dec)
	if err != nil {
		return nil, err
	}
	if _, err := dec.ReadToken(); !errors.Is(err, io.EOF) {
		return nil, errors.New("more follows the value")
	}
	return v, nil
}

func parse(dec *jsontext.Decoder) (*Value, error) {
	token, err := dec.ReadToken()
	if err != nil {
		return nil, err
	}
	v := &Value{Kind: token.Kind()}
	switch v.Kind {
	case jsontext.KindString, jsontext.KindNumber:
		v.Text = token.String()
	case jsontext.KindBeginObject:
		for dec.PeekKind() != jsontext.KindEndObject {
			name, err := dec.ReadToken()
			if err != nil {
				return nil, err
			}
			m := Member{Name: name.String()}
			if m.Value, err = parse(dec); err != nil {
				return nil, err
			}
			v.Members = append(v.Members, m)
		}
		_, err = dec.ReadToken()
	case jsontext.KindBeginArray:
		for dec.PeekKind() != jsontext.KindEndArray {
			item, err := parse(dec)
			if err != nil {
				return nil, err
			}
			v.Items = append(v.Items, item)
		}
		_, err = dec.ReadToken()
	}
	return v, err
}

// Bytes writes a value.
func (v *Value) Bytes() []byte {
	var b bytes.Buffer
	v.write(&b)
	return b.Bytes()
}

func (v *Value) write(b *bytes.Buffer) {
	switch v.Kind {
	case jsontext.KindNumber:
		b.WriteString(v.Text)
	case jsontext.KindString:
		writeString(b, v.Text)
	case jsontext.KindBeginObject:
		b.WriteByte('{')
		for i, m := range v.Members {
			if i > 0 {
				b.WriteByte(',')
			}
			writeString(b, m.Name)
			b.WriteByte(':')
			m.Value.write(b)
		}
		b.WriteByte('}')
	case jsontext.KindBeginArray:
		b.WriteByte('[')
		for i, item := range v.Items {
			if i > 0 {
				b.WriteByte(',')
			}
			item.write(b)
		}
		b.WriteByte(']')
	default:
		b.WriteString(v.Kind.String())
	}
}

func writeString(b *bytes.Buffer, s string) {
	quoted, _ := jsontext.AppendQuote(b.AvailableBuffer(), strings.ToValidUTF8(s, "\uFFFD"))
	b.Write(quoted)
}

// Clone returns a copy that shares nothing with v.
func (v *Value) Clone() *Value {
	c := *v
	c.Members, c.Items = nil, nil
	for _, m := range v.Members {
		c.Members = append(c.Members, Member{m.Name, m.Value.Clone()})
	}
	for _, item := range v.Items {
		c.Items = append(c.Items, item.Clone())
	}
	return &c
}

// Member returns the value of a member, or nil where v is no object that has it.
func (v *Value) Member(name string) *Value {
	for _, m := range v.Members {
		if m.Name == name {
			return m.Value
		}
	}
	return nil
}

// At returns the value at a path of members' names with "." between them, or nil.
func (v *Value) At(path string) *Value {
	for name := range strings.SplitSeq(path, ".") {
		if v = v.Member(name); v == nil {
			return nil
		}
	}
	return v
}

// Set gives a member another value; one that is not there is added.
func (v *Value) Set(name string, value *Value) {
	for i := range v.Members {
		if v.Members[i].Name == name {
			v.Members[i].Value = value
			return
		}
	}
	v.Members = append(v.Members, Member{name, value})
}

// IsContainer reports whether v is an object or a list.
func (v *Value) IsContainer() bool {
	return v.Kind == jsontext.KindBeginObject || v.Kind == jsontext.KindBeginArray
}

// IsEmpty reports whether v has no content that Empty could remove.
func (v *Value) IsEmpty() bool {
	return !v.IsContainer() && v.Kind != jsontext.KindString || len(v.Members)+len(v.Items)+len(v.Text) == 0
}
