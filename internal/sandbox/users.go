package sandbox

import (
	"bytes"
	"encoding/json"
	"slices"
)

func init() {
	handle("GET /users", listUsers)
	handle("GET /users/{userId}", getUser)
}

// listedUser is a user as GET /users lists it.
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

// user is a user as GET /users/{userId} returns it: the fields of the list and more.
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

// findUser returns a user by id or e-mail address. A Server-to-Server token belongs to no
// user, so "me" is not found.
//
// Source: "The me keyword" of Zoom's "Using Zoom APIs".
func (c *call) findUser() (int, error) {
	id := c.path("userId")
	if i, ok := c.userIndex(id); ok && c.world.hasUser(i) {
		return i, nil
	}
	return 0, notFound(1001, "User does not exist: "+id+".")
}

// userIndex returns the index of a user by id or e-mail address, even if the user was
// deleted.
func (c *call) userIndex(name string) (int, bool) {
	w := c.world
	if i, ok := w.byEmail(name); ok {
		return i, true
	}
	if i, ok := w.byAddedEmail(name); ok {
		return i, true
	}
	i, ok := openID(w.seed, sealUser, name)
	return int(i), ok && i < uint64(w.opt.Users+w.people.added)
}

// listUsers caches the encoded form of each listed user, so that a page of 2,000 is copied.
func listUsers(c *call) (any, error) {
	status, err := c.choice("status", "active", "inactive", "pending")
	if err != nil {
		return nil, err
	}
	if _, err = c.choice("include_fields", "", "custom_attributes", "host_key"); err != nil {
		return nil, err
	}
	users := c.world.usersIn(status)
	if role := c.query.Get("role_id"); role != "" {
		users = slices.DeleteFunc(slices.Clone(users), func(i int) bool { return c.world.roleOf(i) != role })
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
	u := *w.user(i)
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
	u := *c.world.user(i)
	if u.Status == "pending" {
		u.CreatedAt = stamp(c.now) // the time of the call, as documented
	}
	return &u, nil
}
