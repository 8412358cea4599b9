package export

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strconv"
	"time"
)

const (
	// maxAnswer bounds an answer of the gateway, in bytes. Its own bound, MAX_ANSWER_BYTES, is
	// 16 MiB by default.
	maxAnswer = 256 << 20
	// maxTries bounds how often a request is sent that the gateway does not answer,
	// maxFirstTries the same while it has not answered any request, and maxPause the pause in
	// between.
	maxTries      = 12
	maxFirstTries = 3
	maxPause      = 30 * time.Second
	// maxWait bounds a wait for a budget: daily budgets are available again within 24 hours.
	maxWait = 25 * time.Hour
)

// answer is an answer of the gateway.
type answer struct {
	Data       json.RawMessage `json:"data"`
	Errors     []answerError   `json:"errors"`
	Extensions struct {
		Cost struct {
			Actual map[string]int `json:"actual"`
		} `json:"cost"`
	} `json:"extensions"`
	raw []byte
}

// answerError is an error in an answer.
type answerError struct {
	Message    string `json:"message"`
	Path       []any  `json:"path"`
	Extensions struct {
		Code    string    `json:"code"`
		RetryAt time.Time `json:"retryAt"`
	} `json:"extensions"`
}

// Error returns the code, the message and the path.
func (e *answerError) Error() string {
	text := e.Message
	if e.Extensions.Code != "" {
		text = e.Extensions.Code + ": " + text
	}
	if len(e.Path) > 0 {
		path, _ := json.Marshal(e.Path) //nolint:errchkjson // it was JSON
		text += " (at " + string(path) + ")"
	}
	return text
}

// maxShown is how many errors of an answer are shown: it may have a thousand.
const maxShown = 10

// err joins the errors of the answer; nil if it has none.
func (a *answer) err() error {
	var all []error
	for i := range a.Errors[:min(len(a.Errors), maxShown)] {
		all = append(all, &a.Errors[i])
	}
	if more := len(a.Errors) - maxShown; more > 0 {
		all = append(all, fmt.Errorf("and %d errors more", more))
	}
	return errors.Join(all...)
}

// retryAt returns when the request may be repeated, which is the latest retryAt of the errors. It
// is zero if there are no errors, or one of them has none.
func (a *answer) retryAt() (latest time.Time) {
	for _, e := range a.Errors {
		at := e.Extensions.RetryAt
		if at.IsZero() {
			return time.Time{}
		}
		if at.After(latest) {
			latest = at
		}
	}
	return latest
}

// errNotAnswered is wrapped by errors after which the same request may be sent again.
var errNotAnswered = errors.New("the gateway does not answer")

// send sends a request until the gateway answers it. Unless waits is nil, a request that exceeds a
// budget is repeated at the time in the answer. waits is called before each wait, with its end and
// its reason.
func (c *Config) send(ctx context.Context, query string, variables map[string]any, waits func(until time.Time, why error)) (*answer, error) {
	body, err := c.body(query, variables)
	if err != nil {
		return nil, err
	}
	for failed := 0; ; {
		a, pause, err := c.once(ctx, body)
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case errors.Is(err, errNotAnswered):
			if failed++; failed >= maxTries || !c.answered && failed >= maxFirstTries {
				return nil, err
			}
			pause = max(pause, min(time.Second<<(failed-1), maxPause))
			if waits != nil {
				waits(time.Now().Add(pause), err)
			}
		case err != nil:
			return nil, err
		default:
			c.answered = true
			at := a.retryAt()
			if waits == nil || at.IsZero() {
				return a, nil
			}
			pause, failed = min(max(time.Until(at), time.Second), maxWait), 0
			waits(at, &a.Errors[0])
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// body returns the body of a GraphQL request.
func (c *Config) body(query string, variables map[string]any) ([]byte, error) {
	request := map[string]any{"query": query, "variables": variables}
	if c.Operation != "" {
		request["operationName"] = c.Operation
	}
	return json.Marshal(request)
}

// once sends a request once. After errNotAnswered, pause is the pause that the gateway demands.
func (c *Config) once(ctx context.Context, body []byte) (_ *answer, pause time.Duration, _ error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.URL, bytes.NewReader(body))
	if err != nil {
		return nil, 0, err
	}
	maps.Copy(req.Header, c.Header)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/graphql-response+json, application/json")
	resp, err := c.client().Do(req)
	if err != nil {
		return nil, 0, fmt.Errorf("%w: %w", errNotAnswered, err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		return nil, 0, fmt.Errorf("%w: %w", errNotAnswered, err)
	}
	if len(text) > maxAnswer {
		return nil, 0, errors.New("the answer is longer than 256 MiB: ask for smaller pages (--page)")
	}
	if resp.StatusCode >= 500 || resp.StatusCode == http.StatusTooManyRequests {
		seconds, _ := strconv.Atoi(resp.Header.Get("Retry-After"))
		return nil, min(time.Duration(seconds)*time.Second, maxPause), fmt.Errorf("%w: %s", errNotAnswered, resp.Status)
	}
	a := &answer{raw: text}
	// A refusal has errors. Any other body is of a proxy, or of another server.
	if json.Unmarshal(text, a) != nil || len(a.Errors) == 0 && (len(a.Data) == 0 || resp.StatusCode >= http.StatusBadRequest) {
		return nil, 0, fmt.Errorf("the server at %s is no GraphQL gateway: %s", c.URL, resp.Status)
	}
	return a, 0, nil
}
