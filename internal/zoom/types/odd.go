package types

import (
	"reflect"
	"strings"
	"sync"

	"github.com/go-json-experiment/json/jsontext"

	"zoomql/internal/drift"
)

const (
	// maxOddities bounds the findings of one answer.
	maxOddities = 200
	// maxOddText bounds a finding's texts, in bytes.
	maxOddText = 64
)

// Oddities counts the deviations of one answer from the schema. The zero value is empty;
// a nil *Oddities records none.
type Oddities struct{ counts map[drift.Finding]int }

// Found returns the findings with their counts.
func (o *Oddities) Found() map[drift.Finding]int {
	if o == nil {
		return nil
	}
	return o.counts
}

func (o *Oddities) add(odd drift.Finding) {
	if o == nil {
		return
	}
	odd.Field, odd.Value = bounded(odd.Field), bounded(odd.Value)
	if _, known := o.counts[odd]; !known && len(o.counts) >= maxOddities {
		return
	}
	if o.counts == nil {
		o.counts = map[drift.Finding]int{}
	}
	o.counts[odd]++
}

// bounded truncates a text, and replaces characters that would break a line of a table.
func bounded(text string) string {
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
	if len(text) > maxOddText {
		text = strings.ToValidUTF8(text[:maxOddText], "")
	}
	return text
}

func (o *Oddities) reset() {
	if o != nil {
		o.counts = nil
	}
}

// observer records the findings of a decoder. The methods that read values have access to the
// decoder only.
type observer struct {
	odd      *Oddities
	below    string // the path of the field that the decoder reads; "" for a whole answer
	envelope bool   // the answer is no object of the graph, but contains some
}

// observed maps decoders to their observers. It is accessed twice for an answer, and once
// for each value that deviates.
var observed sync.Map // *jsontext.Decoder → *observer

// observe registers the observer of a decoder, until end is called.
func observe(dec *jsontext.Decoder, o *observer) (end func()) {
	observed.Store(dec, o)
	return func() { observed.Delete(dec) }
}

func observerOf(dec *jsontext.Decoder) *observer {
	o, _ := observed.Load(dec)
	known, _ := o.(*observer)
	return known
}

// isEnvelope reports whether a decoder reads an answer that is no object of the graph.
func isEnvelope(dec *jsontext.Decoder) bool {
	o := observerOf(dec)
	return o != nil && o.envelope
}

// isOurs reports whether v is of a type that is not in the schema.
func isOurs(v any) bool {
	return reflect.TypeOf(v).Elem().PkgPath() != reflect.TypeFor[Text]().PkgPath()
}

// note records a finding about the value that a decoder has just read.
func note(dec *jsontext.Decoder, kind drift.Kind, value string) {
	if o := observerOf(dec); o != nil && o.odd != nil {
		o.odd.add(drift.Finding{Kind: kind, Field: join(o.below, fieldPath(dec)), Value: value})
	}
}

// fieldPath returns the path of the value that a decoder has just read, without the indices
// of lists.
func fieldPath(dec *jsontext.Decoder) string {
	var names []string
	depth := 0
	for token := range dec.StackPointer().Tokens() {
		depth++
		if kind, _ := dec.StackIndex(depth); kind == '{' {
			names = append(names, token)
		}
	}
	return strings.Join(names, ".")
}

func join(above, below string) string { return strings.Trim(above+"."+below, ".") }
