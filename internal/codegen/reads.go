package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/99designs/gqlgen/codegen"
	"github.com/99designs/gqlgen/codegen/templates"
	"github.com/99designs/gqlgen/plugin"
	"github.com/vektah/gqlparser/v2/ast"

	"zoomql/internal/codegen/sdl"
)

var _ plugin.ResolverImplementer = edges{}

// Implement returns the body of a resolver: its previous one, or, for a new one that is
// a plain read, the generated line.
func (edges) Implement(previous string, f *codegen.Field) string {
	if previous != "" {
		return previous
	}
	body := plainRead(f.Object.Definition, f.FieldDefinition, f.TypeReference.Definition)
	if body == "" {
		return fmt.Sprintf("panic(%q)", "not implemented: "+f.Object.Name+"."+f.Name)
	}
	templates.CurrentImports.Lookup("zoomql/internal/zoom") // adds the import; no other package has that name
	return body
}

// keys are the keys of objects in the paths of operations below them.
var keys = map[string]struct{ variable, key string }{
	"Meeting": {"/meetings/{meetingId}/", "zoom.MeetingKey{MeetingID: obj.Number}"},
	"User":    {"/users/{userId}/", "zoom.UserKey{UserID: obj.ID().Key}"},
	"Webinar": {"/webinars/{webinarId}/", "zoom.WebinarKey{WebinarID: obj.Number}"},
}

// plainRead returns the body of a field that costs one call, whose answer is decoded
// into the field's type and whose only parameter is the object's key. The row of such a
// call is named after the type: GetMeetingSurvey. Credentials in the answer are
// requested if their fields are selected. It is "" for all other fields.
func plainRead(of *ast.Definition, fd *ast.FieldDefinition, answer *ast.Definition) string {
	calls, key := fd.Directives.ForNames("zoom"), keys[of.Name]
	if len(calls) != 1 || len(fd.Arguments) > 0 || fd.Type.Elem != nil || key.key == "" {
		return ""
	}
	op := sdl.Argument(calls[0], "op")
	below, ok := strings.CutPrefix(op, "GET "+key.variable)
	if !ok || strings.Contains(below, "{") || !sdl.Names(answer.Directives, "source", op) {
		return ""
	}
	secrets := ""
	if slices.ContainsFunc(answer.Fields, func(f *ast.FieldDefinition) bool { return f.Type.Name() == "Secret" }) {
		secrets = fmt.Sprintf(", zoom.Secrets(needsOf(ctx, %q).Secrets)", answer.Name)
	}
	return fmt.Sprintf("return orNil(zoom.Get%s.Do(ctx, of(ctx, obj).client, %s%s))", answer.Name, key.key, secrets)
}
