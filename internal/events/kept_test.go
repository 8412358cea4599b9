package events_test

import (
	"slices"
	"strings"
	"testing"

	"zoomql/internal/events"
	"zoomql/internal/zoom"
)

// TestKept holds the operations that events keep right against the table of events: each
// tag of theirs is one that an event of their kind evicts by. All other operations of which
// that is true say what changes without an event.
func TestKept(t *testing.T) {
	evicting := map[string][]string{} // kinds of events, by the tag
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
				t.Errorf("%s: no operation, or there twice", pattern)
				continue
			}
			seen[pattern] = true
			if !mayBeKept(spec) {
				t.Errorf("%s: its life is %d, or it is a write", pattern, spec.Life)
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
			t.Errorf("%s: by its tags %v, it is named %v", spec.Pattern, covered, named)
		}
	}
}

// mayBeKept reports whether the answers of an operation are of a class that events extend.
func mayBeKept(s *zoom.Spec) bool {
	return s.Reads() && (s.Life == zoom.Scheduled || s.Life == zoom.Slow || s.Late)
}
