package sandbox

import (
	"slices"
	"strings"
)

func init() {
	handle("GET /information_barriers/policies", listPolicies, paid)
	handle("POST /information_barriers/policies", createPolicy, paid)
	handle("GET /information_barriers/policies/{policyId}", getPolicy, paid)
	handle("PATCH /information_barriers/policies/{policyId}", updatePolicy, paid, answersOK)
	handle("DELETE /information_barriers/policies/{policyId}", deletePolicy, paid)
}

// policy is an information barrier between two groups.
type policy struct {
	ID               string         `json:"id"`
	Name             string         `json:"policy_name"`
	AssignedGroupID  string         `json:"assigned_group_id"`
	ToGroupID        string         `json:"to_group_id"`
	ChaperoneGroupID string         `json:"chaperone_group_id,omitempty"` // in lists only
	Settings         policySettings `json:"settings"`
	Status           int            `json:"status"`
	Type             int            `json:"type"`
}

type policySettings struct {
	CompletePhoneCalls bool `json:"complete_phone_calls"`
	FileTransfer       bool `json:"file_transfer"`
	IM                 bool `json:"im"`
	InMeetingChat      bool `json:"in_meeting_chat"`
	Meeting            bool `json:"meeting"`
	MessageViaSMS      bool `json:"message_via_sms"`
	Recording          bool `json:"recording"`
	ScreenShare        bool `json:"screen_share"`
}

func (w *world) seedPolicies() []*policy {
	id := func(n uint64) string { return sealID(w.seed, sealOther, 3_000+n) }
	group := w.groupID
	return []*policy{
		{id(0), "Traders & analysts", group(0), group(1), group(4), policySettings{Meeting: true, IM: true, CompletePhoneCalls: true}, 1, 0},
		{id(1), "Auditors", group(2), group(3), "", policySettings{ScreenShare: true, Recording: true, FileTransfer: true}, 0, 0},
	}
}

// alone returns a policy in the form of the operations on one policy.
func (p *policy) alone() *policy {
	other := *p
	other.ChaperoneGroupID = ""
	return &other
}

func listPolicies(c *call) (any, error) {
	all := c.world.policies
	p, err := c.page(len(all), func(i int) any { return all[i] })
	if err != nil {
		return nil, err
	}
	return p.without("page_count", "page_size"), nil
}

func (c *call) findPolicy() (*policy, error) {
	at := slices.IndexFunc(c.world.policies, func(p *policy) bool { return p.ID == c.path("policyId") })
	if at < 0 {
		return nil, badRequest(7001, "Group policy not found: "+c.path("policyId")+".")
	}
	return c.world.policies[at], nil
}

func getPolicy(c *call) (any, error) {
	p, err := c.findPolicy()
	if err != nil {
		return nil, err
	}
	return p.alone(), nil
}

func createPolicy(c *call) (any, error) {
	p := &policy{}
	if err := c.decodePolicy(p); err != nil {
		return nil, err
	}
	w := c.world
	w.lastID++
	p.ID = sealID(w.seed, sealOther, 1<<41|w.lastID)
	w.policies = append(w.policies, p)
	return p, nil
}

// decodePolicy decodes a policy, which must be complete.
func (c *call) decodePolicy(p *policy) error {
	id := p.ID
	var there map[string]any
	if err := c.decode(&there); err != nil {
		return err
	}
	var wrong []string
	for _, name := range []string{"assigned_group_id", "id", "policy_name", "settings", "status", "to_group_id", "type"} {
		if _, ok := there[name]; !ok {
			wrong = append(wrong, name)
		}
	}
	if wrong != nil {
		return invalid(wrong...)
	}
	if err := c.decode(p); err != nil {
		return err
	}
	p.ID = id
	switch {
	case p.AssignedGroupID == "" || p.ToGroupID == "" || p.AssignedGroupID == p.ToGroupID:
		return badRequest(300, "assigned_group_id and to_group_id are required fields and cannot be left empty or the same.")
	case strings.TrimSpace(p.Name) == "":
		return badRequest(300, "policy_name is a required field and cannot be left empty.")
	case p.Status < 0 || p.Status > 1 || p.Type < 0 || p.Type > 3:
		return invalid("status", "type")
	}
	for _, other := range c.world.policies {
		if other.ID != id && other.AssignedGroupID == p.AssignedGroupID && other.ToGroupID == p.ToGroupID {
			return badRequest(7002, "Unable to add this policy, as it would create duplicate policies which is not permitted.")
		}
	}
	return nil
}

func updatePolicy(c *call) (any, error) {
	p, err := c.findPolicy()
	if err != nil {
		return nil, err
	}
	changed := *p
	if err := c.decodePolicy(&changed); err != nil {
		return nil, err
	}
	*p = changed
	return nil, nil
}

func deletePolicy(c *call) (any, error) {
	p, err := c.findPolicy()
	if err != nil {
		return nil, err
	}
	c.world.policies = slices.DeleteFunc(c.world.policies, func(other *policy) bool { return other == p })
	return nil, nil
}
