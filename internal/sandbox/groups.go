package sandbox

import "slices"

func init() {
	handle("GET /groups", listGroups, paid)
	handle("GET /groups/{groupId}", getGroup, paid)
	handle("GET /groups/{groupId}/members", listGroupMembers, paid)
}

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
