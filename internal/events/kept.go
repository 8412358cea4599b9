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
var kinds = []string{"meeting", "webinar", "recording", "user", "account", "information_barriers", "group"}

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

// Kept has the operations whose answers events keep up to date, by the kinds of these events,
// separated by spaces: each change of their answers causes an event that evicts their tags.
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
	"user":       {"GET /users", "GET /users/{userId}"},
	"group user": {"GET /groups", "GET /groups/{groupId}", "GET /groups/{groupId}/members"},
	"account": {
		"GET /accounts", "GET /accounts/{accountId}", "GET /accounts/{accountId}/settings", "GET /accounts/{accountId}/lock_settings",
	},
	"information_barriers": {"GET /information_barriers/policies", "GET /information_barriers/policies/{policyId}"},
}

// NotKept has operations with tags that events evict, but whose answers also change without an
// event, and the reason.
var NotKept = map[string]string{
	"GET /accounts/{accountId}/managed_domains":       "domains have no event",
	"GET /accounts/{accountId}/trusted_domains":       "domains have no event",
	"GET /accounts/{accountId}/settings/registration": "no event is documented for these settings",
	"GET /meetings/{meetingId}/livestream":            "the settings of a live stream have no event, only its start and its end",
	"GET /meetings/{meetingId}/registrants/questions": "registration questions have no event",
	"GET /meetings/{meetingId}/token":                 "a token expires without an event",
	"GET /report/daily":                               "the report changes some time after the events",
	"GET /report/upcoming_events":                     "the list includes webinars, and past meetings leave it without an event",
	"GET /roles":                                      "roles have no event",
	"GET /roles/{roleId}/members":                     "roles have no event",
	"GET /users/{userId}/pac":                         "personal audio conferences have no event",
	"GET /users/{userId}/upcoming_meetings":           "past meetings leave the list without an event",
	"GET /webinars/{webinarId}/panelists":             "panelists have no event",
}

// writeKept writes Kept and NotKept as text.
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
