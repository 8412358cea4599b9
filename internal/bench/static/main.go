// Command static is the least that an HTTP server in Go can do: it answers every
// request with the same bytes. What a warm answer costs the gateway, and how
// long it takes to start, is measured against it. It is a program of its own so
// that it starts with nothing else in it.
package main

import (
	"fmt"
	"net/http"
	"os"
	"strconv"
	"time"
)

// The arguments are the address to listen on and the file to serve; without a
// file, an empty object is served.
func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "static:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) == 0 {
		return fmt.Errorf("usage: static ADDR [FILE]")
	}
	body := []byte("{}")
	if len(args) > 1 {
		var err error
		if body, err = os.ReadFile(args[1]); err != nil {
			return err
		}
	}
	length := strconv.Itoa(len(body))
	server := &http.Server{
		Addr:              args[0],
		ReadHeaderTimeout: 10 * time.Second,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json; charset=utf-8")
			w.Header().Set("Content-Length", length)
			_, _ = w.Write(body)
		}),
	}
	return server.ListenAndServe()
}
