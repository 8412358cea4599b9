package sandbox

import (
	"net/http"
	"slices"
	"strings"
)

func init() {
	handle("POST /users", createUser, paid, daily(invitations))
	handle("PATCH /users/{userId}", updateUser)
	handle("DELETE /users/{userId}", deleteUser, exclusive("userId"))
}

// people is the changes that calls made to the users of the account.
type people struct {
	changed map[int]*user // by index
	gone    map[int]bool
	added   int // users after the seeded ones; all are in changed
}

// user returns the current state of the i-th user.
func (w *world) user(i int) *user {
	if u := w.people.changed[i]; u != nil {
		return u
	}
	return w.seedUser(i)
}

// hasUser reports whether the i-th user exists.
func (w *world) hasUser(i int) bool {
	return i < w.opt.Users+w.people.added && !w.people.gone[i]
}

// usersIn returns the users with a status: the seeded ones, then the added ones.
func (w *world) usersIn(status string) []int {
	all := w.byStatus()[status]
	if len(w.people.gone) > 0 {
		all = slices.DeleteFunc(slices.Clone(all), func(i int) bool { return w.people.gone[i] })
	}
	for i := w.opt.Users; i < w.opt.Users+w.people.added; i++ {
		if !w.people.gone[i] && w.user(i).Status == status {
			all = append(slices.Clip(all), i)
		}
	}
	return all
}

// changeUser stores a user that a call has changed.
func (w *world) changeUser(i int, u *user) {
	w.people.changed[i] = u
	w.encoded.Delete(i)
}

// byAddedEmail returns a user who was added, by e-mail address.
func (w *world) byAddedEmail(email string) (int, bool) {
	for i := w.opt.Users; i < w.opt.Users+w.people.added; i++ {
		if strings.EqualFold(w.people.changed[i].Email, email) {
			return i, true
		}
	}
	return 0, false
}

// invitations is the quota of POST /users with the action create.
//
// Source: POST /users.
var invitations = quota{
	name: "invitations", perPlan: map[string]int{PlanFree: 50, PlanPro: 1500, PlanBusiness: 10_000}, account: true,
	of: func(c *call) []string {
		var body struct {
			Action string `json:"action"`
		}
		if c.decode(&body) != nil || body.Action != "create" {
			return nil
		}
		return []string{"account"}
	},
}

// newUser is the body of POST /users.
type newUser struct {
	Action   string `json:"action"`
	UserInfo *struct {
		Email       string  `json:"email"`
		FirstName   string  `json:"first_name"`
		LastName    string  `json:"last_name"`
		DisplayName string  `json:"display_name"`
		Password    *string `json:"password"`
		Type        int     `json:"type"`
	} `json:"user_info"`
}

func createUser(c *call) (any, error) {
	var body newUser
	if err := c.decode(&body); err != nil {
		return nil, err
	}
	if err := body.check(); err != nil {
		return nil, err
	}
	w, info := c.world, body.UserInfo
	if i, taken := c.userIndex(info.Email); taken && w.hasUser(i) {
		return nil, &zoomError{http.StatusConflict, 1005, `Email "` + info.Email + `" has already been used.`, nil}
	}
	i := w.opt.Users + w.people.added
	w.people.added++
	u := &user{
		listedUser: listedUser{
			ID: w.userID(i), FirstName: info.FirstName, LastName: info.LastName, Email: info.Email, Type: info.Type,
			DisplayName: orElse(info.DisplayName, strings.TrimSpace(info.FirstName+" "+info.LastName)),
			Timezone:    "UTC", Status: "active", RoleID: memberRole, CreatedAt: stamp(c.now), UserCreatedAt: stamp(c.now),
		},
		AccountID: w.account, AccountNumber: w.serial, Cluster: "us06", Language: "en-US",
	}
	if body.Action == "create" {
		u.Status, u.Timezone = "pending", ""
	}
	w.changeUser(i, u)
	return map[string]any{"id": u.ID, "email": u.Email, "first_name": u.FirstName, "last_name": u.LastName, "type": u.Type}, nil
}

func (b *newUser) check() error {
	var wrong []string
	bad := func(is bool, field string) {
		if is {
			wrong = append(wrong, field)
		}
	}
	bad(!slices.Contains([]string{"create", "autoCreate", "custCreate", "ssoCreate"}, b.Action), "action")
	if b.UserInfo == nil {
		return invalid(append(wrong, "user_info")...)
	}
	at := strings.Index(b.UserInfo.Email, "@")
	bad(at < 1 || at == len(b.UserInfo.Email)-1 || len(b.UserInfo.Email) > 128, "user_info.email")
	bad(!slices.Contains(userTypes, b.UserInfo.Type), "user_info.type")
	bad(len([]rune(b.UserInfo.FirstName)) > 64, "user_info.first_name")
	bad(len([]rune(b.UserInfo.LastName)) > 64, "user_info.last_name")
	bad(b.UserInfo.Password != nil && b.Action != "autoCreate", "user_info.password")
	if len(wrong) > 0 {
		return invalid(wrong...)
	}
	return nil
}

var userTypes = []int{1, 2, 4, 99}

// userPatch is the fields of PATCH /users/{userId} that GET /users/{userId} returns. Other
// fields are accepted and ignored.
type userPatch struct {
	FirstName        *string           `json:"first_name"`
	LastName         *string           `json:"last_name"`
	DisplayName      *string           `json:"display_name"`
	Type             *int              `json:"type"`
	Timezone         *string           `json:"timezone"`
	Language         *string           `json:"language"`
	Manager          *string           `json:"manager"`
	Pronouns         *string           `json:"pronouns"`
	PronounsOption   *int              `json:"pronouns_option"`
	UsePMI           *bool             `json:"use_pmi"`
	PMI              *int64            `json:"pmi"`
	HostKey          *string           `json:"host_key"`
	Dept             *string           `json:"dept"`
	JobTitle         *string           `json:"job_title"`
	Company          *string           `json:"company"`
	Location         *string           `json:"location"`
	CostCenter       *string           `json:"cost_center"`
	CMSUserID        *string           `json:"cms_user_id"`
	PhoneNumbers     []phoneNumber     `json:"phone_numbers"`
	CustomAttributes []customAttribute `json:"custom_attributes"`
	VanityName       *string           `json:"vanity_name"`
	LinkedIn         *string           `json:"linkedin_url"`
}

func updateUser(c *call) (any, error) {
	i, err := c.findUser()
	if err != nil {
		return nil, err
	}
	var p userPatch
	if err := c.decode(&p); err != nil {
		return nil, err
	}
	if p.Type != nil && !slices.Contains(userTypes, *p.Type) || p.PronounsOption != nil && (*p.PronounsOption < 1 || *p.PronounsOption > 3) {
		return nil, invalid("type")
	}
	if p.LinkedIn != nil && !strings.Contains(*p.LinkedIn, "linkedin.com") {
		return nil, badRequest(300, "The `linkedin_url` field is illegal. The URL must contain `linkedin.com`.")
	}
	u := *c.world.user(i)
	p.apply(&u)
	c.world.changeUser(i, &u)
	return nil, nil
}

func (p *userPatch) apply(u *user) {
	set(&u.FirstName, p.FirstName)
	set(&u.LastName, p.LastName)
	if p.FirstName != nil || p.LastName != nil {
		u.DisplayName = strings.TrimSpace(u.FirstName + " " + u.LastName)
	}
	set(&u.DisplayName, p.DisplayName)
	set(&u.Type, p.Type)
	set(&u.Timezone, p.Timezone)
	set(&u.Language, p.Language)
	set(&u.Manager, p.Manager)
	set(&u.Pronouns, p.Pronouns)
	set(&u.PronounsOption, p.PronounsOption)
	set(&u.UsePMI, p.UsePMI)
	set(&u.PMI, p.PMI)
	set(&u.hostKey, p.HostKey)
	for to, from := range map[**string]*string{
		&u.Dept: p.Dept, &u.JobTitle: p.JobTitle, &u.Company: p.Company, &u.Location: p.Location, &u.CostCenter: p.CostCenter, &u.CMSUserID: p.CMSUserID,
	} {
		if from != nil {
			*to = from
		}
	}
	if p.PhoneNumbers != nil {
		u.PhoneNumbers = p.PhoneNumbers
	}
	if p.CustomAttributes != nil {
		u.CustomAttributes = p.CustomAttributes
	}
	if p.VanityName != nil {
		u.VanityURL = "https://us06web.zoom.example/my/" + *p.VanityName
	}
}

// set assigns a value that a patch contains.
func set[T any](to, from *T) {
	if from != nil {
		*to = *from
	}
}

// deleteUser removes a user from the account. The user's meetings remain, whatever was to be
// transferred.
func deleteUser(c *call) (any, error) {
	action, err := c.choice("action", "disassociate", "delete")
	if err != nil {
		return nil, err
	}
	i, err := c.findUser()
	if err != nil {
		return nil, err
	}
	w := c.world
	to := c.query.Get("transfer_email")
	switch target, ok := c.userIndex(to); {
	case i == w.owner:
		return nil, badRequest(200, "Cannot delete a user out of your account.")
	case action == "disassociate" && w.roleOf(i) == adminRole:
		return nil, badRequest(1117, "You can not disassociate an Admin user.")
	case strings.EqualFold(to, w.email(i)):
		return nil, badRequest(300, "The transfer-to email address cannot be the same as the unlinked or deleted user's email address.")
	case to != "" && (!ok || !w.hasUser(target)):
		return nil, notFound(1001, "User does not exist: "+to+".")
	}
	w.people.gone[i] = true
	return nil, nil
}
