package events

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"zoomql/internal/zoom"
)

// kinds are the kinds of events that keep answers up to date, by the first part of their names.
// The index of a kind is its bit in [zoom.EventKinds].
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

// Kept has the operations whose answers events keep up to date, by the kind of these events: an
// event evicts each of their tags, and their answers do not change otherwise. Two kinds are
// separated by a space.
var Kept = map[string][]string{
	"meeting": {
		"GET /meetings/{meetingId}", "GET /meetings/{meetingId}/invitation", "GET /users/{userId}/meetings",
		"GET /meetings/{meetingId}/registrants", "GET /meetings/{meetingId}/registrants/{registrantId}",
		"GET /meetings/{meetingId}/meeting_summary",
		"GET /past_meetings/{meetingId}", "GET /past_meetings/{meetingId}/instances", "GET /past_meetings/{meetingId}/participants",
		"GET /report/meetings/{meetingId}", "GET /report/meetings/{meetingId}/participants",
	},
	"meeting recording": {"GET /meetings/{meetingId}/recordings"},
	"webinar": {
		"GET /webinars/{webinarId}", "GET /users/{userId}/webinars",
		"GET /webinars/{webinarId}/registrants", "GET /webinars/{webinarId}/registrants/{registrantId}",
		"GET /past_webinars/{webinarId}/instances", "GET /past_webinars/{webinarId}/participants",
	},
	"user": {"GET /users", "GET /users/{userId}"},
	"account": {
		"GET /accounts", "GET /accounts/{accountId}", "GET /accounts/{accountId}/settings", "GET /accounts/{accountId}/lock_settings",
	},
	"information_barriers": {"GET /information_barriers/policies", "GET /information_barriers/policies/{policyId}"},
}

// NotKept has operations with tags that events evict, and the parts of their answers that change
// without an event.
var NotKept = map[string]string{
	"GET /accounts/{accountId}/managed_domains":       "domains have no event",
	"GET /accounts/{accountId}/trusted_domains":       "domains have no event",
	"GET /accounts/{accountId}/settings/registration": "no event is documented for these settings",
	"GET /meetings/{meetingId}/livestream":            "events tell of the start and the end of a stream, not of its settings",
	"GET /meetings/{meetingId}/registrants/questions": "registration questions have no event",
	"GET /meetings/{meetingId}/token":                 "a token ends by the clock",
	"GET /report/daily":                               "the report is late",
	"GET /report/upcoming_events":                     "webinars stand there too, and past meetings leave by the clock",
	"GET /roles":                                      "roles have no event",
	"GET /roles/{roleId}/members":                     "roles have no event",
	"GET /users/{userId}/pac":                         "personal audio conferences have no event",
	"GET /users/{userId}/upcoming_meetings":           "past meetings leave by the clock",
	"GET /webinars/{webinarId}/panelists":             "panelists have no event",
}

// writeKept prints both tables.
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
