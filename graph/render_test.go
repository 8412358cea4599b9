package graph

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"zoomql/internal/sandbox"
)

// Answers rendered by a plan equal those of the executor. Plans do not cover edges to anything but
// users.
func TestPlans(t *testing.T) {
	t.Parallel()
	const users = `user { id zoomId email displayName type status createdAt verified pmi __typename named: timezone }`
	for _, c := range []struct{ why, plan, executor string }{
		{
			"a user", `{ x: user(by: {zoomId: "${HostID}"}) { id zoomId email displayName type status createdAt verified jobTitle __typename named: timezone } }`,
			`{ x: user(by: {zoomId: "${HostID}"}) { unplanned: role { zoomId } id zoomId email displayName type status createdAt verified jobTitle __typename named: timezone } }`,
		},
		{
			"a list of users", `{ account { users(first: 20) { nodes { id email department } } } }`,
			`{ account { users(first: 20) { nodes { unplanned: role { zoomId } id email department } } } }`,
		},
		{
			"directives", `query ($no: Boolean = false, $yes: Boolean = true) { account { users(first: 5) { nodes { id @include(if: $no) email ... on User @skip(if: $yes) { department } ...f } } } } fragment f on User { displayName }`,
			`query ($no: Boolean = false, $yes: Boolean = true) { account { users(first: 5) { nodes { unplanned: role { zoomId } ... on Node @include(if: $no) { id } email ... on User @skip(if: $yes) { department } ...f } } } } fragment f on User { displayName }`,
		},
		{
			"registrants and their users", `{ meeting(by: {number: "${BigMeeting}"}) { registrants(first: 60) { nodes { id firstName email status ` + users + ` } } } }`,
			`{ meeting(by: {number: "${BigMeeting}"}) { registrants(first: 60) { nodes { unplanned: meeting { number } id firstName email status ` + users + ` } } } }`,
		},
		{
			"edges", `{ meeting(by: {number: "${BigMeeting}"}) { registrants(first: 60) { edges { node { ... on Node { id } email ` + users + ` } node { ...r } cursor kind: __typename } } } } fragment r on Registrant { firstName }`,
			`{ meeting(by: {number: "${BigMeeting}"}) { registrants(first: 60) { edges { node { unplanned: meeting { number } id email ` + users + ` } node { ...r } cursor kind: __typename } } } } fragment r on Registrant { firstName }`,
		},
		{
			"participants and their users, whole", `{ meetingInstance(by: {latestOf: "${BigMeeting}"}) { participants(first: 60) { nodes { name joinTime durationSeconds user { id email jobTitle } } } } }`,
			`{ meetingInstance(by: {latestOf: "${BigMeeting}"}) { participants(first: 60) { edges { node { unplanned: registrant { id } name joinTime durationSeconds user { id email jobTitle } } } } } }`,
		},
		{
			"meetings and their hosts", `{ account { users(first: 5) { nodes { id meetings(first: 5) { nodes { topic host { id email } } } others: meetings(first: 5) { edges { node { number host { zoomId displayName } } } } } } } }`,
			`{ account { users(first: 5) { nodes { id meetings(first: 5) { nodes { unplanned: host { role { zoomId } } topic host { id email } } } others: meetings(first: 5) { edges { node { unplanned: host { role { zoomId } } number host { zoomId displayName } } } } } } } }`,
		},
		{
			"members of a role and their users", `{ account { role(by: {zoomId: "2"}) { members(first: 40) { nodes { firstName user { id email jobTitle } } } } } }`,
			`{ account { role(by: {zoomId: "2"}) { members(first: 40) { nodes { firstName user { unplanned: role { zoomId } id email jobTitle } } } } } }`,
		},
		{
			"objects in objects, and lists of them", `{ user(by: {zoomId: "${HostID}"}) { meetings(first: 5) { nodes { id topic type typeText settings { hostVideo autoRecording autoRecordingText alternativeHosts kind: __typename } trackingFields { field value } recurrence { type weeklyDays } } } } }`,
			`{ user(by: {zoomId: "${HostID}"}) { meetings(first: 5) { nodes { unplanned: host { role { zoomId } } id topic type typeText settings { hostVideo autoRecording autoRecordingText alternativeHosts kind: __typename } trackingFields { field value } recurrence { type weeklyDays } } } } }`,
		},
	} {
		t.Run(c.why, func(t *testing.T) {
			inRig(t, setup{Options: sandbox.Options{Plan: sandbox.PlanBusiness}}, func(r *rig) {
				plan, executor := r.ask(c.plan, nil), r.ask(c.executor, nil)
				r.spent()
				again := r.ask(c.plan, map[string]any{"x": "the parts are known"})
				r.spends(0)
				if diff := cmp.Diff(plan.flat(t), again.flat(t)); diff != "" {
					t.Errorf("-new +known: %s", diff)
				}
				if diff := cmp.Diff(executor.flat(t), plan.flat(t)); diff != "" || len(plan.Data) < 100 || len(plan.Errors)+len(executor.Errors) > 0 {
					t.Errorf("-executor +plan: %s\n%.300s", diff, plan.body)
				}
			})
		})
	}
}

// flat returns an answer's data with nodes in place of edges.
func (a *answer) flat(t *testing.T) any {
	t.Helper()
	var v any
	if err := json.Unmarshal(a.Data, &v); err != nil {
		t.Fatal(err)
	}
	return flatten(v)
}

func flatten(v any) any {
	switch v := v.(type) {
	case []any:
		for i := range v {
			v[i] = flatten(v[i])
		}
	case map[string]any:
		delete(v, "unplanned")
		for name, value := range v {
			v[name] = flatten(value)
		}
		if edges, ok := v["edges"]; ok {
			delete(v, "edges")
			v["nodes"] = edges
		}
		if node, ok := v["node"]; ok && len(v) == 1 {
			return node
		}
	}
	return v
}
