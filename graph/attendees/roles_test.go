package attendees

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"zoomql/internal/zoom/types"
)

// TestGeneratedRoles generates webinars in whose rows some addresses and ids are blank: each person
// with an address or id in some row has the generated role, and the others have none.
func TestGeneratedRoles(t *testing.T) {
	counts := map[types.AttendeeRole]int{}
	for seed := range uint64(500) {
		rng := rand.New(rand.NewPCG(seed, 1))
		chance := func(percent int) bool { return rng.IntN(100) < percent }
		s := &Speakers{HostID: "host", HostEmail: "host@example.com", Panelists: map[string]bool{}}
		for p := range 1 + rng.IntN(12) {
			truth := []types.AttendeeRole{types.AttendeeRoleHost, types.AttendeeRolePanelist, types.AttendeeRoleAttendee}[rng.IntN(3)]
			stay := types.Participant{Email: types.Text(fmt.Sprintf("Person%d@example.com", p))}
			switch truth {
			case types.AttendeeRoleHost:
				stay.ZoomID, stay.Email = "host", "HOST@example.com"
			case types.AttendeeRolePanelist:
				s.Panelists[AddressOf(stay.Email)] = true
			default:
				stay.RegistrantID = types.Text(fmt.Sprint("registrant ", p))
			}
			a := &types.Attendee{}
			shown := false
			for range 1 + rng.IntN(3) {
				one := stay
				if chance(50) {
					one.Email = ""
				}
				if chance(50) {
					one.ZoomID = ""
				}
				if chance(50) {
					one.RegistrantID = ""
				}
				if one.ZoomID == "" && chance(30) {
					one.ParticipantUserID, one.ZoomID = stay.ZoomID, ""
				}
				shown = shown || one.Email != "" || one.ZoomID != "" || one.ParticipantUserID != "" || one.RegistrantID != ""
				a.Stays = append(a.Stays, &one)
			}
			got := s.Role(a)
			if want := map[bool]types.AttendeeRole{true: truth, false: ""}[shown]; got != want {
				t.Fatalf("seed %d: a %s with the stays %+v is %q", seed, truth, a.Stays, got)
			}
			counts[got]++
		}
	}
	for _, role := range []types.AttendeeRole{types.AttendeeRoleHost, types.AttendeeRolePanelist, types.AttendeeRoleAttendee, ""} {
		if counts[role] < 100 {
			t.Errorf("%q occurs %d times", role, counts[role])
		}
	}
}
