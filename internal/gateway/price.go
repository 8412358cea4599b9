package gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"zoomql/internal/config"
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

// maxPlan bounds an answer.
const maxPlan = 64 << 20

// printPrice asks a gateway what an operation costs, and prints it.
func printPrice(ctx context.Context, cfg *config.Config, c priceCommand, w io.Writer) error {
	body, err := c.request()
	if err != nil {
		return err
	}
	report, err := c.ask(ctx, cfg, body)
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

// request returns the body of the request.
func (c priceCommand) request() ([]byte, error) {
	document, variables, err := c.read()
	if err != nil {
		return nil, err
	}
	request := map[string]any{"query": document}
	if c.Operation != "" {
		request["operationName"] = c.Operation
	}
	if variables != nil {
		request["variables"] = variables
	}
	return json.Marshal(request)
}

// ask sends the request.
func (c priceCommand) ask(ctx context.Context, cfg *config.Config, body []byte) (*plan.Report, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.endpoint(cfg), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header = c.header(cfg)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Dry-Run", "true")
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }() // it was read only
	return readPrice(resp)
}

// readPrice reads a gateway's answer.
func readPrice(resp *http.Response) (*plan.Report, error) {
	var answer struct {
		Errors     []struct{ Message string }
		Extensions struct{ Plan *plan.Report }
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxPlan)).Decode(&answer); err != nil {
		return nil, fmt.Errorf("what answers is no gateway, or one that tells no prices: %s", resp.Status)
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
	_, _ = fmt.Fprintf(t, "\nRound trips: %d. Objects in the answer at most: %d.\n", r.RoundTrips, r.Objects)
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
