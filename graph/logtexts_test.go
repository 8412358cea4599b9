package graph

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

// The name of an operation may be as long as a document.
func TestLog_callersTextsAreShort(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("canary_", 5000)
	for _, query := range []string{
		`query ` + long + ` { account { zoomId } }`,
		`query ` + long + ` { ` + long + `: user(by: {zoomId: "` + long + `"}) { email } }`,
		`mutation ` + long + ` { ` + long + `: endMeeting(input: {meeting: {number: "1"}}) { ` + long + `: userErrors { code } } }`,
		`mutation { updateRole(input: {role: {zoomId: "` + long + `"}, patch: {name: "` + long + `"}}) { userErrors { code } } }`,
	} {
		inRig(t, setup{}, func(r *rig) {
			r.ask(query, nil)
			r.ask(query, nil) // which the cache answers
			for text := range strings.Lines(r.log.String()) {
				if len(text) > 1000 {
					t.Errorf("%.40s: a line has %d bytes: %.300s", query, len(text), text)
				}
			}
			r.log.reset() // it holds the beginning of the name, as it should
		})
	}
}

// An unexpected error may quote its input, and its path may be as long as an alias.
func TestLog_internalErrorsAreShort(t *testing.T) {
	t.Parallel()
	log := &logBuffer{}
	present(slog.New(slog.NewJSONHandler(log, nil)))(t.Context(), fmt.Errorf("read: %s", strings.Repeat("canary\n", 5000)))
	recovered(slog.New(slog.NewJSONHandler(log, nil)))(t.Context(), strings.Repeat("canary\n", 5000))
	for text := range strings.Lines(log.String()) {
		if len(text) > 12_000 || strings.Count(text, "canary") > 200 {
			t.Errorf("a line has %d bytes: %.300s", len(text), text)
		}
	}
}
