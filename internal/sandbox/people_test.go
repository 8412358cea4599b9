package sandbox

import "net/url"

func init() {
	domains = append(domains, userWriteRequests, roleRequests, groupRequests, policyRequests, surveyRequests)
}

func userWriteRequests(r *rig, ask func(pattern, path string, body any)) {
	for _, action := range []string{"create", "autoCreate", "custCreate", "ssoCreate"} {
		info := map[string]any{"email": action + "@example.net", "type": 1, "first_name": "Ada"}
		ask("POST /users", "/users", map[string]any{"action": action, "user_info": info})
	}
	ask("PATCH /users/{userId}", "/users/"+r.HostID, map[string]any{"first_name": "Ada", "dept": "Sales"})
	ask("DELETE /users/{userId}", "/users/"+r.InactiveUserID+"?action=delete", nil)
}

func roleRequests(r *rig, ask func(pattern, path string, body any)) {
	ask("GET /roles", "/roles", nil)
	ask("GET /roles", "/roles?type=iq", nil)
	ask("POST /roles", "/roles", map[string]any{"name": "A new one", "privileges": []string{"User:Read"}})
	for _, id := range []string{ownerRole, memberRole, r.RoleID} {
		ask("GET /roles/{roleId}", "/roles/"+id, nil)
		ask("GET /roles/{roleId}/members", "/roles/"+id+"/members?page_size=300", nil)
	}
	ask("PATCH /roles/{roleId}", "/roles/"+r.RoleID, map[string]any{"description": "x"})
	ask("POST /roles/{roleId}/members", "/roles/"+r.RoleID+"/members", map[string]any{"members": []any{map[string]any{"email": r.HostEmail}}})
	ask("DELETE /roles/{roleId}/members/{memberId}", "/roles/1/members/"+r.HostID, nil)
	ask("DELETE /roles/{roleId}", "/roles/"+r.RoleID, nil)
}

func groupRequests(r *rig, ask func(pattern, path string, body any)) {
	ask("GET /groups", "/groups", nil)
	ask("GET /groups", "/groups?page_size=2", nil)
	for _, id := range []string{r.world.groupID(0), r.GroupID} {
		ask("GET /groups/{groupId}", "/groups/"+id, nil)
		ask("GET /groups/{groupId}/members", "/groups/"+id+"/members?page_size=2000", nil)
	}
	ask("POST /groups", "/groups", map[string]any{"name": "A new one"})
	ask("PATCH /groups/{groupId}", "/groups/"+r.GroupID, map[string]any{"name": "x"})
	ask("POST /groups/{groupId}/members", "/groups/"+r.GroupID+"/members", map[string]any{"members": []any{map[string]any{"email": r.OwnerEmail}}})
	ask("DELETE /groups/{groupId}/members/{memberId}", "/groups/"+r.GroupID+"/members/"+r.HostEmail, nil)
	ask("DELETE /groups/{groupId}", "/groups/"+r.GroupID, nil)
}

func policyRequests(r *rig, ask func(pattern, path string, body any)) {
	whole := map[string]any{
		"id": "", "policy_name": "x", "assigned_group_id": "a", "to_group_id": "b", "status": 1, "type": 0,
		"settings": map[string]any{
			"complete_phone_calls": true, "file_transfer": true, "im": true, "in_meeting_chat": true,
			"meeting": true, "message_via_sms": true, "recording": true, "screen_share": true,
		},
	}
	one := "/information_barriers/policies/" + r.PolicyID
	ask("GET /information_barriers/policies", "/information_barriers/policies", nil)
	ask("POST /information_barriers/policies", "/information_barriers/policies", whole)
	ask("GET /information_barriers/policies/{policyId}", one, nil)
	ask("PATCH /information_barriers/policies/{policyId}", one, whole)
	ask("DELETE /information_barriers/policies/{policyId}", one, nil)
}

func surveyRequests(r *rig, ask func(pattern, path string, body any)) {
	ask("GET /surveys", "/surveys", nil)
	for i := range surveyTypes {
		one := "/surveys/" + r.world.surveyID(i)
		ask("GET /surveys/{surveyId}", one, nil)
		ask("GET /surveys/{surveyId}/instances", one+"/instances", nil)
		ask("GET /surveys/{surveyId}/answers", one+"/answers", nil)
	}
	named := "?instance_id=" + url.QueryEscape(url.QueryEscape(r.UUIDWithSlash))
	ask("GET /surveys/{surveyId}/instances", "/surveys/"+r.SurveyID+"/instances"+named, nil)
	ask("GET /surveys/{surveyId}/answers", "/surveys/"+r.SurveyID+"/answers"+named+"&submit_time_start=2020-01-01T00:00:00Z", nil)
	ask("GET /surveys/channels/{channelId}/instances", "/surveys/channels/"+url.PathEscape(r.SurveyChannel)+"/instances", nil)
}
