package gateway

import (
	"cmp"
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

// priceCommand requests the price of an operation from a gateway.
type priceCommand struct {
	question
	JSON bool `help:"As JSON."`
}

// Help returns the detailed help of the command.
func (priceCommand) Help() string {
	return "The operation is not executed, and no call is made to Zoom. " + keyHelp
}

// printPrice requests the price of an operation from a gateway, and prints it. If the gateway
// would refuse the operation, the reason is the error.
func printPrice(ctx context.Context, cfg *config.Config, c priceCommand, w io.Writer) error {
	document, variables, err := c.read()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	ask := &export.Config{URL: c.endpoint(cfg), Header: c.header(cfg), Query: document, Operation: c.Operation, Variables: variables}
	ask.Header.Set("X-Dry-Run", "true")
	text, refused := ask.Ask(ctx)
	report, err := readPrice(text)
	switch {
	case refused != nil && (report == nil || len(report.Steps) == 0):
		return refused
	case err != nil:
		return err
	case c.JSON:
		enc := json.NewEncoder(w)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		err = enc.Encode(report)
	default:
		err = writePrice(w, report)
	}
	return cmp.Or(err, refused)
}

// readPrice reads the price in a gateway's answer.
func readPrice(text []byte) (*plan.Report, error) {
	var answer struct {
		Extensions struct{ Plan *plan.Report }
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		return nil, fmt.Errorf("the answer is not from a gateway that computes prices: %w", err)
	}
	if answer.Extensions.Plan == nil {
		return nil, errors.New("the gateway computes no prices: it is of an older version")
	}
	return answer.Extensions.Plan, nil
}

// writePrice prints a price as text.
func writePrice(w io.Writer, r *plan.Report) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	if len(r.Steps) == 0 {
		_, _ = fmt.Fprintln(t, "It makes no call to Zoom.")
		writeRefused(t, r)
		return t.Flush()
	}
	_, _ = fmt.Fprintln(t, "LABEL\tAT MOST\tEXPECTED") // Flush returns the error
	for _, label := range slices.Sorted(maps.Keys(r.AtMost)) {
		_, _ = fmt.Fprintf(t, "%s\t%d\t%d\n", label, r.AtMost[label], r.Expected[label])
	}
	_, _ = fmt.Fprintf(t, "\nRound trips: %d. Objects in the answer at most: %d.%s%s\n", r.RoundTrips, r.Objects, daysText(r), cacheText(r))
	_, _ = fmt.Fprintln(t, "\nAT MOST\tEXPECTED\tLABEL\tOPERATION\tFOR\tWHY")
	for _, s := range r.Steps {
		most := strconv.Itoa(s.AtMost)
		if s.Open {
			most += " (open)"
		}
		_, _ = fmt.Fprintf(t, "%s\t%d\t%s\t%s%s\t%s\t%s\n", most, s.Expected, s.Label, strings.Repeat("  ", s.Depth), s.Operation, s.Path, s.Why)
	}
	writeRefused(t, r)
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

// writeRefused prints the operations that cannot be used.
func writeRefused(w io.Writer, r *plan.Report) {
	for _, refused := range r.Refused {
		_, _ = fmt.Fprintf(w, "\n%s: %s: %s\n", refused.Code, strings.Join(refused.Fields, ", "), refused.Why)
	}
}

// daysText describes the daily budgets that the expected calls take.
func daysText(r *plan.Report) string {
	switch {
	case r.Days < 2:
		return ""
	case r.RetryAt.IsZero():
		return fmt.Sprintf(" It takes the budgets of %d days.", r.Days)
	}
	return " Today's budget does not suffice; the budget from " + r.RetryAt.UTC().Format(time.RFC3339) + " on does."
}

// cacheText returns a note if the price ignores the cache.
func cacheText(r *plan.Report) string {
	if r.CacheKnown {
		return ""
	}
	return " Nothing is assumed to be cached."
}
