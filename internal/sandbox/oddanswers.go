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

// gatewayTimeout is the answer of Zoom's edge when Zoom takes too long.
func gatewayTimeout(o *oddity) {
	page := "<html><head><title>504 Gateway Time-out</title></head><body></body></html>\n"
	*o.answer = answer{status: http.StatusGatewayTimeout, kind: "text/html", buf: bytes.NewBufferString(page)}
	o.done("")
}

// list returns the list of the answer and the object that contains it and the counters, or
// nil if the answer has none.
func (o *oddity) list() (parent, list *mutate.Value) {
	if o.body == nil {
		return nil, nil
	}
	array := o.route.spec.Array
	parent = o.body
	if i := strings.LastIndexByte(array, '.'); i >= 0 {
		if parent, array = o.body.At(array[:i]), array[i+1:]; parent == nil {
			return nil, nil
		}
	}
	if list = parent.Member(array); list == nil || list.Kind != jsontext.KindBeginArray {
		return nil, nil
	}
	return parent, list
}

func withoutList(o *oddity) {
	parent, list := o.list()
	if list == nil {
		return
	}
	parent.Members = slices.DeleteFunc(parent.Members, func(m mutate.Member) bool { return m.Value == list })
	o.rewrite()
	o.done(o.route.spec.Array)
}

// The fields next to the items of a page.
const (
	nextToken = "next_page_token"
	total     = "total_records"
)

// totalOf returns the answer's total number of items, or 0 if it has none.
func totalOf(parent *mutate.Value) int {
	if v := parent.Member(total); v != nil {
		n, _ := strconv.Atoi(v.Text)
		return n
	}
	return 0
}

// laterPage reports whether a call is for a page other than the first.
func (c *call) laterPage() bool {
	n, _ := strconv.Atoi(c.query.Get("page_number"))
	return c.query.Get(nextToken) != "" || n > 1
}

func hasNextPage(parent *mutate.Value) bool {
	token := parent.Member(nextToken)
	return token != nil && token.Text != ""
}

func endsEarly(o *oddity) {
	if parent, list := o.list(); list != nil && hasNextPage(parent) && totalOf(parent) > len(list.Items) {
		parent.Set(nextToken, mutate.String(""))
		o.rewrite()
		o.done("")
	}
}

func fewerItems(o *oddity) {
	parent, list := o.list()
	if list == nil || hasNextPage(parent) || len(list.Items) < 2 || totalOf(parent) < len(list.Items) {
		return
	}
	list.Items = list.Items[:len(list.Items)/2]
	o.rewrite()
	o.done("")
}

func emptyPage(o *oddity) {
	parent, list := o.list()
	if list == nil || !o.laterPage() || len(list.Items) == 0 || totalOf(parent) == 0 {
		return
	}
	list.Items = nil
	if hasNextPage(parent) {
		parent.Set(nextToken, mutate.String(""))
	}
	o.rewrite()
	o.done("")
}

// smallPages reduces the page size of the request, so that the answer states the smaller one.
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
	if o.laterPage() {
		o.query.Del("page_number")
		o.done("")
	}
	return nil
}

// firstPage returns the items of the first page of a call's list.
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
	if parent, list := o.list(); list != nil && o.query.Get(nextToken) != "" {
		parent.Set(nextToken, mutate.String(o.query.Get(nextToken)))
		o.rewrite()
		o.done("")
	}
}

// emptyToken is the prefix of the tokens of empty pages.
const emptyToken = "sandboxEmptyPage"

func beforeEmptyPages(o *oddity) *answer {
	if number, ok := strings.CutPrefix(o.query.Get(nextToken), emptyToken); ok {
		o.note = number
		o.query.Del(nextToken)
	}
	return nil
}

func emptyPages(o *oddity) {
	parent, list := o.list()
	if list == nil {
		return
	}
	if o.note != "" {
		list.Items = nil
	}
	n, _ := strconv.Atoi(o.note)
	parent.Set(nextToken, mutate.String(emptyToken+strconv.Itoa(n+1)))
	o.rewrite()
	o.done("")
}

// shorterRange reduces the days of the request, if the answer states its range.
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

// fields returns the members of the answer that may be changed: all except the list itself
// and the fields of its pages.
func (o *oddity) fields(wanted func(mutate.Site) bool) []mutate.Site {
	if o.body == nil {
		return nil
	}
	return slices.DeleteFunc(o.body.Sites(), func(s mutate.Site) bool {
		return !s.IsMember() || o.ofPages(s) || !wanted(s)
	})
}

// pageFields are fields of a list's pages, or repeat parameters of the request.
var pageFields = []string{nextToken, total, "page_count", "page_number", "page_size", "from", "to"}

func (o *oddity) ofPages(s mutate.Site) bool {
	path := strings.Join(s.Path, ".")
	array := o.route.spec.Array
	return array != "" && (path == array || strings.HasPrefix(array, path+".")) || len(s.Path) == 1 && slices.Contains(pageFields, path)
}

// pick returns one of the fields. ok is false if there is none.
func (o *oddity) pick(wanted func(mutate.Site) bool) (s mutate.Site, ok bool) {
	fields := o.fields(wanted)
	if len(fields) == 0 {
		return s, false
	}
	return fields[o.rand.IntN(len(fields))], true
}

func mutated(m mutate.Mutation) func(*oddity) {
	return func(o *oddity) {
		if s, ok := o.pick(func(s mutate.Site) bool { return m != mutate.Empty || !s.Value.IsEmpty() }); ok && s.Apply(m, o.rand) {
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

// freeForm reports whether the value at a path is a map with arbitrary keys, so that none is
// unknown.
func (o *oddity) freeForm(path []string) bool {
	t := o.typeAt(path)
	return t != nil && t.Kind() == reflect.Map
}

// unknownEnum replaces a value of one of the graph's enums by an unknown one.
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

// coded is implemented by the types of enums.
var coded = reflect.TypeFor[interface{ Code() string }]()

func isEnum(t reflect.Type) bool {
	return t != nil && t.Kind() == reflect.String && t.Implements(coded)
}

// typeAt returns the type that the client decodes a part of the answer into, or nil if it
// ignores that part.
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
