package zoom

import (
	"context"

	"zoomql/internal/zoom/types"
)

// GroupKey names a group by Zoom's id.
type GroupKey struct {
	GroupID string `path:"groupId"`
}

// NewGroup is a group to be created.
type NewGroup struct {
	Group *types.NewGroup `body:""`
}

// GroupPatch changes a group.
type GroupPatch struct {
	GroupID string            `path:"groupId"`
	Patch   *types.GroupPatch `body:""`
}

// GroupMembers adds up to [MaxMembersPerCall] users to a group.
type GroupMembers struct {
	GroupID string      `path:"groupId"`
	Body    MembersBody `body:""`
}

// GroupMemberKey names a user who is in a group.
type GroupMemberKey struct {
	GroupID  string `path:"groupId"`
	MemberID string `path:"memberId"`
}

// MaxGroups is how many groups an account may have.
//
// Source: POST /groups.
const MaxGroups = 5000

// newGroups is the daily quota for creating groups, which Zoom counts per account.
//
// Source: POST /groups.
var newGroups = Quota{Name: "groups created", PerDay: 100}

const (
	groupRead  = "group:read:admin group:write:admin "
	groupWrite = "group:write:admin "
)

// The operations on groups of users. A list of members has the tag of its group too: each change
// of the members changes the group's number of them.
var (
	GetGroup = op[GroupKey, types.Group](Spec{
		Pattern: "GET /groups/{groupId}", Rate: Light, Life: Slow,
		Scopes: groupRead + "group:read:group:admin",
		Tags:   []string{"group:{groupId}", "every-group"},
	})
	ListGroups = list[NoFilter, types.Group](Spec{
		Pattern: "GET /groups", Rate: Medium, Life: Slow, Array: "groups", MaxPage: 300, Short: true,
		Scopes: groupRead + "group:read:list_groups:admin",
		Tags:   []string{"groups"},
	})
	CreateGroup = op[NewGroup, types.Group](Spec{
		Pattern: "POST /groups", Rate: Light,
		Scopes: groupWrite + "group:write:group:admin",
		Evicts: []string{"groups"},
		Quotas: []Quota{newGroups},
	})
	UpdateGroup = op[GroupPatch, struct{}](Spec{
		Pattern: "PATCH /groups/{groupId}", Rate: Light,
		Scopes: groupWrite + "group:update:group:admin",
		Evicts: []string{"group:{groupId}", "groups"},
	})
	DeleteGroup = op[GroupKey, struct{}](Spec{
		Pattern: "DELETE /groups/{groupId}", Rate: Light,
		Scopes: groupWrite + "group:delete:group:admin",
		// Which users were in it is not known.
		Evicts: []string{"group:{groupId}", "groups", "users", "every-user"},
	})
	ListGroupMembers = list[GroupKey, types.GroupMember](Spec{
		Pattern: "GET /groups/{groupId}/members", Rate: Medium, Life: Slow, Array: "members", MaxPage: 2000,
		Scopes: groupRead + "group:read:list_members:admin",
		Tags:   []string{"group:{groupId}", "group-members"},
	})
	AddGroupMembers = op[GroupMembers, types.GroupAddition](Spec{
		Pattern: "POST /groups/{groupId}/members", Rate: Medium,
		Scopes: groupWrite + "group:write:member:admin",
		Evicts: []string{"group:{groupId}", "groups", "users"},
	})
	DeleteGroupMember = op[GroupMemberKey, struct{}](Spec{
		Pattern: "DELETE /groups/{groupId}/members/{memberId}", Rate: Light,
		Scopes: groupWrite + "group:delete:member:admin",
		Evicts: []string{"group:{groupId}", "groups", "users"},
	})
)

var groups = directory[types.Group]{
	one: GetGroup.Spec, list: ListGroups.Spec,
	keys: func(g *types.Group) []string { return []string{string(g.ZoomID)} },
	get: func(ctx context.Context, c *Client, id string) (*types.Group, error) {
		return GetGroup.Do(ctx, c, GroupKey{id})
	},
	known: func(ctx context.Context, c *Client, id string) (Found[types.Group], bool) {
		g, ok, err := GetGroup.Known(ctx, c, GroupKey{id})
		return Found[types.Group]{g, err}, ok
	},
	listings: []*listing[types.Group]{listingOf("groups", ListGroups, NoFilter{})},
}

// FindGroups returns groups by id, in the order of the ids, at the least cost.
func FindGroups(ctx context.Context, c *Client, ids []string) []Found[types.Group] {
	return groups.find(ctx, c, ids, nil)
}
