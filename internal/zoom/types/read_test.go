package types

import (
	"bytes"
	"io"
	"maps"
	"reflect"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	gocmp "github.com/google/go-cmp/cmp"

	"zoomql/internal/drift"
)

// unreadable returns the findings about fields of another JSON type.
func unreadable(fields ...string) map[drift.Finding]int {
	found := map[drift.Finding]int{}
	for _, f := range fields {
		found[drift.Finding{Kind: drift.Unreadable, Field: f}]++
	}
	return found
}

// read reads one object as an answer is read.
func read[T any](t *testing.T, body string) (*T, map[drift.Finding]int) {
	t.Helper()
	out, odd := new(T), &Oddities{}
	if err := Read([]byte(body), out, odd, func(dec *jsontext.Decoder) error { return UnmarshalDecode(dec, out) }); err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	return out, odd.Found()
}

// An object or list of another JSON type than its field's sets that field to null and
// nothing else, at any depth; in a list it removes the item.
func TestRead_misfitIsNull(t *testing.T) {
	for _, shape := range []string{`""`, `"x"`, `false`, `true`, `0`, `[]`, `[1]`} {
		m, found := read[Meeting](t, `{"id":1,"recurrence":`+shape+`,"settings":`+shape+`,"topic":"T"}`)
		if m.Recurrence != nil || m.Settings != nil || m.Topic != "T" || m.Number != 1 {
			t.Errorf("%s for objects: %+v", shape, m)
		}
		if want := unreadable("recurrence", "settings"); !maps.Equal(found, want) {
			t.Errorf("%s for objects: noted %v", shape, found)
		}
	}
	for _, shape := range []string{`""`, `"x"`, `false`, `0`, `{}`, `{"a":{"b":[1]}}`} {
		u, found := read[User](t, `{"id":"u","group_ids":`+shape+`,"custom_attributes":`+shape+`,"company":"C"}`)
		if u.GroupIds != nil || u.CustomAttributes != nil || u.Company != "C" || u.ZoomID != "u" {
			t.Errorf("%s for lists: %+v", shape, u)
		}
		if want := unreadable("group_ids", "custom_attributes"); !maps.Equal(found, want) {
			t.Errorf("%s for lists: noted %v", shape, found)
		}
	}
	m, found := read[Meeting](t, `{"settings":{"breakout_room":[],"global_dial_in_numbers":[{"number":"1"},"",[2],{"number":"3","city":{}}],"host_video":true},"topic":"T"}`)
	Prune(m)
	if s := m.Settings; s == nil || s.BreakoutRoom != nil || !s.HostVideo.Value || m.Topic != "T" || len(s.GlobalDialInNumbers) != 2 || s.GlobalDialInNumbers[1].Number != "3" {
		t.Errorf("further down: %+v", m.Settings)
	}
	want := unreadable("settings.breakout_room", "settings.global_dial_in_numbers", "settings.global_dial_in_numbers", "settings.global_dial_in_numbers.city")
	if diff := gocmp.Diff(want, found); diff != "" {
		t.Errorf("further down (-want +noted):\n%s", diff)
	}
}

// A row that becomes two objects of the graph is read as tolerantly as one.
func TestRead_misfitInPastMeeting(t *testing.T) {
	p, found := read[PastMeeting](t, `{"uuid":"a==","id":1,"topic":"T","custom_keys":"","has_chat":true}`)
	if p.Instance.Topic != "T" || p.Report.Topic != "T" || !p.Report.HasChat.Value || p.Report.CustomKeys != nil || p.Instance.Row != &p.Report {
		t.Errorf("%+v", p)
	}
	if want := unreadable("custom_keys"); !maps.Equal(found, want) {
		t.Errorf("noted %v", found)
	}
}

// An answer that itself has another JSON type is an error.
func TestRead_misfitOfAnswerIsError(t *testing.T) {
	for _, body := range []string{`""`, `[]`, `[{"id":1}]`, `false`, `{"id":1}{}`, `{"id":1`, `{"settings":"",`} {
		if err := Unmarshal([]byte(body), new(Meeting)); err == nil {
			t.Errorf("%s was read as a meeting", body)
		}
	}
	type envelope = struct { // no type of the graph
		Meetings []*Meeting `json:"meetings"`
		Other    *Meeting   `json:"other"`
	}
	for body, fits := range map[string]bool{
		`{"meetings":"","other":{"id":1}}`:                false,
		`{"meetings":{},"other":{"id":1}}`:                false,
		`{"meetings":[""],"other":""}`:                    true,
		`{"meetings":[{"id":1,"settings":""}],"other":1}`: true,
	} {
		if err := Unmarshal([]byte(body), new(envelope)); (err == nil) != fits {
			t.Errorf("%s: %v", body, err)
		}
	}
}

// A code that an enum does not know is null in the graph, is recorded, and is written back
// to Zoom unchanged.
func TestRead_unknownCodesAreRetained(t *testing.T) {
	file, found := read[RecordingFile](t, `{"recording_type":"hologram","file_type":"MP4","status":""}`)
	if got := gqlText(file.RecordingType); got != "null" || file.RecordingTypeText() != "hologram" || file.TypeText() != "MP4" || file.StatusText() != "" {
		t.Errorf("%s, %q, %q, %q", got, file.RecordingTypeText(), file.TypeText(), file.StatusText())
	}
	if want := map[drift.Finding]int{{Kind: drift.Value, Field: "recording_type", Value: "hologram"}: 1}; !maps.Equal(found, want) {
		t.Errorf("noted %v", found)
	}
	user, _ := read[User](t, `{"type":55,"login_types":[100,56]}`)
	if got := user.LoginTypes(); len(got) != 1 || got[0] != LoginTypeZoomWorkEmail {
		t.Errorf("the list of those that are known is %q", got)
	}
	if got := user.LoginTypesText(); len(got) != 2 || got[1] != "56" || user.TypeText() != "55" {
		t.Errorf("the texts are %q and %q", got, user.TypeText())
	}
	body, err := Marshal(user)
	if err != nil || !strings.Contains(string(body), `"type":55`) || !strings.Contains(string(body), `"login_types":[100,56]`) {
		t.Errorf("%s, %v", body, err)
	}
}

// A list that is given as codes is sent unchanged; giving it in both fields is an error.
func TestMarshalInput_codesOfLists(t *testing.T) {
	body, err := MarshalInput(&InMeetingSettingsInput{DataCenterRegionsText: []string{"TW", "US", "XX"}})
	if err != nil || string(body) != `{"data_center_regions":["TW","US","XX"]}` {
		t.Errorf("%s, %v", body, err)
	}
	if IsEmpty(&InMeetingSettingsInput{DataCenterRegionsText: []string{"TW"}}) {
		t.Error("an input of texts is empty")
	}
	_, err = MarshalInput(&InMeetingSettingsInput{DataCenterRegionsText: []string{"TW"}, DataCenterRegions: []DataCenterRegionInput{DataCenterRegionInputUs}})
	if err == nil || !strings.HasPrefix(err.Error(), "dataCenterRegions and dataCenterRegionsText") {
		t.Errorf("given twice: %v", err)
	}
}

// The findings of one answer are bounded in length and number, and hold no line break.
func TestOddTextsAreBounded(t *testing.T) {
	long := strings.Repeat("ä", 100)
	_, found := read[RecordingFile](t, `{"recording_type":"`+long+`\n"}`)
	for f := range found {
		if len(f.Value) > maxOddText || !strings.HasPrefix(long, f.Value) {
			t.Errorf("%q", f.Value)
		}
	}
	_, found = read[RecordingFile](t, `{"recording_type":"a\nb\u0000c"}`)
	if want := map[drift.Finding]int{{Kind: drift.Value, Field: "recording_type", Value: "a b c"}: 1}; !maps.Equal(found, want) {
		t.Errorf("noted %v", found)
	}
	odd := &Oddities{}
	for i := range 2 * maxOddities {
		odd.add(drift.Finding{Kind: drift.Field, Field: strings.Repeat("x", i%60) + strings.Repeat("y", i/60)})
	}
	if len(odd.Found()) != maxOddities {
		t.Errorf("%d are noted", len(odd.Found()))
	}
}

// Fields that the schema lacks are recorded by name, except within free-form JSON.
func TestAddUnknown(t *testing.T) {
	odd := &Oddities{}
	odd.AddUnknown([]byte(`{"id":1,"new":{"a":1},"settings":{"host_video":true,"newer":[{"b":1}],"breakout_room":{"rooms":[{"name":"x"},{"novel":1}]}},"topic":{"c":1}}`), FieldsOf(reflect.TypeFor[Meeting]()))
	want := map[drift.Finding]int{}
	for _, f := range []string{"new", "settings.newer", "settings.breakout_room.rooms.novel"} {
		want[drift.Finding{Kind: drift.Field, Field: f}] = 1
	}
	if diff := gocmp.Diff(want, odd.Found()); diff != "" {
		t.Errorf("(-want +noted):\n%s", diff)
	}
	for _, broken := range []string{``, `{`, `[]`, `{"new":`, `"x"`, `{"settings":{"host_video":}}`} {
		(&Oddities{}).AddUnknown([]byte(broken), FieldsOf(reflect.TypeFor[Meeting]()))
	}
}

func gqlText(v interface{ MarshalGQL(w io.Writer) }) string {
	var b bytes.Buffer
	v.MarshalGQL(&b)
	return b.String()
}
