package types

import (
	"reflect"
	"strings"
	"sync"

	"github.com/go-json-experiment/json/jsontext"

	"zoomql/internal/drift"
)

const (
	// maxOddities bounds what is noted of one answer.
	maxOddities = 200
	// maxOddText bounds its texts, in bytes.
	maxOddText = 64
)

// Oddities is what is odd about one answer, and how often. The zero value is empty,
// and a nil one notes nothing.
type Oddities struct{ counts map[drift.Finding]int }

// Found returns what was noted, and how often.
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

// bounded cuts a text, and takes out what would break a line of a table.
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

// observer is told by the methods that read values, which know their decoder alone.
type observer struct {
	odd      *Oddities
	below    string // the field that holds what the decoder reads; "" for an answer
	envelope bool   // the answer is no object of the graph, but holds some
}

// observed are the observers by the decoder. An answer costs it two steps, and a value
// only one that is odd.
var observed sync.Map // *jsontext.Decoder → *observer

// observe has an observer told of what a decoder reads, until the function that it
// returns is called.
func observe(dec *jsontext.Decoder, o *observer) (end func()) {
	observed.Store(dec, o)
	return func() { observed.Delete(dec) }
}

func observerOf(dec *jsontext.Decoder) *observer {
	o, _ := observed.Load(dec)
	known, _ := o.(*observer)
	return known
}

// isEnvelope reports whether what a decoder reads is no object of the graph.
func isEnvelope(dec *jsontext.Decoder) bool {
	o := observerOf(dec)
	return o != nil && o.envelope
}

// isOurs reports whether v is of a type that the graph does not have.
func isOurs(v any) bool {
	return reflect.TypeOf(v).Elem().PkgPath() != reflect.TypeFor[Text]().PkgPath()
}

// note tells that the value that a decoder has just read is odd.
func note(dec *jsontext.Decoder, kind drift.Kind, value string) {
	if o := observerOf(dec); o != nil && o.odd != nil {
		o.odd.add(drift.Finding{Kind: kind, Field: join(o.below, fieldPath(dec)), Value: value})
	}
}

// fieldPath names the value that a decoder has just read, whichever item of a list it
// stands in.
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
