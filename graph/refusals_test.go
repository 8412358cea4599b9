package graph

import (
	"bytes"
	"cmp"
	"encoding/json"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"zoomql/internal/operations"
	"zoomql/internal/sandbox"
	"zoomql/internal/zoom"
)

// refusal is a line of testdata/refusals.tsv.
type refusal struct {
	status, code int
	words        string // of the message; "" for all others
	want         string // the gateway's code
	op           string
}

func refusals(t *testing.T) []refusal {
	t.Helper()
	raw, err := os.ReadFile("../testdata/refusals.tsv")
	if err != nil {
		t.Fatal(err)
	}
	var list []refusal
	for line := range strings.Lines(string(raw)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		f := strings.Split(strings.TrimSpace(line), "\t")
		if len(f) != 5 {
			t.Fatalf("%q has %d columns, want 5", line, len(f))
		}
		status, err1 := strconv.Atoi(f[0])
		code, err2 := strconv.Atoi(f[1])
		if err := cmp.Or(err1, err2); err != nil {
			t.Fatal(err)
		}
		list = append(list, refusal{status, code, f[2], f[3], f[4]})
	}
	return list
}

// rowOf returns the row of an operation that is named by any of its paths.
func rowOf(op string) *zoom.Spec {
	for _, s := range zoom.Specs() {
		for _, path := range s.Paths() {
			if op == s.Method()+" "+path {
				return s
			}
		}
	}
	return nil
}

// askFor sends the query of an operation.
func (r *rig) askFor(s *zoom.Spec) *answer {
	r.t.Helper()
	file := "../" + operations.Question(s)
	query, err := os.ReadFile(file)
	if err != nil {
		r.t.Fatal(err)
	}
	return r.askForBy(s, string(query))
}

// askForBy sends a query with the variables, and the file, of an operation's query.
func (r *rig) askForBy(s *zoom.Spec, query string) *answer {
	r.t.Helper()
	file := "../" + operations.Question(s)
	variables := map[string]any{}
	if raw, err := os.ReadFile(strings.TrimSuffix(file, ".graphql") + ".json"); err == nil {
		dec := json.NewDecoder(strings.NewReader(r.fill(dated(string(raw)))))
		dec.UseNumber()
		if err := dec.Decode(&variables); err != nil {
			r.t.Fatalf("%s: %v", file, err)
		}
	}
	if picture, err := os.ReadFile(strings.TrimSuffix(file, ".graphql") + ".png"); err == nil {
		return r.upload(query, variables, string(picture))
	}
	return r.ask(dated(query), variables)
}

// upload sends a query with a file for variables.input.file.
func (r *rig) upload(query string, variables map[string]any, file string) *answer {
	r.t.Helper()
	body, err := json.Marshal(map[string]any{"query": r.fill(query), "variables": variables})
	if err != nil {
		r.t.Fatal(err)
	}
	media, form := formOf(r.t, "operations", string(body), "map", `{"0": ["variables.input.file"]}`, "0|picture.png", file)
	return r.post(media, form.String())
}

// dated replaces placeholders of days.
func dated(text string) string {
	today := time.Now().UTC()
	return strings.NewReplacer(
		"${Today}", today.Format(time.DateOnly),
		"${Yesterday}", today.AddDate(0, 0, -1).Format(time.DateOnly),
		"${FirstOfMonth}", today.Format("2006-01")+"-01",
	).Replace(text)
}

var (
	userErrorCode = regexp.MustCompile(`"userErrors":\[\{"code":"(\w+)"`)
	reportState   = regexp.MustCompile(`"reportState":"(\w+)"`)
)

// states are the states of a report that replace an error: if the data are unavailable, the age of
// the instance says why.
var states = map[string][]string{
	"NOT_FOUND":     {"UNAVAILABLE"},
	"NOT_READY":     {"UNAVAILABLE", "PENDING"},
	"PLAN_REQUIRED": {"UNAVAILABLE"},
	"EXPIRED":       {"EXPIRED"},
}

// nothing matches an answer in which the innermost selected object is null.
var nothing = regexp.MustCompile(`^\{"data":(\{"\w+":)+(null|\[null\]|\[\])\}+`)

// tells reports whether an answer reports a refusal: by its first error, by the first userError of
// a write, by the state of a report, or by null for an object that does not exist.
func (a *answer) tells(code string) bool {
	if len(a.Errors) > 0 {
		return a.Errors[0].code() == code
	}
	if m := userErrorCode.FindStringSubmatch(a.body); m != nil {
		return m[1] == strings.Replace(code, "BAD_USER_INPUT", "INVALID", 1)
	}
	if m := reportState.FindStringSubmatch(a.body); m != nil {
		return slices.Contains(states[code], m[1])
	}
	return code == "NOT_FOUND" && nothing.MatchString(a.body)
}

// refuse sends the query of an operation while Zoom refuses it.
func (r *rig) refuse(s *zoom.Spec, status, code int, message string) *answer {
	r.t.Helper()
	time.Sleep(6 * time.Minute) // "no such object" is cached for some seconds, and a refusal because of the plan for five minutes
	r.Fault(sandbox.Fault{Pattern: s.Pattern, Times: -1, Status: status, Code: code, Message: message})
	defer r.ClearFaults()
	return r.askFor(s)
}

// Each kind of refusal that Zoom documents has a code that tells the client what to do, for every
// operation: as an error, in a write's userErrors, or as the state of a report.
func TestRefusals(t *testing.T) {
	t.Parallel()
	for _, c := range refusals(t) {
		t.Run(strings.Join([]string{c.op, strconv.Itoa(c.status), strconv.Itoa(c.code), c.words}, " "), func(t *testing.T) {
			t.Parallel()
			s := rowOf(c.op)
			if s == nil {
				t.Fatal("it is no operation of the table")
			}
			inRig(t, setup{throttles: true}, func(r *rig) {
				if a := r.refuse(s, c.status, c.code, cmp.Or(c.words, "Refused.")); !a.tells(c.want) {
					t.Errorf("want %s, got %s", c.want, a.body)
				}
			})
		})
	}
}

// documentedRefusal is a refusal that Zoom documents for an operation.
type documentedRefusal struct {
	status, code int
	message      string
}

// Every refusal that Zoom documents, for every operation of the table, is in
// testdata/refusals.tsv, and reaches the client as stated there.
func TestDocumentedRefusals(t *testing.T) {
	t.Parallel()
	pairs, words := documentedPairs(t), documentedWords(t)
	table := refusals(t)
	for _, s := range zoom.Specs() {
		t.Run(s.Pattern, func(t *testing.T) {
			t.Parallel()
			inRig(t, setup{throttles: true}, func(r *rig) {
				for _, d := range documentedFor(s, pairs, words) {
					want := expected(table, d)
					if want == "" {
						t.Errorf("testdata/refusals.tsv does not say what becomes of %+v", d)
					} else if a := r.refuse(s, d.status, d.code, d.message); !a.tells(want) {
						t.Errorf("%+v: want %s, got %.300s", d, want, a.body)
					}
				}
			})
		})
	}
}

// expected returns the code of the first line that matches.
func expected(table []refusal, d documentedRefusal) string {
	if d.status == http.StatusTooManyRequests {
		return "RATE_LIMITED"
	}
	for _, c := range table {
		if c.status == d.status && c.code == d.code && strings.Contains(strings.ToLower(d.message), strings.ToLower(c.words)) {
			return c.want
		}
	}
	return ""
}

// documentedFor returns the refusals of a row: its pairs of status and code for any path, each
// with every message in Zoom's documents.
func documentedFor(s *zoom.Spec, pairs map[string]map[string][]int, words map[string][]documentedRefusal) []documentedRefusal {
	found := map[documentedRefusal]bool{}
	for _, path := range s.Paths() {
		op := s.Method() + " " + path
		for text, codes := range pairs[op] {
			status, _ := strconv.Atoi(text)
			for _, code := range codes {
				said := slices.DeleteFunc(slices.Clone(words[op]), func(d documentedRefusal) bool { return d.status != status || d.code != code })
				if len(said) == 0 {
					said = []documentedRefusal{{status, code, "Refused."}}
				}
				for _, d := range said {
					found[d] = true
				}
			}
		}
	}
	return slices.SortedFunc(maps.Keys(found), func(a, b documentedRefusal) int {
		return cmp.Or(a.status-b.status, a.code-b.code, strings.Compare(a.message, b.message))
	})
}

const documents = "../../shared/zoom"

// documentedPairs returns the codes of each status of each operation.
func documentedPairs(t *testing.T) map[string]map[string][]int {
	t.Helper()
	pairs := map[string]map[string][]int{}
	for _, raw := range readDocuments(t, "shapes") {
		var file struct {
			Operations map[string]struct {
				Errors map[string][]int `json:"errors"`
			} `json:"operations"`
		}
		if err := json.Unmarshal(raw, &file); err != nil {
			t.Fatal(err)
		}
		for op, shape := range file.Operations {
			pairs[op] = shape.Errors
		}
	}
	return pairs
}

var (
	errorCode = regexp.MustCompile("\\*\\*Error Code:\\*\\* `(\\d+)`")
	parting   = regexp.MustCompile(`<br>|\n ?\* |\n\n`)
)

// documentedWords returns Zoom's messages for each pair, from the descriptions in its documents.
func documentedWords(t *testing.T) map[string][]documentedRefusal {
	t.Helper()
	words := map[string][]documentedRefusal{}
	for _, raw := range readDocuments(t, "openapi") {
		var doc struct {
			Paths map[string]map[string]struct {
				Responses map[string]struct {
					Description string `json:"description"`
				} `json:"responses"`
			} `json:"paths"`
		}
		if bytes.Contains(raw, []byte(`"webhooks":`)) {
			continue
		}
		if err := json.Unmarshal(raw, &doc); err != nil {
			t.Fatal(err)
		}
		for path, methods := range doc.Paths {
			for method, op := range methods {
				for status, response := range op.Responses {
					name := strings.ToUpper(method) + " " + path
					words[name] = append(words[name], messages(status, response.Description)...)
				}
			}
		}
	}
	return words
}

// messages parses the codes and messages of one status.
func messages(status, description string) []documentedRefusal {
	number, err := strconv.Atoi(status)
	if err != nil {
		return nil
	}
	var list []documentedRefusal
	at := errorCode.FindAllStringSubmatchIndex(description, -1)
	for i, m := range at {
		end := len(description)
		if i+1 < len(at) {
			end = at[i+1][0]
		}
		code, _ := strconv.Atoi(description[m[2]:m[3]])
		for _, message := range parting.Split(description[m[1]:end], -1) {
			if message = strings.Trim(strings.Join(strings.Fields(message), " "), " *"); len(message) > 3 {
				list = append(list, documentedRefusal{number, code, message})
			}
		}
	}
	return list
}

func readDocuments(t *testing.T, folder string) [][]byte {
	t.Helper()
	all := filesOf(t, folder)
	if len(all) == 0 {
		t.Skipf("Zoom's documents are not at %s: their refusals are not tried", documents)
	}
	return all
}

// openDocuments returns the OpenAPI documents, or none if they are not available.
func openDocuments(t *testing.T) [][]byte {
	t.Helper()
	return slices.DeleteFunc(filesOf(t, "openapi"), func(raw []byte) bool { return bytes.Contains(raw, []byte(`"webhooks":`)) })
}

func filesOf(t *testing.T, folder string) [][]byte {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(documents, folder, "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	var all [][]byte
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, raw)
	}
	return all
}

// A write that Zoom refuses evicts nothing from the cache.
func TestRefusedWritesEvictNothing(t *testing.T) {
	t.Parallel()
	inRig(t, setup{throttles: true, Options: sandbox.Options{Latency: time.Microsecond}}, func(r *rig) {
		reads := slices.DeleteFunc(zoom.Specs(), func(s *zoom.Spec) bool { return !s.Reads() })
		readAll := func() int {
			for _, s := range reads {
				if a := r.askFor(s); a.Errors != nil {
					r.t.Fatalf("%s: %s", s.Pattern, a.body)
				}
			}
			return len(r.spent())
		}
		readAll()
		fresh := readAll() // secrets are not cached
		if fresh > len(reads)/3 {
			t.Fatalf("%d of %d questions cost a call again", fresh, len(reads))
		}
		writes := slices.DeleteFunc(zoom.Specs(), (*zoom.Spec).Reads)
		evicts := func(refused ...*zoom.Spec) bool {
			for _, s := range refused {
				r.Fault(sandbox.Fault{Pattern: s.Pattern, Times: -1, Status: http.StatusBadRequest, Code: 300, Message: "Refused."})
				if a := r.askFor(s); !a.tells("BAD_USER_INPUT") {
					t.Errorf("%s is refused with %s", s.Pattern, a.body)
				}
				r.ClearFaults()
			}
			r.spent()
			return readAll() != fresh
		}
		if !evicts(writes...) {
			return
		}
		for _, s := range writes {
			if evicts(s) {
				t.Errorf("after %s was refused, reading costs more calls than the %d before", s.Pattern, fresh)
			}
		}
		t.Error("a write that was refused evicts")
	})
}
