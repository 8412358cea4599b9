// Command codegen generates Go code from graph/schema: the types of the objects, inputs
// and enums, the methods by which objects write their fields, and gqlgen's executor.
//
// It is gqlgen with a hook: a field's Go struct tag is Zoom's JSON name of it, so that
// Zoom's answers are decoded straight into the types that GraphQL serves. @zoom and
// @source determine which fields are edges (resolvers) and which are plain data, see
// schema.graphqls.
//
// Run it with "go generate ./..." from the module's root.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/99designs/gqlgen/api"
	"github.com/99designs/gqlgen/codegen/config"
	"github.com/99designs/gqlgen/plugin/modelgen"
)

const typesDir = "internal/zoom/types/"

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "codegen:", err)
		os.Exit(1)
	}
}

func run() error {
	cfg, err := config.LoadConfigFromDefaultLocations()
	if err != nil {
		return err
	}
	if err := cfg.LoadSchema(); err != nil {
		return err
	}
	// gqlgen binds to these by name, so they must exist before it starts.
	if err := writeEnums(cfg.Schema, typesDir+"enums_gen.go"); err != nil {
		return err
	}
	if err := writeConnections(cfg.Schema, typesDir+"connections_gen.go"); err != nil {
		return err
	}
	if err := writeTexts(cfg.Schema, typesDir+"texts_gen.go"); err != nil {
		return err
	}
	if err := writeFields(cfg.Schema, cfg.Models, typesDir+"fields_gen.go"); err != nil {
		return err
	}
	models := &modelgen.Plugin{MutateHook: modelgen.DefaultBuildMutateHook, FieldHook: fieldHook}
	if err := api.Generate(cfg, api.ReplacePlugin(models), api.PrependPlugin(edges{})); err != nil {
		return err
	}
	if err := dropUnmarshalerMap("graph/generated/root_.generated.go"); err != nil {
		return err
	}
	if err := thin("graph/generated/*.generated.go"); err != nil {
		return err
	}
	return spreadLists("graph/generated/*.generated.go")
}

// spreadLists makes the executor resolve the items of lists by package spread, which
// explains why.
func spreadLists(pattern string) error {
	files, err := filepath.Glob(pattern)
	if err != nil {
		return err
	}
	found := false
	for _, file := range files {
		source, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		text := strings.ReplaceAll(string(source), "graphql.MarshalSliceConcurrently(ctx, len(v), 0, false, ", "spread.Slice(ctx, len(v), ")
		if text == string(source) {
			continue
		}
		found = true
		head, rest, _ := strings.Cut(text, "\n)\n") // of the imports
		if at := strings.Index(head, "\t\"zoomql/internal/"); at >= 0 {
			head = head[:at] + "\t\"zoomql/graph/spread\"\n" + head[at:]
		} else {
			head += "\n\n\t\"zoomql/graph/spread\""
		}
		if err := write(file, head+"\n)\n"+rest); err != nil {
			return err
		}
	}
	if !found {
		return fmt.Errorf("%s: gqlgen resolves the items of lists in another way: drop spreadLists, or adapt it", pattern)
	}
	return nil
}

// unmarshalerMap is the map of all input types that gqlgen's executor builds for
// every operation, for directives that read an input by its type. The schema has none,
// and the map costs a quarter of the memory of a small query.
var unmarshalerMap = regexp.MustCompile(`(?s)\n\tinputUnmarshalMap := graphql\.BuildUnmarshalerMap\(.*?\n\t\)|\n\t+ctx = graphql\.WithUnmarshalerMap\(ctx, inputUnmarshalMap\)`)

func dropUnmarshalerMap(file string) error {
	source, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if !unmarshalerMap.Match(source) {
		return fmt.Errorf("%s: gqlgen does not build its map of input types any more: drop dropUnmarshalerMap", file)
	}
	return write(file, unmarshalerMap.ReplaceAllString(string(source), ""))
}
