package zoom

import "zoomql/internal/zoom/types"

// RoleKey names a role by Zoom's id.
type RoleKey struct {
	RoleID string `path:"roleId"`
}

// RoleFilter selects roles of the account.
type RoleFilter struct {
	Type types.RoleType `query:"type"`
}

// Roles is Zoom's answer to RoleFilter: it has no pages.
type Roles struct {
	Roles []*types.Role `json:"roles"`
	Counted
}

// NewRole is a role to be created.
type NewRole struct {
	Role *types.NewRole `body:""`
}

// RolePatch changes a role.
type RolePatch struct {
	RoleID string           `path:"roleId"`
	Patch  *types.RolePatch `body:""`
}

// RoleMembers assigns a role to up to [MaxMembersPerCall] users.
type RoleMembers struct {
	RoleID string      `path:"roleId"`
	Body   MembersBody `body:""`
}

// MembersBody names users who get a role, or are added to a group.
type MembersBody struct {
	Members []MemberName `json:"members"`
}

// MemberName names a user in a body, by id or e-mail address.
type MemberName struct {
	ID    string `json:"id,omitzero"`
	Email string `json:"email,omitzero"`
}

// RoleTypes are the types of roles. Zoom has one list for each.
var RoleTypes = []types.RoleType{types.RoleTypeCommon, types.RoleTypeIq}

// MaxMembersPerCall is how many users one call may assign a role to, or add to a group.
const MaxMembersPerCall = 30

// RoleMemberKey names a user who has a role.
type RoleMemberKey struct {
	RoleID   string `path:"roleId"`
	MemberID string `path:"memberId"`
}

const (
	roleRead  = "role:read:admin role:write:admin "
	roleWrite = "role:write:admin "
)

// The operations on roles. Zoom documents no answer to CreateRole, and its status 200 as that
// of a missing permission: only the list of roles proves that a role was made.
var (
	GetRole = op[RoleKey, types.Role](Spec{
		Pattern: "GET /roles/{roleId}", Rate: Light, Life: Slow,
		Scopes: roleRead + "role:read:role role:read:role:admin",
		Tags:   []string{"role:{roleId}", "roles"},
	})
	ListRoles = op[RoleFilter, Roles](Spec{
		Pattern: "GET /roles", Rate: Medium, Life: Slow,
		Scopes: roleRead + "role:read:list_roles role:read:list_roles:admin",
		Tags:   []string{"roles"},
	})
	CreateRole = op[NewRole, types.Role](Spec{
		Pattern: "POST /roles", Rate: Light, Key: []string{},
		Scopes: roleWrite + "role:write:role role:write:role:admin",
		Evicts: []string{"roles"},
	})
	UpdateRole = op[RolePatch, struct{}](Spec{
		Pattern: "PATCH /roles/{roleId}", Rate: Light,
		Scopes: roleWrite + "role:update:role role:update:role:admin",
		Evicts: []string{"roles"},
	})
	DeleteRole = op[RoleKey, struct{}](Spec{
		Pattern: "DELETE /roles/{roleId}", Rate: Light,
		Scopes: roleWrite + "role:delete:role role:delete:role:admin",
		Evicts: []string{"roles", "role-members", "users", "every-user"},
	})
	ListRoleMembers = list[RoleKey, types.RoleMember](Spec{
		Pattern: "GET /roles/{roleId}/members", Rate: Medium, Life: Slow, Array: "members", MaxPage: 300,
		Scopes: roleRead + "role:read:list_members role:read:list_members:admin",
		Tags:   []string{"role-members"},
	})
	AddRoleMembers = op[RoleMembers, types.RoleAssignment](Spec{
		Pattern: "POST /roles/{roleId}/members", Rate: Medium,
		Scopes: roleWrite + "role:write:member role:write:member:admin",
		Evicts: []string{"roles", "role-members", "users"},
	})
	DeleteRoleMember = op[RoleMemberKey, struct{}](Spec{
		Pattern: "DELETE /roles/{roleId}/members/{memberId}", Rate: Light,
		Scopes: roleWrite + "role:delete:member role:delete:member:admin",
		Evicts: []string{"roles", "role-members", "users"},
	})
)
