package zoom

import (
	"bytes"
	"cmp"
	"encoding/xml"
	"errors"
	"fmt"
	"maps"
	"mime"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"zoomql/internal/zoom/types"
)

// required are the fields without which a body is no answer of an operation. HTTP 200
// alone proves nothing: Zoom also refuses under it, and a body without its object or
// its list would be served as null or an empty list that Zoom has not returned.
type required struct {
	// names are fields of which the answer has at least one: the array of a list, the
	// key of an object, or else any known field. It is empty for an operation that
	// answers without a body.
	names []string
	// arrays reports that the names are those of lists.
	arrays bool
	// anyValue reports that a field suffices whatever its value: the object has no key.
	anyValue bool
	// unset reports that an object without any field is an answer: nothing is set.
	unset bool
	// fields are the indices of the names in the Go type of the answer.
	fields [][]int
}

// keyNames are the names of the fields that identify objects of Zoom's.
var keyNames = []string{"id", "uuid", "meeting_uuid", "meeting_id", "survey_id"}

// requiredOf derives from the type of an answer which fields it must have, unless the row names
// them.
func requiredOf(t reflect.Type, s *Spec) required {
	all := map[string][]int{}
	lists := collectNames(t, nil, all)
	need := required{unset: s.Unset}
	switch {
	case s.Key != nil:
		need.names = s.Key
		need.arrays = len(s.Key) > 0 && !slices.ContainsFunc(s.Key, func(name string) bool { return !slices.Contains(lists, name) })
	case s.Array != "" && !strings.Contains(s.Array, "."):
		need.names, need.arrays = []string{s.Array}, true
	case len(lists) == len(all):
		need.names, need.arrays = lists, true
	default:
		for _, name := range keyNames {
			if all[name] != nil {
				need.names = append(need.names, name)
			}
		}
		if len(need.names) == 0 {
			need.names, need.anyValue = slices.Sorted(maps.Keys(all)), true
		}
	}
	for _, name := range need.names {
		if at := all[name]; at != nil {
			need.fields = append(need.fields, at)
		}
	}
	return need
}

// besideLists are the fields next to a list that do not suffice for an answer: its length,
// and its range of days.
var besideLists = []string{"total_records", "from", "to"}

// collectNames records the JSON names of a struct and of the structs embedded in it, with
// the indices of the fields, and returns the names of lists.
func collectNames(t reflect.Type, at []int, all map[string][]int) (lists []string) {
	if t.Kind() != reflect.Struct {
		return nil
	}
	for i := range t.NumField() {
		f, index := t.Field(i), append(slices.Clone(at), i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case name == "-" || slices.Contains(besideLists, name) || name == "" && !f.Anonymous:
		case name == "":
			lists = append(lists, collectNames(f.Type, index, all)...)
		default:
			all[name] = index
			if f.Type.Kind() == reflect.Slice {
				lists = append(lists, name)
			}
		}
	}
	return lists
}

// met reports whether a decoded answer has a required field. False is not conclusive: a
// field of the body may have been removed after decoding, such as a secret.
func (r *required) met(answer any) bool {
	if page, ok := answer.(interface{ filled() bool }); ok {
		return page.filled()
	}
	v := reflect.ValueOf(answer)
	if v.Kind() != reflect.Pointer || v.Elem().Kind() != reflect.Struct {
		return false
	}
	return slices.ContainsFunc(r.fields, func(at []int) bool {
		f, err := v.Elem().FieldByIndexErr(at)
		return err == nil && !f.IsZero() && (f.Kind() != reflect.Slice || f.Len() > 0)
	})
}

// filled reports whether the page has items.
func (p *Page[T]) filled() bool { return len(p.Items) > 0 }

// lacking describes what is missing in the body of an answer; "" for nothing.
func (r *required) lacking(body []byte) string {
	if len(r.names) == 0 {
		return ""
	}
	fields, err := members(body)
	switch {
	case err != nil:
		return "the answer is no object"
	case r.unset && len(fields) == 0:
		return ""
	}
	total, counted := number(fields["total_records"])
	for _, name := range r.names {
		switch v, there := fields[name]; {
		case !there:
		case r.anyValue:
			return ""
		case !r.arrays && hasValue(v), r.arrays && v.Kind() == '[':
			return ""
		case r.arrays && v.Kind() == 'n' && total == 0: // Zoom's "no value"
			return ""
		}
	}
	if r.arrays && counted && total == 0 {
		return "" // Zoom reports that the list is empty
	}
	names := slices.Sorted(slices.Values(r.names))
	return "the answer has no " + strings.Join(names[:min(len(names), 3)], " or ")
}

// hasValue reports whether a member of an object has a value: Zoom writes null, "", an empty
// object or an empty list for none.
func hasValue(v jsontext.Value) bool {
	if len(v) == 0 {
		return false
	}
	switch v.Kind() {
	case 'n':
		return false
	case '"', '{', '[':
		return len(v) > 2 && string(v) != `"0"`
	}
	return string(v) != "0"
}

func number(v jsontext.Value) (n int64, ok bool) {
	var i types.Int
	if len(v) == 0 || types.Unmarshal(v, &i) != nil {
		return 0, false
	}
	return i.N, i.Valid
}

// members reads the members of a JSON object.
func members(body []byte) (map[string]jsontext.Value, error) {
	dec := jsontext.NewDecoder(bytes.NewReader(body), types.Lenient)
	if dec.PeekKind() != '{' {
		return nil, errors.New("no object")
	}
	if _, err := dec.ReadToken(); err != nil {
		return nil, err
	}
	fields := map[string]jsontext.Value{}
	for dec.PeekKind() == '"' {
		name, err := dec.ReadToken()
		if err != nil {
			return nil, err
		}
		key := strings.Clone(name.String())
		v, err := dec.ReadValue()
		if err != nil {
			return nil, err
		}
		fields[key] = v.Clone()
	}
	_, err := dec.ReadToken()
	return fields, err
}

// received reads the body of an answer with a 2xx status.
func received(req *Request, answer *http.Response, body []byte, odd *types.Oddities) (*Response, error) {
	need := &req.Spec.required
	bad := func(kind error, message string, cause error) (*Response, error) {
		e := failure(req.Spec, answer, kind, message, cause)
		e.outcomeUnknown = !req.Spec.Reads()
		return nil, e
	}
	if len(bytes.TrimSpace(body)) == 0 {
		body = nil
	}
	switch empty := len(body) == 0; {
	case empty && len(need.names) > 0 && !req.raw:
		return bad(ErrBadAnswer, "the answer is empty", nil)
	case !empty && !isJSON(answer.Header, body):
		if said, ok := readXML(body); ok && said.code != 0 {
			return nil, refused(req, answer, said)
		}
		return bad(ErrNotZoom, "", nil)
	}
	value, err := req.decode(body, odd)
	resp := &Response{Status: answer.StatusCode, Header: answer.Header, Body: body, Value: value}
	if err == nil && (need.met(value) || len(need.names) == 0 && len(body) == 0) {
		return resp, nil
	}
	said := readRefusal(body)
	if said.code != 0 && said.message != "" && !need.holds(body) {
		return nil, refused(req, answer, said)
	}
	switch {
	case err != nil:
		return bad(ErrBadAnswer, "", err)
	case said.unconfirmed && len(need.names) == 0 && !req.raw:
		return bad(ErrBadAnswer, "the answer does not say that it was done", nil)
	}
	if lacking := need.lacking(body); lacking != "" && !req.raw {
		return bad(ErrBadAnswer, lacking, nil)
	}
	return resp, nil
}

// holds reports whether the body has a required field with a value: then a code and a
// message are ordinary fields of the object, not a refusal.
func (r *required) holds(body []byte) bool {
	fields, err := members(body)
	return err == nil && slices.ContainsFunc(r.names, func(name string) bool { return hasValue(fields[name]) })
}

// refused returns the error for a refusal under HTTP 200: the same as under its own status.
func refused(req *Request, answer *http.Response, said refusalBody) error {
	e := failure(req.Spec, answer, nil, "", nil)
	e.fill(req.Spec, said.ownStatus(), said, answer.Header, time.Now())
	return e
}

// failure returns an error about an answer.
func failure(s *Spec, answer *http.Response, kind error, message string, cause error) *Error {
	return &Error{
		By: ByZoom, Op: s.Pattern, Kind: kind, Status: answer.StatusCode, Message: message, Cause: cause,
		ContentType: ContentType(answer.Header), TrackingID: trackingID(answer.Header),
	}
}

// ContentType returns the media type that the headers name, without parameters, at most 64
// bytes of it.
func ContentType(h http.Header) string {
	kind, _, err := mime.ParseMediaType(h.Get("Content-Type"))
	if err != nil {
		return ""
	}
	return strings.Clone(kind[:min(len(kind), 64)])
}

// isJSON reports whether a body is meant to be JSON, valid or not. Its first byte decides,
// because proxies and Zoom itself send wrong media types.
func isJSON(h http.Header, body []byte) bool {
	body = bytes.TrimSpace(body)
	switch kind := ContentType(h); {
	case len(body) == 0:
		return false
	case body[0] == '{', body[0] == '[':
		return true
	case body[0] == '<':
		return false
	default:
		return kind == "application/json" || strings.HasSuffix(kind, "+json") || jsontext.Value(body).IsValid()
	}
}

// trimBOM returns a body without the byte order mark that may precede UTF-8.
func trimBOM(body []byte) []byte { return bytes.TrimPrefix(body, []byte("\ufeff")) }

// refusalBody is the body of a refusal of Zoom's.
type refusalBody struct {
	fromZoom bool // it has the form of Zoom's refusals
	code     int
	message  string
	fields   []FieldError
	// unconfirmed reports that the body mentions an error, or anything but success: a
	// write that has no other answer may not have been executed.
	unconfirmed bool
}

// readRefusal reads a refusal from JSON. A body without a code is not one of Zoom's.
func readRefusal(body []byte) refusalBody {
	fields, err := members(body)
	if err != nil {
		return refusalBody{}
	}
	said := refusalBody{}
	code := cmp.Or(string(fields["code"]), string(fields["errorCode"]))
	said.fromZoom = code != ""
	n, _ := number(jsontext.Value(code))
	said.code = int(n)
	said.message = firstText(fields["message"], fields["errorMessage"])
	said.unconfirmed = isUnconfirmed(fields)
	var list []jsontext.Value
	if v := fields["errors"]; v.Kind() == '[' && types.Unmarshal(v, &list) == nil {
		for _, item := range list[:min(len(list), maxFields)] {
			if field, err := members(item); err == nil {
				said.fields = append(said.fields, FieldError{scrub(firstText(field["field"])), scrub(firstText(field["message"]))})
			}
		}
	}
	return said
}

// isUnconfirmed reports whether a body mentions an error, or has a message and no field that
// reports success.
func isUnconfirmed(fields map[string]jsontext.Value) bool {
	says := func(v jsontext.Value) bool { return hasValue(v) && v.Kind() != 'f' }
	succeeded := false
	for _, name := range []string{"code", "errorCode"} {
		if says(fields[name]) {
			return true
		}
		succeeded = succeeded || len(fields[name]) > 0
	}
	for _, name := range []string{"status", "success", "result"} {
		switch v := fields[name]; strings.ToLower(firstText(v)) {
		case "false", "fail", "failed", "failure", "error":
			return true
		default:
			if v.Kind() == 'f' {
				return true
			}
			succeeded = succeeded || hasValue(v)
		}
	}
	for _, name := range []string{"error", "errors", "errorMessage"} {
		if says(fields[name]) {
			return true
		}
	}
	return says(fields["message"]) && !succeeded
}

// firstText returns the first value that is a non-empty string.
func firstText(values ...jsontext.Value) string {
	for _, v := range values {
		var s types.Text
		if v.Kind() == '"' && types.Unmarshal(v, &s) == nil && s != "" {
			return string(s)
		}
	}
	return ""
}

// maxXML bounds how much of an XML body is read, in bytes: a refusal is short.
const maxXML = 64 << 10

// readXML reads a refusal from XML, which Zoom sends at times. Zoom's code is a number;
// those of other servers are not.
func readXML(body []byte) (said refusalBody, ok bool) {
	dec := xml.NewDecoder(bytes.NewReader(body[:min(len(body), maxXML)]))
	var name string
	for first := true; ; {
		token, err := dec.Token()
		if err != nil {
			break
		}
		switch token := token.(type) {
		case xml.StartElement:
			name = strings.ToLower(token.Name.Local)
			if first && name == "html" {
				return refusalBody{}, false
			}
			first = false
		case xml.EndElement:
			name = ""
		case xml.CharData:
			switch content := strings.TrimSpace(string(token)); {
			case content == "":
			case name == "code" && !said.fromZoom:
				n, err := strconv.Atoi(content)
				said.code, said.fromZoom = n, err == nil
			case name == "message" && said.message == "":
				said.message = content
			}
		}
	}
	return said, said.fromZoom && said.message != ""
}

// Refusal returns Zoom's message and code if a body is a refusal, which Zoom may send in
// place of a file, for example.
func Refusal(body []byte) (words string, refused bool) {
	body = trimBOM(body)
	said := readRefusal(body)
	if x, ok := readXML(body); !said.fromZoom && ok {
		said = x
	}
	if said.code == 0 || said.message == "" {
		return "", false
	}
	return fmt.Sprintf("%s (code %d)", scrub(said.message), said.code), true
}

// AnsweredBy describes an answer that did not come from Zoom's API.
func (e *Error) AnsweredBy() string {
	return fmt.Sprintf("HTTP %d, %s", e.Status, cmp.Or(e.ContentType, "no content type"))
}
