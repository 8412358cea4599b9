package zoom

import (
	"context"

	"zoomql/internal/zoom/types"
)

// GroupKey names a group by Zoom's id.
type GroupKey struct {
	GroupID string `path:"groupId"`
}

// MaxGroups is how many groups an account may have.
//
// Source: POST /groups.
const MaxGroups = 5000

const groupRead = "group:read:admin group:write:admin "

// The operations on groups of users. A list of members has the tag of its group too: each change
// of the members changes the group's number of them.
var (
	GetGroup = op[GroupKey, types.Group](Spec{
		Pattern: "GET /groups/{groupId}", Rate: Light, Life: Slow,
		Scopes: groupRead + "group:read:group:admin",
		Tags:   []string{"group:{groupId}", "every-group"},
	})
	ListGroups = list[NoFilter, types.Group](Spec{
		Pattern: "GET /groups", Rate: Medium, Life: Slow, Array: "groups", MaxPage: 300,
		Scopes: groupRead + "group:read:list_groups:admin",
		Tags:   []string{"groups"},
	})
	ListGroupMembers = list[GroupKey, types.GroupMember](Spec{
		Pattern: "GET /groups/{groupId}/members", Rate: Medium, Life: Slow, Array: "members", MaxPage: 2000,
		Scopes: groupRead + "group:read:list_members:admin",
		Tags:   []string{"group:{groupId}", "group-members"},
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
	return groups.find(ctx, c, ids)
}
