package graph

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"zoomql/internal/operations"
	"zoomql/internal/sandbox"
	"zoomql/internal/zoom"
)

var update = flag.Bool("update", false, "rewrite calls and want.json of the golden files")

// questions is the directory of the golden files. Each is a story: a description in words, then
//
//	options         of the sandbox, the gateway and this file, a name=value a line
//	faults          faults at Zoom, one a line (see parseFault)
//	wait            a pause before the query
//	query.graphql   the query; ${Name} is a landmark of the sandbox,
//	                ${Kind Name} its global id, ${1:a.b.0.c} a value of answer 1
//	variables.json  with the same placeholders
//	calls           the calls that Zoom received, each with the number of its round trip
//	want.json       the answer, long arrays cut (a hash replaces the rest)
//
// The second query of a story is in query2.graphql, calls2 and so on.
const questions = "../testdata/graphql"

// TestGolden sends the queries. The cost of an answer is part of it.
func TestGolden(t *testing.T) {
	t.Parallel()
	asked := &seenOps{}
	t.Run("files", func(t *testing.T) {
		for _, file := range goldenFiles(t) {
			name, _ := filepath.Rel(questions, file)
			t.Run(strings.TrimSuffix(name, ".txtar"), func(t *testing.T) {
				t.Parallel()
				runGolden(t, file, asked)
			})
		}
	})
	if f := flag.Lookup("test.run"); f.Value.String() == "" && !testing.Short() {
		asked.complete(t)
	}
}

func goldenFiles(t *testing.T) []string {
	var files []string
	err := filepath.WalkDir(questions, func(path string, _ fs.DirEntry, err error) error {
		if strings.HasSuffix(path, ".txtar") {
			files = append(files, path)
		}
		return err
	})
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden files: %v", err)
	}
	return files
}

// seenOps are the operations that golden files have used.
type seenOps struct {
	mu  sync.Mutex
	ops map[string]bool
}

func (s *seenOps) add(calls []sandbox.Call) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ops == nil {
		s.ops = map[string]bool{}
	}
	for _, c := range calls {
		s.ops[c.Pattern] = true
	}
}

// complete fails the test for a row of the table of operations that is in no golden file and has
// no query of its own in the coverage test.
func (s *seenOps) complete(t *testing.T) {
	for _, row := range zoom.Specs() {
		own := "../" + operations.Question(row)
		if _, err := os.Stat(own); err != nil && !s.ops[row.Pattern] {
			t.Errorf("no question under %s costs %s, and there is no %s", questions, row.Pattern, own)
		}
	}
}

func runGolden(t *testing.T, file string, seen *seenOps) {
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	story := txtar.Parse(raw)
	if len(bytes.TrimSpace(story.Comment)) == 0 {
		t.Error("the file does not say what it shows")
	}
	g := &golden{Archive: story, rewrites: *update, shown: shown}
	inRig(t, g.setup(t), func(r *rig) {
		for n := 1; g.has(numbered("query.graphql", n)); n++ {
			g.play(r, n, seen)
		}
	})
	if g.rewrites && !t.Failed() {
		if err := os.WriteFile(file, txtar.Format(story), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// golden is one story.
type golden struct {
	*txtar.Archive
	answers  []*answer
	rewrites bool
	shown    int  // items of an array
	cost     bool // the reported cost is shown
}

// play sends the n-th query of a story.
func (g *golden) play(r *rig, n int, seen *seenOps) {
	r.t.Helper()
	for line := range strings.Lines(g.text(numbered("faults", n))) {
		r.Fault(parseFault(r.t, r.fill(strings.TrimSpace(line))))
	}
	if wait := strings.TrimSpace(g.text(numbered("wait", n))); wait != "" {
		d, err := time.ParseDuration(wait)
		if err != nil {
			r.t.Fatal(err)
		}
		time.Sleep(d)
	}
	var variables map[string]any
	if text := g.text(numbered("variables.json", n)); text != "" {
		if err := json.Unmarshal([]byte(g.fill(r, text)), &variables); err != nil {
			r.t.Fatalf("variables: %v", err)
		}
	}
	a := r.ask(g.fill(r, g.text(numbered("query.graphql", n))), variables)
	g.answers = append(g.answers, a)
	calls := r.spent()
	seen.add(calls)
	g.expect(r.t, numbered("calls", n), named(r.Landmarks).Replace(tally(calls)))
	g.expect(r.t, numbered("want.json", n), pretty(r, a, g))
}

// fill replaces placeholders, also those of values of earlier answers.
func (g *golden) fill(r *rig, text string) string {
	return placeholder.ReplaceAllStringFunc(text, func(name string) string {
		number, path, ok := strings.Cut(strings.Trim(name, "${}"), ":")
		n, err := strconv.Atoi(number)
		if !ok || err != nil {
			return r.value(name)
		}
		return g.answers[n-1].at(r.t, path)
	})
}

// at returns a value of an answer's data by its path.
func (a *answer) at(t *testing.T, path string) string {
	t.Helper()
	var v any
	dec := json.NewDecoder(bytes.NewReader(a.Data))
	dec.UseNumber()
	if err := dec.Decode(&v); err != nil {
		t.Fatalf("no data: %s", a.body)
	}
	for name := range strings.SplitSeq(path, ".") {
		switch x := v.(type) {
		case map[string]any:
			v = x[name]
		case []any:
			i, _ := strconv.Atoi(name)
			if i >= len(x) {
				t.Fatalf("%s: there are %d", path, len(x))
			}
			v = x[i]
		default:
			t.Fatalf("%s: nothing there in %s", path, a.body)
		}
	}
	return fmt.Sprint(v)
}

// expect compares a file of the story with the result, or rewrites it.
func (g *golden) expect(t *testing.T, name, got string) {
	t.Helper()
	got = strings.TrimRight(got, "\n") + "\n"
	if g.rewrites {
		g.put(name, got)
		return
	}
	if !g.has(name) {
		t.Errorf("there is no %s; it would be\n%s", name, got)
	} else if diff := gocmp.Diff(g.text(name), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

func (g *golden) find(name string) int {
	return slices.IndexFunc(g.Files, func(f txtar.File) bool { return f.Name == name })
}

func (g *golden) has(name string) bool { return g.find(name) >= 0 }

func (g *golden) text(name string) string {
	if i := g.find(name); i >= 0 {
		return strings.TrimRight(string(g.Files[i].Data), "\n") + "\n"
	}
	return ""
}

// put writes a file of the story, a new one after the last of its query.
func (g *golden) put(name, text string) {
	file := txtar.File{Name: name, Data: []byte(text + "\n")}
	if i := g.find(name); i >= 0 {
		g.Files[i] = file
		return
	}
	last := 0
	for i, f := range g.Files {
		if question(f.Name) == question(name) {
			last = i + 1
		}
	}
	g.Files = slices.Insert(g.Files, last, file)
}

// numbered returns the name of a file for the n-th question: "calls", "calls2".
func numbered(name string, n int) string {
	if n == 1 {
		return name
	}
	stem, ext, dot := strings.Cut(name, ".")
	if dot {
		ext = "." + ext
	}
	return stem + strconv.Itoa(n) + ext
}

// question returns the number of the query that a file belongs to.
func question(name string) int {
	stem, _, _ := strings.Cut(name, ".")
	n, err := strconv.Atoi(stem[len(strings.TrimRight(stem, "0123456789")):])
	if err != nil {
		return 1
	}
	return n
}

// setup reads the options of a story.
func (g *golden) setup(t *testing.T) setup {
	var s setup
	numbers := map[string]*int{
		"users": &s.Users, "meetings": &s.Meetings, "participants": &s.Participants, "registrants": &s.Registrants,
		"shown": &g.shown,
	}
	times := map[string]*time.Duration{"timeout": &s.timeout, "latency": &s.Latency, "lag": &s.ReportLag, "page-tokens": &s.PageTokenTTL}
	for line := range strings.Lines(g.text("options")) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		var err error
		switch {
		case numbers[name] != nil:
			*numbers[name], err = strconv.Atoi(value)
		case times[name] != nil:
			*times[name], err = time.ParseDuration(value)
		case name == "cost":
			g.cost, err = strconv.ParseBool(value)
		case name == "plan":
			s.Plan = value
		case name == "scopes":
			s.Scopes = strings.Fields(value)
		case name == "throttles":
			s.throttles, err = strconv.ParseBool(value)
		default:
			t.Fatalf("there is no option %q", name)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// parseFault reads a line such as
//
//	GET /users/{userId} status=500 times=2 match=abc message="No such thing."
//
// with the words hang, broken (half the JSON) and close (no answer) beside
// delay=1s, code=300 and header=Retry-After:5.
func parseFault(t *testing.T, line string) sandbox.Fault {
	t.Helper()
	fields := regexp.MustCompile(`(\w+="[^"]*"|\S+)`).FindAllString(line, -1)
	f := sandbox.Fault{Pattern: strings.Join(fields[:2], " ")}
	for _, field := range fields[2:] {
		name, value, _ := strings.Cut(field, "=")
		var err error
		switch name {
		case "status":
			f.Status, err = strconv.Atoi(value)
		case "code":
			f.Code, err = strconv.Atoi(value)
		case "times":
			f.Times, err = strconv.Atoi(value)
		case "message":
			f.Message = strings.Trim(value, `"`)
		case "match":
			f.Match = value
		case "delay":
			f.Delay, err = time.ParseDuration(value)
		case "header":
			name, value, _ := strings.Cut(value, ":")
			f.Header = map[string][]string{name: {value}}
		case "hang":
			f.Hang = true
		case "broken":
			f.BrokenJSON = true
		case "close":
			f.CloseConnection = true
		default:
			t.Fatalf("a fault has no %q", name)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return f
}

// tally formats calls, one a line: the number of the round trip, which counts the calls that a
// call had to wait for, and the call. Calls of one operation that differ in their path only are
// one line.
func tally(calls []sandbox.Call) string {
	trips := roundTrips(calls)
	groups := map[string][]string{}
	for i, c := range calls {
		path, query := cutCall(c)
		group := fmt.Sprintf("%d %s%s", trips[i], c.Pattern, query)
		groups[group] = append(groups[group], fmt.Sprintf("%d %s %s%s", trips[i], c.Method, path, query))
	}
	var lines []string
	for group, all := range groups {
		slices.Sort(all)
		different := len(slices.Compact(slices.Clone(all)))
		switch {
		case different <= 5:
			lines = append(lines, countEach(all)...)
		case different == len(all):
			lines = append(lines, fmt.Sprintf("%s × %d", group, len(all)))
		default:
			lines = append(lines, fmt.Sprintf("%s × %d, %d different", group, len(all), different))
		}
	}
	slices.SortFunc(lines, func(a, b string) int {
		return cmp.Or(cmp.Compare(trip(a), trip(b)), cmp.Compare(a, b))
	})
	if lines == nil {
		return "none"
	}
	return strings.Join(lines, "\n")
}

func trip(line string) int {
	n, _ := strconv.Atoi(line[:strings.IndexByte(line, ' ')])
	return n
}

func countEach(lines []string) []string {
	var out []string
	for _, line := range slices.Compact(slices.Clone(lines)) {
		n := 0
		for _, other := range lines {
			if other == line {
				n++
			}
		}
		if n > 1 {
			line = fmt.Sprintf("%s × %d", line, n)
		}
		out = append(out, line)
	}
	return out
}

// cutCall splits a call's path and query. It replaces page tokens, which are long numbers: the
// answer shows whether they led to the right page.
func cutCall(c sandbox.Call) (path, query string) {
	path, query, _ = strings.Cut(strings.TrimPrefix(c.Path, "/v2"), "?")
	values, err := url.ParseQuery(query)
	if err != nil || query == "" {
		return path, query
	}
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(values)) {
		value := values.Get(name)
		if name == "next_page_token" {
			value = "…"
		}
		parts = append(parts, name+"="+value)
	}
	return path, "?" + strings.Join(parts, "&")
}

// roundTrips returns for each call how many calls, including itself, had to end one after
// another before it could be answered.
func roundTrips(calls []sandbox.Call) []int {
	trips := make([]int, len(calls))
	for i, c := range calls {
		trips[i] = 1
		for k := range i {
			if !calls[k].End.After(c.Start) {
				trips[i] = max(trips[i], trips[k]+1)
			}
		}
	}
	return trips
}

// landmarks returns the landmarks by name.
func landmarks(l sandbox.Landmarks) map[string]string {
	m := map[string]string{}
	v := reflect.ValueOf(l)
	for i := range v.NumField() {
		m[v.Type().Field(i).Name] = fmt.Sprint(v.Field(i).Interface())
	}
	return m
}

// named replaces the values of landmarks by their names, also in paths and global ids.
func named(l sandbox.Landmarks) *strings.Replacer {
	r := &rig{Landmarks: l}
	names := map[string]string{}
	for name, value := range landmarks(l) {
		once := url.QueryEscape(value)
		names[value] = "${" + name + "}"
		if once != value {
			names[once] = "${" + name + ", encoded}"
			names[url.QueryEscape(once)] = "${" + name + ", encoded twice}"
		}
		for _, kind := range []string{"Account", "User", "User@SubAccountID", "Group", "Meeting", "MeetingInstance", "WebinarReport"} {
			names[r.id(kind, value)] = "${" + kind + " " + name + "}"
		}
	}
	longest := slices.SortedFunc(maps.Keys(names), func(a, b string) int {
		return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(a, b))
	})
	var pairs []string
	for _, value := range longest {
		pairs = append(pairs, value, names[value])
	}
	return strings.NewReplacer(pairs...)
}

// pretty formats an answer: landmarks by name, errors in the order of their paths, long arrays
// cut.
func pretty(r *rig, a *answer, g *golden) string {
	var parts struct {
		Status     int               `json:"status,omitempty"`
		Errors     []json.RawMessage `json:"errors,omitempty"`
		Data       json.RawMessage   `json:"data,omitempty"`
		Extensions map[string]any    `json:"extensions,omitempty"`
	}
	if err := json.Unmarshal([]byte(a.body), &parts); err != nil {
		r.t.Fatal(err)
	}
	if a.status != 200 {
		parts.Status = a.status
	}
	if _, says := parts.Extensions["cost"]; !says {
		r.t.Errorf("the answer does not say what it cost: %s", a.body)
	}
	if !g.cost {
		delete(parts.Extensions, "cost") // the calls show it in more detail
	}
	// Fields fail in the order in which Zoom answers; the order is not specified.
	slices.SortFunc(parts.Errors, func(a, b json.RawMessage) int { return cmp.Compare(pathOf(a), pathOf(b)) })
	raw, err := json.Marshal(parts)
	if err != nil {
		r.t.Fatal(err)
	}
	var buf bytes.Buffer
	dec := json.NewDecoder(strings.NewReader(trackingIDs.ReplaceAllString(string(raw), `"$1…"`)))
	dec.UseNumber()
	(&scribe{dec, g.shown}).value(&buf, "")
	return named(r.Landmarks).Replace(buf.String())
}

func pathOf(e json.RawMessage) string {
	var parts struct{ Path json.RawMessage }
	_ = json.Unmarshal(e, &parts)
	return string(parts.Path)
}

// trackingIDs count the calls of the sandbox; concurrent calls are in arbitrary order.
var trackingIDs = regexp.MustCompile(`"(v=2\.0;clid=us06;rid=WEB_)[0-9a-f]+"`)

// shown is how many items of an array are printed by default.
const shown = 4

// scribe formats JSON for readers.
type scribe struct {
	dec   *json.Decoder
	shown int
}

// value writes the next value with indentation.
func (s *scribe) value(buf *bytes.Buffer, indent string) {
	token, err := s.dec.Token()
	if err != nil {
		panic(err) // it has been decoded from JSON
	}
	deeper := indent + "  "
	switch token {
	case json.Delim('{'):
		writeItems(buf, '{', '}', indent, s.fields(deeper))
	case json.Delim('['):
		writeItems(buf, '[', ']', indent, s.cut(s.items(deeper)))
	default:
		buf.WriteString(scalar(token))
	}
}

func scalar(token any) string {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(token)
	return strings.TrimSpace(buf.String())
}

func (s *scribe) fields(indent string) []string {
	var fields []string
	for s.dec.More() {
		name, _ := s.dec.Token()
		var buf bytes.Buffer
		s.value(&buf, indent)
		fields = append(fields, scalar(name)+": "+buf.String())
	}
	_, _ = s.dec.Token()
	return fields
}

func (s *scribe) items(indent string) []string {
	var items []string
	for s.dec.More() {
		var buf bytes.Buffer
		s.value(&buf, indent)
		items = append(items, buf.String())
	}
	_, _ = s.dec.Token()
	return items
}

// cut replaces the middle of a long array by its length and a hash.
func (s *scribe) cut(items []string) []string {
	if len(items) <= s.shown+1 {
		return items
	}
	middle := items[s.shown-1 : len(items)-1]
	sum := sha256.Sum256([]byte(strings.Join(middle, "\n")))
	return append(items[:s.shown-1:s.shown-1], fmt.Sprintf("\"… %d more, %x …\"", len(middle), sum[:4]), items[len(items)-1])
}

// flat is the largest length of an object or array on one line.
const flat = 100

func writeItems(buf *bytes.Buffer, begin, end byte, indent string, items []string) {
	line := strings.Join(items, ", ")
	buf.WriteByte(begin)
	switch {
	case len(items) == 0:
	case len(line) <= flat && !strings.Contains(line, "\n"):
		if begin == '{' {
			line = " " + line + " "
		}
		buf.WriteString(line)
	default:
		buf.WriteString("\n" + indent + "  " + strings.Join(items, ",\n"+indent+"  ") + "\n" + indent)
	}
	buf.WriteByte(end)
}
