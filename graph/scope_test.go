package graph

import (
	"testing"
	"time"
)

// TestRounds_badIDDelaysNoOther requests objects together with invalid ids: that takes no longer
// than the objects alone.
func TestRounds_badIDDelaysNoOther(t *testing.T) {
	t.Parallel()
	took := func(declared, beside string) (took time.Duration) {
		inRig(t, setup{}, func(r *rig) {
			began := time.Now()
			a := r.ask(`query `+declared+` { u: user(by: {zoomId: "${HostID}"}) { department role { name } } `+beside+` }`, map[string]any{
				"ids": "garbage", "by": map[string]any{"id": "garbage"},
			})
			if took = time.Since(began); a.at(t, "u.role.name") == "" {
				t.Errorf("%s: %s", beside, a.body)
			}
		})
		return took
	}
	alone := took("", "")
	for _, c := range []struct{ declared, beside string }{
		{"", `user(by: {id: "garbage"}) { department role { name } }`},
		{"", `node(id: "garbage") { ... on User { department } }`},
		{"", `nodes(ids: ["${User HostID}", "garbage"]) { ... on User { department } }`},
		{"($ids: [ID!]!)", `nodes(ids: $ids) { ... on User { department } }`},
		{"($by: UserBy!)", `user(by: $by) { department }`},
		{"", `account { user(by: {id: "garbage"}) { department } }`},
	} {
		if got := took(c.declared, c.beside); got >= alone+time.Second {
			t.Errorf("%s: it took %s, and %s alone", c.beside, got, alone)
		}
	}
}
