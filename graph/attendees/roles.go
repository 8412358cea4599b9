package attendees

import (
	"cmp"
	"slices"
	"strings"

	"zoomql/internal/zoom/types"
)

// dashboardRoles has the role of an attendee for each role of the dashboard, the most important first.
var dashboardRoles = []struct {
	dashboard types.ParticipantRole
	role      types.AttendeeRole
}{
	{types.ParticipantRoleHost, types.AttendeeRoleHost},
	{types.ParticipantRoleCoHost, types.AttendeeRoleCoHost},
	{types.ParticipantRolePanelist, types.AttendeeRolePanelist},
	{types.ParticipantRoleAttendee, types.AttendeeRoleAttendee},
}

// roleOf returns the most important role that the dashboard has for the stays of a person; "" if it has
// none.
func (r *Rows) roleOf(stays []int) types.AttendeeRole {
	for _, known := range dashboardRoles {
		if slices.ContainsFunc(stays, func(i int) bool { return r.Stays[i].Role == known.dashboard }) {
			return known.role
		}
	}
	return ""
}

// Speakers are the host and the panelists of a webinar. Its addresses are in the form of [AddressOf].
type Speakers struct {
	// HostID is Zoom's id of the host, and HostEmail the host's address.
	HostID, HostEmail string
	// Panelists has the addresses of the panelists.
	Panelists map[string]bool
}

// AddressOf returns an e-mail address in the form in which addresses are compared: in small letters,
// without the space around it.
func AddressOf(email types.Text) string { return strings.ToLower(strings.TrimSpace(string(email))) }

// Role returns the role of an attendee. It is "" (unknown) for one without an address and a
// registration, who may be a panelist of another account.
func (s *Speakers) Role(a *types.Attendee) types.AttendeeRole {
	registered, panelist := false, false
	for _, stay := range a.Stays {
		id, email := string(cmp.Or(stay.ParticipantUserID, stay.ZoomID)), AddressOf(stay.Email)
		if id != "" && id == s.HostID || email != "" && email == s.HostEmail {
			return types.AttendeeRoleHost
		}
		panelist = panelist || s.Panelists[email]
		registered = registered || stay.RegistrantID != "" || email != ""
	}
	switch {
	case panelist:
		return types.AttendeeRolePanelist
	case registered:
		return types.AttendeeRoleAttendee
	}
	return ""
}
