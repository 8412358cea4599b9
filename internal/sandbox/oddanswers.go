package sandbox

import (
	"bytes"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"zoomql/internal/mutate"
	"zoomql/internal/zoom/types"
)

func withoutBody(o *oddity) {
	if o.answer.buf.Len() > 0 {
		o.answer.buf.Reset()
		o.done("")
	}
}

func withoutFields(o *oddity) {
	if o.body != nil && len(o.body.Members) > 0 {
		o.body = mutate.Object()
		o.rewrite()
		o.done("")
	}
}

// gatewayTimeout is what the edge before Zoom answers when Zoom takes too long.
func gatewayTimeout(o *oddity) {
	page := "<html><head><title>504 Gateway Time-out</title></head><body></body></html>\n"
	*o.answer = answer{status: http.StatusGatewayTimeout, kind: "text/html", buf: bytes.NewBufferString(page)}
	o.done("")
}

// list returns the list of the answer, and the object that it and the counts stand
// in; nil where the answer has none.
func (o *oddity) list() (beside, list *mutate.Value) {
	if o.body == nil {
		return nil, nil
	}
	array := o.route.spec.Array
	beside = o.body
	if i := strings.LastIndexByte(array, '.'); i >= 0 {
		if beside, array = o.body.At(array[:i]), array[i+1:]; beside == nil {
			return nil, nil
		}
	}
	if list = beside.Member(array); list == nil || list.Kind != jsontext.KindBeginArray {
		return nil, nil
	}
	return beside, list
}

func withoutList(o *oddity) {
	beside, list := o.list()
	if list == nil {
		return
	}
	beside.Members = slices.DeleteFunc(beside.Members, func(m mutate.Member) bool { return m.Value == list })
	o.rewrite()
	o.done(o.route.spec.Array)
}

// What stands beside the items of a page.
const (
	nextToken = "next_page_token"
	total     = "total_records"
)

// counted returns how many items the answer says there are; 0 where it does not.
func counted(beside *mutate.Value) int {
	if v := beside.Member(total); v != nil {
		n, _ := strconv.Atoi(v.Text)
		return n
	}
	return 0
}

// further reports whether a call is for another page than the first.
func (c *call) further() bool {
	n, _ := strconv.Atoi(c.query.Get("page_number"))
	return c.query.Get(nextToken) != "" || n > 1
}

func leadsOn(beside *mutate.Value) bool {
	token := beside.Member(nextToken)
	return token != nil && token.Text != ""
}

func endsEarly(o *oddity) {
	if beside, list := o.list(); list != nil && leadsOn(beside) && counted(beside) > len(list.Items) {
		beside.Set(nextToken, mutate.String(""))
		o.rewrite()
		o.done("")
	}
}

func fewerItems(o *oddity) {
	beside, list := o.list()
	if list == nil || leadsOn(beside) || len(list.Items) < 2 || counted(beside) < len(list.Items) {
		return
	}
	list.Items = list.Items[:len(list.Items)/2]
	o.rewrite()
	o.done("")
}

func emptyPage(o *oddity) {
	beside, list := o.list()
	if list == nil || !o.further() || len(list.Items) == 0 || counted(beside) == 0 {
		return
	}
	list.Items = nil
	if leadsOn(beside) {
		beside.Set(nextToken, mutate.String(""))
	}
	o.rewrite()
	o.done("")
}

// smallPages asks for smaller pages, so that the answer says how large they are.
func smallPages(o *oddity) *answer {
	asked, err := strconv.Atoi(o.query.Get("page_size"))
	if err != nil {
		asked = min(defaultPage, o.route.spec.MaxPage)
	}
	if smaller := max(asked/10, 2); smaller < asked {
		o.query.Set("page_size", strconv.Itoa(smaller))
		o.done("")
	}
	return nil
}

func samePage(o *oddity) *answer {
	if o.further() {
		o.query.Del("page_number")
		o.done("")
	}
	return nil
}

// firstPage returns the items of the first page of the list that a call asks for.
func (o *oddity) firstPage() []*mutate.Value {
	first := *o.call
	first.query = maps.Clone(o.query)
	first.query.Del(nextToken)
	first.query.Del("page_number")
	a := o.run(&first)
	defer buffers.Put(a.buf)
	body, err := mutate.Parse(a.buf.Bytes())
	if err != nil {
		return nil
	}
	_, list := (&oddity{call: o.call, body: body}).list()
	if list == nil {
		return nil
	}
	return list.Items
}

func repeatedItems(o *oddity) {
	_, list := o.list()
	if list == nil {
		return
	}
	if first := o.firstPage(); len(first) > 0 {
		list.Items = append(list.Items, first[0])
		o.rewrite()
		o.done("")
	}
}

func repeatedToken(o *oddity) {
	if beside, list := o.list(); list != nil && o.query.Get(nextToken) != "" {
		beside.Set(nextToken, mutate.String(o.query.Get(nextToken)))
		o.rewrite()
		o.done("")
	}
}

// emptyToken begins the tokens that lead to empty pages.
const emptyToken = "sandboxEmptyPage"

func askBeforeEmpty(o *oddity) *answer {
	if number, ok := strings.CutPrefix(o.query.Get(nextToken), emptyToken); ok {
		o.note = number
		o.query.Del(nextToken)
	}
	return nil
}

func emptyPages(o *oddity) {
	beside, list := o.list()
	if list == nil {
		return
	}
	if o.note != "" {
		list.Items = nil
	}
	n, _ := strconv.Atoi(o.note)
	beside.Set(nextToken, mutate.String(emptyToken+strconv.Itoa(n+1)))
	o.rewrite()
	o.done("")
}

// shorterRange asks about fewer days where the answer tells about which it is.
func shorterRange(o *oddity) *answer {
	from, err := day(o.query.Get("from"))
	to, err2 := day(o.query.Get("to"))
	days := int(to.Sub(from) / (24 * time.Hour))
	if err != nil || err2 != nil || days < 1 {
		return nil
	}
	whole := o.run(o.call)
	defer buffers.Put(whole.buf)
	if body, err := mutate.Parse(whole.buf.Bytes()); err != nil || body.Member("from") == nil || body.Member("to") == nil {
		return nil
	}
	o.query.Set("from", from.AddDate(0, 0, (days+1)/2).Format(time.DateOnly))
	o.done("")
	return nil
}

// fields returns the members of the answer that may be odd, all but the list itself
// and what belongs to its pages.
func (o *oddity) fields(wanted func(mutate.Site) bool) []mutate.Site {
	if o.body == nil {
		return nil
	}
	return slices.DeleteFunc(o.body.Sites(), func(s mutate.Site) bool {
		return !s.IsMember() || o.ofPages(s) || !wanted(s)
	})
}

// pageFields belong to the pages of a list, or say what the answer is about.
var pageFields = []string{nextToken, total, "page_count", "page_number", "page_size", "from", "to"}

func (o *oddity) ofPages(s mutate.Site) bool {
	path := strings.Join(s.Path, ".")
	array := o.route.spec.Array
	return array != "" && (path == array || strings.HasPrefix(array, path+".")) || len(s.Path) == 1 && slices.Contains(pageFields, path)
}

// pick returns one of the fields; ok is false where there is none.
func (o *oddity) pick(wanted func(mutate.Site) bool) (s mutate.Site, ok bool) {
	fields := o.fields(wanted)
	if len(fields) == 0 {
		return s, false
	}
	return fields[o.dice.IntN(len(fields))], true
}

func mutated(m mutate.Mutation) func(*oddity) {
	return func(o *oddity) {
		if s, ok := o.pick(func(s mutate.Site) bool { return m != mutate.Empty || !s.Value.IsEmpty() }); ok && s.Apply(m, o.dice) {
			o.rewrite()
			o.done(s.String())
		}
	}
}

func containerAs(kind jsontext.Kind, v *mutate.Value) func(*oddity) {
	return func(o *oddity) {
		if s, ok := o.pick(func(s mutate.Site) bool { return s.Value.Kind == kind }); ok {
			s.Replace(v.Clone())
			o.rewrite()
			o.done(s.String())
		}
	}
}

func unknownField(o *oddity) {
	if o.body == nil || o.body.Kind != jsontext.KindBeginObject {
		return
	}
	odd := func() *mutate.Value {
		return mutate.Object(mutate.Member{Name: "odd", Value: mutate.List(mutate.Number(7))})
	}
	for _, s := range o.body.Sites() {
		if s.Value.Kind == jsontext.KindBeginObject && !o.freeForm(s.Path) {
			s.Value.Set("sandbox_unknown_field", odd())
		}
	}
	o.body.Set("sandbox_unknown_field", odd())
	o.rewrite()
	o.done("")
}

// freeForm reports whether what stands at a path is a map of any names, of which none
// is unknown.
func (o *oddity) freeForm(path []string) bool {
	t := o.typeAt(path)
	return t != nil && t.Kind() == reflect.Map
}

// unknownEnum makes one of the values that the graph has an enum for another one.
func unknownEnum(o *oddity) {
	if s, ok := o.pick(func(s mutate.Site) bool { return s.Value.Text != "" && isEnum(o.typeAt(s.Path)) }); ok {
		if s.Value.Kind == jsontext.KindNumber {
			s.Replace(mutate.Number(977))
		} else {
			s.Replace(mutate.String("sandbox_unknown"))
		}
		o.rewrite()
		o.done(s.String())
	}
}

// coded is what the types of enums have.
var coded = reflect.TypeFor[interface{ Code() string }]()

func isEnum(t reflect.Type) bool {
	return t != nil && t.Kind() == reflect.String && t.Implements(coded)
}

// typeAt returns the type that the client decodes a part of the answer into; nil
// where it does not.
func (o *oddity) typeAt(path []string) reflect.Type {
	t := o.route.spec.Answer()
	if o.lists() && len(path) > 0 && !strings.Contains(o.route.spec.Array, ".") {
		if path[0] != o.route.spec.Array {
			return nil
		}
		path = append([]string{"items"}, path[1:]...)
	}
	for _, name := range path {
		t = typeOf(t, name)
		if t == nil {
			return nil
		}
	}
	return indirect(t)
}

func indirect(t reflect.Type) reflect.Type {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t
}

// typeOf returns the type of a member or of the items of t, or nil.
func typeOf(t reflect.Type, name string) reflect.Type {
	t = indirect(t)
	switch t.Kind() {
	case reflect.Slice, reflect.Map:
		return t.Elem()
	case reflect.Struct:
		f, _ := types.FieldsOf(t)(name)
		return f
	}
	return nil
}
