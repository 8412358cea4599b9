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
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"zoomql/internal/access"
	"zoomql/internal/config"
	"zoomql/internal/plan"
)

// priceCommand asks a gateway what an operation costs.
type priceCommand struct {
	File      string `arg:"" help:"File with the document; - reads it from standard input."`
	Variables string `help:"Variables: a JSON object, or the path of a file with one." placeholder:"JSON"`
	Operation string `help:"Name of the operation, where the document has several." placeholder:"NAME"`
	URL       string `help:"URL of the gateway's GraphQL endpoint; default: the one at ADDR." placeholder:"URL"`
	Account   string `help:"Name of the account, where the gateway has several." placeholder:"NAME"`
	JSON      bool   `help:"As JSON."`
}

// Help is what --help says beyond the command's line.
func (priceCommand) Help() string {
	return "Nothing of the operation is carried out, and no call is made to Zoom. The key to show the gateway is read from CALLER_KEY."
}

// maxPriced bounds a document, and maxPlan an answer.
const (
	maxPriced = 1 << 20
	maxPlan   = 64 << 20
)

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
	document, err := readBounded(c.File)
	if err != nil {
		return nil, err
	}
	request := map[string]any{"query": string(document)}
	if c.Operation != "" {
		request["operationName"] = c.Operation
	}
	if text := []byte(c.Variables); len(text) > 0 {
		if text[0] != '{' {
			if text, err = readBounded(c.Variables); err != nil {
				return nil, err
			}
		}
		if !json.Valid(text) || bytes.TrimSpace(text)[0] != '{' {
			return nil, errors.New("--variables: neither a JSON object nor a file with one")
		}
		request["variables"] = json.RawMessage(text)
	}
	return json.Marshal(request)
}

// readBounded reads a file that is not too large; - is standard input.
func readBounded(name string) ([]byte, error) {
	from := os.Stdin
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer func() { _ = f.Close() }() // it was read only
		from = f
	}
	text, err := io.ReadAll(io.LimitReader(from, maxPriced+1))
	if err == nil && len(text) > maxPriced {
		err = fmt.Errorf("%s: larger than 1 MiB", name)
	}
	return text, err
}

// ask sends the request.
func (c priceCommand) ask(ctx context.Context, cfg *config.Config, body []byte) (*plan.Report, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	url := c.URL
	if url == "" {
		url = "http://" + cfg.Addr + graphqlPath
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Dry-Run", "true")
	if c.Account != "" {
		req.Header.Set(access.AccountHeader, c.Account)
	}
	if cfg.Key != "" {
		req.Header.Set("Authorization", "Bearer "+string(cfg.Key))
	}
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
		most := fmt.Sprint(s.AtMost)
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
