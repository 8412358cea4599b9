package types

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// exported compares unexported fields too: Origin has some.
var exported = cmp.Exporter(func(reflect.Type) bool { return true })

func TestUnmarshal_lenient(t *testing.T) {
	for _, c := range []struct {
		why, body string
		want      Recurrence
	}{
		{"an unknown field is skipped", `{"new":{"a":[1]},"repeat_interval":2}`, Recurrence{RepeatInterval: Int{2, true}}},
		{"the last of duplicate names counts", `{"repeat_interval":1,"repeat_interval":2}`, Recurrence{RepeatInterval: Int{2, true}}},
		{"names are case-sensitive", `{"Repeat_Interval":1}`, Recurrence{}},
		{"invalid UTF-8 in an unknown field", "{\"x\":\"\xff\"}", Recurrence{}},
		{"null is an object without fields", `null`, Recurrence{}},
	} {
		var got Recurrence
		if err := Unmarshal([]byte(c.body), &got); err != nil || !cmp.Equal(c.want, got) {
			t.Errorf("%s: got %+v, %v; want %+v", c.why, got, err, c.want)
		}
	}
}

func TestUnmarshal_brokenAnswerIsError(t *testing.T) {
	for _, body := range []string{"", "{", `{"topic":"a"`, `{"topic"}`, `<html>`, `[]`, `"x"`, `{"topic":"a"}}`} {
		if err := Unmarshal([]byte(body), new(Meeting)); err == nil {
			t.Errorf("%q was read", body)
		}
	}
}

func TestUnmarshal_joinedLists(t *testing.T) {
	type lists struct {
		Comma CommaItems     `json:"comma"`
		Semi  SemicolonItems `json:"semi"`
		Days  []Weekday      `json:"days"`
	}
	for _, c := range []struct {
		why, body string
		want      lists
	}{
		{"as documented", `{"comma":"US,FR","semi":"a;b","days":"1,7"}`, lists{CommaItems{"US", "FR"}, SemicolonItems{"a", "b"}, []Weekday{WeekdaySunday, WeekdaySaturday}}},
		{"with blanks and empty items", `{"comma":" US , ,FR,","days":"1, 7"}`, lists{Comma: CommaItems{"US", "FR"}, Days: []Weekday{WeekdaySunday, WeekdaySaturday}}},
		{"with the other separator", `{"comma":"US;FR","semi":"a,b"}`, lists{Comma: CommaItems{"US", "FR"}, Semi: SemicolonItems{"a", "b"}}},
		{"as an array", `{"comma":["US","FR"],"days":["1","7"]}`, lists{Comma: CommaItems{"US", "FR"}, Days: []Weekday{WeekdaySunday, WeekdaySaturday}}},
		{"as an array of numbers, with values of other types", `{"comma":[1,null,{"a":1}],"days":[1,7,null]}`, lists{Comma: CommaItems{"1"}, Days: []Weekday{WeekdaySunday, WeekdaySaturday}}},
		{"as one number", `{"days":3}`, lists{Days: []Weekday{WeekdayTuesday}}},
		{"unknown days are left out", `{"days":"1,8,x"}`, lists{Days: []Weekday{WeekdaySunday}}},
		{"none", `{"comma":"","semi":null,"days":{}}`, lists{}},
	} {
		got := lists{Comma: CommaItems{"old"}}
		if !strings.Contains(c.body, "comma") {
			got.Comma = nil
		}
		if err := Unmarshal([]byte(c.body), &got); err != nil || !cmp.Equal(c.want, got) {
			t.Errorf("%s: %s (-want +got)\n%v%s", c.why, c.body, err, cmp.Diff(c.want, got))
		}
	}
}

// CommaItems and SemicolonItems shorten the tests.
type (
	CommaItems     = []CommaItem
	SemicolonItems = []SemicolonItem
)

func TestMarshal_joinedLists(t *testing.T) {
	for _, c := range []struct {
		value any
		want  string
	}{
		{CommaItems{"US", "FR"}, `"US,FR"`},
		{SemicolonItems{"a@b.example", "c"}, `"a@b.example;c"`},
		{[]Weekday{WeekdaySunday, WeekdaySaturday}, `"1,7"`},
		{CommaItems{}, `""`},
	} {
		if got, err := Marshal(c.value); err != nil || string(got) != c.want {
			t.Errorf("%v: got %s, %v; want %s", c.value, got, err, c.want)
		}
	}
}

func TestMarshal_joinedListsRoundTrip(t *testing.T) {
	item := rapid.StringMatching(`[A-Za-z0-9@._-]([A-Za-z0-9@._ -]*[A-Za-z0-9@._-])?`)
	rapid.Check(t, func(t *rapid.T) {
		list := rapid.SliceOfN(item, 1, 5).Draw(t, "items")
		var comma, back CommaItems
		for _, s := range list {
			comma = append(comma, CommaItem(s))
		}
		body, err := Marshal(comma)
		if err != nil {
			t.Fatal(err)
		}
		if err := Unmarshal(body, &back); err != nil || !cmp.Equal(comma, back) {
			t.Fatalf("%s became %v, %v", body, back, err)
		}
	})
}

func TestStrip_everyDepth(t *testing.T) {
	secret := &Meeting{
		Topic: "kept", StartURL: "s", Password: "s", PstnPassword: "s", H323Password: "s", EncryptedPassword: "s", DynamicHostKey: "s",
		Settings: &MeetingSettings{
			HostVideo:               Bool{true, true},
			AuthenticationException: []*AuthenticationException{{Name: "kept", JoinURL: "s"}, {JoinURL: "s"}},
		},
	}
	want := &Meeting{
		Topic: "kept",
		Settings: &MeetingSettings{
			HostVideo:               Bool{true, true},
			AuthenticationException: []*AuthenticationException{{Name: "kept"}, {}},
		},
	}
	Strip(secret)
	if diff := cmp.Diff(want, secret, exported); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	list := []*Registrant{{ZoomID: "kept", JoinURL: "s", ParticipantPinCode: "s"}, {JoinURL: "s"}}
	Strip(&list)
	if diff := cmp.Diff([]*Registrant{{ZoomID: "kept"}, {}}, list, exported); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	Strip(&Participant{}) // a type without secrets
	Strip(new(struct{}))
	Strip(&Meeting{}) // pointers that are nil
}

// Strip empties every Secret of every type, those added to the schema later included.
func TestStrip_everyType(t *testing.T) {
	for _, v := range []any{new(User), new(Meeting), new(MeetingInstance), new(MeetingReport), new(PastMeeting), new(Participant), new(Registrant), new(AddedRegistrant), new(DailyReport)} {
		fillSecrets(reflect.ValueOf(v), 0)
		Strip(v)
		body, err := Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(body), "hush") {
			t.Errorf("%T still holds a secret: %s", v, body)
		}
	}
}

// fillSecrets sets every Secret, and allocates the pointers and lists on the way to it.
func fillSecrets(v reflect.Value, depth int) {
	switch {
	case depth > 8 || depth > 0 && !v.CanSet():
	case v.Type() == reflect.TypeFor[Secret]():
		v.SetString("hush")
	case v.Kind() == reflect.Pointer:
		if v.IsNil() {
			v.Set(reflect.New(v.Type().Elem()))
		}
		fillSecrets(v.Elem(), depth+1)
	case v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Pointer:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fillSecrets(v.Index(0), depth+1)
		fillSecrets(v.Index(1), depth+1)
	case v.Kind() == reflect.Struct:
		for _, f := range v.Fields() {
			fillSecrets(f, depth+1)
		}
	}
}

func TestPrune_removesNullsFromLists(t *testing.T) {
	body := `{
		"login_types": [1, 4711, null, 100],
		"status": "brand new",
		"phone_numbers": [null, {"label": "brand new", "number": "+1"}, null],
		"custom_attributes": [null],
		"group_ids": ["a", "", "b"]
	}`
	var u User
	if err := Unmarshal([]byte(body), &u); err != nil {
		t.Fatal(err)
	}
	Prune(&u)
	want := User{
		LoginTypesRead:   []LoginType{LoginTypeGoogle, LoginType(loginTypeCodes.named("4711")), LoginTypeZoomWorkEmail},
		Status:           UserStatus(userStatusCodes.named("brand new")),
		PhoneNumbers:     []*UserPhoneNumber{{Number: "+1", Label: PhoneNumberLabel(phoneNumberLabelCodes.named("brand new"))}},
		CustomAttributes: []*CustomAttribute{},
		GroupIds:         []Text{"a", "b"},
	}
	if diff := cmp.Diff(want, u, exported); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestPrune_nestedLists(t *testing.T) {
	type node struct {
		Enums []LoginType
		Nodes []*struct{ Enums []LoginType }
	}
	google := LoginType(loginTypeCodes.fromZoom["1"])
	list := []*node{nil, {Enums: []LoginType{"", google}, Nodes: []*struct{ Enums []LoginType }{nil, {[]LoginType{google, ""}}}}, nil, {}}
	Prune(&list)
	want := []*node{{Enums: []LoginType{google}, Nodes: []*struct{ Enums []LoginType }{{[]LoginType{google}}}}, {}}
	if diff := cmp.Diff(want, list); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestMarshalInput_itemWithSeparator(t *testing.T) {
	type part struct {
		Hosts []SemicolonItem `json:"hosts,omitzero"`
		Codes []CommaItem     `json:"codes,omitzero"`
	}
	type whole struct {
		Parts []part `json:"parts"`
	}
	for _, c := range []struct {
		in   part
		path string // "" is none
	}{
		{part{Hosts: []SemicolonItem{"a,b"}, Codes: []CommaItem{"a;b"}}, ""},
		{part{Hosts: []SemicolonItem{}}, ""},
		{part{Hosts: []SemicolonItem{"a", "b;c"}}, "parts/1/hosts/1"},
		{part{Codes: []CommaItem{"a,b"}}, "parts/1/codes/0"},
		{part{Codes: []CommaItem{"a", "b", " "}}, "parts/1/codes/2"},
	} {
		_, err := MarshalInput(whole{[]part{{}, c.in}})
		item, _ := errors.AsType[*ItemError](err)
		if (err != nil) != (c.path != "") || item != nil && item.Path != c.path {
			t.Errorf("%+v: got %v at %+v, want %q", c.in, err, item, c.path)
		}
	}
	if _, err := Marshal(part{Codes: []CommaItem{"a,b"}}); err != nil {
		t.Errorf("an answer of Zoom's cannot be stored: %v", err)
	}
}

func TestChangesNothing(t *testing.T) {
	for body, want := range map[string]bool{
		`{}`: true, `null`: true, `{"a":{}}`: true, `{"a":{"b":{},"c":null}}`: true,
		`{"a":""}`: false, `{"a":0}`: false, `{"a":false}`: false, `{"a":[]}`: false, `{"a":{"b":{}},"c":{"d":"x"}}`: false, `[]`: false,
	} {
		if got := ChangesNothing([]byte(body)); got != want {
			t.Errorf("%s changes nothing: %v, want %v", body, got, want)
		}
	}
}
