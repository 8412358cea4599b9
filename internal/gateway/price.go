package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"zoomql/internal/config"
	"zoomql/internal/export"
	"zoomql/internal/plan"
)

// priceCommand asks a gateway what an operation costs.
type priceCommand struct {
	question
	JSON bool `help:"As JSON."`
}

// Help is what --help says beyond the command's line.
func (priceCommand) Help() string {
	return "Nothing of the operation is carried out, and no call is made to Zoom. " + keyHelp
}

// printPrice asks a gateway what an operation costs, and prints it.
func printPrice(ctx context.Context, cfg *config.Config, c priceCommand, w io.Writer) error {
	document, variables, err := c.read()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	ask := &export.Config{URL: c.endpoint(cfg), Header: c.header(cfg), Query: document, Operation: c.Operation, Variables: variables}
	ask.Header.Set("X-Dry-Run", "true")
	text, err := ask.Ask(ctx)
	if text == nil {
		return err
	}
	report, err := readPrice(text)
	if err != nil {
		return err
	}
	if c.JSON {
		enc := json.NewEncoder(w)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		return enc.Encode(report)
	}
	return writePrice(w, report)
}

// readPrice reads a gateway's answer.
func readPrice(text []byte) (*plan.Report, error) {
	var answer struct {
		Errors     []struct{ Message string }
		Extensions struct{ Plan *plan.Report }
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		return nil, fmt.Errorf("what answers is no gateway, or one that tells no prices: %w", err)
	}
	var mistakes []error
	for _, e := range answer.Errors {
		mistakes = append(mistakes, errors.New(e.Message))
	}
	switch {
	case len(mistakes) > 0:
		return nil, errors.Join(mistakes...)
	case answer.Extensions.Plan == nil:
		return nil, errors.New("the gateway tells no prices: it is of an older version")
	}
	return answer.Extensions.Plan, nil
}

// writePrice prints a price for people.
func writePrice(w io.Writer, r *plan.Report) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(t, "LABEL\tAT MOST\tEXPECTED") // Flush tells what went wrong
	for _, label := range slices.Sorted(maps.Keys(r.AtMost)) {
		_, _ = fmt.Fprintf(t, "%s\t%d\t%d\n", label, r.AtMost[label], r.Expected[label])
	}
	_, _ = fmt.Fprintf(t, "\nRound trips: %d. Objects in the answer at most: %d.%s%s\n", r.RoundTrips, r.Objects, daysText(r), cacheText(r))
	if len(r.Steps) == 0 {
		return t.Flush()
	}
	_, _ = fmt.Fprintln(t, "\nAT MOST\tEXPECTED\tLABEL\tOPERATION\tFOR\tWHY")
	for _, s := range r.Steps {
		most := strconv.Itoa(s.AtMost)
		if s.Open {
			most += " (open)"
		}
		_, _ = fmt.Fprintf(t, "%s\t%d\t%s\t%s%s\t%s\t%s\n", most, s.Expected, s.Label, strings.Repeat("  ", s.Depth), s.Operation, s.Path, s.Why)
	}
	for _, refused := range r.Refused {
		_, _ = fmt.Fprintf(t, "\n%s: %s: %s\n", refused.Code, strings.Join(refused.Fields, ", "), refused.Why)
	}
	_, _ = fmt.Fprintln(t, "\nSCOPES: ONE OF EACH LINE")
	for _, s := range r.Scopes {
		missing := ""
		if s.Granted != nil && !*s.Granted {
			missing = "MISSING: "
		}
		_, _ = fmt.Fprintf(t, "%s%s: %s\n", missing, s.Operation, strings.Join(slices.Concat(s.Granular, s.Classic), " "))
	}
	return t.Flush()
}

// daysText says what is expected takes of the budgets of days.
func daysText(r *plan.Report) string {
	switch {
	case r.Days < 2:
		return ""
	case r.RetryAt.IsZero():
		return fmt.Sprintf(" It takes the budgets of %d days.", r.Days)
	}
	return " Today's budget does not hold it; that from " + r.RetryAt.UTC().Format(time.RFC3339) + " on does."
}

// cacheText says where what the cache holds is not counted.
func cacheText(r *plan.Report) string {
	if r.CacheKnown || len(r.Steps) == 0 {
		return ""
	}
	return " What the cache holds is not counted."
}
