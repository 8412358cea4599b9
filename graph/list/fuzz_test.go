package list

import (
	"testing"

	"zoomql/internal/zoom/types"
)

var (
	mine   = types.TenantOf("mine")
	theirs = types.TenantOf("theirs")
)

// FuzzCursor decodes arbitrary cursors.
func FuzzCursor(f *testing.F) {
	list, other := FingerprintOf(mine, "GET/users?"), FingerprintOf(theirs, "GET/users?")
	f.Add("")
	f.Add("garbage")
	f.Add(Place{Size: 30}.Encode(list))
	f.Add(Place{Size: 300, Index: 300, Offset: 1 << 31, Window: 7, Mark: 9, Token: "token"}.Encode(list))
	f.Add(Place{Size: 1, Index: 2, Offset: 1}.Encode(list))
	f.Fuzz(func(t *testing.T, cursor string) {
		if _, err := decodePlace(cursor, other); err == nil {
			if _, err := decodePlace(cursor, list); err == nil {
				t.Fatal("one cursor is valid for two lists")
			}
		}
		p, err := decodePlace(cursor, list)
		if err != nil {
			return
		}
		if p.Size == 0 || p.Index > p.Size {
			t.Fatalf("an invalid place: %+v", p)
		}
		again := p
		again.Offset += uint32(p.Index) // a cursor counts from the item, a place from its page
		if back, err := decodePlace(again.Encode(list), list); err != nil || back != p {
			t.Fatalf("%+v became %+v, %v", p, back, err)
		}
		if _, err := decodePlace(again.Encode(list), other); err == nil {
			t.Fatal("another list accepted the cursor")
		}
	})
}
