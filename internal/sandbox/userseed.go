package sandbox

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

func (w *world) userID(i int) string { return sealID(w.seed, sealUser, uint64(i)) }

// seededByStatus returns the seeded users by status.
func (w *world) seededByStatus() map[string][]int {
	by := map[string][]int{}
	for i := range w.opt.Users {
		status := w.status(i)
		by[status] = append(by[status], i)
	}
	return by
}

func (w *world) status(i int) string {
	if i >= w.opt.Users && w.people.changed[i] != nil {
		return w.people.changed[i].Status
	}
	switch i {
	case owner, host, 4, 5, 6, 7:
		return "active"
	case inactiveUser:
		return "inactive"
	case pendingUser:
		return "pending"
	}
	d := w.rng("status", uint64(i))
	switch roll := d.n(100); {
	case roll < 88:
		return "active"
	case roll < 94:
		return "inactive"
	}
	return "pending"
}

// email returns the address of a user. It contains the index, so that byEmail needs no table.
func (w *world) email(i int) string {
	if w.founder != nil && i == owner {
		return w.founder.Email
	}
	if i >= w.opt.Users && w.people.changed[i] != nil {
		return w.people.changed[i].Email
	}
	return w.name(i).mail() + strconv.Itoa(i) + "@" + w.domain
}

func (w *world) name(i int) name {
	d := w.rng("name", uint64(i))
	return newName(&d)
}

// byEmail returns the index that an address contains.
func (w *world) byEmail(email string) (int, bool) {
	if w.founder != nil && strings.EqualFold(email, w.founder.Email) {
		return owner, true
	}
	local, _, _ := strings.Cut(email, "@")
	digits := local[len(strings.TrimRight(local, "0123456789")):]
	i, err := strconv.Atoi(digits)
	if err != nil || i >= w.opt.Users {
		return 0, false
	}
	return i, strings.EqualFold(w.email(i), email)
}

// seedUser generates the i-th user. Fields that Zoom may omit are set, empty or missing,
// depending on the user.
func (w *world) seedUser(i int) *user {
	d := w.rng("user", uint64(i))
	who := w.name(i)
	created := w.start.AddDate(0, 0, -400-d.n(1200)).Add(-time.Duration(d.n(86400)) * time.Second)
	u := &user{
		listedUser: listedUser{
			FirstName: firstNames[who.first], LastName: lastNames[who.last], DisplayName: who.String(),
			Email: w.email(i), Type: 2, Timezone: pick(&d, timezones), Verified: 1,
			CreatedAt: stamp(created.AddDate(0, 0, d.n(300))), UserCreatedAt: stamp(created),
			Status: w.status(i), RoleID: "2",
		},
		AccountID: w.account, AccountNumber: w.serial, RoleName: "Member",
		Cluster: "us06", Language: pick(&d, []string{"en-US", "de-DE", "ja-JP"}),
	}
	if w.founder != nil && i == owner {
		u.FirstName, u.LastName, u.DisplayName = w.founder.FirstName, w.founder.LastName, w.founder.FirstName+" "+w.founder.LastName
	}
	switch {
	case i == owner:
		u.RoleID, u.RoleName = "0", "Owner"
	case i == host || i == 4:
		u.RoleID, u.RoleName = "1", "Admin"
	case d.chance(20):
		u.Type = 1
	}
	if u.Status == "pending" {
		u.Verified, u.Timezone = 0, ""
		return u
	}
	u.ID = w.userID(i)
	u.signedIn(w, i, &d)
	u.profile(w, i, &d)
	return u
}

// signedIn sets the fields that only a user who has signed in has.
func (u *user) signedIn(w *world, i int, d *rng) {
	u.PMI = 1_000_000_000 + int64(mix(uint64(i)^w.seed)%8_000_000_000)
	u.UsePMI = d.chance(10)
	u.PersonalMeetingURL = link("j", u.PMI, "?pwd=sandbox")
	u.JID = strings.ToLower(u.ID) + "@xmpp.zoom.example"
	u.LoginTypes = pick(d, [][]int{{100}, {101}, {1, 100}})
	u.hostKey = fmt.Sprintf("%06d", d.n(1_000_000))
	if d.chance(90) {
		u.LastLoginTime = stamp(w.start.Add(-time.Duration(d.n(60*24*60)) * time.Minute))
		u.LastClientVersion = new(pick(d, clientVersions))
	}
}

// profile sets the fields that users and administrators may have set.
func (u *user) profile(w *world, i int, d *rng) {
	maybe := func(from []string) *string {
		return pick(d, []*string{nil, new(""), new(pick(d, from)), new(pick(d, from)), new(pick(d, from))})
	}
	u.Dept, u.JobTitle = maybe(departments), maybe(jobTitles)
	u.Company, u.Location = maybe(organizations), maybe(cities)
	u.CostCenter = maybe([]string{"100", "200", "300"})
	u.CMSUserID = pick(d, []*string{nil, new("")})
	u.PhoneCountry, u.PhoneNumber = new(""), new("")
	if d.chance(30) {
		u.PhoneNumbers = []phoneNumber{{"US", "+1", fmt.Sprintf("20255501%02d", d.n(100)), d.chance(80), "Office"}}
	}
	if d.chance(40) {
		u.GroupIDs = []string{w.groupID(d.n(hostsGroup))}
	}
	if i == host {
		u.GroupIDs = append(u.GroupIDs, w.groupID(hostsGroup))
	}
	if d.chance(25) {
		u.EmployeeUniqueID = new(fmt.Sprintf("E%05d", i))
	}
	if d.chance(25) {
		u.CustomAttributes = []customAttribute{{"cbf_sandbox_badge", "Badge", fmt.Sprintf("B-%04d", i)}}
	}
	if i > pendingUser && d.chance(60) {
		u.Manager = w.email(host)
	}
	if d.chance(20) {
		u.Pronouns, u.PronounsOption = pick(d, []string{"she/her", "he/him", "they/them"}), 1+d.n(3)
	}
	if d.chance(50) {
		u.PicURL = "https://us06web.zoom.example/p/v2/" + u.ID
	}
}
