package attendees

import (
	"cmp"
	"slices"
	"strings"

	"zoomql/internal/zoom/types"
)

// dashboardRoles are the roles of attendees by those of the dashboard, the most important first.
var dashboardRoles = []struct {
	dashboard types.ParticipantRole
	role      types.AttendeeRole
}{
	{types.ParticipantRoleHost, types.AttendeeRoleHost},
	{types.ParticipantRoleCoHost, types.AttendeeRoleCoHost},
	{types.ParticipantRolePanelist, types.AttendeeRolePanelist},
	{types.ParticipantRoleAttendee, types.AttendeeRoleAttendee},
}

// roleOf returns the role that the dashboard has for the stays of a person; "" where it has
// none.
func (r *Rows) roleOf(stays []int) types.AttendeeRole {
	for _, one := range dashboardRoles {
		if slices.ContainsFunc(stays, func(i int) bool { return r.Stays[i].Role == one.dashboard }) {
			return one.role
		}
	}
	return ""
}

// Speakers are the host and the panelists of a webinar. Addresses are as [AddressOf] returns
// them.
type Speakers struct {
	// HostID and HostEmail name the host.
	HostID, HostEmail string
	// Panelists has their addresses.
	Panelists map[string]bool
}

// AddressOf returns an address as addresses are compared.
func AddressOf(email types.Text) string { return strings.ToLower(strings.TrimSpace(string(email))) }

// Role returns the role of an attendee, or "" if it is unknown: an attendee without an address
// and a registration may be a panelist of another account.
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
