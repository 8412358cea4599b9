package types

import "cmp"

// ID returns the global id of the group.
func (g *Group) ID() NodeID { return NodeID{g.Account, "Group", string(g.ZoomID)} }

// Mark identifies a user within the group. An invited one has no id.
func (m *GroupMember) Mark() string { return string(cmp.Or(m.ZoomID, m.Email)) }
