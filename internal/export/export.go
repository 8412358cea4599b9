// Package export queries a running gateway, and reads a connection to its end, page by page (a
// walk), into a file of JSON Lines or CSV. The file has another name until it is complete. An
// interrupted walk is continued after the last page that it has written.
package export

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"time"
)

// Config has the gateway and the query. It is not safe for concurrent use.
type Config struct {
	// URL is the gateway's GraphQL endpoint.
	URL string
	// Header has the headers of the requests, such as the caller's key.
	Header http.Header
	// Query is the document. Operation is the name of the operation in it, "" for the only one,
	// and Variables are its variables.
	Query, Operation string
	Variables        map[string]any
	// HTTP sends the requests; nil is a client that follows no redirects.
	HTTP *http.Client

	answered bool // the gateway has answered a request
}

// ownClient follows no redirects, which would send the caller's key to another address. The gateway
// bounds the time of an operation itself; the timeout is for reading the answer.
var ownClient = &http.Client{
	Timeout:       time.Hour,
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

func (c *Config) client() *http.Client {
	if c.HTTP != nil {
		return c.HTTP
	}
	return ownClient
}

// Ask sends the query, again if the gateway does not answer, and returns the answer unchanged. The
// error joins the errors in the answer.
func (c *Config) Ask(ctx context.Context) ([]byte, error) {
	a, err := c.send(ctx, c.Query, c.Variables, nil)
	if err != nil {
		return nil, err
	}
	return a.raw, a.err()
}

// Walk is the output of a connection, and the options of reading it.
type Walk struct {
	// File is the name of the output. Until it is complete, the rows are in File.part, and the
	// state of the walk is in File.state.
	File string
	// CSV selects CSV instead of JSON Lines.
	CSV bool
	// Page is the number of rows per page, if the connection has no argument first.
	Page int
	// Partial continues after an answer that has errors in addition to its rows, and calls Odd,
	// which may be nil, with each error. Without it, such an answer ends the walk, which can be
	// continued later.
	Partial bool
	Odd     func(err error)
	// OnProgress is called after each page and before each wait. It may be nil.
	OnProgress func(Progress)
}

// Progress is the progress of a walk, including that before an interruption.
type Progress struct {
	Rows, Pages int
	// Calls are the calls at Zoom, by label.
	Calls map[string]int
	// Waits is the end of the wait that begins, for a budget or for a gateway that does not
	// answer, and Why is its reason; both are zero without a wait.
	Waits time.Time
	Why   error
	// Whole reports whether all pages are written.
	Whole bool
}

// maxEmptyPages bounds the successive pages without rows, after which a walk fails.
const maxEmptyPages = 10

// All reads the connection of the query to its end, into a file. It continues an interrupted walk
// if the file has the state of one with the same query, variables and gateway.
func (c *Config) All(ctx context.Context, w Walk) error {
	doc, err := parse(c.Query, c.Operation, w.Page)
	if err != nil {
		return err
	}
	if w.CSV && doc.tableErr != nil {
		return doc.tableErr
	}
	if c.Variables[doc.after] != nil {
		return fmt.Errorf("leave the variable %q out: a walk begins at the first row", doc.after)
	}
	out, done, err := open(w.File, c.fingerprint(doc, w.CSV))
	if err != nil {
		return err
	}
	defer out.close()
	t := &walker{Config: c, Walk: w, doc: doc, out: out, state: done}
	if err := t.run(ctx); err != nil {
		if t.state.Pages == 0 {
			return errors.Join(err, out.discard())
		}
		next := "the same command goes on from there"
		if refused, ok := errors.AsType[*answerError](err); ok && refused.Extensions.Code == "CURSOR_EXPIRED" {
			next = "the cursor after them has expired: delete it and " + stateOf(w.File) + " to begin again"
		}
		return fmt.Errorf("%w\n%d rows are in %s; %s", err, t.state.Rows, partOf(w.File), next)
	}
	return out.finish()
}

// fingerprint is the hash of the gateway, the query, its variables and the format, since a walk is
// continued only if all are the same. It does not include the caller's key, which may change.
func (c *Config) fingerprint(doc *document, table bool) string {
	text, _ := json.Marshal([]any{c.URL, c.Operation, doc.text, c.Variables, table}) //nolint:errchkjson // the variables were read as JSON
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// walker is a walk that is running.
type walker struct {
	*Config
	Walk
	doc        *document
	out        *output
	state      *state
	emptyPages int // pages without a row
	next       *prefetch
}

// prefetch is the request for the next page, while the last one is written.
type prefetch struct {
	after  string
	done   chan struct{}
	answer *answer // nil if the first try failed; set before done is closed
}

// fetch returns the page after a cursor; "" is the first one.
func (t *walker) fetch(ctx context.Context, after string) (*answer, error) {
	if next := t.next; next != nil {
		t.next = nil
		<-next.done // it ends with ctx
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if next.after == after && next.answer != nil {
			return next.answer, nil
		}
	}
	return t.send(ctx, t.doc.text, t.variables(after), func(until time.Time, why error) { t.report(Progress{Waits: until, Why: why}) })
}

// prefetchPage begins to request the page after a cursor. If that fails, for example for want of a
// budget, fetch requests the page again.
func (t *walker) prefetchPage(ctx context.Context, after string) {
	body, err := t.body(t.doc.text, t.variables(after))
	if err != nil {
		return
	}
	next := &prefetch{after: after, done: make(chan struct{})}
	t.next = next
	go func() {
		defer close(next.done)
		if a, _, err := t.once(ctx, body); err == nil && a.retryAt().IsZero() {
			next.answer = a
		}
	}()
}

// variables returns the variables of the page after a cursor.
func (t *walker) variables(after string) map[string]any {
	variables := maps.Clone(t.Variables)
	if variables == nil {
		variables = map[string]any{}
	}
	if variables[t.doc.after] = nil; after != "" {
		variables[t.doc.after] = after
	}
	return variables
}

func (t *walker) run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer func() {
		if cancel(); t.next != nil {
			<-t.next.done
		}
	}()
	if t.CSV && t.state.Offset == 0 {
		head, err := t.doc.header()
		if err != nil {
			return err
		}
		if err := t.out.append(head, t.state); err != nil {
			return err
		}
	}
	for !t.state.Whole {
		if err := t.page(ctx); err != nil {
			return err
		}
		t.report(Progress{})
	}
	return nil
}

// report calls OnProgress with the state of the walk.
func (t *walker) report(p Progress) {
	if t.OnProgress != nil {
		p.Rows, p.Pages, p.Calls, p.Whole = t.state.Rows, t.state.Pages, t.state.Calls, t.state.Whole
		t.OnProgress(p)
	}
}

// page fetches a page and writes its rows.
func (t *walker) page(ctx context.Context) error {
	a, err := t.fetch(ctx, t.state.After)
	if err != nil {
		return err
	}
	p, err := t.doc.read(a)
	if err != nil {
		return err
	}
	if p.more && p.end != "" && p.end != t.state.After && (len(a.Errors) == 0 || t.Partial) {
		t.prefetchPage(ctx, p.end)
	}
	for i := range a.Errors {
		if !t.Partial {
			return fmt.Errorf("%w\nNothing of this page was written. --partial accepts partial pages", &a.Errors[i])
		}
		if t.Odd != nil {
			t.Odd(&a.Errors[i])
		}
	}
	lines, err := t.lines(p.rows)
	if err != nil {
		return err
	}
	return t.write(p, lines, a.Extensions.Cost.Actual)
}

func (t *walker) write(p *page, lines []byte, calls map[string]int) error {
	if t.emptyPages++; len(p.rows) > 0 {
		t.emptyPages = 0
	}
	if p.more && (p.end == "" || p.end == t.state.After || t.emptyPages > maxEmptyPages) {
		return errors.New("the list does not end: its cursors lead nowhere")
	}
	next := *t.state
	next.Calls = maps.Clone(t.state.Calls)
	for label, n := range calls {
		next.Calls[label] += n
	}
	next.After, next.Whole = p.end, !p.more
	next.Rows += len(p.rows)
	next.Pages++
	if err := t.out.append(lines, &next); err != nil {
		return err
	}
	*t.state = next
	return nil
}

// lines returns the lines of rows.
func (t *walker) lines(rows []json.RawMessage) ([]byte, error) {
	var b bytes.Buffer
	for _, row := range rows {
		if t.CSV {
			line, err := t.doc.record(row)
			if err != nil {
				return nil, err
			}
			b.Write(line)
			continue
		}
		if err := json.Compact(&b, row); err != nil {
			return nil, err
		}
		b.WriteByte('\n')
	}
	return b.Bytes(), nil
}

// page is a page of a connection.
type page struct {
	rows []json.RawMessage
	more bool
	end  string
}

// read returns the page in an answer.
func (d *document) read(a *answer) (*page, error) {
	value, err := follow(a.Data, d.path)
	if err != nil {
		return nil, err
	}
	if len(value) == 0 || string(value) == "null" {
		if len(a.Errors) > 0 {
			return nil, &a.Errors[0]
		}
		return nil, fmt.Errorf("%s is null: there is no such object", column(d.path))
	}
	var connection map[string]json.RawMessage
	var info struct {
		HasNextPage bool   `json:"hasNextPage"`
		EndCursor   string `json:"endCursor"`
	}
	p := &page{}
	if json.Unmarshal(value, &connection) != nil || json.Unmarshal(connection[pageName], &info) != nil || json.Unmarshal(connection[d.rows], &p.rows) != nil {
		return nil, fmt.Errorf("%s is no connection", column(d.path))
	}
	p.more, p.end = info.HasNextPage, info.EndCursor
	if d.node != "" {
		for i, edge := range p.rows {
			if p.rows[i], err = follow(edge, []string{d.node}); err != nil {
				return nil, err
			}
		}
	}
	return p, nil
}
