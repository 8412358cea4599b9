package export

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// list is a gateway with a list of rows. The cursor of a page is the number of its first row.
type list struct {
	rows  int
	pages atomic.Int64
	// odd answers a request instead of the list, if it returns true.
	odd func(w http.ResponseWriter, from int) bool
}

func (l *list) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	w := httptest.NewRecorder()
	l.serve(w, r)
	return w.Result(), nil
}

func (l *list) serve(w http.ResponseWriter, r *http.Request) {
	var q struct{ Variables map[string]any }
	if err := json.NewDecoder(r.Body).Decode(&q); err != nil {
		panic(err)
	}
	after, _ := q.Variables[afterName].(string)
	from, _ := strconv.Atoi(after)
	l.pages.Add(1)
	if l.odd != nil && l.odd(w, from) {
		return
	}
	to := min(from+100, l.rows)
	rows := make([]string, 0, 100)
	for i := from; i < to; i++ {
		rows = append(rows, fmt.Sprintf(`{"id": "%d", "dept": null, "topic": "=SUM(%d), \"x\"", "host": {"email": "u%d@example.com"}}`, i, i, i%7))
	}
	fmt.Fprintf(w, `{"data":{"user":{"list":{"nodes":[%s],"zoomqlPage":{"hasNextPage":%t,"endCursor":"%d"}}}},"extensions":{"cost":{"actual":{"MEDIUM":1}}}}`, strings.Join(rows, ","), to < l.rows, to)
}

const question = `query Q($u: String) { user(by: {email: $u}) { list: meetings { nodes { id dept topic host { email } } } } }`

func (l *list) config() *Config {
	return &Config{URL: "http://gateway.test/graphql", Query: question, HTTP: &http.Client{Transport: l}}
}

func contents(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func leftOver(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// TestAll_killedAtRandom kills a walk twenty times, after its state was written, or between its rows
// and its state. The file must be the same in the end, and each kill may cost one page.
func TestAll_killedAtRandom(t *testing.T) {
	for _, table := range []bool{false, true} {
		whole, killed := &list{rows: 5050}, &list{rows: 5050}
		dir := t.TempDir()
		name := filepath.Join(dir, "whole")
		if err := whole.config().All(t.Context(), Walk{File: name, CSV: table}); err != nil {
			t.Fatal(err)
		}
		rng := rand.New(rand.NewPCG(7, 7))
		other := filepath.Join(dir, "killed")
		for kill := range 20 {
			ctx, stop := context.WithCancel(t.Context())
			last := 1 + rng.IntN(3)
			err := killed.config().All(ctx, Walk{File: other, CSV: table, OnProgress: func(Progress) {
				if last--; last == 0 {
					stop()
				}
			}})
			stop()
			if err == nil {
				t.Fatalf("kill %d: the walk had ended already", kill)
			}
			if _, err := os.Stat(other); err == nil {
				t.Fatal("an incomplete output has the name of the complete one")
			}
			if rng.IntN(2) == 0 { // killed when rows were written, and the state was not
				f, err := os.OpenFile(partOf(other), os.O_APPEND|os.O_WRONLY, 0)
				if err != nil {
					t.Fatal(err)
				}
				fmt.Fprint(f, `{"id": "half a r`)
				f.Close()
			}
		}
		if err := killed.config().All(t.Context(), Walk{File: other, CSV: table}); err != nil {
			t.Fatal(err)
		}
		if a, b := contents(t, name), contents(t, other); a != b || strings.Count(a, "\n") < 5050 {
			t.Errorf("the files differ: %d and %d bytes", len(a), len(b))
		}
		if more := killed.pages.Load() - whole.pages.Load(); more > 20 {
			t.Errorf("%d pages were read again", more)
		}
		if names := leftOver(t, dir); len(names) != 2 {
			t.Errorf("files are left: %q", names)
		}
	}
}

// A file that appears during a walk is not replaced, whatever it is. The same command completes the
// export once the name is free.
func TestAll_nameIsTaken(t *testing.T) {
	for _, link := range []bool{false, true} {
		dir := t.TempDir()
		name, l := filepath.Join(dir, "out"), &list{rows: 5}
		take := func() {
			if link {
				if err := os.Symlink(filepath.Join(dir, "nowhere"), name); err != nil {
					t.Fatal(err)
				}
			} else if err := os.WriteFile(name, []byte("notes"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		err := l.config().All(t.Context(), Walk{File: name, OnProgress: func(p Progress) {
			if p.Whole {
				take()
			}
		}})
		if err == nil || !strings.Contains(err.Error(), "not overwritten") {
			t.Fatalf("the error is %v", err)
		}
		if !link && contents(t, name) != "notes" {
			t.Errorf("the file has %q", contents(t, name))
		}
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
		if err := l.config().All(t.Context(), Walk{File: name}); err != nil || strings.Count(contents(t, name), "\n") != 5 {
			t.Errorf("afterwards: %v", err)
		}
		if names := leftOver(t, dir); len(names) != 1 {
			t.Errorf("files are left: %q", names)
		}
	}
}

// An answer that is neither data nor errors of GraphQL is of another server.
func TestAsk_otherServer(t *testing.T) {
	for _, c := range []struct {
		status int
		body   string
		want   string // "" for no error
	}{
		{404, `{"message":"Not authorized"}`, "404"}, {200, `{}`, "no GraphQL gateway"}, {200, `null`, "no GraphQL gateway"}, {403, `{"data":null}`, "403"},
		{400, `{"errors":[{"message":"No."}]}`, "No."}, {200, `{"data":{"a":1}}`, ""},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(c.status)
			io.WriteString(w, c.body)
		}))
		_, err := (&Config{URL: server.URL, Query: "{ a }"}).Ask(t.Context())
		server.Close()
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%d %s: the error is %v, want %q", c.status, c.body, err, c.want)
		}
	}
}

// A table has the columns of all selections of its rows. A reader of one column skips no empty row.
func TestTable_mergedRows(t *testing.T) {
	for query, want := range map[string]string{
		`{ a { nodes { id } ...f nodes { email } pageInfo { hasNextPage endCursor } } } fragment f on C { nodes { dept } }`: "id,dept,email",
		`{ a { edges { node { id } } edges { node { email } ...e } } } fragment e on E { node { dept } }`:                   "id,email,dept",
	} {
		doc, err := parse(query, "", 0)
		if err != nil {
			t.Fatal(err)
		}
		if head, err := doc.header(); err != nil || strings.TrimSpace(string(head)) != want {
			t.Errorf("%s: the columns are %s, want %s: %v", query, head, want, err)
		}
	}
	if _, err := parse(`{ a { x: nodes { id } y: nodes { id } } }`, "", 0); err == nil || !strings.Contains(err.Error(), "nodes twice, as x and y") {
		t.Errorf("two names of the rows: %v", err)
	}
	doc, err := parse(`{ a { nodes { dept } } }`, "", 0)
	if err != nil {
		t.Fatal(err)
	}
	var table []byte
	for _, row := range []string{`{"dept":"a"}`, `{"dept":null}`, `{"dept":""}`} {
		line, err := doc.record(json.RawMessage(row))
		if err != nil {
			t.Fatal(err)
		}
		table = append(table, line...)
	}
	if rows, err := csv.NewReader(bytes.NewReader(table)).ReadAll(); err != nil || len(rows) != 3 {
		t.Errorf("%d rows are read from %q: %v", len(rows), table, err)
	}
}

// The rows of the gateway are written as JSON Lines, or as CSV without formulas.
func TestAll_writes(t *testing.T) {
	for _, c := range []struct {
		table bool
		want  string
	}{
		{false, `{"id":"0","dept":null,"topic":"=SUM(0), \"x\"","host":{"email":"u0@example.com"}}` + "\n"},
		{true, "id,dept,topic,host.email\n0,,\"'=SUM(0), \"\"x\"\"\",u0@example.com\n"},
	} {
		name := filepath.Join(t.TempDir(), "out")
		var last Progress
		if err := (&list{rows: 1}).config().All(t.Context(), Walk{File: name, CSV: c.table, OnProgress: func(p Progress) { last = p }}); err != nil {
			t.Fatal(err)
		}
		if got := contents(t, name); got != c.want {
			t.Errorf("got %s\nwant %s", got, c.want)
		}
		if !last.Whole || last.Rows != 1 || last.Pages != 1 || last.Calls["MEDIUM"] != 1 {
			t.Errorf("progress: %+v", last)
		}
	}
}

// A walk that cannot be continued changes no file, and its error has the reason.
func TestAll_otherFiles(t *testing.T) {
	interrupted := func(t *testing.T, name string) {
		t.Helper()
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		if err := (&list{rows: 500}).config().All(ctx, Walk{File: name, OnProgress: func(Progress) { stop() }}); err == nil {
			t.Fatal("it was not interrupted")
		}
	}
	write := func(t *testing.T, name string) {
		t.Helper()
		if err := os.WriteFile(name, []byte("mine"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		why   string
		made  func(t *testing.T, name string)
		query string
		want  string
	}{
		{"a file of the name", write, "", "is there already"},
		{"a part without a state", func(t *testing.T, name string) { write(t, partOf(name)) }, "", "is there without"},
		{"a state of something else", func(t *testing.T, name string) { write(t, stateOf(name)) }, "", "is no state"},
		{"another query", interrupted, strings.Replace(question, "dept", "", 1), "is of another query"},
		{"a part that was cut", func(t *testing.T, name string) {
			interrupted(t, name)
			if err := os.Truncate(partOf(name), 3); err != nil {
				t.Fatal(err)
			}
		}, "", "is shorter than"},
	} {
		t.Run(c.why, func(t *testing.T) {
			dir := t.TempDir()
			name := filepath.Join(dir, "out")
			c.made(t, name)
			before := map[string]string{}
			for _, file := range leftOver(t, dir) {
				before[file] = contents(t, filepath.Join(dir, file))
			}
			l := &list{rows: 500}
			cfg := l.config()
			if c.query != "" {
				cfg.Query = c.query
			}
			err := cfg.All(t.Context(), Walk{File: name})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("the error is %v, want %q", err, c.want)
			}
			if l.pages.Load() > 0 {
				t.Error("the gateway was asked")
			}
			for file, text := range before {
				if contents(t, filepath.Join(dir, file)) != text {
					t.Errorf("%s has changed", file)
				}
			}
		})
	}
}

// TestAll_twoAtOnce begins a walk into a file that another one writes: it must fail, and the first
// one must complete.
func TestAll_twoAtOnce(t *testing.T) {
	name := filepath.Join(t.TempDir(), "out")
	l := &list{rows: 500}
	var second error
	tried := false
	err := l.config().All(t.Context(), Walk{File: name, OnProgress: func(p Progress) {
		if !tried && !p.Whole {
			tried = true
			second = (&list{rows: 500}).config().All(t.Context(), Walk{File: name})
		}
	}})
	if err != nil || !tried {
		t.Fatalf("the first one: %v, and a second one began: %v", err, tried)
	}
	if second == nil || !strings.Contains(second.Error(), "another process writes") {
		t.Errorf("the second one: %v", second)
	}
	if rows := strings.Count(contents(t, name), "\n"); rows != 500 {
		t.Errorf("%d rows, want 500", rows)
	}
	if left := leftOver(t, filepath.Dir(name)); len(left) != 1 {
		t.Errorf("the files are %q", left)
	}
}

// TestAll_cannotBegin begins a walk whose state cannot be written. Nothing may remain that prevents
// the next walk, and neither may the empty part that a kill at that time leaves.
func TestAll_cannotBegin(t *testing.T) {
	name := filepath.Join(t.TempDir(), "out")
	taken := filepath.Join(stateOf(name)+".next", "taken")
	if err := os.MkdirAll(taken, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := (&list{rows: 1}).config().All(t.Context(), Walk{File: name}); err == nil {
		t.Fatal("the state has replaced a folder")
	}
	if _, err := os.Stat(partOf(name)); err == nil {
		t.Error("the part remains")
	}
	if err := os.RemoveAll(filepath.Dir(taken)); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(partOf(name), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := (&list{rows: 1}).config().All(t.Context(), Walk{File: name}); err != nil {
		t.Error(err)
	}
}

// A walk waits for a gateway that does not answer, and for a budget.
func TestAll_waits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began, refused := time.Now(), 0
		l := &list{rows: 300}
		l.odd = func(w http.ResponseWriter, from int) bool {
			switch refused++; {
			case from == 100 && refused < 5:
				w.WriteHeader(http.StatusServiceUnavailable)
				return true
			case from == 200 && time.Since(began) < time.Hour:
				fmt.Fprintf(w, `{"data":{"user":{"list":null}},"errors":[{"message":"The day's calls are spent.","extensions":{"code":"DAILY_LIMIT","retryAt":%q}}]}`, began.Add(time.Hour).UTC().Format(time.RFC3339Nano))
				return true
			}
			return false
		}
		name, waits := filepath.Join(t.TempDir(), "out"), 0
		err := l.config().All(t.Context(), Walk{File: name, OnProgress: func(p Progress) {
			if !p.Waits.IsZero() && p.Rows != 100 { // those are for the gateway
				waits++
				if p.Rows != 200 || !strings.Contains(p.Why.Error(), "DAILY_LIMIT") {
					t.Errorf("it waits: %+v", p)
				}
			}
		}})
		if err != nil || waits != 1 || strings.Count(contents(t, name), "\n") != 300 {
			t.Errorf("%v; %d waits", err, waits)
		}
	})
}

// TestAll_expiredCursor continues a walk from a cursor that has expired: repeating the command never
// helps, and the error must say so.
func TestAll_expiredCursor(t *testing.T) {
	l := &list{rows: 300}
	l.odd = func(w http.ResponseWriter, from int) bool {
		if from == 100 {
			fmt.Fprint(w, `{"data":null,"errors":[{"message":"Begin anew.","extensions":{"code":"CURSOR_EXPIRED"}}]}`)
		}
		return from == 100
	}
	name := filepath.Join(t.TempDir(), "out")
	err := l.config().All(t.Context(), Walk{File: name})
	if err == nil || !strings.Contains(err.Error(), "delete it and "+stateOf(name)) || strings.Contains(err.Error(), "goes on from there") {
		t.Errorf("the error is %v", err)
	}
}

// TestAll_ownCursor begins a walk with a value for the variable of the cursor, which must fail: the
// file would lack the rows before.
func TestAll_ownCursor(t *testing.T) {
	c := (&list{rows: 3}).config()
	c.Query = `query($at: String) { user { list(after: $at) { nodes { id } } } }`
	c.Variables = map[string]any{"at": "1"}
	name := filepath.Join(t.TempDir(), "out")
	if err := c.All(t.Context(), Walk{File: name}); err == nil || !strings.Contains(err.Error(), `leave the variable "at" out`) {
		t.Errorf("the error is %v", err)
	}
	c.Variables = map[string]any{"at": nil}
	if err := c.All(t.Context(), Walk{File: name}); err != nil || strings.Count(contents(t, name), "\n") != 3 {
		t.Errorf("a variable that is null: %v", err)
	}
}

// Errors in addition to rows end a walk without Partial, and it can be continued when there are no
// errors any more.
func TestAll_errors(t *testing.T) {
	broken := true
	l := &list{rows: 300}
	l.odd = func(w http.ResponseWriter, from int) bool {
		if !broken || from != 100 {
			return false
		}
		fmt.Fprint(w, `{"data":{"user":{"list":{"nodes":[{"id":"100","host":null}],"zoomqlPage":{"hasNextPage":true,"endCursor":"200"}}}},"errors":[{"message":"It is not so.","path":["user","list","nodes",0,"host"],"extensions":{"code":"BAD_ANSWER"}}]}`)
		return true
	}
	dir := t.TempDir()
	name, other := filepath.Join(dir, "out"), filepath.Join(dir, "partial")
	err := l.config().All(t.Context(), Walk{File: name})
	if err == nil || !strings.Contains(err.Error(), `BAD_ANSWER: It is not so. (at ["user","list","nodes",0,"host"])`) || !strings.Contains(err.Error(), "100 rows are in") {
		t.Errorf("the error is %v", err)
	}
	odd := 0
	if err := l.config().All(t.Context(), Walk{File: other, Partial: true, Odd: func(error) { odd++ }}); err != nil || odd != 1 {
		t.Errorf("a walk with Partial: %v, %d errors", err, odd)
	}
	if n := strings.Count(contents(t, other), "\n"); n != 201 {
		t.Errorf("it has %d rows", n)
	}
	broken = false
	if err := l.config().All(t.Context(), Walk{File: name}); err != nil || strings.Count(contents(t, name), "\n") != 300 {
		t.Errorf("the walk does not go on: %v", err)
	}
}

// A list that does not end is an error, and so is an answer that is not one of a gateway.
func TestAll_oddGateways(t *testing.T) {
	for _, c := range []struct{ why, answer, want string }{
		{"the same cursor again", `{"data":{"user":{"list":{"nodes":[{"id":"1"}],"zoomqlPage":{"hasNextPage":true,"endCursor":"7"}}}}}`, "lead nowhere"},
		{"no cursor", `{"data":{"user":{"list":{"nodes":[],"zoomqlPage":{"hasNextPage":true,"endCursor":null}}}}}`, "lead nowhere"},
		{"no object", `{"data":{"user":null}}`, "user.list is null"},
		{"a list of lists", `{"data":{"user":[{"list":{}}]}}`, "stands in a list"},
		{"no connection", `{"data":{"user":{"list":7}}}`, "is no connection"},
		{"a wrong query", `{"errors":[{"message":"Cannot query field \"dept\"."}]}`, `Cannot query field "dept".`},
		{"a page of HTML", `<html>`, "is no GraphQL gateway"},
	} {
		l := &list{odd: func(w http.ResponseWriter, _ int) bool { fmt.Fprint(w, c.answer); return true }}
		dir := t.TempDir()
		err := l.config().All(t.Context(), Walk{File: filepath.Join(dir, "out")})
		if names := leftOver(t, dir); l.pages.Load() == 1 && len(names) > 0 {
			t.Errorf("%s: files are left: %q", c.why, names)
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.why, err, c.want)
		}
		if n := l.pages.Load(); n > 2 {
			t.Errorf("%s: it was asked %d times", c.why, n)
		}
	}
}

func TestParse(t *testing.T) {
	for _, c := range []struct{ query, path, text, wrong string }{
		{query: `{ account { users { nodes { email } } } }`, path: "account.users", text: `users(after: $zoomqlAfter, first: 300) {`},
		{query: `query Q($c: String) { account { users(after: $c, first: 7) { nodes { meetings { nodes { id } } } } } }`, path: "account.users", text: `users(after: $c, first: 7) {`},
		{query: `{ a: account { all: users { edges { node { email } } } } }`, path: "a.all", text: `zoomqlPage: pageInfo`},
		{query: `query Q { account { ...F } } fragment F on Account { users { ... { nodes { email } } } }`, path: "account.users", text: `query Q ($zoomqlAfter: String)`},
		{query: `query Q($c: String) { account { users { nodes { email } } roles { nodes { name } } other: users(after: $c) { nodes { id } } } }`, path: "account.other"},
		{query: `query Q { a: user { ...F } b: user { ...F } } fragment F on User { list { nodes { id } } }`, wrong: "several connections: a.list, b.list"},
		{query: `query Q { user { ...F ...F } } fragment F on User { list { nodes { id } } }`, path: "user.list"},
		{query: `{ account { users { nodes { email } } webinars { nodes { id } } } }`, wrong: "several connections: account.users, account.webinars"},
		{query: `{ viewer { email } }`, wrong: "no connection"},
		{query: `{ account { users { edges { cursor } } } }`, wrong: "no connection"},
		{query: `{ account { users(after: "x") { nodes { email } } } }`, wrong: "leave after out"},
		{query: `mutation { a { nodes { id } } }`, wrong: "has to hold the query"},
		{query: `query A { a { nodes { id } } } query B { b }`, wrong: "has to hold the query"},
		{query: `{ a { ...F } } fragment F on A { ...F }`, wrong: "no connection"},
		{query: `{`, wrong: "Expected Name"},
	} {
		d, err := parse(c.query, "", 300)
		if c.wrong != "" {
			if err == nil || !strings.Contains(err.Error(), c.wrong) {
				t.Errorf("%s: %v, want %q", c.query, err, c.wrong)
			}
			continue
		}
		if err != nil || column(d.path).String() != c.path || !strings.Contains(d.text, c.text) {
			t.Errorf("%s: %+v %v, want %s and %s", c.query, d, err, c.path, c.text)
		}
	}
}

func TestColumns(t *testing.T) {
	for query, want := range map[string]string{
		`{ a { nodes { id topic: name host { email ...H } } } } fragment H on User { email id }`: "id topic host.email host.id",
		`{ a { nodes { id meetings { nodes { id } } } } }`:                                       "meetings is a list",
	} {
		d, err := parse(query, "", 1)
		if err != nil {
			t.Fatal(err)
		}
		got := fmt.Sprint(d.tableErr)
		if d.tableErr == nil {
			got = strings.Trim(fmt.Sprint(d.fields), "[]")
		}
		if !strings.HasPrefix(got, want) {
			t.Errorf("%s: %s, want %s", query, got, want)
		}
	}
	if _, err := cell(json.RawMessage(`[1]`)); err == nil {
		t.Error("a list has a cell")
	}
}

// TestAll_prefetches expects the next page to be requested while one is written, and none after the
// last.
func TestAll_prefetches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &list{rows: 350}
		l.odd = func(http.ResponseWriter, int) bool { time.Sleep(time.Second); return false }
		began := time.Now()
		written := 0
		err := l.config().All(t.Context(), Walk{File: filepath.Join(t.TempDir(), "out"), OnProgress: func(p Progress) {
			if written = p.Rows; !p.Whole {
				time.Sleep(time.Second) // writing a page takes as long as reading one
			}
		}})
		if took := time.Since(began); err != nil || written != 350 || l.pages.Load() != 4 || took > 5*time.Second {
			t.Errorf("%d rows in %d pages, %v: %v", written, l.pages.Load(), took, err)
		}
	})
}
