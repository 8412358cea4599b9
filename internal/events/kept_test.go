package events_test

import (
	"slices"
	"strings"
	"testing"

	"zoomql/internal/events"
	"zoomql/internal/zoom"
)

// TestKept compares Kept with the table of events: an event of a kind of the operation evicts each
// of its tags. All other operations for which that is true are in NotKept.
func TestKept(t *testing.T) {
	evicting := map[string][]string{} // kinds of events, by tag
	for _, row := range events.Rows {
		for _, tag := range row.Tags {
			for way := range strings.SplitSeq(tag, "|") {
				for _, name := range row.Events {
					kind, _, _ := strings.Cut(name, ".")
					way := variables.ReplaceAllString(way, "{}")
					evicting[way] = append(evicting[way], kind)
				}
			}
		}
	}
	seen := map[string]bool{}
	for names, patterns := range events.Kept {
		for _, pattern := range patterns {
			spec := zoom.Lookup(pattern)
			if spec == nil || seen[pattern] || events.NotKept[pattern] != "" {
				t.Errorf("%s: not an operation, or listed twice", pattern)
				continue
			}
			seen[pattern] = true
			if !mayBeKept(spec) {
				t.Errorf("%s: events do not extend its lifetime %d, or it is a write", pattern, spec.Life)
			}
			for _, tag := range spec.Tags {
				kinds := evicting[variables.ReplaceAllString(tag, "{}")]
				if !slices.ContainsFunc(strings.Fields(names), func(kind string) bool { return slices.Contains(kinds, kind) }) {
					t.Errorf("%s: no event of %s evicts %s", pattern, names, tag)
				}
			}
		}
	}
	for _, spec := range zoom.Specs() {
		covered := mayBeKept(spec) && !slices.ContainsFunc(spec.Tags, func(tag string) bool {
			return evicting[variables.ReplaceAllString(tag, "{}")] == nil || slices.Contains(uncovered, variables.ReplaceAllString(tag, "{}"))
		})
		if named := seen[spec.Pattern] || events.NotKept[spec.Pattern] != ""; covered != named {
			t.Errorf("%s: events evict all its tags: %v; it is in Kept or NotKept: %v", spec.Pattern, covered, named)
		}
	}
}

// mayBeKept reports whether events may extend the lifetime of the answers of an operation.
func mayBeKept(s *zoom.Spec) bool {
	return s.Reads() && (s.Life == zoom.Scheduled || s.Life == zoom.Slow || s.Late)
}
