package sandbox

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

func init() {
	handle("GET /users", listUsers)
	handle("GET /users/{userId}", getUser)
}

// listedUser is a user as GET /users has it.
type listedUser struct {
	ID                string            `json:"id,omitempty"` // pending users have none
	FirstName         string            `json:"first_name"`
	LastName          string            `json:"last_name"`
	DisplayName       string            `json:"display_name"`
	Email             string            `json:"email"`
	Type              int               `json:"type"`
	PMI               int64             `json:"pmi,omitempty"`
	Timezone          string            `json:"timezone"`
	Verified          int               `json:"verified"`
	Dept              *string           `json:"dept,omitempty"`
	CreatedAt         string            `json:"created_at"`
	LastLoginTime     string            `json:"last_login_time,omitempty"`
	LastClientVersion *string           `json:"last_client_version,omitempty"`
	GroupIDs          []string          `json:"group_ids,omitempty"`
	Status            string            `json:"status"`
	RoleID            string            `json:"role_id"`
	UserCreatedAt     string            `json:"user_created_at"`
	EmployeeUniqueID  *string           `json:"employee_unique_id,omitempty"`
	LoginTypes        []int             `json:"login_types,omitempty"`
	CustomAttributes  []customAttribute `json:"custom_attributes,omitempty"`
	HostKey           string            `json:"host_key,omitempty"`
}

type customAttribute struct {
	Key   string `json:"key"`
	Name  string `json:"name"`
	Value string `json:"value"`
}

// user is a user as GET /users/{userId} has it: what the list says and more.
type user struct {
	listedUser
	AccountID          string            `json:"account_id"`
	AccountNumber      int64             `json:"account_number"`
	RoleName           string            `json:"role_name"`
	UsePMI             bool              `json:"use_pmi"`
	PersonalMeetingURL string            `json:"personal_meeting_url,omitempty"`
	CustomAttributes   []customAttribute `json:"custom_attributes,omitempty"`
	hostKey            string            // in lists only
	CMSUserID          *string           `json:"cms_user_id,omitempty"`
	JID                string            `json:"jid,omitempty"`
	Language           string            `json:"language,omitempty"`
	JobTitle           *string           `json:"job_title,omitempty"`
	Company            *string           `json:"company,omitempty"`
	CostCenter         *string           `json:"cost_center,omitempty"`
	Location           *string           `json:"location,omitempty"`
	Manager            string            `json:"manager,omitempty"`
	PhoneCountry       *string           `json:"phone_country,omitempty"`
	PhoneNumber        *string           `json:"phone_number,omitempty"`
	PhoneNumbers       []phoneNumber     `json:"phone_numbers,omitempty"`
	PicURL             string            `json:"pic_url,omitempty"`
	Pronouns           string            `json:"pronouns,omitempty"`
	PronounsOption     int               `json:"pronouns_option,omitempty"`
	VanityURL          string            `json:"vanity_url,omitempty"`
	Cluster            string            `json:"cluster,omitempty"`
}

type phoneNumber struct {
	Country  string `json:"country"`
	Code     string `json:"code"`
	Number   string `json:"number"`
	Verified bool   `json:"verified"`
	Label    string `json:"label"`
}

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
	first, last := w.name(i)
	return fmt.Sprintf("%s%d@example.com", mailName(first, last), i)
}

func (w *world) name(i int) (first, last string) {
	d := w.dice("name", uint64(i))
	return pick(&d, firstNames), pick(&d, lastNames)
}

func (w *world) displayName(i int) string {
	first, last := w.name(i)
	return first + " " + last
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

// findUser finds a user by id or e-mail. A Server-to-Server token belongs to no
// user, so "me" is nobody.
//
// Source: "The me keyword" of Zoom's "Using Zoom APIs".
func (c *call) findUser() (int, error) {
	w, id := c.world, c.path("userId")
	if i, ok := w.byEmail(id); ok {
		return i, nil
	}
	i, ok := openID(w.seed, sealUser, id)
	if !ok || i >= uint64(w.opt.Users) {
		return 0, notFound(1001, "User does not exist: "+id+".")
	}
	return int(i), nil
}

// seedUser makes the i-th user. What Zoom may leave out is there, empty, or
// missing by turns.
func (w *world) seedUser(i int) *user {
	d := w.dice("user", uint64(i))
	first, last := w.name(i)
	created := w.start.AddDate(0, 0, -400-d.n(1200)).Add(-time.Duration(d.n(86400)) * time.Second)
	u := &user{
		listedUser: listedUser{
			FirstName: first, LastName: last, DisplayName: first + " " + last,
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
		u.LastClientVersion = ptr(pick(d, clientVersions))
	}
}

// profile fills what people and administrators may have filled in.
func (u *user) profile(w *world, i int, d *dice) {
	maybe := func(from []string) *string {
		return pick(d, []*string{nil, ptr(""), ptr(pick(d, from)), ptr(pick(d, from)), ptr(pick(d, from))})
	}
	u.Dept, u.JobTitle = maybe(departments), maybe(jobTitles)
	u.Company, u.Location = maybe(organizations), maybe(cities)
	u.CostCenter = maybe([]string{"100", "200", "300"})
	u.CMSUserID = pick(d, []*string{nil, ptr("")})
	u.PhoneCountry, u.PhoneNumber = ptr(""), ptr("")
	if d.chance(30) {
		u.PhoneNumbers = []phoneNumber{{"US", "+1", fmt.Sprintf("20255501%02d", d.n(100)), d.chance(80), "Office"}}
	}
	if d.chance(40) {
		u.GroupIDs = []string{sealID(w.seed, sealOther, uint64(1000+d.n(5)))}
	}
	if d.chance(25) {
		u.EmployeeUniqueID = ptr(fmt.Sprintf("E%05d", i))
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

// listUsers keeps the encoded form of every user it has listed: a page of 2,000
// is a copy.
func listUsers(c *call) (any, error) {
	status, err := c.choice("status", "active", "inactive", "pending")
	if err != nil {
		return nil, err
	}
	if _, err = c.choice("include_fields", "", "custom_attributes", "host_key"); err != nil {
		return nil, err
	}
	users := c.world.byStatus()[status]
	if role := c.query.Get("role_id"); role != "" {
		users = slices.DeleteFunc(slices.Clone(users), func(i int) bool { return c.world.seedUser(i).RoleID != role })
	}
	fields := c.query.Get("include_fields")
	item := func(i int) any { return c.world.listedUser(users[i], fields) }
	return c.page(len(users), item, c.pageNumber())
}

func (w *world) listedUser(i int, fields string) json.RawMessage {
	if fields == "" {
		if raw, ok := w.encoded.Load(i); ok {
			return raw.(json.RawMessage)
		}
	}
	u := w.seedUser(i)
	switch fields {
	case "custom_attributes":
		u.listedUser.CustomAttributes = u.CustomAttributes
	case "host_key":
		u.HostKey = u.hostKey
	}
	var buf bytes.Buffer
	appendJSON(&buf, &u.listedUser)
	if fields == "" {
		w.encoded.Store(i, json.RawMessage(buf.Bytes()))
	}
	return buf.Bytes()
}

func getUser(c *call) (any, error) {
	i, err := c.findUser()
	if err != nil {
		return nil, err
	}
	u := c.world.seedUser(i)
	if u.Status == "pending" {
		u.CreatedAt = stamp(c.now) // as documented: when the call was made
	}
	return u, nil
}
