// Command zoomql is a GraphQL gateway over the Zoom REST API.
//
// Without settings it runs on a sandbox, a simulator of Zoom in the same process. See
// "zoomql --help" for the settings and the README for the rest.
package main

import (
	"os"

	"zoomql/internal/gateway"
)

func main() {
	os.Exit(gateway.Main(os.Args[1:], os.Environ(), os.Stdout, os.Stderr))
}
