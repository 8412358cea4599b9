package types

import (
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestConnection(t *testing.T) {
	users := []*User{{ZoomID: "a"}, {ZoomID: "b"}, {ZoomID: "c"}}
	encoded := 0
	c := NewConnection(users, Int{7, true}, true, true, func(i int) string { encoded++; return "after " + strconv.Itoa(i) })
	if diff := cmp.Diff(users, c.Nodes(), exported); diff != "" {
		t.Errorf("the nodes: -want +got\n%s", diff)
	}
	edges := c.Edges()
	if encoded != 0 {
		t.Errorf("%d cursors were encoded before they were read", encoded)
	}
	for i, e := range edges {
		if e.Node != users[i] || e.Cursor() != "after "+strconv.Itoa(i) {
			t.Errorf("edge %d is %v, %s", i, e.Node.ZoomID, e.Cursor())
		}
	}
	want := &PageInfo{HasNextPage: true, HasPreviousPage: true, StartCursor: "after 0", EndCursor: "after 2"}
	if diff := cmp.Diff(want, c.PageInfo()); diff != "" || c.TotalCount() != (Int{7, true}) {
		t.Errorf("pageInfo: -want +got\n%s total %v", diff, c.TotalCount())
	}
}

func TestConnection_empty(t *testing.T) {
	c := NewConnection[User](nil, Int{}, false, false, nil) // without an item no cursor is encoded
	if c.Nodes() == nil || len(c.Nodes()) != 0 || len(c.Edges()) != 0 {
		t.Errorf("a list without items is [], not %v", c.Nodes())
	}
	if diff := cmp.Diff(&PageInfo{}, c.PageInfo()); diff != "" || c.TotalCount().Valid {
		t.Errorf("pageInfo: -want +got\n%s total %v", diff, c.TotalCount())
	}
}
