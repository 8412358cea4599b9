// Command document writes OPERATIONS.md, the table of operations for readers, from
// the same rows as "zoomql operations". Run it with "go generate ./...".
package main

import (
	"bytes"
	"fmt"
	"os"

	"zoomql/internal/operations"
)

const (
	schema = "../../graph/schema"
	page   = "OPERATIONS.md"
	up     = "../../"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "document:", err)
		os.Exit(1)
	}
}

func run() error {
	schema, err := operations.Schema(schema)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := operations.WriteMarkdown(&b, operations.TableOf(schema), up); err != nil {
		return err
	}
	return os.WriteFile(page, b.Bytes(), 0o644)
}
