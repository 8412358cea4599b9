package events

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"zoomql/internal/zoom"
)

// kinds are the kinds of events that keep answers right, by the first part of their
// names. The place of one is its bit in [zoom.EventKinds].
var kinds = []string{"meeting", "webinar", "recording", "user", "account", "information_barriers"}

// kindsOf returns the set of some kinds.
func kindsOf(names ...string) (set zoom.EventKinds) {
	for _, name := range names {
		if i := slices.Index(kinds, name); i >= 0 {
			set |= 1 << i
		}
	}
	return set
}

// kindOf returns the kind of an event.
func (e *Event) kindOf() string {
	kind, _, _ := strings.Cut(e.Name, ".")
	return kind
}

// Kept names the operations whose answers events keep right, by the kind of events that
// tells of their changes: each tag of theirs is one that an event evicts by, and what they
// tell does not change otherwise. Where two kinds are needed, a space is between.
var Kept = map[string][]string{
	"meeting": {
		"GET /meetings/{meetingId}", "GET /meetings/{meetingId}/invitation", "GET /users/{userId}/meetings",
		"GET /meetings/{meetingId}/registrants", "GET /meetings/{meetingId}/registrants/{registrantId}",
		"GET /meetings/{meetingId}/meeting_summary",
	},
	"meeting recording": {"GET /meetings/{meetingId}/recordings"},
	"webinar": {
		"GET /webinars/{webinarId}", "GET /users/{userId}/webinars",
		"GET /webinars/{webinarId}/registrants", "GET /webinars/{webinarId}/registrants/{registrantId}",
	},
	"user": {"GET /users", "GET /users/{userId}"},
	"account": {
		"GET /accounts", "GET /accounts/{accountId}", "GET /accounts/{accountId}/settings", "GET /accounts/{accountId}/lock_settings",
	},
	"information_barriers": {"GET /information_barriers/policies", "GET /information_barriers/policies/{policyId}"},
}

// NotKept names operations with tags that events evict by, and says what of them changes
// without an event.
var NotKept = map[string]string{
	"GET /accounts/{accountId}/managed_domains":       "domains have no event",
	"GET /accounts/{accountId}/trusted_domains":       "domains have no event",
	"GET /accounts/{accountId}/settings/registration": "no event is documented for these settings",
	"GET /meetings/{meetingId}/livestream":            "events tell of the start and the end of a stream, not of its settings",
	"GET /meetings/{meetingId}/registrants/questions": "registration questions have no event",
	"GET /meetings/{meetingId}/token":                 "a token ends by the clock",
	"GET /past_meetings/{meetingId}/instances":        "the list is late: an instance is not there yet when its event comes",
	"GET /report/daily":                               "the report is late",
	"GET /report/upcoming_events":                     "webinars stand there too, and past meetings leave by the clock",
	"GET /roles":                                      "roles have no event",
	"GET /roles/{roleId}/members":                     "roles have no event",
	"GET /users/{userId}/pac":                         "personal audio conferences have no event",
	"GET /users/{userId}/upcoming_meetings":           "past meetings leave by the clock",
}

// writeKept writes both tables for a person.
func writeKept(b *strings.Builder) {
	fmt.Fprintf(b, "answers that live for %s while events come\n", zoom.CoveredLife)
	for _, kind := range slices.Sorted(maps.Keys(Kept)) {
		fmt.Fprintf(b, "    %-20s %s\n", strings.ReplaceAll(kind, " ", ", "), strings.Join(Kept[kind], ", "))
	}
	fmt.Fprintln(b, "\nanswers with tags that change without an event too")
	for _, pattern := range slices.Sorted(maps.Keys(NotKept)) {
		fmt.Fprintf(b, "    %-48s %s\n", pattern, NotKept[pattern])
	}
}

// keptBy is the set of kinds that an operation needs, by its pattern.
var keptBy = func() map[string]zoom.EventKinds {
	all := map[string]zoom.EventKinds{}
	for names, patterns := range Kept {
		for _, pattern := range patterns {
			all[pattern] = kindsOf(strings.Fields(names)...)
		}
	}
	return all
}()
