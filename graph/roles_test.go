package graph

import "testing"

// TestDeleteRole_usersOfItAreRead deletes the role of a user who was read by id: the answer names a
// role that no longer exists, so the user is read again.
func TestDeleteRole_usersOfItAreRead(t *testing.T) {
	t.Parallel()
	inRig(t, setup{}, func(r *rig) {
		made := r.ask(`mutation { createRole(input: { role: { name: "Curator" } }) { role { id } } }`, nil)
		id := made.at(t, "createRole.role.id")
		r.ask(`mutation { assignRole(input: { role: { id: "`+id+`" }, users: [{ zoomId: "${HostID}" }] }) { userErrors { code } } }`, nil)
		const user = `{ user(by: { zoomId: "${HostID}" }) { jobTitle roleId } }`
		r.ask(user, nil)
		r.spent()
		r.ask(user, nil)
		r.spends(0)
		r.ask(`mutation { deleteRole(input: { role: { id: "`+id+`" } }) { deletedRoleId } }`, nil)
		r.calls("DELETE /roles/{roleId}")
		r.contains(r.ask(user, nil), `"roleId":"2"`)
		r.calls("GET /users/{userId}")
	})
}
