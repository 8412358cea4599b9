package sandbox

import (
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"

	"zoomql/internal/mutate"
)

// FaultKind is a way in which answers differ from Zoom's documents. Each has been observed at
// Zoom or at a proxy in front of it.
type FaultKind struct {
	// Name is the name in settings and headers.
	Name string
	// Help describes the difference.
	Help string

	fits func(*call) bool // nil means every operation
	// before changes the request, or returns an answer instead of the operation's.
	before func(*oddity) *answer
	// after changes the answer of an operation that succeeded.
	after func(*oddity)
}

// oddity is one fault of a kind that is applied to a call.
type oddity struct {
	*call
	fault Fault
	kind  *FaultKind
	rand  *rand.Rand
	// answer and body, which is the parsed answer, are set in after.
	answer *answer
	body   *mutate.Value
	close  bool   // the connection ends without an answer
	note   string // written by before, read by after
}

// done records a change and its place.
func (o *oddity) done(place string) {
	o.odd = append(o.odd, strings.TrimSpace(o.kind.Name+" "+place))
}

// FaultKinds lists the kinds.
var FaultKinds = []*FaultKind{
	{Name: "refused", Help: "HTTP 200 with a code and a message, as of a refusal; nothing is done", before: replaced(refusedUnder200)},
	{Name: "refused-xml", Help: "a refusal in XML", before: replaced(refusedInXML)},
	{Name: "html", Help: "HTTP 200 with a page of a proxy's", before: replaced(proxyPage)},
	{Name: "html-403", Help: "HTTP 403 with a page of a firewall's", before: replaced(firewallPage)},
	{Name: "unknown-path", Help: "HTTP 404 with code 2300, as under a wrong base", before: replaced(unknownPath)},
	{Name: "no-body", Help: "the answer without its body", after: withoutBody},
	{Name: "no-fields", Help: "an empty object for the answer", after: withoutFields},
	{Name: "no-list", Help: "a list's answer without the list", fits: (*call).lists, after: withoutList},

	{Name: "ends-early", Help: "no token for the next page, though the count says that there is more", fits: (*call).pages, after: endsEarly},
	{Name: "fewer-items", Help: "half of the last page's items, beside the count of all", fits: (*call).pages, after: fewerItems},
	{Name: "empty-page", Help: "nothing on the second page, though the count says that there is more", fits: (*call).pages, after: emptyPage},
	{Name: "small-pages", Help: "a tenth of the page size that was asked for", fits: (*call).pages, before: smallPages},
	{Name: "same-page", Help: "the first page, whatever page_number says", fits: (*call).numbered, before: samePage},
	{Name: "repeated-items", Help: "an item of the first page again on each page", fits: (*call).pages, after: repeatedItems},
	{Name: "repeated-token", Help: "a next_page_token that leads to the page it stands on", fits: (*call).tokened, after: repeatedToken},
	{Name: "empty-pages", Help: "a new token on every page, and nothing on all but the first", fits: (*call).tokened, before: beforeEmptyPages, after: emptyPages},
	{Name: "range", Help: "an answer about the later half of the days that were asked for", fits: (*call).ranged, before: shorterRange},

	{Name: "object-text", Help: `"" for an object`, after: containerAs('{', mutate.String(""))},
	{Name: "object-list", Help: "[] for an object", after: containerAs('{', mutate.List())},
	{Name: "object-false", Help: "false for an object", after: containerAs('{', mutate.Bool(false))},
	{Name: "list-text", Help: `"" for a list`, after: containerAs('[', mutate.String(""))},
	{Name: "list-object", Help: "{} for a list", after: containerAs('[', mutate.Object())},

	{Name: "enum-unknown", Help: "a value that no document names", after: unknownEnum},
	{Name: "field-unknown", Help: "a field that no document names, in each object", after: unknownField},
	{Name: "field-dropped", Help: "a field left out", after: mutated(mutate.Drop)},
	{Name: "field-null", Help: "null for a value", after: mutated(mutate.Null)},
	{Name: "field-doubled", Help: "a field twice in one object", after: mutated(mutate.Double)},
	{Name: "field-empty", Help: "nothing in an object, a list or a text", after: mutated(mutate.Empty)},
	{Name: "field-type", Help: "a value of another type", after: mutated(mutate.Swap)},

	{Name: "write-504", Help: "a write is done, and the answer is HTTP 504", fits: (*call).writes, after: gatewayTimeout},
	{Name: "write-reset", Help: "a write is done, and the connection ends without an answer", fits: (*call).writes, after: func(o *oddity) {
		o.close = true
		o.done("")
	}},
}

func faultKind(name string) *FaultKind {
	for _, k := range FaultKinds {
		if k.Name == name {
			return k
		}
	}
	return nil
}

// FaultsHeader is the request header that adds faults to one call, in the syntax of
// ParseFaults.
const FaultsHeader = "X-Sandbox-Faults"

// ParseFaults parses kinds of faults, separated by commas. Each may have the share of calls
// that it applies to, which is all by default: "refused:0.01,small-pages".
func ParseFaults(text string) ([]Fault, error) {
	var list []Fault
	var errs []error
	for part := range strings.SplitSeq(text, ",") {
		name, share, shared := strings.Cut(strings.TrimSpace(part), ":")
		if name == "" && !shared {
			continue
		}
		f := Fault{Kind: name, Times: -1, Rate: 1}
		if shared {
			var err error
			if f.Rate, err = strconv.ParseFloat(share, 64); err != nil || !(f.Rate > 0 && f.Rate <= 1) {
				errs = append(errs, fmt.Errorf("%s: the share %q is not more than 0 and at most 1", name, share))
			}
		}
		if faultKind(name) == nil {
			errs = append(errs, fmt.Errorf("there is no kind %q; the kinds are %s", name, strings.Join(kindNames(), ", ")))
		}
		list = append(list, f)
	}
	return list, errors.Join(errs...)
}

func kindNames() []string {
	names := make([]string, len(FaultKinds))
	for i, k := range FaultKinds {
		names[i] = k.Name
	}
	return names
}

// randOf returns a random stream that depends only on the seed and the words.
func randOf(seed uint64, words ...string) *rand.Rand {
	h := fnv.New64a()
	for _, w := range words {
		_, _ = h.Write(append([]byte(w), 0)) // never fails
	}
	return rand.New(rand.NewPCG(seed, h.Sum64()))
}

// oddities returns the faults of a kind that apply to a call: those of its header, and the
// planned ones.
func (c *call) oddities() ([]*oddity, error) {
	planned := c.faults.takeKinds(c.pattern(), c.request.URL, c.opt.Seed)
	own, err := c.ownFaults()
	if err != nil {
		return nil, err
	}
	var list []*oddity
	for _, f := range append(planned, own...) {
		k := faultKind(f.Kind)
		if k == nil || c.route.open || k.fits != nil && !k.fits(c) {
			continue
		}
		list = append(list, &oddity{call: c, fault: f, kind: k, rand: randOf(f.Seed, f.Kind, c.pattern(), c.request.URL.RequestURI())})
	}
	return list, nil
}

// ownFaults returns the faults of a call's header that apply to it, by their shares.
func (c *call) ownFaults() ([]Fault, error) {
	text := c.request.Header.Get(FaultsHeader)
	if text == "" {
		return nil, nil
	}
	list, err := ParseFaults(text)
	if err != nil {
		return nil, badRequest(300, FaultsHeader+": "+err.Error())
	}
	own := faults{list: list}
	own.planned.Store(int32(len(list)))
	taken := own.takeKinds(c.pattern(), c.request.URL, c.opt.Seed^c.seq) // by call, so that a share below 1 selects some of them
	for i := range taken {
		taken[i].Seed = c.opt.Seed
	}
	return taken, nil
}

// runOdd is run with faults of a kind. f is the fault that send applies.
func (s *Sandbox) runOdd(c *call, f *Fault) *answer {
	oddities, err := c.oddities()
	if err != nil {
		return refused(err)
	}
	for _, o := range oddities {
		if o.kind.before == nil {
			continue
		}
		if a := o.kind.before(o); a != nil {
			return a
		}
	}
	a := s.run(c)
	for _, o := range oddities {
		if o.kind.after == nil || a.status < 200 || a.status > 299 {
			continue
		}
		o.answer = a
		body, err := mutate.Parse(a.buf.Bytes())
		if err == nil {
			o.body = body
		}
		o.kind.after(o)
		f.CloseConnection = f.CloseConnection || o.close
	}
	return a
}

// rewrite replaces the answer's body by the parsed one.
func (o *oddity) rewrite() {
	o.answer.buf.Reset()
	o.answer.buf.Write(o.body.Bytes())
}

func (c *call) lists() bool    { return c.route.spec.Array != "" }
func (c *call) pages() bool    { return c.lists() && c.route.spec.MaxPage > 0 }
func (c *call) numbered() bool { return c.route.spec.Numbered }
func (c *call) tokened() bool  { return c.pages() && !c.numbered() }
func (c *call) writes() bool   { return !c.route.spec.Reads() }
func (c *call) ranged() bool   { return c.route.spec.Reads() && c.query.Has("from") && c.query.Has("to") }

// replaced returns a before that answers instead of the operation.
func replaced(with func() *answer) func(*oddity) *answer {
	return func(o *oddity) *answer {
		o.done("")
		return with()
	}
}

// Source: the descriptions of the answers 200 of 38 operations, and users' reports
// of roles and settings.
func refusedUnder200() *answer {
	return &answer{status: http.StatusOK, body: &zoomError{Code: 200, Message: "No permission."}}
}

// Source: Zoom's Accept header decides; proxies leave it out.
func refusedInXML() *answer {
	return &answer{status: http.StatusBadRequest, kind: "application/xml;charset=UTF-8", body: `<?xml version="1.0" encoding="UTF-8"?><error><code>200</code><message>No permission.</message></error>`}
}

func proxyPage() *answer {
	return &answer{status: http.StatusOK, kind: "text/html", body: "<!DOCTYPE html><html><head><title>Sign in to the network</title></head><body></body></html>\n"}
}

func firewallPage() *answer {
	return &answer{status: http.StatusForbidden, kind: "text/html", body: "<html><head><title>403 Forbidden</title></head><body>Request blocked.</body></html>\n"}
}

func unknownPath() *answer {
	return &answer{status: http.StatusNotFound, body: &zoomError{Code: 2300, Message: "This API endpoint is not recognized."}}
}
