// Command static is a minimal HTTP server in Go: it answers every request with fixed
// bytes. The gateway's cached answers, and its start, are compared with it. It is a
// program of its own, so that its start includes nothing else.
package main

import (
	"fmt"
	"net/http"
	"os"
	"strconv"
	"sync/atomic"
	"time"
)

// The arguments are the address to listen on and the files to serve, in rotation:
// several bodies hit the CPU caches less often than one. Without a file, an empty
// object is served.
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
	var next atomic.Uint32
	return func(w http.ResponseWriter, r *http.Request) {
		handlers[next.Add(1)%uint32(len(handlers))](w, r)
	}
}
