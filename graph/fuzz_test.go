package graph

import (
	"testing"

	"zoomql/internal/zoom/types"
)

var (
	mine   = types.TenantOf("mine")
	theirs = types.TenantOf("theirs")
)

// FuzzCursor decodes what strangers send for a cursor.
func FuzzCursor(f *testing.F) {
	list, other := fingerprintOf(mine, "GET/users?"), fingerprintOf(theirs, "GET/users?")
	f.Add("")
	f.Add("garbage")
	f.Add(place{size: 30}.encode(list))
	f.Add(place{size: 300, index: 300, offset: 1 << 31, window: 7, mark: 9, token: "token"}.encode(list))
	f.Add(place{size: 1, index: 2, offset: 1}.encode(list))
	f.Fuzz(func(t *testing.T, cursor string) {
		if _, err := decodePlace(cursor, other); err == nil {
			if _, err := decodePlace(cursor, list); err == nil {
				t.Fatal("one cursor is good for two lists")
			}
		}
		p, err := decodePlace(cursor, list)
		if err != nil {
			return
		}
		if p.size == 0 || p.index > p.size {
			t.Fatalf("a place that is none: %+v", p)
		}
		again := p
		again.offset += uint32(p.index) // a cursor counts from the item, a place from its page
		if back, err := decodePlace(again.encode(list), list); err != nil || back != p {
			t.Fatalf("%+v became %+v, %v", p, back, err)
		}
		if _, err := decodePlace(again.encode(list), other); err == nil {
			t.Fatal("another list took the cursor")
		}
	})
}

// FuzzNodeID decodes what strangers send for a global id, and looks for keys in
// it.
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
		if number, err := numberBy("meeting", types.MeetingBy{ID: &id}); err == nil && (id.Type != "Meeting" || number <= 0) {
			t.Fatalf("%+v is no meeting's, and yet %s", id, number)
		}
		if number, registrant, err := registrantOf(id.Key); err == nil && (number.Number <= 0 || registrant == "") {
			t.Fatalf("%+v is no registrant's, and yet %v, %q", id, number, registrant)
		}
	})
}
