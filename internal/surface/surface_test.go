package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vektah/gqlparser/v2/ast"

	"zoomql/internal/operations"
	"zoomql/internal/zoom"
)

// Nearly all that Zoom documents can be selected, and each field that cannot be
// has a reason.
func TestSurface(t *testing.T) {
	s, err := measure("../../graph/schema", "../../../shared/zoom/shapes", "../../../shared/zoom/operations.tsv")
	if errors.Is(err, os.ErrNotExist) {
		t.Skipf("the shapes are missing, so the graph is not compared with them: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	var report bytes.Buffer
	s.print(&report, false)
	t.Log(report.String())
	if err := s.verdict(); err != nil {
		t.Error(err)
	}
}

func schemaOf(t *testing.T) *ast.Schema {
	t.Helper()
	schema, err := operations.Schema("../../graph/schema")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// drop removes a field from the schema, or a directive from the field.
func drop(schema *ast.Schema, typ, name, directive string) {
	def := schema.Types[typ]
	def.Fields = slices.DeleteFunc(def.Fields, func(fd *ast.FieldDefinition) bool {
		if fd.Name != name {
			return false
		}
		fd.Directives = slices.DeleteFunc(fd.Directives, func(d *ast.Directive) bool { return d.Name == directive })
		return directive == ""
	})
}

// The fields that serve a field of an answer, in every form of answers.
func TestServe(t *testing.T) {
	for _, c := range []struct{ why, op, path, want string }{
		{"an object's", "GET /roles/{roleId}", "name", "Role.name"},
		{"by another name", "GET /roles/{roleId}", "id", "Role.zoomId"},
		{"an object's in an object", "GET /roles/{roleId}", "sub_account_privileges.second_level", "SubAccountPrivileges.secondLevel"},
		{"in a list without pages", "GET /roles", "roles[].name", "Role.name"},
		{"in a list with pages", "GET /roles/{roleId}/members", "members[].first_name", "RoleMember.firstName"},
		{"a list in one string", "POST /roles/{roleId}/members", "ids", "RoleAssignment.userZoomIds"},
		{"beside a list", "GET /report/users", "total_meetings", "HostActivityTotals.meetings"},
		{"of two types in one object", "GET /report/users/{userId}/meetings", "meetings[].topic", "MeetingInstance.topic MeetingReport.topic"},
		{"alone in an envelope", "GET /meetings/{meetingId}/token", "token", "Meeting.captionToken"},
		{"by a link of ours", "GET /meetings/{meetingId}/recordings", "recording_files[].download_url", "RecordingFile.download"},
		{"a write's", "POST /users/{userId}/meetings", "settings.audio", "MeetingSettings.audio MeetingSettings.audioText"},

		{"that is unknown", "GET /roles/{roleId}", "colour", ""},
		{"below one that is unknown", "GET /roles", "groups[].name", ""},
		{"below a scalar", "GET /roles/{roleId}", "name.first", ""},
		{"of a write without an answer", "DELETE /roles/{roleId}", "name", ""},
	} {
		w := newWalker(schemaOf(t), zoom.Lookup(c.op))
		if got := strings.Join(coordinates(w.serve(c.path)), " "); got != c.want {
			t.Errorf("a field %s: %s of %s is served by %q, want %q", c.why, c.path, c.op, got, c.want)
		}
	}
}

// A field that is decoded cannot be selected without a field of the schema.
func TestServe_notSelectable(t *testing.T) {
	for _, c := range []struct{ why, op, path, typ, field, directive string }{
		{"the schema lacks it", "GET /roles/{roleId}", "name", "Role", "name", ""},
		{"the schema lacks the object around it", "GET /roles/{roleId}", "sub_account_privileges.second_level", "Role", "subAccountPrivileges", ""},
		{"the field that costs the call names no call", "GET /roles/{roleId}/members", "members[].email", "Role", "members", "zoom"},
		{"it is in an envelope, and the field has another name", "GET /meetings/{meetingId}/token", "token", "Meeting", "captionToken", "zoomField"},
	} {
		schema := schemaOf(t)
		drop(schema, c.typ, c.field, c.directive)
		if got := coordinates(newWalker(schema, zoom.Lookup(c.op)).serve(c.path)); got != nil {
			t.Errorf("%s: %s is served by %q", c.why, c.path, got)
		}
	}
}

const documented = `{
	"GET /roles/{roleId}": {"responses": {"200": {"properties": {
		"id": {}, "name": {"deprecated": true}, "colour": {}, "privileges": {"items": {}}}}}},
	"GET /accounts/{accountId}/roles/{roleId}": {"responses": {"200": {"properties": {"id": {"deprecated": true}, "description": {}}}}},
	"GET /roles/{roleId}/members": {"responses": {"200": {"properties": {"next_page_token": {}, "from": {}}}}}
}`

// The report counts fields that are served, fields that are left out with and without a
// reason, and fields that lack @deprecated.
func TestReport(t *testing.T) {
	var shapes map[string]*operation
	if err := json.Unmarshal([]byte(documented), &shapes); err != nil {
		t.Fatal(err)
	}
	s := newSurface(schemaOf(t), shapes, []string{"GET /roles", "GET /no/such"})
	var served []string
	for _, l := range s.served {
		served = append(served, l.path)
	}
	if diff := cmp.Diff([]string{"description", "id", "name", "privileges[]"}, served); diff != "" {
		t.Errorf("served: -want +got\n%s", diff)
	}
	if s.paging != 1 || !slices.Equal(s.missing, []string{"GET /no/such"}) || !slices.Equal(s.undeclared, []string{"Role.name"}) {
		t.Errorf("%d fields are about pages, %q are missing, %q lack @deprecated", s.paging, s.missing, s.undeclared)
	}
	if len(s.unused) != len(reasons)-1 {
		t.Errorf("%d reasons are not needed, want all but one of %d", len(s.unused), len(reasons))
	}
	for _, want := range []string{"66.67 %", "colour is left out without a reason", "Role.name is deprecated", "is given a reason to be left out, and is not"} {
		if err := s.verdict(); !strings.Contains(err.Error(), want) {
			t.Errorf("the verdict lacks %q: %v", want, err)
		}
	}
	var report bytes.Buffer
	s.print(&report, true)
	for _, want := range []string{"GET /roles/{roleId}\tname\tRole.name\n", "GET /roles/{roleId}: colour is left out: ?\n", "4 can be selected (66.67 %), 2 are left out\n"} {
		if !strings.Contains(report.String(), want) {
			t.Errorf("the report lacks %q:\n%s", want, &report)
		}
	}
}
