package graph

import (
	"testing"

	"zoomql/graph/argument"
	"zoomql/internal/zoom/types"
)

var (
	mine   = types.TenantOf("mine")
	theirs = types.TenantOf("theirs")
)

// FuzzNodeID decodes arbitrary global ids, and looks up keys in them.
func FuzzNodeID(f *testing.F) {
	for _, id := range []types.NodeID{{Type: "User", Key: "u1"}, {Type: "Meeting", Key: "12345678901"}, {Type: "Registrant", Key: "12345678901/r1"}, {Type: "Registrant", Key: "/"}, {Type: "Meeting", Key: "-1"}} {
		f.Add(id.Encode(mine))
	}
	f.Add("")
	f.Add("garbage")
	f.Fuzz(func(t *testing.T, text string) {
		id, err := types.DecodeNodeID(mine, text)
		if err != nil {
			return
		}
		if _, err := types.DecodeNodeID(theirs, text); err == nil {
			t.Fatal("another tenant took the id")
		}
		if back, err := types.DecodeNodeID(mine, id.Encode(mine)); err != nil || back != id {
			t.Fatalf("%+v became %+v, %v", id, back, err)
		}
		if number, err := argument.Number("meeting", types.MeetingBy{ID: &id}); err == nil && (id.Type != "Meeting" || number <= 0) {
			t.Fatalf("%+v is no meeting's, and yet %s", id, number)
		}
		if number, registrant, err := argument.RegistrantOf(id.Key); err == nil && (number.Number <= 0 || registrant == "") {
			t.Fatalf("%+v is no registrant's, and yet %v, %q", id, number, registrant)
		}
	})
}
