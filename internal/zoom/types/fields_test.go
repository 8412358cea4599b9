package types

import (
	"math"
	"slices"
	"strings"
	"testing"
)

// selected returns the selection of plain fields of a type.
func selected(t *testing.T, typeName string, names ...string) Selection {
	t.Helper()
	var s Selection
	for i, name := range names {
		f := SelectedField{Label: `"` + name + `":`, Number: FieldNumber(typeName, name)}
		if f.Number == NoField {
			t.Fatalf("%s.%s is no plain field", typeName, name)
		}
		if i > 0 {
			f.Label = "," + f.Label
		}
		s = append(s, f)
	}
	return s
}

func TestObject(t *testing.T) {
	fields := func(typeName string, names ...string) Selection { return selected(t, typeName, names...) }
	below := func(s Selection, below Selection) Selection {
		s[0].Below = below
		return s
	}
	nonNull := func(s Selection) Selection {
		s[0].NonNull = true
		return s
	}
	for _, c := range []struct {
		why    string
		object Object
		of     Selection
		want   string // "" if the executor has to write it
	}{
		{"scalars", &User{Email: "a@b.example", Type: UserTypeBasic}, fields("User", "email", "type", "typeText", "createdAt", "pmi"), `{"email":"a@b.example","type":"BASIC","typeText":"1","createdAt":null,"pmi":null}`},
		{"a value that the schema does not know", &User{Type: UserType(unknownMark + "77")}, fields("User", "type", "typeText"), `{"type":null,"typeText":"77"}`},
		{"null where there must be none", &User{}, nonNull(fields("User", "email")), ""},
		{"a number of 32 bits", &Meeting{DurationMinutes: Int{math.MaxInt32, true}}, fields("Meeting", "durationMinutes"), `{"durationMinutes":2147483647}`},
		{"a number of more", &Meeting{DurationMinutes: Int{math.MaxInt32 + 1, true}}, fields("Meeting", "durationMinutes"), ""},
		{"a number that may have more", &RecordingFile{Size: &Int{math.MaxInt32 + 1, true}}, fields("RecordingFile", "size"), `{"size":2147483648}`},
		{"no such number", &RecordingFile{}, fields("RecordingFile", "size"), `{"size":null}`},
		{"a truth value that is always there", &PageInfo{HasNextPage: true}, fields("PageInfo", "hasNextPage"), `{"hasNextPage":true}`},
		{"a list", &UserError{Field: []Text{"a", "b"}}, fields("UserError", "field"), `{"field":["a","b"]}`},
		{"an empty list", &UserError{Field: []Text{}}, fields("UserError", "field"), `{"field":[]}`},
		{"no list", &UserError{}, fields("UserError", "field"), `{"field":null}`},
		{"a list with null", &UserError{Field: []Text{"a", ""}}, fields("UserError", "field"), ""},
		{"an object", &Meeting{Settings: &MeetingSettings{HostVideo: Bool{true, true}}}, below(fields("Meeting", "settings"), fields("MeetingSettings", "hostVideo")), `{"settings":{"hostVideo":true}}`},
		{"no object", &Meeting{}, below(fields("Meeting", "settings"), fields("MeetingSettings", "hostVideo")), `{"settings":null}`},
		{"objects", &Meeting{TrackingFields: []*TrackingField{{Value: "a"}, {Value: "b"}}}, below(fields("Meeting", "trackingFields"), fields("TrackingField", "value")), `{"trackingFields":[{"value":"a"},{"value":"b"}]}`},
		{"no objects", &Meeting{}, below(fields("Meeting", "trackingFields"), fields("TrackingField", "value")), `{"trackingFields":null}`},
		{"null among objects", &Meeting{TrackingFields: []*TrackingField{nil}}, below(fields("Meeting", "trackingFields"), fields("TrackingField", "value")), ""},
		{"null further down", &Meeting{Settings: &MeetingSettings{}}, below(fields("Meeting", "settings"), nonNull(fields("MeetingSettings", "hostVideo"))), ""},
		{"what is no field", &Meeting{}, Selection{{Number: math.MaxInt}}, ""},
		{"a literal", &Meeting{}, Selection{{Label: `"x":`, Number: Literal, Text: `"Meeting"`}}, `{"x":"Meeting"}`},
		{"an edge", &Edge[User]{Node: &User{Email: "a"}, of: &Connection[User]{cursor: func(int) string { return "c" }}}, below(fields("UserEdge", "node", "cursor"), fields("User", "email")), `{"node":{"email":"a"},"cursor":"c"}`},
		{"an edge to nothing", &Edge[User]{}, below(fields("UserEdge", "node"), fields("User", "email")), ""},
	} {
		w := &Writer{}
		switch ok := w.Object(c.object, c.of); {
		case ok != (c.want != ""):
			t.Errorf("%s: written: %v, %s", c.why, ok, w.Buf)
		case ok && string(w.Buf) != c.want:
			t.Errorf("%s: got %s, want %s", c.why, w.Buf, c.want)
		}
	}
}

func TestObject_encodesIDForTenant(t *testing.T) {
	w := &Writer{Tenant: TenantOf("other")}
	if !w.Object(&User{ZoomID: "u"}, selected(t, "User", "id")) {
		t.Fatal("there is no id")
	}
	if want := `{"id":"` + (NodeID{Type: "User", Key: "u"}).Encode(TenantOf("other")) + `"}`; string(w.Buf) != want {
		t.Errorf("got %s, want %s", w.Buf, want)
	}
}

// The writer writes the object that an edge leads to, and counts it.
func TestObject_followsEdges(t *testing.T) {
	users := []Object{&User{Email: "a"}, nil}
	w := &Writer{Follow: func(f *SelectedField) Object {
		if f.Label != `"user":` {
			t.Errorf("the writer follows %s", f.Label)
		}
		u := users[0]
		users = users[1:]
		return u
	}}
	edge := Selection{{Label: `"user":`, Number: Followed, Below: selected(t, "User", "email")}}
	for range 2 {
		if !w.Object(&Registrant{}, edge) {
			t.Error("it is not written")
		}
	}
	if w.Objects != 3 {
		t.Errorf("%d objects", w.Objects)
	}
	if want := `{"user":{"email":"a"}}{"user":null}`; string(w.Buf) != want {
		t.Errorf("got %s, want %s", w.Buf, want)
	}
}

// Every plain field of every type has a number of its own, in order.
func TestFieldNumber(t *testing.T) {
	for typeName, names := range plainFields {
		list := strings.Fields(names)
		for i, name := range list {
			if n := FieldNumber(typeName, name); n != i+1 {
				t.Errorf("%s.%s has the number %d, want %d", typeName, name, n, i+1)
			}
		}
		if sorted := slices.Sorted(slices.Values(list)); len(slices.Compact(sorted)) != len(list) {
			t.Errorf("%s has a field twice", typeName)
		}
	}
	if FieldNumber("User", "role") != NoField || FieldNumber("Nothing", "id") != NoField {
		t.Error("an edge is a plain field")
	}
}
