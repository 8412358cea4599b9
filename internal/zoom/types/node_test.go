package types

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func nodeIDs() *rapid.Generator[NodeID] {
	return rapid.Custom(func(t *rapid.T) NodeID {
		return NodeID{
			Type: rapid.StringMatching(`[A-Z][A-Za-z]{0,20}`).Draw(t, "type"),
			Key:  rapid.StringN(1, 40, -1).Draw(t, "key"),
		}
	})
}

func TestNodeID_roundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		id, account := nodeIDs().Draw(t, "id"), rapid.String().Draw(t, "account")
		opaque := id.Encode(TenantOf(account))
		if strings.Trim(opaque, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			t.Fatalf("%q does not fit into a URL as it is", opaque)
		}
		if got, err := DecodeNodeID(TenantOf(account), opaque); got != id || err != nil {
			t.Fatalf("%+v came back as %+v, %v", id, got, err)
		}
		if key, err := id.Of(id.Type); key != id.Key || err != nil {
			t.Fatalf("its key is %q, %v", key, err)
		}
		if _, err := id.Of(id.Type + "s"); !errors.Is(err, ErrBadID) {
			t.Fatalf("it passes for another type: %v", err)
		}
	})
}

func TestDecodeNodeID_otherTenantIsRejected(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		id := nodeIDs().Draw(t, "id")
		mine, other := rapid.String().Draw(t, "mine"), rapid.String().Draw(t, "other")
		if mine == other {
			t.Skip("the same account")
		}
		if got, err := DecodeNodeID(TenantOf(other), id.Encode(TenantOf(mine))); !errors.Is(err, ErrBadID) || got != (NodeID{}) {
			t.Fatalf("it was read as %+v, %v", got, err)
		}
	})
}

func TestDecodeNodeID_malformed(t *testing.T) {
	mine := TenantOf("mine")
	for _, c := range []struct{ why, id string }{
		{"empty", ""},
		{"no base64", "a b"},
		{"base64 of the other alphabet", strings.ReplaceAll(NodeID{"", "User", "????>>>>"}.Encode(mine), "_", "/")},
		{"with padding", NodeID{"", "User", "u"}.Encode(mine) + "=="},
		{"shorter than a tenant", "AAAA"},
		{"a tenant and nothing else", NodeID{}.Encode(mine)[:8]},
		{"no type", NodeID{"", "", "u"}.Encode(mine)},
		{"no key", NodeID{"", "User", ""}.Encode(mine)},
		{"Zoom's own id", "KDcuGIm1QgePTO8WbOqwIQ"},
		{"a meeting's number", "86753098765"},
	} {
		if got, err := DecodeNodeID(mine, c.id); !errors.Is(err, ErrBadID) {
			t.Errorf("%s: %q is %+v, %v", c.why, c.id, got, err)
		}
	}
}

func TestNodeID_graphQL(t *testing.T) {
	ctx := WithTenant(t.Context(), TenantOf("mine"))
	id := NodeID{"", "MeetingInstance", "/a//b+c=="}
	var shown bytes.Buffer
	if err := id.MarshalGQLContext(ctx, &shown); err != nil || shown.String() != `"`+id.Encode(TenantOf("mine"))+`"` {
		t.Fatalf("shown as %s, %v", &shown, err)
	}
	var back NodeID
	if err := back.UnmarshalGQLContext(ctx, strings.Trim(shown.String(), `"`)); err != nil || back != id {
		t.Errorf("read back as %+v, %v", back, err)
	}
	if err := back.UnmarshalGQLContext(WithTenant(t.Context(), TenantOf("other")), strings.Trim(shown.String(), `"`)); !errors.Is(err, ErrBadID) {
		t.Errorf("another tenant got %+v, %v", back, err)
	}
	if err := back.UnmarshalGQLContext(t.Context(), strings.Trim(shown.String(), `"`)); !errors.Is(err, ErrBadID) {
		t.Errorf("no tenant got %+v, %v", back, err)
	}
	if err := back.UnmarshalGQLContext(ctx, int64(7)); err == nil {
		t.Error("a number was taken for an id")
	}
}

func TestGlobalIDs(t *testing.T) {
	for _, c := range []struct {
		node Node
		want NodeID
	}{
		{&Account{ZoomID: "a"}, NodeID{"", "Account", "a"}},
		{&User{ZoomID: "u"}, NodeID{"", "User", "u"}},
		{&Meeting{Number: 86753098765}, NodeID{"", "Meeting", "86753098765"}},
		{&MeetingInstance{UUID: "/a//b=="}, NodeID{"", "MeetingInstance", "/a//b=="}},
		{&Registrant{Meeting: 86753098765, ZoomID: "r"}, NodeID{"", "Registrant", "86753098765/r"}},
	} {
		if got := c.node.ID(); got != c.want {
			t.Errorf("%T: got %+v, want %+v", c.node, got, c.want)
		}
	}
}

// An expired cursor resumes at the item with the same mark, so two stays of one person must
// not share it.
func TestMark_unique(t *testing.T) {
	at := decodedTime(t, "2026-01-31T09:30:00Z")
	stay := Participant{InMeetingID: "16778240", Name: "Ann", JoinTime: at}
	for _, other := range []Participant{
		{InMeetingID: "16778241", Name: "Ann", JoinTime: at},
		{InMeetingID: "16778240", Name: "Bob", JoinTime: at},
		{InMeetingID: "16778240", Name: "Ann", JoinTime: decodedTime(t, "2026-01-31T09:31:00Z")},
	} {
		if stay.Mark() == other.Mark() {
			t.Errorf("%+v and %+v have one mark", stay, other)
		}
	}
	again := stay
	if stay.Mark() != again.Mark() {
		t.Error("a stay has another mark the second time")
	}
	if run := (&PastMeeting{Instance: MeetingInstance{UUID: "a=="}}); run.Mark() != "a==" {
		t.Errorf("the mark of a run is %q", run.Mark())
	}
}

func decodedTime(t *testing.T, s string) (at Time) {
	t.Helper()
	if err := at.UnmarshalGQL(s); err != nil {
		t.Fatal(err)
	}
	return at
}

// FuzzNodeID decodes arbitrary input: it is rejected, or it is an id that Encode returns.
func FuzzNodeID(f *testing.F) {
	mine := TenantOf("mine")
	f.Add(NodeID{"", "User", "u"}.Encode(mine))
	f.Add(NodeID{"", "User", "u:v"}.Encode(TenantOf("other")))
	f.Add("")
	f.Fuzz(func(t *testing.T, s string) {
		id, err := DecodeNodeID(mine, s)
		if err != nil {
			if !errors.Is(err, ErrBadID) || id != (NodeID{}) {
				t.Fatalf("%q: %+v, %v", s, id, err)
			}
			return
		}
		if again, err := DecodeNodeID(mine, id.Encode(mine)); again != id || err != nil {
			t.Fatalf("%q is %+v, but that is encoded as another: %+v, %v", s, id, again, err)
		}
	})
}
