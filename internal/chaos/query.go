package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"zoomql/internal/lab/proc"
)

// reply is the outcome of one query.
type reply struct {
	data    json.RawMessage
	code    string // of the first error; "" without errors
	message string // of that error
	// retryAt is the time to retry at; "" if there is none.
	retryAt string
	begin   time.Time
	end     time.Time
}

func (r *reply) took() time.Duration { return r.end.Sub(r.begin) }

// refused reports whether the gateway refused for lack of budget, which is expected
// when the load exceeds it.
func (r *reply) refused() bool { return r.code == "RATE_LIMITED" || r.code == "TIMEOUT" }

// newClient returns a client that reuses connections: its CPU time is taken from the
// replicas that it measures.
func newClient(timeout time.Duration) *http.Client {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConns, t.MaxIdleConnsPerHost, t.DisableCompression = 0, 2000, true
	return &http.Client{Transport: t, Timeout: max(timeout, time.Minute)}
}

// send sends one query to a replica and reads the whole answer.
func (c *chaos) send(ctx context.Context, p *proc.Process, query string) *reply {
	r := &reply{begin: time.Now()}
	err := c.post(ctx, p, query, r)
	r.end = time.Now()
	if err != nil {
		r.code, r.message = "NO_ANSWER", err.Error()
	}
	return r
}

func (c *chaos) post(ctx context.Context, p *proc.Process, query string, r *reply) error {
	body, err := json.Marshal(map[string]string{"query": query})
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+p.Addr+"/graphql", bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := c.client.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	return r.read(resp.StatusCode, raw)
}

// read parses an answer.
func (r *reply) read(status int, raw []byte) error {
	var answer struct {
		Data   json.RawMessage `json:"data"`
		Errors []struct {
			Message    string `json:"message"`
			Extensions struct {
				Code    string `json:"code"`
				RetryAt string `json:"retryAt"`
			} `json:"extensions"`
		} `json:"errors"`
	}
	if err := json.Unmarshal(raw, &answer); err != nil {
		return fmt.Errorf("answered %d %.200q", status, raw)
	}
	if len(answer.Errors) > 0 {
		first := answer.Errors[0]
		r.code, r.message, r.retryAt = first.Extensions.Code, first.Message, first.Extensions.RetryAt
		if r.code == "" {
			return errors.New(first.Message)
		}
	}
	r.data = answer.Data
	return nil
}

// The queries. Each costs one call of its label for one user, as the tests in
// testdata/operations prove.

func lightQuery(user string) string {
	return fmt.Sprintf(`{ user(by: {zoomId: %q}) { jobTitle } }`, user)
}

func mediumQuery(user string) string {
	return fmt.Sprintf(`{ user(by: {zoomId: %q}) { meetings(first: 5, type: SCHEDULED) { nodes { number } } } }`, user)
}

func heavyQuery(user string) string {
	day := time.Now().UTC().Format(time.DateOnly)
	return fmt.Sprintf(`{ user(by: {zoomId: %q}) { pastMeetings(first: 5, from: %q, to: %q) { nodes { uuid } } } }`, user, day[:8]+"01", day)
}
