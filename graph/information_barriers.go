package graph

import (
	"context"
	"slices"
	"strings"

	"zoomql/graph/errs"
	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

// policy returns the policy of an id: from the list if a field is selected that only lists
// have.
func (s *scope) policy(ctx context.Context, id string) (*types.InformationBarrierPolicy, error) {
	if id == "" {
		return nil, nil
	}
	if !needsOf(ctx, "InformationBarrierPolicy").Lacks(zoom.GetPolicy.Pattern) {
		return zoom.GetPolicy.Do(ctx, s.client, zoom.PolicyKey{PolicyID: id})
	}
	for page, err := range zoom.ListPolicies.Pages(ctx, s.client, zoom.NoFilter{}, zoom.Paging{Size: zoom.ListPolicies.MaxPage}) {
		if err != nil {
			return nil, err
		}
		for _, p := range page.Items {
			if string(p.ZoomID) == id {
				return p, nil
			}
		}
	}
	return nil, nil
}

func (r *Resolver) createPolicy(ctx context.Context, at *target, input types.CreateInformationBarrierPolicyInput) (*types.InformationBarrierPolicy, error) {
	policy, err := create(ctx, r.Idempotency, at, creation[zoom.NewPolicy, types.InformationBarrierPolicy]{
		op: zoom.CreatePolicy, in: zoom.NewPolicy{Policy: newPolicy(input.Policy)},
		key: input.IdempotencyKey, input: input, zoomID: func(made *types.InformationBarrierPolicy) string { return string(made.ZoomID) },
		read: func(ctx context.Context, id string) (*types.InformationBarrierPolicy, error) {
			return zoom.GetPolicy.Do(ctx, at.client, zoom.PolicyKey{PolicyID: id})
		},
	})
	if policy != nil {
		notReturned(ctx, needsOf(ctx, "InformationBarrierPolicy", "policy"), policy.Op)
	}
	return policy, err
}

func newPolicy(p *types.NewInformationBarrierPolicy) zoom.PolicyBody {
	set := p.Settings
	return zoom.PolicyBody{
		Name: p.Name, Status: p.Status, Type: p.Type, AssignedGroupID: p.AssignedGroupID, ToGroupID: p.ToGroupID,
		Settings: zoom.PolicySettings{
			Meeting: set.Meeting, InMeetingChat: set.InMeetingChat, FileTransfer: set.FileTransfer, ScreenShare: set.ScreenShare,
			Recording: set.Recording, IM: set.Im, CompletePhoneCalls: set.CompletePhoneCalls, MessageViaSMS: set.MessageViaSms,
		},
	}
}

// updatePolicy sends a policy with changes. Unless they are a whole policy, it reads the rest
// from Zoom, since the cache may have an earlier version.
func (s *scope) updatePolicy(ctx context.Context, id string, patch *types.InformationBarrierPolicyPatch) error {
	if types.IsEmpty(patch) {
		return errs.Invalid("patch: it changes nothing")
	}
	body := zoom.PolicyBody{ID: id}
	if !patched(&body, patch) {
		now, err := zoom.GetPolicy.Do(ctx, s.client, zoom.PolicyKey{PolicyID: id}, zoom.WithSecrets)
		if err != nil {
			return err
		}
		if err := untold(now, patch); err != nil {
			return err
		}
		body = policyBody(now)
		body.ID = id
		patched(&body, patch)
	}
	return only(zoom.UpdatePolicy.Do(ctx, s.client, zoom.PolicyPatch{PolicyID: id, Policy: body}))
}

// untold returns an error if Zoom's answer lacks a part of a policy that the patch does not
// change: a whole policy could not be sent without inventing that part.
func untold(now *types.InformationBarrierPolicy, patch *types.InformationBarrierPolicyPatch) error {
	set, change := deref(now.Settings), deref(patch.Settings)
	missing := []string{}
	for _, f := range []struct {
		name        string
		told, given bool
	}{
		{"policy_name", now.Name != "", patch.Name != nil},
		{"status", now.Status != "", patch.Status != nil},
		{"type", now.Type != "", patch.Type != nil},
		{"assigned_group_id", now.AssignedGroupID != "", patch.AssignedGroupID != nil},
		{"to_group_id", now.ToGroupID != "", patch.ToGroupID != nil},
		{"settings.meeting", set.Meeting.Valid, change.Meeting != nil},
		{"settings.in_meeting_chat", set.InMeetingChat.Valid, change.InMeetingChat != nil},
		{"settings.file_transfer", set.FileTransfer.Valid, change.FileTransfer != nil},
		{"settings.screen_share", set.ScreenShare.Valid, change.ScreenShare != nil},
		{"settings.recording", set.Recording.Valid, change.Recording != nil},
		{"settings.im", set.Im.Valid, change.Im != nil},
		{"settings.complete_phone_calls", set.CompletePhoneCalls.Valid, change.CompletePhoneCalls != nil},
		{"settings.message_via_sms", set.MessageViaSms.Valid, change.MessageViaSms != nil},
	} {
		if !f.told && !f.given {
			missing = append(missing, f.name)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return &zoom.Error{
		Op: zoom.GetPolicy.Pattern, Kind: zoom.ErrBadAnswer,
		Message: "nothing was changed: a policy is sent whole, and the answer lacks " + strings.Join(missing, ", "),
	}
}

// patched writes the changes into a policy, and reports whether they are a whole policy.
func patched(body *zoom.PolicyBody, patch *types.InformationBarrierPolicyPatch) bool {
	set := deref(patch.Settings)
	return !slices.Contains([]bool{
		put(&body.Name, patch.Name), put(&body.Status, patch.Status), put(&body.Type, patch.Type),
		put(&body.AssignedGroupID, patch.AssignedGroupID), put(&body.ToGroupID, patch.ToGroupID),
		put(&body.Settings.Meeting, set.Meeting), put(&body.Settings.InMeetingChat, set.InMeetingChat),
		put(&body.Settings.FileTransfer, set.FileTransfer), put(&body.Settings.ScreenShare, set.ScreenShare),
		put(&body.Settings.Recording, set.Recording), put(&body.Settings.IM, set.Im),
		put(&body.Settings.CompletePhoneCalls, set.CompletePhoneCalls), put(&body.Settings.MessageViaSMS, set.MessageViaSms),
	}, false)
}

// put writes a value if it is set, and reports whether it is.
func put[T any](to, value *T) bool {
	if value != nil {
		*to = *value
	}
	return value != nil
}

func policyBody(p *types.InformationBarrierPolicy) zoom.PolicyBody {
	body := zoom.PolicyBody{
		Name: string(p.Name), Status: p.Status, Type: p.Type,
		AssignedGroupID: string(p.AssignedGroupID), ToGroupID: string(p.ToGroupID),
	}
	if set := p.Settings; set != nil {
		body.Settings = zoom.PolicySettings{
			Meeting: set.Meeting.Value, InMeetingChat: set.InMeetingChat.Value, FileTransfer: set.FileTransfer.Value, ScreenShare: set.ScreenShare.Value,
			Recording: set.Recording.Value, IM: set.Im.Value, CompletePhoneCalls: set.CompletePhoneCalls.Value, MessageViaSMS: set.MessageViaSms.Value,
		}
	}
	return body
}
