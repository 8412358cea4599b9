package zoom

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"zoomql/internal/zoom/types"
)

// Op is an operation: its row in the table, and the Go types of its input and
// answer. In is a struct whose tags say where each field goes:
//
//	path:"userId"       a variable of the path; "meetingId|webinarId" is the one
//	                    of them that the path has
//	query:"page_size"   a query parameter; left out if zero. One that has an
//	                    effect without a body has acts:"true"
//	body:""             the JSON body
//	file:"file"         a part of a multipart body; a types.Upload
type Op[In, Out any] struct {
	*Spec
	adopt func(In, *Out)
}

// op registers an operation. adopt, if given, completes an answer with values of the
// input, such as the meeting that a registrant belongs to.
func op[In, Out any](s Spec, adopt ...func(In, *Out)) Op[In, Out] {
	s.input, s.answer = inputOf(reflect.TypeFor[In](), &s), reflect.TypeFor[Out]()
	s.required = requiredOf(s.answer, &s)
	o := Op[In, Out]{Spec: register(&s)}
	if len(adopt) > 0 {
		o.adopt = adopt[0]
	}
	o.input.of = reflect.TypeFor[In]()
	o.input.ask = func(c *Client, in any) (*Request, error) { return o.request(c, in.(In), nil) }
	return o
}

// Option changes how one call is made.
type Option func(*Request)

// WithSecrets requests the credentials in the answer too. Such a call is never answered
// from a cache.
func WithSecrets(r *Request) { r.Secrets = true }

// Secrets is WithSecrets if wanted, and no option otherwise.
func Secrets(wanted bool) Option { return func(r *Request) { r.Secrets = r.Secrets || wanted } }

// NewerThan accepts answers from the cache only if they were stored after t: requests at one moment
// share a call, also those of several replicas.
func NewerThan(t time.Time) Option { return func(r *Request) { r.newer = t } }

// Do executes the operation. Its result is shared and MUST NOT be changed. An error is an
// *Error, or the context's.
func (o Op[In, Out]) Do(ctx context.Context, c *Client, in In, options ...Option) (*Out, error) {
	req, err := o.request(c, in, options)
	if err != nil {
		return nil, err
	}
	resp, err := c.do(ctx, req)
	if err != nil {
		return nil, err
	}
	out, _ := resp.Value.(*Out)
	return out, nil
}

// Known returns the cached answer, or the cached error that there is none, without a
// call; ok is false if neither is cached. For an invalid input it returns that error.
func (o Op[In, Out]) Known(ctx context.Context, c *Client, in In) (out *Out, ok bool, err error) {
	req, err := o.request(c, in, nil)
	if err != nil {
		return nil, true, err
	}
	resp, err := c.cached.known(ctx, req)
	if resp == nil {
		return nil, false, nil
	}
	if err != nil {
		return nil, true, err
	}
	out, ok = resp.Value.(*Out)
	return out, ok, nil
}

// underWay reports whether a call for the answer is under way, not for fields of later levels
// alone.
func (o Op[In, Out]) underWay(ctx context.Context, c *Client, in In) bool {
	req, err := o.request(c, in, nil)
	return err == nil && c.flights.Has(req.identity()) && !usageFrom(ctx).isLater(ctx, req)
}

func (o Op[In, Out]) request(c *Client, in In, options []Option) (*Request, error) {
	req, err := o.input.request(o.Spec, c.sub, reflect.ValueOf(in))
	switch {
	case errors.Is(err, ErrNoID):
		return nil, &Error{By: ByGateway, Op: o.Pattern, Kind: ErrNoID}
	case err != nil:
		return nil, InvalidInput(o.Pattern, err)
	}
	for _, set := range options {
		set(req)
	}
	if err := c.sign(req); err != nil {
		return nil, err
	}
	req.encode = types.Marshal
	req.decode = func(body []byte, odd *types.Oddities) (any, error) {
		out := new(Out)
		if err := decodeAnswer(o.Spec, body, out, odd); err != nil {
			return nil, err
		}
		if !req.Secrets && o.Reads() {
			types.Strip(out)
		}
		types.Prune(out)
		types.Originate(out, types.Origin{Op: o.Pattern, Account: req.Account})
		if o.adopt != nil {
			o.adopt(in, out)
		}
		return out, nil
	}
	return req, nil
}

func decodeAnswer(s *Spec, body []byte, out any, odd *types.Oddities) error {
	switch {
	case len(body) == 0 && !s.Reads():
		return nil // 204, and Zoom's 200 without a body
	case string(bytes.TrimSpace(body)) == "null":
		return errors.New("null is no answer")
	}
	return types.Read(body, out, odd, func(dec *jsontext.Decoder) error {
		if page, ok := out.(interface {
			decode(s *Spec, dec *jsontext.Decoder) error
		}); ok {
			return page.decode(s, dec)
		}
		return types.UnmarshalDecode(dec, out)
	})
}

// input maps the fields of an input struct to the parts of a request. It is compiled once,
// when the operation is registered.
type input struct {
	path, query []place
	body        []int  // index of the body's field; nil when there is none
	file        *place // the file that is the body; nil when there is none

	// ask makes a request from an input of type of, for code that iterates over the table
	// without the Go types.
	of  reflect.Type
	ask func(c *Client, in any) (*Request, error)
}

type place struct {
	name  string
	index []int
	acts  bool // it has an effect without a body
}

// ErrNoChange reports a patch without changes, which is not worth a call.
var ErrNoChange = errors.New("it changes nothing")

// separable rejects a list with an item that is empty or holds a comma, which separates the
// items in a query.
func separable(list reflect.Value) error {
	if list.Kind() != reflect.Slice {
		return nil
	}
	for i := range list.Len() {
		if item := text(list.Index(i)); item == "" || strings.Contains(item, ",") {
			return errors.New("an item is empty or holds a comma")
		}
	}
	return nil
}

func inputOf(t reflect.Type, s *Spec) *input {
	in := &input{}
	in.add(t, s, nil)
	if n := strings.Count(strings.Replace(s.Path(), accountVar, "", 1), "{"); n != len(in.path) {
		panic(fmt.Sprintf("zoom: %s: %d of %d path variables are filled", s.Pattern, len(in.path), n))
	}
	return in
}

// add adds the tagged fields of t, and those of structs within it that have no
// tag themselves.
func (in *input) add(t reflect.Type, s *Spec, at []int) {
	for i := range t.NumField() {
		f, index := t.Field(i), append(slices.Clone(at), i)
		path, isPath := f.Tag.Lookup("path")
		query, isQuery := f.Tag.Lookup("query")
		_, isBody := f.Tag.Lookup("body")
		file, isFile := f.Tag.Lookup("file")
		switch {
		case isPath:
			in.path = append(in.path, place{name: s.variable(path), index: index})
		case isQuery && query == "page_number" && !s.Numbered:
			// the other kind of paging
		case isQuery:
			in.query = append(in.query, place{query, index, f.Tag.Get("acts") != ""})
		case isBody:
			in.body = index
		case isFile:
			in.file = &place{name: file, index: index}
		case f.Type == reflect.TypeFor[Paging]() && s.MaxPage == 0:
			// a list without pages has no such parameters
		case f.Type.Kind() == reflect.Struct:
			in.add(f.Type, s, index)
		}
	}
}

// variable returns the one of the names, separated by "|", that is in the path.
func (s *Spec) variable(names string) string {
	for name := range strings.SplitSeq(names, "|") {
		if strings.Contains(s.Path(), "{"+name+"}") {
			return name
		}
	}
	panic(fmt.Sprintf("zoom: %s has no {%s}", s.Pattern, names))
}

func (in *input) request(s *Spec, account string, v reflect.Value) (*Request, error) {
	path, err := s.pathIn(account)
	if err != nil {
		return nil, err
	}
	req := &Request{Spec: s, Account: account, Path: path, Vars: make(map[string]string, len(in.path))}
	for _, p := range in.path {
		value := ""
		if f := v.FieldByIndex(p.index); !f.IsZero() { // the meeting number 0 is none
			value = text(f)
		}
		escaped, err := s.segment(p.name, value)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p.name, err)
		}
		req.Vars[p.name] = value
		req.Path = strings.Replace(req.Path, "{"+p.name+"}", escaped, 1)
	}
	query, acts := url.Values{}, false
	for _, q := range in.query {
		f := v.FieldByIndex(q.index)
		if f.IsZero() {
			continue
		}
		if err := separable(f); err != nil {
			return nil, fmt.Errorf("%s: %w", q.name, err)
		}
		acts = acts || q.acts
		value := text(f)
		if value == "" { // a list without items is not zero
			continue
		}
		if longest := longestValue(q.name, f); len(value) > longest {
			return nil, fmt.Errorf("%s: it is longer than %d bytes", q.name, longest)
		}
		query.Set(q.name, value)
	}
	req.Query = query.Encode()
	if in.body != nil {
		body, err := types.MarshalInput(v.FieldByIndex(in.body).Interface())
		if err != nil {
			return nil, err
		}
		if s.Method() == http.MethodPatch && !acts && types.ChangesNothing(body) {
			return nil, ErrNoChange
		}
		req.Body = body
		req.countBy(body)
	}
	if in.file != nil {
		file := v.FieldByIndex(in.file.index).Interface().(types.Upload)
		req.Body, req.Type, err = multipartBody(in.file.name, file)
	}
	return req, err
}

// MaxList bounds a list in the query of a call, in bytes: it is more than Zoom accepts, and
// too little to exhaust memory.
const MaxList = 8 << 10

// longestValue returns the bound of a query parameter, in bytes.
func longestValue(name string, v reflect.Value) int {
	switch {
	case name == "next_page_token":
		return maxToken
	case v.Kind() == reflect.Slice:
		return MaxList
	}
	return MaxID
}

// renamed returns the same request with another name of the object in the path, which has
// one variable.
func (r *Request) renamed(name string) (*Request, error) {
	for variable := range r.Vars {
		escaped, err := r.Spec.segment(variable, name)
		if err != nil {
			return nil, err
		}
		other := *r
		other.Vars = map[string]string{variable: name}
		path, err := r.Spec.pathIn(r.Account)
		other.Path = strings.Replace(path, "{"+variable+"}", escaped, 1)
		other.id = other.identify()
		return &other, err
	}
	return r, nil
}

// segment escapes the value of a path variable. Only {meetingId} and {webinarId} may be a
// UUID, which has its own escaping; it leaves a number unchanged.
func (s *Spec) segment(name, value string) (string, error) {
	if name != "meetingId" && name != "webinarId" {
		return segment(value)
	}
	if value == "0" { // the number of an object without one
		return "", ErrNoID
	}
	if s.AcceptsUUID {
		return uuidSegment(value)
	}
	return segment(value)
}

// countBy adds to Vars the fields of the body that a quota counts by.
func (r *Request) countBy(body []byte) {
	var missing []string
	for _, q := range r.Spec.Quotas {
		for _, name := range q.vars() {
			if r.Vars[name] == "" {
				missing = append(missing, name)
			}
		}
	}
	var fields map[string]any
	if missing == nil || types.Unmarshal(body, &fields) != nil {
		return
	}
	for _, name := range missing {
		switch v := fields[name].(type) {
		case string:
			r.Vars[name] = strings.ToLower(v)
		case []any:
			r.Vars[name] = namesIn(v)
		}
	}
}

// listSep separates the values of a variable that has several.
const listSep = "\x00"

// namesIn returns the e-mail addresses, or else the ids, of the objects in a list.
func namesIn(list []any) string {
	var names []string
	for _, item := range list {
		object, _ := item.(map[string]any)
		email, _ := object["email"].(string)
		id, _ := object["id"].(string)
		names = append(names, strings.ToLower(cmp.Or(email, id)))
	}
	slices.Sort(names)
	return strings.Join(slices.Compact(names), listSep)
}

// text writes a field as Zoom reads it in a path or a query.
func text(v reflect.Value) string {
	if v.Kind() == reflect.Pointer {
		return text(v.Elem())
	}
	switch x := v.Interface().(type) {
	case interface{ Code() string }:
		return x.Code()
	case fmt.Stringer:
		return x.String()
	}
	switch v.Kind() {
	case reflect.String:
		return v.String()
	case reflect.Bool:
		return strconv.FormatBool(v.Bool())
	case reflect.Int, reflect.Int64:
		return strconv.FormatInt(v.Int(), 10)
	case reflect.Slice:
		items := make([]string, v.Len())
		for i := range items {
			items[i] = text(v.Index(i))
		}
		return strings.Join(items, ",")
	}
	panic(fmt.Sprintf("zoom: a %s is neither path nor query", v.Type()))
}
