package zoom

import (
	"cmp"
	"context"
	"errors"
	"hash/fnv"
	"slices"
	"strings"

	"zoomql/internal/zoom/types"
)

// UserKey names a user by Zoom's id, by e-mail address, or as "me".
type UserKey struct {
	UserID string `path:"userId"`
}

// UserFilter selects users of the account.
type UserFilter struct {
	Status types.UserStatus `query:"status"`
	RoleID string           `query:"role_id"`
}

// The operations on users.
var (
	GetUser = op[UserKey, types.User](Spec{
		Pattern: "GET /users/{userId}", Rate: Light, Life: Slow, Key: []string{"id", "email"},
		Scopes: "user:read user:write user:read:admin user:write:admin user_profile user_info:read user:read:user user:read:user:admin",
		Tags:   []string{"user:{userId}", "every-user"},
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

// userKeys returns the keys of a user in lookups: the id, and the e-mail address in lower case.
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

// UserLists is how many lists the users of an account are in.
const UserLists = 3

// FindUsers returns users by id or by e-mail address in lower case, in the order of the
// keys, at the least cost. They may come from lists, and then have only the fields of lists
// (see types.Origin).
func FindUsers(ctx context.Context, c *Client, keys []string, later Later) []Found[types.User] {
	return users.find(ctx, c, keys, later)
}

// FindUsersWhole is FindUsers, by e-mail address, for fields that lists lack. A user that is found
// in a list has to be read all the same, so a list saves only the calls for addresses without a
// user. If all lists use clearly less of the budget than a call for each address, it requests a
// few addresses one by one, and reads pages for the others only if three quarters of the few have
// no user. read MUST be closed when the users that the caller requests at the same time are in the
// cache: the other addresses are looked up after that.
func FindUsersWhole(ctx context.Context, c *Client, emails []string, read <-chan struct{}) []Found[types.User] {
	if read, forced := c.forced(users.list, len(emails)); forced {
		return users.findBy(ctx, c, emails, searchLimits{noPages: !read})
	}
	if len(emails) <= sampled || !users.allPay(c, users.newBudget(c, len(emails)-sampled)) {
		return users.findBy(ctx, c, emails, searchLimits{noPages: true})
	}
	places, order := make([]int, len(emails)), make([]uint64, len(emails))
	for i, email := range emails {
		places[i], order[i] = i, hashOf(email)
	}
	slices.SortFunc(places, func(a, b int) int { // so that the sample does not depend on the order in the query
		return cmp.Or(cmp.Compare(order[a], order[b]), cmp.Compare(emails[a], emails[b]))
	})
	found := make([]Found[types.User], len(emails))
	find := func(places []int, noPages bool) {
		names := make([]string, len(places))
		for n, i := range places {
			names[n] = emails[i]
		}
		for n, f := range users.findBy(ctx, c, names, searchLimits{noPages: noPages}) {
			found[places[n]] = f
		}
	}
	find(places[:sampled], true)
	unknown := 0
	for _, i := range places[:sampled] {
		if errors.Is(found[i].Err, ErrNotFound) {
			unknown++
		}
	}
	<-read
	find(places[sampled:], 4*unknown < 3*sampled)
	return found
}

// sampled is the number of e-mail addresses that are requested one by one, to estimate how many
// have no user.
const sampled = 8

func hashOf(text string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(text))
	return h.Sum64()
}

// userID returns the id of the user with an e-mail address if the cache has the user; otherwise,
// and for other names, it returns the name. It makes no call.
func (m *machine) userID(ctx context.Context, req *Request, name string) string {
	if m.cached.store == nil || !strings.Contains(name, "@") {
		return name
	}
	client := &Client{machine: m, credential: req.Credential, sub: req.Account}
	ask, err := GetUser.request(client, UserKey{strings.ToLower(name)}, nil)
	if err != nil {
		return name
	}
	if found := m.cached.look(ctx, ask, everywhere); found.resp != nil && found.refused == nil {
		if u, _ := found.resp.Value.(*types.User); u != nil && u.ZoomID != "" {
			return string(u.ZoomID)
		}
	}
	return name
}

// UserIn returns the user with an id, or an e-mail address in lower case, from a page; nil if the
// page does not have the user.
func UserIn(page *Page[types.User], name string) *types.User {
	return page.Index(userKeys)[name]
}
