package zoom

import "zoomql/internal/zoom/types"

// NewUser is a user to be added to the account.
type NewUser struct {
	Body NewUserBody `body:""`
}

// NewUserBody is the user to be added, and the way of adding.
type NewUserBody struct {
	Action types.CreateUserAction `json:"action"`
	User   *types.NewUser         `json:"user_info"`
}

// UserPatch changes a user.
type UserPatch struct {
	UserID               string           `path:"userId"`
	LoginType            *types.LoginType `query:"login_type"`
	RemoveTSPCredentials *bool            `query:"remove_tsp_credentials" acts:"true"`
	Patch                *types.UserPatch `body:""`
}

// UserRemoval removes a user from the account.
type UserRemoval struct {
	UserID     string                 `path:"userId"`
	Action     types.DeleteUserAction `query:"action"`
	Email      string                 `query:"transfer_email"` // of the user who gets the data
	Meetings   *bool                  `query:"transfer_meeting"`
	Webinars   *bool                  `query:"transfer_webinar"`
	Recordings *bool                  `query:"transfer_recording"`
	Whiteboard *bool                  `query:"transfer_whiteboard"`
	Clips      *bool                  `query:"transfer_clipfiles"`
	Notes      *bool                  `query:"transfer_notes"`
	Visitors   *bool                  `query:"transfer_visitors"`
	Docs       *bool                  `query:"transfer_docs"`
	Events     *bool                  `query:"transfer_events"`
}

// newUsers is the daily quota for adding users, which Zoom counts per account.
//
// Source: POST /users.
var newUsers = Quota{
	Name: "users created", PerPlan: map[Plan]int{Free: 50, Pro: 1500, Business: 10_000},
	Only: struct{ Var, Value string }{"action", "create"},
}

const userWrite = "user:write user:write:admin "

// The operations that change users.
var (
	CreateUser = op[NewUser, types.CreatedUser](Spec{
		Pattern: "POST /users", Rate: Light, Key: []string{"id", "email"},
		Scopes: userWrite + "user:write:user:admin",
		Evicts: []string{"users", "roles"},
		Quotas: []Quota{newUsers},
	})
	UpdateUser = op[UserPatch, struct{}](Spec{
		Pattern: "PATCH /users/{userId}", Rate: Light, Exclusive: "userId",
		Scopes: userWrite + "user:update:user user:update:user:admin",
		Evicts: []string{"user:{userId}", "users", "role-members", "group-members", "groups", "every-group"},
	})
	DeleteUser = op[UserRemoval, struct{}](Spec{
		Pattern: "DELETE /users/{userId}", Rate: Light, Exclusive: "userId",
		Scopes: userWrite + "user:delete:user user:delete:user:admin",
		// The id of the new host of the meetings and webinars is not known.
		Evicts: []string{"user:{userId}", "users", "meetings", "webinars", "roles", "role-members", "group-members", "groups", "every-group"},
	})
)
