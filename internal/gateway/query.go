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

// queryCommand sends a query to a running gateway.
type queryCommand struct {
	question
	All     bool   `help:"Read the query's connection to its end, into the file of --to. After an interruption, the same command continues."`
	To      string `help:"The file that --all writes. Until it is complete, its name has the suffix .part, and a file with the suffix .state records the progress."`
	Output  string `enum:"jsonl,csv" default:"jsonl" help:"The format that --all writes: jsonl, one object per line, or csv, for rows without lists."`
	Page    int    `default:"300" help:"Rows per page, if the query has no argument first. Most of Zoom's own pages have 300 rows; those of users have 2000."`
	Partial bool   `help:"Write the available part of a page that has errors, and report the errors, instead of ending there."`
}

// Help returns the detailed help of the command.
func (queryCommand) Help() string {
	return "Without --all, the answer is printed as received. With --all, the query selects nodes { … }, or edges { node { … } }, of one list, which may be anywhere except within another list:\n\n" +
		"  { account { users { nodes { email displayName } } } }\n\n" +
		"If a budget of Zoom's is used up, the command reports this and waits, up to the next day. " + keyHelp
}

// Validate refuses flags without effect, and missing or invalid flags of --all, before anything
// is read or sent.
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
			return fmt.Errorf("%s is for --all: without it, the answer is printed as received. Add --all, or omit %[1]s", flags)
		default:
			return fmt.Errorf("%s are for --all: without it, the answer is printed as received. Add --all, or omit them", flags)
		}
	}
	if q.To == "" {
		return errors.New("--all requires --to, the file that it writes")
	}
	if q.Page < 1 || q.Page > 3000 {
		return errors.New("--page must be between 1 and 3000")
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
		File: q.To, CSV: q.Output == "csv", Page: q.Page, Partial: q.Partial, OnProgress: line.update,
		Odd: func(err error) { line.say("warning: " + err.Error()) },
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

// progressLine prints the progress of a walk: in one line of a terminal, or elsewhere in a line
// every ten seconds.
type progressLine struct {
	to       io.Writer
	began    time.Time
	terminal bool
	last     time.Time
	open     bool // the line in the terminal has no newline yet
}

func (l *progressLine) update(p export.Progress) {
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

// say prints a separate line.
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
