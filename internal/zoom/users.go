package zoom

import (
	"context"
	"strings"

	"zoomql/internal/zoom/types"
)

// UserKey names a user by Zoom's id, by e-mail address, or as "me".
type UserKey struct {
	UserID string `path:"userId"`
}

// UserFilter picks users of the account.
type UserFilter struct {
	Status types.UserStatus `query:"status"`
	RoleID string           `query:"role_id"`
}

// The operations on users.
var (
	GetUser = op[UserKey, types.User](Spec{
		Pattern: "GET /users/{userId}", Rate: Light, Life: Slow, Key: []string{"id", "email"},
		Scopes: "user:read user:write user:read:admin user:write:admin user_profile user_info:read user:read:user user:read:user:admin",
		Tags:   []string{"user:{userId}"},
		Aliases: func(answer any) []string {
			return userKeys(answer.(*types.User))
		},
	})
	ListUsers = list[UserFilter, types.User](Spec{
		Pattern: "GET /users", Rate: Medium, Life: Slow, Array: "users", MaxPage: 2000,
		Scopes: "user:read user:write user:read:admin user:write:admin user:read:list_users:admin",
		Tags:   []string{"users"},
	})
)

// userKeys are the names by which a user is asked for.
func userKeys(u *types.User) []string {
	return []string{string(u.ZoomID), strings.ToLower(string(u.Email))}
}

var users = directory[types.User]{
	one: GetUser.Spec, list: ListUsers.Spec, keys: userKeys,
	get: func(ctx context.Context, c *Client, key string) (*types.User, error) {
		return GetUser.Do(ctx, c, UserKey{key})
	},
	known: func(ctx context.Context, c *Client, key string) (Found[types.User], bool) {
		u, ok, err := GetUser.Known(ctx, c, UserKey{key})
		return Found[types.User]{u, err}, ok
	},
	listings: []*listing[types.User]{
		listingOf("users active", ListUsers, UserFilter{Status: types.UserStatusActive}),
		listingOf("users inactive", ListUsers, UserFilter{Status: types.UserStatusInactive}),
		listingOf("users pending", ListUsers, UserFilter{Status: types.UserStatusPending}),
	},
}

// FindUsers returns users by id or by e-mail in lower case, in the order of the
// keys, at the least cost. They may come from lists and then hold what lists
// hold (see types.Origin).
func FindUsers(ctx context.Context, c *Client, keys []string) []Found[types.User] {
	return users.find(ctx, c, keys)
}

// UserIn returns the user with an id or e-mail in lower case from a page, or nil.
func UserIn(page *Page[types.User], name string) *types.User {
	return page.Index(userKeys)[name]
}
