package sandbox

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"zoomql/internal/mutate"
)

// odd plans faults of the kinds for all calls.
func (r *rig) odd(kinds ...string) {
	r.t.Helper()
	r.ClearFaults()
	list, err := ParseFaults(strings.Join(kinds, ","))
	if err != nil {
		r.t.Fatal(err)
	}
	r.Fault(list...)
}

// Each kind changes the answer as its Help says and is recorded in the ledger. Calls that it
// does not fit are unchanged.
func TestFaultKinds(t *testing.T) {
	const users = "/users?page_size=10"
	tested := map[string]bool{}
	for _, c := range []struct {
		kind, call string // "token" in it is that of the page before
		odd        bool
		check      func(whole, got *result) string // returns the difference, or ""
	}{
		{"refused", "GET " + users, true, isAnswer(200, `"code":200`)},
		{"refused-xml", "GET " + users, true, isAnswer(400, "<code>200</code>")},
		{"html", "GET " + users, true, isAnswer(200, "<html>")},
		{"html-403", "GET " + users, true, isAnswer(403, "<html>")},
		{"unknown-path", "GET " + users, true, isAnswer(404, `"code":2300`)},
		{"no-body", "GET " + users, true, isBody("")},
		{"no-fields", "GET " + users, true, isBody("{}")},
		{"no-list", "GET " + users, true, func(whole, got *result) string {
			if _, has := got.json["users"]; has || got.num(total) != whole.num(total) {
				return "the list alone is to be left out"
			}
			return ""
		}},
		{"no-list", "GET /users/${HostID}", false, nil},
		{"ends-early", "GET " + users, true, func(_, got *result) string { return items(got, 10, 32, false) }},
		{"ends-early", "GET /users?page_size=300", false, nil},
		{"fewer-items", "GET /users?page_size=300", true, func(_, got *result) string { return items(got, 16, 32, false) }},
		{"fewer-items", "GET " + users, false, nil},
		{"empty-page", "GET " + users + "&next_page_token=token", true, func(_, got *result) string { return items(got, 0, 32, false) }},
		{"empty-page", "GET " + users, false, nil},
		{"small-pages", "GET /users?page_size=300", true, func(_, got *result) string { return items(got, 30, 32, true) }},
		{"small-pages", "GET /users?page_size=2", false, nil},
		{"same-page", "GET /users/${HostID}/webinars?page_size=1&page_number=2", true, func(whole, got *result) string {
			if got.num("page_number") == 2 || len(got.list("webinars")) != 1 || fmt.Sprint(got.list("webinars")) == fmt.Sprint(whole.list("webinars")) {
				return "it is not the first page"
			}
			return ""
		}},
		{"same-page", "GET " + users, false, nil},
		{"repeated-items", "GET " + users, true, func(_, got *result) string {
			list := got.list("users")
			if len(list) != 11 || list[10]["id"] != list[0]["id"] {
				return "the first item is not there again"
			}
			return ""
		}},
		{"repeated-token", "GET " + users + "&next_page_token=token", true, func(_, got *result) string {
			if !strings.Contains(got.request, got.str(nextToken)) {
				return "the token is not the page's own"
			}
			return items(got, 10, 32, true)
		}},
		{"repeated-token", "GET " + users, false, nil},
		{"empty-pages", "GET " + users, true, func(_, got *result) string { return items(got, 10, 32, true) }},
		{"empty-pages", "GET " + users + "&next_page_token=" + emptyToken + "1", true, func(_, got *result) string {
			if got.str(nextToken) != emptyToken+"2" {
				return "it does not lead on"
			}
			return items(got, 0, 32, true)
		}},
		{"range", "GET /report/users/${HostID}/meetings?from=2026-03-01&to=2026-03-16", true, func(whole, got *result) string {
			if got.str("from") != "2026-03-09" || got.str("to") != "2026-03-16" || whole.num(total) <= got.num(total) {
				return "the range is not shorter"
			}
			return ""
		}},
		{"range", "GET /report/users/${HostID}/meetings?from=2026-03-16&to=2026-03-16", false, nil},
		{"object-text", "GET /meetings/${MeetingNumber}", true, becomes("{", `""`)},
		{"object-list", "GET /meetings/${MeetingNumber}", true, becomes("{", `[]`)},
		{"object-false", "GET /meetings/${MeetingNumber}", true, becomes("{", `false`)},
		{"list-text", "GET /users/${HostID}", true, becomes("[", `""`)},
		{"list-object", "GET /users/${HostID}", true, becomes("[", `{}`)},
		{"list-object", "GET /users/${HostID}/presence_status", false, nil},
		{"enum-unknown", "GET /users/${HostID}", true, becomes("", "")},
		{"field-unknown", "GET " + users, true, func(_, got *result) string {
			if n := strings.Count(got.body, `"sandbox_unknown_field":{"odd":[7]}`); n != 11 {
				return fmt.Sprintf("%d objects have it", n)
			}
			return ""
		}},
		{"field-dropped", "GET /users/${HostID}", true, becomes("", "absent")},
		{"field-null", "GET /users/${HostID}", true, becomes("", "null")},
		{"field-empty", "GET /users/${HostID}", true, becomes("", "")},
		{"field-type", "GET /users/${HostID}", true, becomes("", "")},
		{"field-doubled", "GET /users/${HostID}", true, func(whole, got *result) string {
			if fmt.Sprint(whole.json) != fmt.Sprint(got.json) || len(got.body) <= len(whole.body) {
				return "no field is there twice"
			}
			return ""
		}},
		{"write-504", "POST /users/${HostID}/meetings", true, isAnswer(504, "<html>")},
		{"write-504", "GET " + users, false, nil},
		{"write-reset", "GET " + users, false, nil}, // see TestWriteWithoutAnswer
	} {
		t.Run(c.kind+" "+c.call, func(t *testing.T) {
			r := newRig(t, Options{})
			var body any
			if strings.HasPrefix(c.call, "POST") {
				body = map[string]any{"topic": "odd"}
			}
			path := strings.NewReplacer("${HostID}", r.HostID, "${MeetingNumber}", strconv.FormatInt(r.MeetingNumber, 10)).Replace(c.call)
			path = strings.Replace(path, "=token", "="+r.get(users).str(nextToken), 1)
			whole := &result{}
			if body == nil && !strings.Contains(path, emptyToken) {
				whole = r.do(path, nil)
			}
			r.odd(c.kind)
			r.ResetCalls()
			got := r.do(path, body)
			got.request = path
			odd := r.Calls()[0].Odd
			if c.odd != (len(odd) == 1 && strings.HasPrefix(odd[0], c.kind)) {
				t.Fatalf("the ledger says that %q is odd", odd)
			}
			switch {
			case !c.odd && got.body != whole.body:
				t.Errorf("got %s", got.body)
			case c.odd:
				got.odd = odd[0]
				if wrong := c.check(whole, got); wrong != "" {
					t.Errorf("%s: HTTP %d\n%s\nwhere it was\n%s", wrong, got.status, got.body, whole.body)
				}
			}
			r.ClearFaults()
			if after := r.do(path, nil); body == nil && whole.body != "" && after.body != whole.body {
				t.Errorf("without the fault: %s", after.body)
			}
		})
		tested[c.kind] = tested[c.kind] || c.odd || c.kind == "write-reset"
	}
	for _, k := range FaultKinds {
		if !tested[k.Name] || k.Help == "" {
			t.Errorf("%s is not tested, or not explained", k.Name)
		}
	}
}

func isAnswer(status int, part string) func(_, got *result) string {
	return func(_, got *result) string {
		if got.status != status || !strings.Contains(got.body, part) {
			return fmt.Sprintf("not HTTP %d with %s", status, part)
		}
		return ""
	}
}

func isBody(body string) func(_, got *result) string {
	return func(_, got *result) string {
		if got.body != body {
			return fmt.Sprintf("not %q", body)
		}
		return ""
	}
}

// items checks the number of items, the total, and whether there is a token of a next page.
func items(got *result, n, all int, more bool) string {
	if len(got.list("users")) != n || got.num(total) != all || (got.str(nextToken) != "") != more {
		return fmt.Sprintf("%d items of %d, token %q; want %d of %d, and a token: %t", len(got.list("users")), got.num(total), got.str(nextToken), n, all, more)
	}
	return ""
}

// becomes checks that exactly one place has changed, which the ledger names, from a value
// that has one prefix to a value that has another; "" matches any.
func becomes(from, to string) func(whole, got *result) string {
	return func(whole, got *result) string {
		_, place, _ := strings.Cut(got.odd, " ")
		before, after := places(whole.body), places(got.body)
		value, has := after[place]
		if !has {
			value = "absent"
		}
		if !strings.HasPrefix(before[place], from) || to != "" && value != to || value == before[place] {
			return fmt.Sprintf("%s is %s and becomes %s", place, before[place], value)
		}
		for p, v := range before {
			if !strings.HasPrefix(place, p) && !strings.HasPrefix(p, place) && after[p] != v {
				return fmt.Sprintf("%s becomes %s besides", p, after[p])
			}
		}
		return ""
	}
}

func places(body string) map[string]string {
	all := map[string]string{}
	v, err := mutate.Parse([]byte(body))
	if err != nil {
		return all
	}
	for _, s := range v.Sites() {
		all[s.String()] = string(s.Value.Bytes())
	}
	return all
}

// A write whose answer is lost is executed once.
func TestWriteWithoutAnswer(t *testing.T) {
	r := newRig(t, Options{})
	for _, kind := range []string{"write-504", "write-reset"} {
		before := r.get("/users/%s/meetings", r.HostID).num(total)
		r.odd(kind)
		req, _ := http.NewRequest(http.MethodPost, r.url+"/v2/users/"+r.HostID+"/meetings", strings.NewReader("{}"))
		req.Header.Set("Authorization", "Bearer "+r.token)
		res, err := http.DefaultClient.Do(req)
		if kind == "write-reset" != (err != nil) || err == nil && res.StatusCode != http.StatusGatewayTimeout {
			t.Errorf("%s: %v, %v", kind, res, err)
		}
		if err == nil {
			_ = res.Body.Close()
		}
		r.ClearFaults()
		if n := r.get("/users/%s/meetings", r.HostID).num(total); n != before+1 {
			t.Errorf("%s: %d meetings, want %d", kind, n, before+1)
		}
	}
}

// A write that is answered before the operation is not executed.
func TestFaultKinds_refusedBeforeWrite(t *testing.T) {
	r := newRig(t, Options{})
	for _, kind := range []string{"refused", "refused-xml", "html", "html-403", "unknown-path"} {
		before := r.get("/users/%s/meetings", r.HostID).num(total)
		r.odd(kind)
		r.do("POST /users/"+r.HostID+"/meetings", map[string]any{})
		r.ClearFaults()
		if n := r.get("/users/%s/meetings", r.HostID).num(total); n != before {
			t.Errorf("%s: %d meetings, want %d", kind, n, before)
		}
	}
}

// The same seed selects the same calls and the same places, about as many calls as the share
// says. Kinds are independent of each other.
func TestFaultShares(t *testing.T) {
	odd := func(seed uint64, faults string) []string {
		list, err := ParseFaults(faults)
		if err != nil {
			t.Fatal(err)
		}
		r := newRig(t, Options{Seed: seed, Faults: list})
		for range 3 {
			for i := range 100 {
				r.get("/users?page_size=%d", i+10)
			}
		}
		var all []string
		for _, c := range r.Calls() {
			all = append(all, strings.Join(c.Odd, " and "))
		}
		return all
	}
	const faults = "field-null:0.2, small-pages:0.5"
	first := odd(3, faults)
	if !slices.Equal(first, odd(3, faults)) {
		t.Error("the same seed makes other calls odd")
	}
	if slices.Equal(first, odd(4, faults)) {
		t.Error("another seed makes the same calls odd")
	}
	if slices.Equal(first[:100], first[100:200]) {
		t.Error("a repeated call always has the result of the first")
	}
	count := func(kind string) (n int) {
		for _, o := range first {
			if strings.Contains(o, kind) {
				n++
			}
		}
		return n
	}
	if n, m := count("field-null"), count("small-pages"); n < 30 || n > 90 || m < 110 || m > 190 {
		t.Errorf("%d and %d of 300 are odd", n, m)
	}
	if !slices.ContainsFunc(first, func(o string) bool { return strings.HasPrefix(o, "small-pages and field-null") }) && count(" and ") == 0 {
		t.Error("no call is odd by both kinds")
	}
}

// The header of a call adds faults to this call alone.
func TestFaultsHeader(t *testing.T) {
	r := newRig(t, Options{})
	ask := func(faults string) *result {
		req, _ := http.NewRequest(http.MethodGet, r.url+"/v2/users?page_size=5", nil)
		req.Header.Set("Authorization", "Bearer "+r.token)
		req.Header.Set(FaultsHeader, faults)
		return r.send(req)
	}
	whole := r.get("/users?page_size=5")
	if got := ask("no-list"); strings.Contains(got.body, `"users"`) {
		t.Errorf("got %s", got.body)
	}
	if got := r.get("/users?page_size=5"); got.body != whole.body {
		t.Errorf("the next call: %s", got.body)
	}
	ask("tired").want(t, 400, 300)
	ask("html:2").want(t, 400, 300)
}

func TestParseFaults(t *testing.T) {
	for text, want := range map[string]string{
		"":                         `[]`,
		"refused":                  `[{"refused" 1}]`,
		"refused:0.25, ,no-list:1": `[{"refused" 0.25} {"no-list" 1}]`,
		"refused:0":                "the share",
		"refused:x":                "the share",
		":0.1":                     `there is no kind ""`,
		"Refused":                  `there is no kind "Refused"`,
	} {
		list, err := ParseFaults(text)
		if err != nil {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%q: %v", text, err)
			}
			continue
		}
		got := []string{}
		for _, f := range list {
			got = append(got, fmt.Sprintf("{%q %v}", f.Kind, f.Rate))
		}
		if fmt.Sprint(got) != want {
			t.Errorf("%q: %v, want %s", text, got, want)
		}
	}
}

// Every operation answers with every kind, and an answer with the content type of JSON is
// JSON.
func TestFaultKindsOnAllOperations(t *testing.T) {
	r := newRig(t, Options{Users: 10, Participants: 10})
	further := []string{"empty-page", "same-page", "repeated-token"} // odd on second pages
	for _, k := range FaultKinds {
		hit := 0
		r.odd(k.Name)
		for pattern, questions := range r.requests() {
			if !strings.HasPrefix(pattern, "GET ") {
				continue
			}
			r.ResetCalls()
			res := r.get("%s", questions[0].path)
			hit += len(r.Calls()[0].Odd)
			if isJSON := strings.HasPrefix(res.header.Get("Content-Type"), "application/json"); isJSON && k.Name != "no-body" && res.status == 200 && !json.Valid([]byte(res.body)) {
				t.Errorf("%s, %s: %s", k.Name, pattern, res.body)
			}
		}
		if hit == 0 && !strings.HasPrefix(k.Name, "write-") && !slices.Contains(further, k.Name) {
			t.Errorf("%s: no answer was odd", k.Name)
		}
		t.Logf("%s: %d answers were odd", k.Name, hit)
	}
}
