package events

import (
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"zoomql/cache"
	"zoomql/internal/zoom"
)

// Row has the tags that some events evict.
type Row struct {
	// Events are the names of the events.
	Events []string
	// Tags are tags of operations of package zoom, with the name of a variable in braces, which
	// stands for ids that the event names: "user:{host}:meetings". A tag after a "|" replaces
	// it for an event that names none: "user:{host}:meetings|meetings".
	Tags []string
	// Why is the reason for having no tags, or no others.
	Why string
}

// Tags that several rows share.
var (
	ofMeeting  = []string{"meeting:{meeting}", "user:{host}:meetings|meetings", "report:upcoming_events"}
	ofWebinar  = []string{"webinar:{meeting}", "user:{host}:webinars|webinars"}
	ofInstance = []string{"instance:{instance}", "meeting:{meeting}:instances", "webinar:{meeting}:instances"}
	ofUser     = []string{"user:{user}|every-user", "users", "roles", "role-members", "group-members"}
	ofGroup    = []string{"group:{group}|every-group", "groups"}
	belongings = []string{
		"user:{user}:meetings|meetings", "user:{user}:webinars|webinars", "meetings", "webinars", "user:{user}:templates",
		"user:{user}:channels", "user:{user}:messages", "user:{user}:past_meetings", "user:{user}:phone_recordings",
	}
)

func tags(parts ...[]string) []string { return slices.Concat(parts...) }

// unseen is the reason of events whose changes no answer contains.
const unseen = "nothing that the graph reads contains the change"

// Rows is the table of all events that Zoom documents.
//
// Source: https://developers.zoom.us/docs/api/meetings/events/, …/users/events/ and
// …/accounts/events/.
var Rows = []Row{
	{Events: []string{"meeting.created", "meeting.recovered"}, Tags: ofMeeting},
	{Events: []string{"meeting.updated"}, Tags: tags(ofMeeting, []string{"meeting:{meeting}:questions", "meeting:{meeting}:livestream"})},
	{Events: []string{"meeting.deleted", "meeting.permanently_deleted"}, Tags: tags(ofMeeting, []string{"meeting:{meeting}:registrants", "meeting:{meeting}:questions"})},
	{Events: []string{"meeting.converted_to_webinar", "webinar.converted_to_meeting"}, Tags: tags(ofMeeting, ofWebinar, []string{"meeting:{meeting}:registrants", "webinar:{meeting}:registrants"})},
	{Events: []string{"meeting.started"}, Tags: tags(ofMeeting, []string{"dashboard:meetings", "meeting:{instance}:dashboard"})},
	{Events: []string{"meeting.ended"}, Tags: tags(ofMeeting, ofInstance, []string{"dashboard:meetings", "user:{host}:past_meetings", "report:users", "report:daily"})},
	{
		Events: []string{
			"meeting.participant_joined", "meeting.participant_left", "meeting.participant_admitted", "meeting.participant_bind",
			"meeting.participant_put_in_waiting_room", "meeting.participant_joined_waiting_room", "meeting.participant_left_waiting_room",
			"meeting.participant_joined_breakout_room", "meeting.participant_left_breakout_room", "meeting.participant_role_changed",
		},
		Tags: []string{"meeting:{instance}:dashboard"}, Why: "the counts in the lists of the dashboard are cached for seconds only",
	},
	{Events: []string{"meeting.registration_created", "meeting.registration_approved", "meeting.registration_cancelled", "meeting.registration_denied"}, Tags: []string{"meeting:{meeting}:registrants"}},
	{Events: []string{"meeting.sharing_started", "meeting.sharing_ended", "meeting.breakout_room_sharing_started", "meeting.breakout_room_sharing_ended"}, Tags: []string{"meeting:{instance}:dashboard"}},
	{Events: []string{"meeting.live_streaming_started", "meeting.live_streaming_stopped"}, Tags: []string{"meeting:{meeting}:livestream"}},
	{
		Events: []string{"meeting.summary_completed", "meeting.summary_updated", "meeting.summary_shared", "meeting.summary_trashed", "meeting.summary_recovered", "meeting.summary_deleted"},
		Tags:   []string{"instance:{instance}"}, Why: "a past meeting has a field for whether it has a summary",
	},
	{Events: []string{"meeting.participant_feedback", "webinar.participant_feedback"}, Tags: []string{"meeting:{instance}:dashboard", "dashboard:feedback"}},
	{Events: []string{"meeting.alert", "meeting.risk_alert", "webinar.alert"}, Tags: []string{"meeting:{instance}:dashboard", "webinar:{instance}:dashboard", "dashboard:quality"}},
	{
		Events: []string{
			"meeting.aic_transcript_completed", "meeting.ai_companion_assets_deleted", "meeting.ai_companion_started", "meeting.ai_companion_stopped",
			"meeting.chat_message_sent", "meeting.chat_message_file_sent", "meeting.chat_message_file_downloaded",
			"webinar.chat_message_sent", "webinar.chat_message_file_sent", "webinar.chat_message_file_downloaded",
			"meeting.invitation_accepted", "meeting.invitation_dispatched", "meeting.invitation_rejected", "meeting.invitation_timeout",
			"meeting.device_tested", "meeting.participant_jbh_joined", "meeting.participant_jbh_waiting", "meeting.participant_jbh_waiting_left",
			"meeting.participant_phone_callout_accepted", "meeting.participant_phone_callout_missed", "meeting.participant_phone_callout_rejected", "meeting.participant_phone_callout_ringing",
			"meeting.participant_room_system_callout_accepted", "meeting.participant_room_system_callout_failed", "meeting.participant_room_system_callout_missed",
			"meeting.participant_room_system_callout_rejected", "meeting.participant_room_system_callout_ringing",
		},
		Why: unseen,
	},
	{Events: []string{"webinar.created", "webinar.recovered", "webinar.updated"}, Tags: ofWebinar},
	{Events: []string{"webinar.started"}, Tags: tags(ofWebinar, []string{"dashboard:webinars", "webinar:{instance}:dashboard"})},
	{Events: []string{"webinar.deleted", "webinar.permanently_deleted"}, Tags: tags(ofWebinar, []string{"webinar:{meeting}:registrants"})},
	{Events: []string{"webinar.ended"}, Tags: tags(ofWebinar, ofInstance, []string{"dashboard:webinars", "user:{host}:past_meetings", "report:users", "report:daily"})},
	{Events: []string{"webinar.participant_joined", "webinar.participant_left", "webinar.participant_bind", "webinar.participant_role_changed", "webinar.sharing_started", "webinar.sharing_ended"}, Tags: []string{"webinar:{instance}:dashboard"}},
	{Events: []string{"webinar.registration_created", "webinar.registration_approved", "webinar.registration_cancelled", "webinar.registration_denied"}, Tags: []string{"webinar:{meeting}:registrants"}},
	{
		Events: []string{
			"recording.completed", "recording.transcript_completed", "recording.renamed", "recording.trashed", "recording.deleted", "recording.recovered",
		},
		Tags: []string{"instance:{instance}", "meeting:{meeting}:recordings"},
	},
	{
		Events: []string{"recording.batch_trashed", "recording.batch_deleted", "recording.batch_recovered"},
		Tags:   []string{"instance:{instance}", "recordings"}, Why: "the events name no numbers of meetings, by which recordings may have been read",
	},
	{Events: []string{"recording.cloud_storage_usage_updated"}, Tags: []string{"report:cloud_recording"}},
	{
		Events: []string{
			"recording.started", "recording.paused", "recording.resumed", "recording.stopped", "recording.archive_files_completed",
			"recording.registration_created", "recording.registration_approved", "recording.registration_denied",
		},
		Why: unseen,
	},
	{Events: []string{"user.created", "user.invitation_accepted", "user.activated", "user.deactivated", "user.updated"}, Tags: ofUser},
	{Events: []string{"user.deleted", "user.disassociated"}, Tags: tags(ofUser, belongings, []string{"every-group", "groups"})},
	{Events: []string{"user.settings_updated"}, Tags: []string{"user:{user}|every-user", "users"}, Why: "users that were read by e-mail address have the tag of all users"},
	{Events: []string{"user.signed_in", "user.signed_out"}, Tags: []string{"report:activities", "user:{user}"}, Why: "lists of users, and users that were read by e-mail address, have the last login as of when they were read"},
	{Events: []string{"user.presence_status_updated", "user.personal_notes_updated", "user.tsp_created", "user.tsp_deleted", "user.tsp_updated"}, Why: unseen},
	{Events: []string{"group.created", "group.updated"}, Tags: ofGroup},
	{Events: []string{"group.member_added", "group.member_deleted"}, Tags: tags(ofGroup, []string{"user:{user}|every-user", "users"})},
	{Events: []string{"group.deleted"}, Tags: tags(ofGroup, []string{"users"}), Why: "the event does not name the members: the answer about a single user has the group until it expires"},
	{Events: []string{"group.admin_added", "group.admin_deleted", "group.settings_updated", "group.lock_settings_updated"}, Why: unseen},
	{Events: []string{"account.created", "account.disassociated", "account.updated", "account.vanity_url_approved", "account.vanity_url_rejected"}, Tags: []string{"account", "accounts"}},
	{Events: []string{"account.settings_updated", "account.lock_settings_updated"}, Tags: []string{"account:settings", "account:lock_settings"}},
	{Events: []string{"information_barriers.policy_created", "information_barriers.policy_updated", "information_barriers.policy_deleted"}, Tags: []string{"information-barriers"}},
}

var byEvent = func() map[string]*Row {
	rows := map[string]*Row{}
	for i := range Rows {
		for _, name := range Rows[i].Events {
			rows[name] = &Rows[i]
		}
	}
	return rows
}()

// Write writes the table as text: the events with the tags that they evict and the operations
// that have these tags, or the reason why there are none; then [Kept] and [NotKept].
func Write(w io.Writer, specs []*zoom.Spec) error {
	byTag := map[string][]string{} // patterns of operations
	for _, spec := range specs {
		for _, tag := range spec.Tags {
			tag = braces.ReplaceAllString(tag, "{}")
			byTag[tag] = append(byTag[tag], spec.Pattern)
		}
	}
	var b strings.Builder
	for _, row := range Rows {
		fmt.Fprintln(&b, strings.Join(row.Events, "\n"))
		var tags, operations []string
		for _, tag := range row.Tags {
			tags = append(tags, strings.Replace(tag, "|", " or ", 1))
			for either := range strings.SplitSeq(tag, "|") {
				operations = append(operations, byTag[braces.ReplaceAllString(either, "{}")]...)
			}
		}
		slices.Sort(operations)
		for _, line := range [][2]string{{"tags", strings.Join(tags, ", ")}, {"answers of", strings.Join(slices.Compact(operations), ", ")}, {"note", row.Why}} {
			if line[1] != "" {
				fmt.Fprintf(&b, "    %-11s %s\n", line[0], line[1])
			}
		}
		fmt.Fprintln(&b)
	}
	writeKept(&b)
	_, err := io.WriteString(w, b.String())
	return err
}

// IsKnown reports whether the table has an event with that name.
func IsKnown(name string) bool { return byEvent[name] != nil }

// OfMeetings are the names of the events that evict a meeting itself.
var OfMeetings = func() (names []string) {
	for i := range Rows {
		if slices.Contains(Rows[i].Tags, "meeting:{meeting}") {
			names = append(names, Rows[i].Events...)
		}
	}
	return names
}()

// StaleAfterGap returns the tags of a meeting, by its number, that missed events of it may have
// made stale: all that events in [OfMeetings] evict.
func StaleAfterGap(meeting string) (stale []cache.Tag) {
	const of = "meeting:{" + string(meetingVar) + "}"
	for i := range Rows {
		if !slices.Contains(Rows[i].Tags, of) {
			continue
		}
		for _, tag := range Rows[i].Tags {
			if rest, ok := strings.CutPrefix(tag, of); ok {
				stale = append(stale, cache.Tag("meeting:"+meeting+rest))
			}
		}
	}
	slices.Sort(stale)
	return slices.Compact(stale)
}

// Known reports whether the table has the event.
func (e *Event) Known() bool { return byEvent[e.Name] != nil }

var braces = regexp.MustCompile(`\{([A-Za-z]+)\}`)

// subAccountTag is the tag of the list of sub accounts, which only the configured account has.
const subAccountTag cache.Tag = "accounts"

// staleIn returns the tags that the event evicts, by the account to whose answers they belong. An
// event of an account may be about a sub account, which its object names, and then changes the
// list of sub accounts too. served is the configured account.
func (e *Event) staleIn(served string) map[string][]cache.Tag {
	stale := e.Stale()
	if len(stale) == 0 {
		return nil
	}
	in := map[string][]cache.Tag{e.AccountID: stale}
	if e.kindOf() != "account" {
		return in
	}
	for _, account := range e.values[accountVar] {
		in[account] = stale
	}
	if _, ok := in[served]; !ok && slices.Contains(stale, subAccountTag) {
		in[served] = []cache.Tag{subAccountTag}
	}
	return in
}

// Stale returns the tags that the event evicts, sorted, each once. Of a variable with more than
// maxValues ids it has none.
func (e *Event) Stale() []cache.Tag {
	row := byEvent[e.Name]
	if row == nil {
		return nil
	}
	var stale []cache.Tag
	for _, tag := range row.Tags {
		tag, fallback, _ := strings.Cut(tag, "|")
		filled := []cache.Tag{cache.Tag(tag)}
		if at := braces.FindStringSubmatch(tag); at != nil {
			filled = nil
			if ids := e.values[variable(at[1])]; len(ids) <= maxValues {
				for _, value := range ids {
					filled = append(filled, cache.Tag(strings.Replace(tag, at[0], value, 1)))
				}
			}
			if filled == nil && fallback != "" {
				filled = []cache.Tag{cache.Tag(fallback)}
			}
		}
		stale = append(stale, filled...)
	}
	slices.Sort(stale)
	return slices.Compact(stale)
}
