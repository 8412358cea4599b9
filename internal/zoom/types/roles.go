package types

// ID returns the global id of the role.
func (r *Role) ID() NodeID { return NodeID{r.Account, "Role", string(r.ZoomID)} }

// Mark returns what tells a user from the others of the role.
func (m *RoleMember) Mark() string { return string(m.ZoomID) }
