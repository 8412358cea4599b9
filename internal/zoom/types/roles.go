package types

// ID returns the global id of the role.
func (r *Role) ID() NodeID { return NodeID{r.Account, "Role", string(r.ZoomID)} }

// Mark identifies a user within the role.
func (m *RoleMember) Mark() string { return string(m.ZoomID) }
