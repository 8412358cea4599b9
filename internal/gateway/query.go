package gateway

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"zoomql/internal/config"
	"zoomql/internal/export"
	"zoomql/internal/zoom"
)

// queryCommand asks a running gateway.
type queryCommand struct {
	question
	All     bool   `help:"Walk the query's connection to its end, into the file of --to. What was interrupted goes on by the same command."`
	To      string `help:"The file that --all writes. Until it is whole it is called .part, and .state beside it says how far it goes."`
	Output  string `enum:"jsonl,csv" default:"jsonl" help:"What --all writes: jsonl, an object a line, or csv, for rows without lists."`
	Page    int    `default:"300" help:"Rows a page, where the query has no argument first. Zoom's own pages have 300 mostly; those of users 2000."`
	Partial bool   `help:"Write what there is of a page that has errors, and tell these, instead of ending there."`
}

// Help is what --help says beyond the command's line.
func (queryCommand) Help() string {
	return "Without --all the answer is printed as it comes. With --all the query selects nodes { … }, or edges { node { … } }, of one list, which may stand anywhere but within another list:\n\n" +
		"  { account { users { nodes { email displayName } } } }\n\n" +
		"Waits for a budget of Zoom's are told and waited for, up to the next day. " + keyHelp
}

// Validate refuses flags that would have no effect, and those that --all needs or bounds, before
// anything is read or sent.
func (q *queryCommand) Validate(given *kong.Context) error {
	if !q.All {
		var unused []string
		for _, at := range given.Path {
			if at.Flag != nil && slices.Contains([]string{"to", "output", "page", "partial"}, at.Flag.Name) {
				unused = append(unused, "--"+at.Flag.Name)
			}
		}
		switch flags := strings.Join(unused, ", "); len(unused) {
		case 0:
			return nil
		case 1:
			return fmt.Errorf("%s is for --all: without it the answer is printed as it comes. Add --all, or leave %[1]s out", flags)
		default:
			return fmt.Errorf("%s are for --all: without it the answer is printed as it comes. Add --all, or leave them out", flags)
		}
	}
	if q.To == "" {
		return errors.New("--all wants --to, the file that it writes")
	}
	if q.Page < 1 || q.Page > 3000 {
		return errors.New("--page is between 1 and 3000")
	}
	return nil
}

func (q *queryCommand) run(ctx context.Context, cfg *config.Config, stdout, stderr io.Writer) error {
	document, variables, err := q.read()
	if err != nil {
		return err
	}
	c := &export.Config{URL: q.endpoint(cfg), Header: q.header(cfg), Query: document, Operation: q.Operation, Variables: variables}
	if !q.All {
		text, err := c.Ask(ctx)
		if len(text) > 0 {
			_, _ = fmt.Fprintln(stdout, string(text))
		}
		return err
	}
	line := &progressLine{to: stderr, began: time.Now(), terminal: isTerminal(stderr)}
	err = c.All(ctx, export.Walk{
		File: q.To, CSV: q.Output == "csv", Page: q.Page, Partial: q.Partial, Told: line.told,
		Odd: func(err error) { line.say("odd: " + err.Error()) },
	})
	line.end()
	if errors.Is(err, context.Canceled) {
		return errors.New(strings.Replace(err.Error(), context.Canceled.Error(), "interrupted", 1))
	}
	return err
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// progressLine tells how a walk stands: in one line of a terminal, and elsewhere in a line
// every ten seconds.
type progressLine struct {
	to       io.Writer
	began    time.Time
	terminal bool
	last     time.Time
	open     bool // the line in the terminal has no end yet
}

func (l *progressLine) told(p export.Progress) {
	if !l.terminal && !p.Whole && p.Waits.IsZero() && time.Since(l.last) < 10*time.Second {
		return
	}
	l.last = time.Now()
	text := fmt.Sprintf("%d rows in %d pages; calls: %s; %s", p.Rows, p.Pages, callsText(p.Calls), time.Since(l.began).Round(time.Second))
	if !p.Waits.IsZero() {
		text += fmt.Sprintf("; waits until %s: %v", p.Waits.UTC().Format(time.RFC3339), p.Why)
	}
	if l.terminal {
		_, _ = fmt.Fprintf(l.to, "\r\x1b[K%s", text)
		l.open = true
		return
	}
	_, _ = fmt.Fprintln(l.to, text)
}

// say writes a line of its own.
func (l *progressLine) say(text string) {
	l.end()
	_, _ = fmt.Fprintln(l.to, text)
}

func (l *progressLine) end() {
	if l.open {
		_, _ = fmt.Fprintln(l.to)
		l.open = false
	}
}

// callsText lists calls by label, the cheapest first.
func callsText(calls map[string]int) string {
	var parts []string
	for _, rate := range zoom.Rates {
		if n := calls[rate.String()]; n > 0 {
			parts = append(parts, fmt.Sprintf("%s %d", rate, n))
		}
	}
	if len(parts) == 0 {
		return "none"
	}
	return strings.Join(parts, ", ")
}
