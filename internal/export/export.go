// Package export asks a running gateway, and walks a connection to its end: into a file of
// JSON Lines or CSV that is whole or has another name. A walk that was interrupted goes on
// where it stood, and writes what it would have written.
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

// Config says which gateway is asked, and what.
type Config struct {
	// URL is the gateway's GraphQL endpoint.
	URL string
	// Header says who asks, and for which account.
	Header http.Header
	// Query is the document, Operation the name of its operation, "" where it has one, and
	// Variables are its values.
	Query, Operation string
	Variables        map[string]any
	// HTTP sends requests; nil is a client of its own.
	HTTP *http.Client

	answered bool // the gateway has answered once
}

// ownClient follows no redirects, by which a key would go to where nobody asked. A gateway
// bounds each operation itself, and what it answers is read for an hour at most.
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

// Ask sends the query once, and returns the answer as it came. The error beside it joins the
// errors in the answer.
func (c *Config) Ask(ctx context.Context) ([]byte, error) {
	a, err := c.send(ctx, c.Query, c.Variables, nil)
	if err != nil {
		return nil, err
	}
	return a.raw, a.err()
}

// Walk is how a connection is walked.
type Walk struct {
	// File is the output. While it is not whole, its rows are in File.part, and how far
	// they go in File.state.
	File string
	// CSV writes a table instead of JSON Lines.
	CSV bool
	// Page is the argument first of a connection that has none.
	Page int
	// Partial goes on where an answer has errors beside its rows, which are told to Odd. A
	// walk without it ends there, and can be taken up again.
	Partial bool
	Odd     func(err error)
	// Told gets how the walk stands, after each page and before each wait. It may be nil.
	Told func(Progress)
}

// Progress is how a walk stands.
type Progress struct {
	Rows, Pages int
	// Calls of Zoom's, by label.
	Calls map[string]int
	// Waits is until when the walk waits, for a budget or for a gateway that does not
	// answer; zero while it does not. Why says for what.
	Waits time.Time
	Why   error
	Whole bool
}

// maxIdle is how many pages without a row may follow one another.
const maxIdle = 10

// All walks the one connection of the query to its end.
func (c *Config) All(ctx context.Context, w Walk) error {
	doc, err := parse(c.Query, c.Operation, w.Page)
	if err != nil {
		return err
	}
	if w.CSV && doc.flat != nil {
		return doc.flat
	}
	if c.Variables[doc.after] != nil {
		return fmt.Errorf("leave the variable %q out: a walk begins at the first row", doc.after)
	}
	out, done, err := open(w.File, c.question(doc, w.CSV))
	if err != nil {
		return err
	}
	defer out.close()
	t := &trip{Config: c, Walk: w, doc: doc, out: out, state: done}
	if err := t.toEnd(ctx); err != nil {
		if t.state.Pages == 0 {
			return errors.Join(err, out.discard())
		}
		next := "the same command goes on from there"
		if refused, ok := errors.AsType[*answerError](err); ok && refused.Extensions.Code == "CURSOR_EXPIRED" {
			next = "the cursor behind them is no longer good: delete it and " + stateOf(w.File) + " to begin anew"
		}
		return fmt.Errorf("%w\n%d rows are in %s; %s", err, t.state.Rows, partOf(w.File), next)
	}
	return out.finish()
}

// question names what is asked, and of whom: a state of another question is of no use. The
// key is left out, since keys change.
func (c *Config) question(doc *document, table bool) string {
	text, _ := json.Marshal([]any{c.URL, c.Operation, doc.text, c.Variables, table}) //nolint:errchkjson // the variables were read as JSON
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// trip is a walk under way.
type trip struct {
	*Config
	Walk
	doc   *document
	out   *output
	state *state
	idle  int // pages without a row
	next  *ahead
}

// ahead is the page after the last one, which is asked for while that one is written.
type ahead struct {
	after  string
	done   chan struct{}
	answer *answer // nil where it did not come at the first try
}

// ask asks for the page behind a cursor: "" is the first.
func (t *trip) ask(ctx context.Context, after string) (*answer, error) {
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
	return t.send(ctx, t.doc.text, t.variables(after), func(until time.Time, why error) { t.tell(Progress{Waits: until, Why: why}) })
}

// askAhead begins to ask for the page behind a cursor. One that does not come at once, as it
// waits for a budget say, is asked for again when its turn comes.
func (t *trip) askAhead(ctx context.Context, after string) {
	body, err := t.body(t.doc.text, t.variables(after))
	if err != nil {
		return
	}
	next := &ahead{after: after, done: make(chan struct{})}
	t.next = next
	go func() {
		defer close(next.done)
		if a, _, err := t.once(ctx, body); err == nil && a.retryAt().IsZero() {
			next.answer = a
		}
	}()
}

// variables are those of the page behind a cursor.
func (t *trip) variables(after string) map[string]any {
	variables := maps.Clone(t.Variables)
	if variables == nil {
		variables = map[string]any{}
	}
	if variables[t.doc.after] = nil; after != "" {
		variables[t.doc.after] = after
	}
	return variables
}

func (t *trip) toEnd(ctx context.Context) error {
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
		t.tell(Progress{})
	}
	return nil
}

// tell tells how the walk stands.
func (t *trip) tell(p Progress) {
	if t.Told != nil {
		p.Rows, p.Pages, p.Calls, p.Whole = t.state.Rows, t.state.Pages, t.state.Calls, t.state.Whole
		t.Told(p)
	}
}

// page reads a page and writes its rows.
func (t *trip) page(ctx context.Context) error {
	a, err := t.ask(ctx, t.state.After)
	if err != nil {
		return err
	}
	p, err := t.doc.read(a)
	if err != nil {
		return err
	}
	if p.more && p.end != "" && p.end != t.state.After && (len(a.Errors) == 0 || t.Partial) {
		t.askAhead(ctx, p.end)
	}
	for i := range a.Errors {
		if !t.Partial {
			return fmt.Errorf("%w\nNothing of this page was written. --partial writes what there is", &a.Errors[i])
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

func (t *trip) write(p *page, lines []byte, calls map[string]int) error {
	if t.idle++; len(p.rows) > 0 {
		t.idle = 0
	}
	if p.more && (p.end == "" || p.end == t.state.After || t.idle > maxIdle) {
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

// lines returns rows as they are written.
func (t *trip) lines(rows []json.RawMessage) ([]byte, error) {
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

// read finds the rows in an answer.
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
