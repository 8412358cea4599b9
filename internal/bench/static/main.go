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
	"sync/atomic"
	"time"
)

// The arguments are the address to listen on and the file to serve; without a
// file, an empty object is served, and of several, one after the other: bytes that
// lie in as many places are not as near to the processor as those of one.
func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "static:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) == 0 {
		return fmt.Errorf("usage: static ADDR [FILE...]")
	}
	bodies := [][]byte{[]byte("{}")}
	if files := args[1:]; len(files) > 0 {
		bodies = nil
		for _, file := range files {
			body, err := os.ReadFile(file)
			if err != nil {
				return err
			}
			bodies = append(bodies, body)
		}
	}
	server := &http.Server{Addr: args[0], ReadHeaderTimeout: 10 * time.Second, Handler: one(bodies[0])}
	if len(bodies) > 1 {
		server.Handler = several(bodies)
	}
	return server.ListenAndServe()
}

func one(body []byte) http.HandlerFunc {
	length := strconv.Itoa(len(body))
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		w.Header().Set("Content-Length", length)
		_, _ = w.Write(body)
	}
}

func several(bodies [][]byte) http.HandlerFunc {
	var handlers []http.HandlerFunc
	for _, body := range bodies {
		handlers = append(handlers, one(body))
	}
	var turn atomic.Uint32
	return func(w http.ResponseWriter, r *http.Request) {
		handlers[turn.Add(1)%uint32(len(handlers))](w, r)
	}
}
