package gateway

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"

	"zoomql/internal/access"
	"zoomql/internal/config"
)

// question is the request of a command to a running gateway.
type question struct {
	File      string `arg:"" help:"File with the document; - reads it from standard input."`
	Variables string `help:"Variables: a JSON object, or the path of a file with one." placeholder:"JSON"`
	Operation string `help:"Name of the operation, if the document has several." placeholder:"NAME"`
	URL       string `help:"URL of the gateway's GraphQL endpoint; default: the one at ADDR." placeholder:"URL"`
	Account   string `help:"Name of the account, if the gateway has several." placeholder:"NAME"`
}

// keyHelp describes the key, which is no argument, since other users can see arguments.
const keyHelp = "The API key for the gateway is read from CALLER_KEY."

// maxQuestion bounds a document, and variables, in bytes each.
const maxQuestion = 1 << 20

// read returns the document and its variables; nil if there are none.
func (q question) read() (document string, variables map[string]any, err error) {
	text, err := readBounded(q.File)
	if err != nil || q.Variables == "" {
		return string(text), nil, err
	}
	given := []byte(q.Variables)
	if given[0] != '{' {
		if given, err = readBounded(q.Variables); err != nil {
			return "", nil, err
		}
	}
	dec := json.NewDecoder(bytes.NewReader(given))
	dec.UseNumber() // a float64 may lose digits of a number
	if dec.Decode(&variables) != nil || variables == nil {
		return "", nil, errors.New("--variables: neither a JSON object nor a file with one")
	}
	return string(text), variables, nil
}

// endpoint returns the URL of the GraphQL endpoint.
func (q question) endpoint(cfg *config.Config) string {
	if q.URL != "" {
		return q.URL
	}
	return "http://" + cfg.Addr + graphqlPath
}

// header returns the headers with the account and the caller's key.
func (q question) header(cfg *config.Config) http.Header {
	h := http.Header{}
	if q.Account != "" {
		h.Set(access.AccountHeader, q.Account)
	}
	if cfg.Key != "" {
		h.Set("Authorization", "Bearer "+string(cfg.Key))
	}
	return h
}

// readBounded reads a file of at most maxQuestion bytes; - is standard input.
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
	text, err := io.ReadAll(io.LimitReader(from, maxQuestion+1))
	if err == nil && len(text) > maxQuestion {
		err = fmt.Errorf("%s: larger than 1 MiB", name)
	}
	return text, err
}
