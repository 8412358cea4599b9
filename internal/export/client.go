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
	// maxAnswer bounds the answer of a gateway: its own bound is 16 MiB unless MAX_ANSWER_BYTES
	// says otherwise.
	maxAnswer = 256 << 20
	// tries is how often a request is sent that the gateway did not answer, firstTries how
	// often as long as it has answered none, and longestPause the longest pause between two.
	tries        = 12
	firstTries   = 3
	longestPause = 30 * time.Second
	// longestWait bounds one wait for a budget: the day's is whole again within 24 hours.
	longestWait = 25 * time.Hour
)

// answer is what a gateway answers.
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

// Error names the code, and where it stands.
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

// retryAt returns when the errors say that the question may be asked again; zero where one
// of them says nothing of that.
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

// errNotAnswered marks a request that may be sent again as it is.
var errNotAnswered = errors.New("the gateway does not answer")

// send sends a question until a gateway answers it. What waits for a budget is asked
// again when the gateway says, unless waits is false.
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
			if failed++; failed >= tries || !c.answered && failed >= firstTries {
				return nil, err
			}
			pause = max(pause, min(time.Second<<(failed-1), longestPause))
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
			pause, failed = min(max(time.Until(at), time.Second), longestWait), 0
			waits(at, &a.Errors[0])
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// body returns the body of a request.
func (c *Config) body(query string, variables map[string]any) ([]byte, error) {
	request := map[string]any{"query": query, "variables": variables}
	if c.Operation != "" {
		request["operationName"] = c.Operation
	}
	return json.Marshal(request)
}

// once sends a body once.
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
		return nil, min(time.Duration(seconds)*time.Second, longestPause), fmt.Errorf("%w: %s", errNotAnswered, resp.Status)
	}
	a := &answer{raw: text}
	if json.Unmarshal(text, a) != nil {
		return nil, 0, fmt.Errorf("what answers at %s is no GraphQL gateway: %s", c.URL, resp.Status)
	}
	return a, 0, nil
}
