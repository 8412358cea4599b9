package types

import "cmp"

// ID returns the global id of the role.
func (r *Role) ID() NodeID { return NodeID{r.Account, "Role", string(r.ZoomID)} }

// Mark identifies a user within the role. An invited one has no id.
func (m *RoleMember) Mark() string { return string(cmp.Or(m.ZoomID, m.Email)) }
