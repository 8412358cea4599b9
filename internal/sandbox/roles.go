package sandbox

import (
	"slices"
	"strconv"
	"strings"
)

func init() {
	handle("GET /roles", listRoles, paid)
	handle("POST /roles", createRole, paid, answersOK)
	handle("GET /roles/{roleId}", getRole, paid)
	handle("PATCH /roles/{roleId}", updateRole, paid)
	handle("DELETE /roles/{roleId}", deleteRole, paid)
	handle("GET /roles/{roleId}/members", listRoleMembers, paid)
	handle("POST /roles/{roleId}/members", addRoleMembers, paid)
	handle("DELETE /roles/{roleId}/members/{memberId}", deleteRoleMember, paid)
}

// The roles that every account has.
const (
	ownerRole  = "0"
	adminRole  = "1"
	memberRole = "2"
)

// role is a role as the sandbox stores it.
type role struct {
	ID          string
	Name        string
	Description string
	Type        string
	Privileges  []string
	secondLevel int // the privileges on sub accounts
}

// listedRole is a role as GET /roles lists it.
type listedRole struct {
	ID           string `json:"id"`
	Name         string `json:"name"`
	Description  string `json:"description"`
	Type         string `json:"type"`
	TotalMembers int    `json:"total_members"`
}

func (w *world) seedRoles() []*role {
	return []*role{
		{ownerRole, "Owner", "May do everything", "common", []string{"User:Edit", "User:Read", "Role:Edit", "Role:Read"}, 1},
		{adminRole, "Admin", "May do nearly everything", "common", []string{"User:Edit", "User:Read", "Role:Read"}, 2},
		{memberRole, "Member", "Hosts and joins, and manages nothing", "common", []string{}, 3},
		{w.supportRole(), "Support desk", "Helps & looks things up", "common", []string{"User:Read", "Group:Read"}, 3},
		{sealID(w.seed, sealOther, 2_001), "Revenue coach", "", "iq", []string{"IQ:Read"}, 3},
	}
}

func (w *world) supportRole() string { return sealID(w.seed, sealOther, 2_000) }

// roleOf returns the role of a user, by the rule of seedUser.
func (w *world) roleOf(i int) string {
	switch u := w.people.changed[i]; {
	case u != nil:
		return u.RoleID
	case i == owner:
		return ownerRole
	case i == host || i == 4:
		return adminRole
	}
	return memberRole
}

// members returns the users with a role.
func (w *world) members(id string) []int {
	var all []int
	for i := range w.opt.Users + w.people.added {
		if w.hasUser(i) && w.roleOf(i) == id {
			all = append(all, i)
		}
	}
	return all
}

// setRole changes the role of a user.
func (w *world) setRole(i int, r *role) {
	u := *w.user(i)
	u.RoleID, u.RoleName = r.ID, r.Name
	w.changeUser(i, &u)
}

func (w *world) role(id string) *role {
	at := slices.IndexFunc(w.roles, func(r *role) bool { return r.ID == id })
	if at < 0 {
		return nil
	}
	return w.roles[at]
}

func (c *call) findRole() (*role, error) {
	if r := c.world.role(c.path("roleId")); r != nil {
		return r, nil
	}
	return nil, badRequest(1034, "Provided `role_id` does not exist.")
}

func (w *world) listedRole(r *role) listedRole {
	return listedRole{r.ID, r.Name, r.Description, r.Type, len(w.members(r.ID))}
}

func listRoles(c *call) (any, error) {
	kind, err := c.choice("type", "common", "iq")
	if err != nil {
		return nil, err
	}
	all := []listedRole{}
	for _, r := range c.world.roles {
		if r.Type == kind {
			all = append(all, c.world.listedRole(r))
		}
	}
	return map[string]any{"roles": all, "total_records": len(all)}, nil
}

func getRole(c *call) (any, error) {
	r, err := c.findRole()
	if err != nil {
		return nil, err
	}
	scopes := []any{}
	if slices.Contains(r.Privileges, "Group:Read") {
		scopes = append(scopes, map[string]any{"permission_id": "Group:Read", "group_ids": []string{c.world.groupID(0)}})
	}
	return struct {
		listedRole
		Privileges           []string       `json:"privileges"`
		SubAccountPrivileges map[string]int `json:"sub_account_privileges"`
		PrivilegeScopes      []any          `json:"privilege_scopes"`
	}{c.world.listedRole(r), r.Privileges, map[string]int{"second_level": r.secondLevel}, scopes}, nil
}

// roleBody is the body of POST /roles and PATCH /roles/{roleId}.
type roleBody struct {
	Name                 *string  `json:"name"`
	Description          *string  `json:"description"`
	Type                 *string  `json:"type"`
	Privileges           []string `json:"privileges"`
	SubAccountPrivileges *struct {
		SecondLevel int `json:"second_level"`
	} `json:"sub_account_privileges"`
}

// nameFree returns an error if another role has the name.
func (c *call) nameFree(name *string, r *role) error {
	if name == nil {
		return nil
	}
	for _, other := range c.world.roles {
		if other != r && strings.EqualFold(other.Name, *name) {
			return badRequest(1224, "Role name "+*name+" has already been used.")
		}
	}
	return nil
}

// createRole returns an empty object: the document specifies an object without properties.
func createRole(c *call) (any, error) {
	var body roleBody
	if err := c.decode(&body); err != nil {
		return nil, err
	}
	if deref(body.Name) == "" {
		return nil, invalid("name")
	}
	if err := c.nameFree(body.Name, nil); err != nil {
		return nil, err
	}
	w := c.world
	w.lastID++
	r := &role{ID: sealID(w.seed, sealOther, 1<<40|w.lastID), Type: orElse(deref(body.Type), "common"), Privileges: []string{}, secondLevel: 3}
	body.apply(r)
	w.roles = append(w.roles, r)
	return map[string]any{}, nil
}

func (b *roleBody) apply(r *role) {
	set(&r.Name, b.Name)
	set(&r.Description, b.Description)
	if b.Privileges != nil {
		r.Privileges = b.Privileges
	}
	if s := b.SubAccountPrivileges; s != nil && s.SecondLevel >= 1 && s.SecondLevel <= 3 {
		r.secondLevel = s.SecondLevel
	}
}

func updateRole(c *call) (any, error) {
	r, err := c.findRole()
	if err != nil {
		return nil, err
	}
	var body roleBody
	if err := c.decode(&body); err != nil {
		return nil, err
	}
	if err := c.nameFree(body.Name, r); err != nil {
		return nil, err
	}
	body.apply(r)
	return map[string]any{}, nil
}

// deleteRole makes members of the role ordinary members. The three predefined roles cannot be
// deleted; Zoom's answer for them is not documented.
func deleteRole(c *call) (any, error) {
	r, err := c.findRole()
	if err != nil {
		return nil, err
	}
	w := c.world
	if slices.Contains([]string{ownerRole, adminRole, memberRole}, r.ID) {
		return nil, badRequest(1034, "Provided `role_id` does not exist.")
	}
	for _, i := range w.members(r.ID) {
		w.setRole(i, w.role(memberRole))
	}
	w.roles = slices.DeleteFunc(w.roles, func(other *role) bool { return other == r })
	return nil, nil
}

func listRoleMembers(c *call) (any, error) {
	r, err := c.findRole()
	if err != nil {
		return nil, err
	}
	all := c.world.members(r.ID)
	return c.page(len(all), func(k int) any {
		u := c.world.user(all[k])
		return map[string]any{
			"department": deref(u.Dept), "email": u.Email, "first_name": u.FirstName, "id": u.ID, "last_name": u.LastName, "type": u.Type,
		}
	}, c.pageNumber())
}

// membersBody is the body of POST /roles/{roleId}/members and POST /groups/{groupId}/members.
type membersBody struct {
	Members []struct {
		ID    string `json:"id"`
		Email string `json:"email"`
	} `json:"members"`
}

// named returns the users that a body names, without those whom the account does not have.
func (c *call) named(body membersBody) []int {
	var users []int
	for _, m := range body.Members {
		if i, ok := c.userIndex(orElse(m.ID, m.Email)); ok && c.world.hasUser(i) {
			users = append(users, i)
		}
	}
	return users
}

// addRoleMembers assigns a role. It ignores users whom the account does not have; Zoom documents
// no error for them.
func addRoleMembers(c *call) (any, error) {
	r, err := c.findRole()
	if err != nil {
		return nil, err
	}
	var body membersBody
	if err := c.decode(&body); err != nil {
		return nil, err
	}
	if len(body.Members) > 30 {
		return nil, invalid("members")
	}
	if r.ID == ownerRole || r.ID == memberRole {
		return nil, badRequest(300, "Can't delete or add members for Normal/Owner roles.")
	}
	var ids []string
	for _, i := range c.named(body) {
		c.world.setRole(i, r)
		ids = append(ids, c.world.userID(i))
	}
	return map[string]any{"add_at": stamp(c.now), "ids": strings.Join(ids, ",")}, nil
}

func deleteRoleMember(c *call) (any, error) {
	r, err := c.findRole()
	if err != nil {
		return nil, err
	}
	i, ok := c.userIndex(c.path("memberId"))
	if !ok || !c.world.hasUser(i) || c.world.roleOf(i) != r.ID {
		return nil, notFound(404, "Member does not exist: "+strconv.Quote(c.path("memberId"))+".")
	}
	c.world.setRole(i, c.world.role(memberRole))
	return nil, nil
}
