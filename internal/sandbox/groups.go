package sandbox

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
)

func init() {
	handle("GET /groups", listGroups, paid)
	handle("POST /groups", createGroup, paid, daily(newGroups))
	handle("GET /groups/{groupId}", getGroup, paid)
	handle("PATCH /groups/{groupId}", updateGroup, paid)
	handle("DELETE /groups/{groupId}", deleteGroup, paid)
	handle("GET /groups/{groupId}/members", listGroupMembers, paid)
	handle("POST /groups/{groupId}/members", addGroupMembers, paid)
	handle("DELETE /groups/{groupId}/members/{memberId}", deleteGroupMember, paid)
}

// newGroups is the quota of POST /groups, and maxGroups how many an account may have. Zoom does not
// document the refusal of the quota.
//
// Source: POST /groups.
var newGroups = quota{name: "groups", perDay: 100, account: true, of: func(*call) []string { return []string{"account"} }}

const maxGroups = 5000

// group is a group of users. The users have their groups.
type group struct {
	ID   string
	Name string
}

// groupAnswer is a group in answers.
type groupAnswer struct {
	ID           string `json:"id"`
	Name         string `json:"name"`
	TotalMembers int    `json:"total_members"`
}

// hostsGroup is the group whose only member is the host of the landmarks. Some users are in one of
// those before it.
const hostsGroup = 5

func (w *world) groupID(n int) string { return sealID(w.seed, sealOther, 1000+uint64(n)) }

func (w *world) seedGroups() []*group {
	var all []*group
	for n, name := range []string{"Trading floor", "Analysts", "Auditors", "Consultants", "Compliance", hostsGroup: "Large events"} {
		all = append(all, &group{w.groupID(n), name})
	}
	return all
}

// seededGroups returns the groups of each seeded user.
func (w *world) seededGroups() [][]string {
	all := make([][]string, w.opt.Users)
	for i := range all {
		all[i] = w.seedUser(i).GroupIDs
	}
	return all
}

// groupsOf returns the groups of a user.
func (w *world) groupsOf(i int) []string {
	switch u := w.people.changed[i]; {
	case u != nil:
		return u.GroupIDs
	case i < w.opt.Users:
		return w.bySeed()[i]
	}
	return nil
}

// inGroup returns the users who are in a group.
func (w *world) inGroup(id string) []int {
	var all []int
	for i := range w.opt.Users + w.people.added {
		if w.hasUser(i) && slices.Contains(w.groupsOf(i), id) {
			all = append(all, i)
		}
	}
	return all
}

func (w *world) groupAnswer(g *group) groupAnswer {
	return groupAnswer{g.ID, g.Name, len(w.inGroup(g.ID))}
}

func (c *call) findGroup() (*group, error) {
	id := c.path("groupId")
	at := slices.IndexFunc(c.world.groups, func(g *group) bool { return g.ID == id })
	if at < 0 {
		return nil, notFound(4130, "No group has the id "+id+".")
	}
	return c.world.groups[at], nil
}

func listGroups(c *call) (any, error) {
	all := c.world.groups
	p, err := c.page(len(all), func(i int) any { return c.world.groupAnswer(all[i]) })
	if err != nil {
		return nil, err
	}
	return p.without("page_count", "page_size"), nil
}

func getGroup(c *call) (any, error) {
	g, err := c.findGroup()
	if err != nil {
		return nil, err
	}
	return c.world.groupAnswer(g), nil
}

func listGroupMembers(c *call) (any, error) {
	g, err := c.findGroup()
	if err != nil {
		return nil, err
	}
	all := c.world.inGroup(g.ID)
	return c.page(len(all), func(k int) any {
		u := c.world.user(all[k])
		return map[string]any{"email": u.Email, "first_name": u.FirstName, "id": u.ID, "last_name": u.LastName, "type": u.Type}
	}, c.pageNumber())
}

// groupBody is the body of POST /groups and PATCH /groups/{groupId}.
type groupBody struct {
	Name *string `json:"name"`
}

// groupName returns the name in a body: "" if it has none. No other group than g may have it.
func (c *call) groupName(g *group) (string, error) {
	var body groupBody
	if err := c.decode(&body); err != nil {
		return "", err
	}
	name := deref(body.Name)
	if body.Name != nil && (name == "" || len([]rune(name)) > 127) {
		return "", invalid("name")
	}
	if slices.ContainsFunc(c.world.groups, func(other *group) bool { return other != g && strings.EqualFold(other.Name, name) }) {
		return "", &zoomError{http.StatusConflict, 4132, "Another group has the name " + strconv.Quote(name) + ".", nil}
	}
	return name, nil
}

func createGroup(c *call) (any, error) {
	name, err := c.groupName(nil)
	w := c.world
	switch {
	case err != nil:
		return nil, err
	case name == "":
		return nil, invalid("name")
	case len(w.groups) >= maxGroups:
		return nil, badRequest(300, "The account has reached the maximum number of groups.")
	}
	w.lastID++
	g := &group{sealID(w.seed, sealOther, 1<<42|w.lastID), name}
	w.groups = append(w.groups, g)
	return w.groupAnswer(g), nil
}

func updateGroup(c *call) (any, error) {
	g, err := c.findGroup()
	if err != nil {
		return nil, err
	}
	name, err := c.groupName(g)
	if err != nil {
		return nil, err
	}
	g.Name = orElse(name, g.Name)
	return nil, nil
}

// deleteGroup refuses groups that an information barrier separates.
func deleteGroup(c *call) (any, error) {
	g, err := c.findGroup()
	if err != nil {
		return nil, err
	}
	w := c.world
	if slices.ContainsFunc(w.policies, func(p *policy) bool {
		return slices.Contains([]string{p.AssignedGroupID, p.ToGroupID, p.ChaperoneGroupID}, g.ID)
	}) {
		return nil, badRequest(200, "This group cannot be deleted: an information barrier uses it.")
	}
	for _, i := range w.inGroup(g.ID) {
		w.leaveGroup(i, g)
	}
	w.groups = slices.DeleteFunc(w.groups, func(other *group) bool { return other == g })
	return nil, nil
}

func (w *world) setGroups(i int, ids []string) {
	u := *w.user(i)
	u.GroupIDs = ids
	w.changeUser(i, &u)
}

func (w *world) leaveGroup(i int, g *group) {
	w.setGroups(i, slices.DeleteFunc(slices.Clone(w.groupsOf(i)), func(id string) bool { return id == g.ID }))
}

// addGroupMembers ignores users whom the account does not have; Zoom documents no error for them.
func addGroupMembers(c *call) (any, error) {
	g, err := c.findGroup()
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
	var ids []string
	for _, i := range c.named(body) {
		if groups := c.world.groupsOf(i); !slices.Contains(groups, g.ID) {
			c.world.setGroups(i, append(slices.Clip(groups), g.ID))
		}
		ids = append(ids, c.world.userID(i))
	}
	return map[string]any{"added_at": stamp(c.now), "ids": strings.Join(ids, ",")}, nil
}

func deleteGroupMember(c *call) (any, error) {
	g, err := c.findGroup()
	if err != nil {
		return nil, err
	}
	i, ok := c.userIndex(c.path("memberId"))
	if !ok || !c.world.hasUser(i) || !slices.Contains(c.world.groupsOf(i), g.ID) {
		return nil, notFound(4131, "The group has no member "+strconv.Quote(c.path("memberId"))+".")
	}
	c.world.leaveGroup(i, g)
	return nil, nil
}
