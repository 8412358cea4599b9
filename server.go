// Command zoomql is a GraphQL gateway over the Zoom REST API.
//
// Without settings it runs on a sandbox, a Zoom in the same process. See
// "zoomql --help" for the settings and the README for the rest.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"zoomql/internal/gateway"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := gateway.Run(ctx, os.Args[1:], os.Environ(), os.Stdout, os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "zoomql:", err)
		os.Exit(1)
	}
}
