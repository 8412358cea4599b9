package zoom

import "zoomql/internal/zoom/types"

// PolicyKey names a policy by Zoom's id.
type PolicyKey struct {
	PolicyID string `path:"policyId"`
}

// NewPolicy is a policy to be created.
type NewPolicy struct {
	Policy PolicyBody `body:""`
}

// PolicyPatch replaces a policy: Zoom accepts only a whole one.
type PolicyPatch struct {
	PolicyID string     `path:"policyId"`
	Policy   PolicyBody `body:""`
}

// PolicyBody is a policy as Zoom reads it: every field is required. The id of a policy to
// be created is empty.
type PolicyBody struct {
	ID              string                         `json:"id"`
	Name            string                         `json:"policy_name"`
	Status          types.InformationBarrierStatus `json:"status"`
	Type            types.InformationBarrierType   `json:"type"`
	AssignedGroupID string                         `json:"assigned_group_id"`
	ToGroupID       string                         `json:"to_group_id"`
	Settings        PolicySettings                 `json:"settings"`
}

// PolicySettings are the means of communication that are forbidden between the two groups.
type PolicySettings struct {
	Meeting            bool `json:"meeting"`
	InMeetingChat      bool `json:"in_meeting_chat"`
	FileTransfer       bool `json:"file_transfer"`
	ScreenShare        bool `json:"screen_share"`
	Recording          bool `json:"recording"`
	IM                 bool `json:"im"`
	CompletePhoneCalls bool `json:"complete_phone_calls"`
	MessageViaSMS      bool `json:"message_via_sms"`
}

// NoFilter selects all objects of an account.
type NoFilter struct{}

const (
	barrierRead  = "information_barriers:read:admin "
	barrierWrite = "information_barriers:write:admin "
)

var policyTags = []string{"information-barriers"}

// The operations on information barriers.
var (
	GetPolicy = op[PolicyKey, types.InformationBarrierPolicy](Spec{
		Pattern: "GET /information_barriers/policies/{policyId}", Rate: Medium, Life: Slow,
		Scopes: barrierRead + "information_barrier:read:policy:admin",
		Tags:   policyTags,
	})
	ListPolicies = list[NoFilter, types.InformationBarrierPolicy](Spec{
		Pattern: "GET /information_barriers/policies", Rate: Medium, Life: Slow, Array: "policies", MaxPage: 300,
		Scopes: barrierRead + "information_barrier:read:list_policies:admin",
		Tags:   policyTags,
	})
	CreatePolicy = op[NewPolicy, types.InformationBarrierPolicy](Spec{
		Pattern: "POST /information_barriers/policies", Rate: Medium,
		Scopes: barrierWrite + "information_barrier:write:policy:admin",
		Evicts: policyTags,
	})
	UpdatePolicy = op[PolicyPatch, struct{}](Spec{
		Pattern: "PATCH /information_barriers/policies/{policyId}", Rate: Medium,
		Scopes: barrierWrite + "information_barrier:update:policy:admin",
		Evicts: policyTags,
	})
	DeletePolicy = op[PolicyKey, struct{}](Spec{
		Pattern: "DELETE /information_barriers/policies/{policyId}", Rate: Medium,
		Scopes: barrierWrite + "information_barrier:delete:policy:admin",
		Evicts: policyTags,
	})
)
