package sandbox

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

func (w *world) userID(i int) string { return sealID(w.seed, sealUser, uint64(i)) }

// census lists the users by status.
func (w *world) census() map[string][]int {
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
	d := w.dice("status", uint64(i))
	switch roll := d.n(100); {
	case roll < 88:
		return "active"
	case roll < 94:
		return "inactive"
	}
	return "pending"
}

// email names the user by index, so that it needs no table to be found by.
func (w *world) email(i int) string {
	if i >= w.opt.Users && w.people.changed[i] != nil {
		return w.people.changed[i].Email
	}
	return w.name(i).mail() + strconv.Itoa(i) + "@example.com"
}

func (w *world) name(i int) name {
	d := w.dice("name", uint64(i))
	return newName(&d)
}

// byEmail finds the index that an address ends in.
func (w *world) byEmail(email string) (int, bool) {
	local, _, _ := strings.Cut(email, "@")
	digits := local[len(strings.TrimRight(local, "0123456789")):]
	i, err := strconv.Atoi(digits)
	if err != nil || i >= w.opt.Users {
		return 0, false
	}
	return i, strings.EqualFold(w.email(i), email)
}

// seedUser makes the i-th user. What Zoom may leave out is there, empty, or
// missing by turns.
func (w *world) seedUser(i int) *user {
	d := w.dice("user", uint64(i))
	who := w.name(i)
	created := w.start.AddDate(0, 0, -400-d.n(1200)).Add(-time.Duration(d.n(86400)) * time.Second)
	u := &user{
		listedUser: listedUser{
			FirstName: firstNames[who.first], LastName: lastNames[who.last], DisplayName: who.String(),
			Email: w.email(i), Type: 2, Timezone: pick(&d, timezones), Verified: 1,
			CreatedAt: stamp(created.AddDate(0, 0, d.n(300))), UserCreatedAt: stamp(created),
			Status: w.status(i), RoleID: "2",
		},
		AccountID: AccountID, AccountNumber: 10_000_001, RoleName: "Member",
		Cluster: "us06", Language: pick(&d, []string{"en-US", "de-DE", "ja-JP"}),
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

// signedIn fills what only somebody has who used Zoom.
func (u *user) signedIn(w *world, i int, d *dice) {
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

// profile fills what people and administrators may have filled in.
func (u *user) profile(w *world, i int, d *dice) {
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
		u.GroupIDs = []string{sealID(w.seed, sealOther, uint64(1000+d.n(5)))}
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
