package types

import (
	"bytes"
	stdjson "encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// testReads reads JSON of Zoom's into a T. None of the cases is an error: a
// scalar that cannot be read is null, and the rest of the answer is read.
func testReads[T any](t *testing.T, cases []reading[T]) {
	t.Helper()
	for _, c := range cases {
		var got struct {
			V     T    `json:"v"`
			After Text `json:"after"`
		}
		got.V = c.over
		if err := Unmarshal([]byte(`{"v":`+c.zoom+`,"after":"read on"}`), &got); err != nil {
			t.Errorf("%s: %s: %v", c.why, c.zoom, err)
			continue
		}
		if diff := cmp.Diff(c.want, got.V); diff != "" || got.After != "read on" {
			t.Errorf("%s: %s, then %q (-want +got)\n%s", c.why, c.zoom, got.After, diff)
		}
	}
}

// reading is one JSON value of Zoom's and the expected scalar.
type reading[T any] struct {
	why  string
	zoom string
	over T // the value before: a name may occur twice
	want T
}

func TestText_fromZoom(t *testing.T) {
	testReads(t, []reading[Text]{
		{why: "a string is itself", zoom: `"Weekly – 日本"`, want: "Weekly – 日本"},
		{why: "escapes are undone", zoom: `"a\u00e9\n\"b\""`, want: "aé\n\"b\""},
		{why: "an id comes as a number too", zoom: `30055339510`, want: "30055339510"},
		{why: "a number keeps its digits, also those that a float would lose", zoom: `9223372036854775807`, want: "9223372036854775807"},
		{why: "a boolean is text where text was documented", zoom: `true`, want: "true"},
		{why: "null is nothing", zoom: `null`, over: "old", want: ""},
		{why: `"" is nothing`, zoom: `""`, over: "old", want: ""},
		{why: "an object is nothing", zoom: `{"a":[1]}`, over: "old", want: ""},
		{why: "an array is nothing", zoom: `["a"]`, over: "old", want: ""},
		{why: "invalid UTF-8 is replaced, the rest of the text is read", zoom: "\"Caf\xe9 Z\"", want: "Caf\uFFFD Z"},
		{why: "so does half a surrogate pair", zoom: `"a\ud800b"`, want: "a\uFFFDb"},
	})
	testReads(t, []reading[UUID]{
		{why: "a UUID is raw", zoom: `"/ajXp112QmuoKj4854875=="`, want: "/ajXp112QmuoKj4854875=="},
		{why: "none is none", zoom: `""`, want: ""},
	})
	testReads(t, []reading[Secret]{
		{why: "a passcode of digits may come as a number", zoom: `123456`, want: "123456"},
		{why: "null is none", zoom: `null`, over: "old", want: ""},
	})
}

func TestInt_fromZoom(t *testing.T) {
	testReads(t, []reading[Int]{
		{why: "a number is itself", zoom: `45`, want: Int{45, true}},
		{why: "zero is a value, not nothing", zoom: `0`, want: Int{0, true}},
		{why: "a string may hold a number", zoom: `"45"`, want: Int{45, true}},
		{why: "a number may be written as a float", zoom: `45.0`, want: Int{45, true}},
		{why: "or with an exponent", zoom: `1e3`, want: Int{1000, true}},
		{why: "a part of a unit is cut off", zoom: `59.99`, want: Int{59, true}},
		{why: "all 64 bits are kept", zoom: `-9223372036854775808`, want: Int{math.MinInt64, true}},
		{why: "null is nothing", zoom: `null`, over: Int{1, true}},
		{why: `"" is nothing`, zoom: `""`, over: Int{1, true}},
		{why: "words are nothing", zoom: `"many"`, over: Int{1, true}},
		{why: "what does not fit into 64 bits is nothing, not another number", zoom: `1e30`, over: Int{1, true}},
		{why: "just too large is nothing as well", zoom: `9223372036854775808`, over: Int{1, true}},
		{why: "infinity is no number", zoom: `"Infinity"`, over: Int{1, true}},
		{why: "nor is what says so", zoom: `"NaN"`, over: Int{1, true}},
		{why: "a truth value is no number", zoom: `true`, over: Int{1, true}},
		{why: "nor is an array", zoom: `[1]`, over: Int{1, true}},
	})
}

func TestBool_fromZoom(t *testing.T) {
	testReads(t, []reading[Bool]{
		{why: "a truth value is itself", zoom: `true`, want: Bool{true, true}},
		{why: "false is a value, not nothing", zoom: `false`, want: Bool{false, true}},
		{why: "Zoom writes 1", zoom: `1`, want: Bool{true, true}},
		{why: "and 0", zoom: `0`, want: Bool{false, true}},
		{why: "and strings", zoom: `"true"`, want: Bool{true, true}},
		{why: "null is nothing", zoom: `null`, over: Bool{true, true}},
		{why: `"" is nothing`, zoom: `""`, over: Bool{true, true}},
		{why: "another number is nothing", zoom: `2`, over: Bool{true, true}},
		{why: "an object is nothing", zoom: `{}`, over: Bool{true, true}},
	})
}

func TestMeetingNumber_fromZoom(t *testing.T) {
	testReads(t, []reading[MeetingNumber]{
		{why: "REST answers with a number", zoom: `86753098765`, want: 86753098765},
		{why: "webhooks and a user's pmi with a string", zoom: `"86753098765"`, want: 86753098765},
		{why: "people write it in groups", zoom: `"867 5309 8765"`, want: 86753098765},
		{why: "a number may be written as a float", zoom: `86753098765.0`, want: 86753098765},
		{why: "or with an exponent", zoom: `8.6753098765e10`, want: 86753098765},
		{why: "a fraction is none", zoom: `86753098765.5`, over: 1, want: 0},
		{why: "what a float may have rounded is none", zoom: `1e17`, over: 1, want: 0},
		{why: "null is none", zoom: `null`, over: 1, want: 0},
		{why: `"" is none`, zoom: `""`, over: 1, want: 0},
		{why: "zero is none", zoom: `0`, over: 1, want: 0},
		{why: "words are none", zoom: `"mine"`, over: 1, want: 0},
		{why: "no meeting has a number below zero", zoom: `-86753098765`, over: 1, want: 0},
	})
}

func TestTime_fromZoom(t *testing.T) {
	nine := Time{time.Date(2026, 1, 31, 9, 30, 0, 0, time.UTC)}
	testReads(t, []reading[Time]{
		{why: "UTC is how Zoom answers", zoom: `"2026-01-31T09:30:00Z"`, want: nine},
		{why: "an offset is turned into UTC", zoom: `"2026-01-31T10:30:00+01:00"`, want: nine},
		{why: "fractions are kept", zoom: `"2026-01-31T09:30:00.25Z"`, want: Time{nine.Add(250 * time.Millisecond)}},
		{why: "so is one without its colon", zoom: `"2026-01-31T10:30:00+0100"`, want: nine},
		{why: "and one behind a space", zoom: `"2026-01-31 10:30:00 +0100"`, want: nine},
		{why: "no zone is UTC", zoom: `"2026-01-31T09:30:00"`, want: nine},
		{why: "dashboards put a space", zoom: `"2026-01-31 09:30:00"`, want: nine},
		{why: "a day is its begin", zoom: `"2026-01-31"`, want: Time{nine.Truncate(24 * time.Hour)}},
		{why: "webhooks write an empty string for none", zoom: `""`, over: nine},
		{why: "null is none", zoom: `null`, over: nine},
		{why: "what is no time is none", zoom: `"tomorrow"`, over: nine},
		{why: "a day that does not exist is none", zoom: `"2026-02-30T09:30:00Z"`, over: nine},
		{why: "a number is none: its unit is unknown", zoom: `1769851800`, over: nine},
	})
	day := Date{time.Date(2026, 1, 31, 0, 0, 0, 0, time.UTC)}
	testReads(t, []reading[Date]{
		{why: "a day is itself", zoom: `"2026-01-31"`, want: day},
		{why: "of an instant the day is kept", zoom: `"2026-01-31T09:30:00Z"`, want: day},
		{why: `"" is none`, zoom: `""`, over: day},
	})
}

// gql is a scalar or enum as gqlgen needs it.
type gql[T any] interface {
	*T
	UnmarshalGQL(v any) error
	MarshalGQL(w io.Writer)
}

// inputCase is a value that a caller wrote and the expected scalar. No want means
// that it is rejected.
type inputCase[T any] struct {
	why    string
	caller any
	want   *T
}

func testInput[T any, P gql[T]](t *testing.T, cases []inputCase[T]) {
	t.Helper()
	for _, c := range cases {
		var got T
		err := P(&got).UnmarshalGQL(c.caller)
		switch {
		case c.want == nil && err == nil:
			t.Errorf("%s: %#v was taken as %v", c.why, c.caller, got)
		case c.want != nil && (err != nil || !cmp.Equal(*c.want, got)):
			t.Errorf("%s: %#v became %v, %v; want %v", c.why, c.caller, got, err, *c.want)
		}
	}
}

func TestScalars_fromCaller(t *testing.T) {
	testInput(t, []inputCase[Text]{
		{"a string is a string", "x", new(Text("x"))},
		{"a number is rejected: the caller can correct it", int64(1), nil},
		{"null", nil, nil},
	})
	testInput(t, []inputCase[Secret]{
		{"a passcode is a string", "x", new(Secret("x"))},
		{"a number could lose its leading zeros", int64(1), nil},
	})
	testInput(t, []inputCase[Int]{
		{"a literal", int64(3), new(Int{3, true})},
		{"a variable", stdjson.Number("3"), new(Int{3, true})},
		{"a fraction", stdjson.Number("3.5"), nil},
		{"words", "three", nil},
		{"a truth value", true, nil},
		{"null", nil, nil},
	})
	testInput(t, []inputCase[Bool]{
		{"a truth value", false, new(Bool{false, true})},
		{"a string, which is accepted from Zoom", "true", nil},
		{"a number", int64(1), nil},
	})
	testInput(t, []inputCase[UUID]{
		{"raw", "/a//b+c==", new(UUID("/a//b+c=="))},
		{"copied with surrounding blanks", " a== \n", new(UUID("a=="))},
		{"empty", "", nil},
		{"blank", "  ", nil},
		{"a number", int64(1), nil},
	})
	at := Time{time.Date(2026, 1, 31, 9, 30, 0, 0, time.UTC)}
	testInput(t, []inputCase[Time]{
		{"in UTC", "2026-01-31T09:30:00Z", &at},
		{"with an offset", "2026-01-31T10:30:00+01:00", &at},
		{"finer than Zoom takes", "2026-01-31T09:30:00.999Z", &at},
		{"without a zone", "2026-01-31T09:30:00", nil},
		{"a day is no instant", "2026-01-31", nil},
		{"empty", "", nil},
		{"a number", int64(1769851800), nil},
	})
	testInput(t, []inputCase[Date]{
		{"a day", "2026-01-31", &Date{at.Truncate(24 * time.Hour)}},
		{"an instant", "2026-01-31T09:30:00Z", nil},
		{"a day that does not exist", "2026-02-30", nil},
		{"a number", int64(20260131), nil},
	})
	testInput(t, []inputCase[MeetingNumber]{
		{"digits", "86753098765", new(MeetingNumber(86753098765))},
		{"in groups", "867 5309 8765", new(MeetingNumber(86753098765))},
		{"with hyphens", "867-5309-8765", new(MeetingNumber(86753098765))},
		{"copied from a web page, with no-break spaces", "867\u00a05309\u00a08765", new(MeetingNumber(86753098765))},
		{"an Int literal", int64(86753098765), new(MeetingNumber(86753098765))},
		{"a variable", stdjson.Number("86753098765"), new(MeetingNumber(86753098765))},
		{"empty", "", nil},
		{"zero", "0", nil},
		{"a sign", "-86753098765", nil},
		{"a sign after a blank", " -86753098765", nil},
		{"the other sign", "+86753098765", nil},
		{"letters", "867x", nil},
		{"a fraction", 1.5, nil},
		{"more than 64 bits", "99999999999999999999", nil},
		{"a path", "../users", nil},
		{"a truth value", true, nil},
		{"null", nil, nil},
	})
	testInput(t, []inputCase[CommaItem]{{"an item", "US", new(CommaItem("US"))}, {"a number", int64(1), nil}})
	testInput(t, []inputCase[SemicolonItem]{{"an item", "a@b.example", new(SemicolonItem("a@b.example"))}, {"a number", int64(1), nil}})
}

func TestScalars_marshalGQL(t *testing.T) {
	at := time.Date(2026, 1, 31, 10, 30, 0, 0, time.FixedZone("", 3600))
	for _, c := range []struct {
		why   string
		value interface{ MarshalGQL(w io.Writer) }
		want  string
	}{
		{"text is quoted", Text(`a "b" \` + "\n"), `"a \"b\" \\\n"`},
		{"HTML is not escaped", Text("</script>"), `"</script>"`},
		{"invalid UTF-8 is replaced", Text("a\xffb"), "\"a\uFFFDb\""},
		{"no text is null", Text(""), "null"},
		{"a secret is served", Secret("hush"), `"hush"`},
		{"no secret is null", Secret(""), "null"},
		{"a number", Int{-7, true}, "-7"},
		{"zero is a number", Int{0, true}, "0"},
		{"no number is null", Int{}, "null"},
		{"a truth value", Bool{false, true}, "false"},
		{"none is null", Bool{}, "null"},
		{"a meeting's number is a string, since it exceeds 53 bits", MeetingNumber(math.MaxInt64), `"9223372036854775807"`},
		{"none is null", MeetingNumber(0), "null"},
		{"a UUID is raw", UUID("/a//b=="), `"/a//b=="`},
		{"a time is in UTC", Time{at}, `"2026-01-31T09:30:00Z"`},
		{"no time is null", Time{}, "null"},
		{"a day", Date{at}, `"2026-01-31"`},
		{"no day is null", Date{}, "null"},
		{"an item", CommaItem("US"), `"US"`},
		{"an item", SemicolonItem("a"), `"a"`},
		{"an enum's name", MeetingTypeScheduled, `"SCHEDULED"`},
		{"an unknown value is null", MeetingType(""), "null"},
	} {
		var buffer bytes.Buffer
		buffer.WriteString("before ")
		c.value.MarshalGQL(&buffer)
		var other strings.Builder // an io.Writer that is no *bytes.Buffer
		c.value.MarshalGQL(&other)
		if buffer.String() != "before "+c.want || other.String() != c.want {
			t.Errorf("%s: got %s and %s, want %s", c.why, &buffer, &other, c.want)
		}
	}
}

// appendText quotes each byte at each position as jsontext does.
func TestAppendText(t *testing.T) {
	for c := range 256 {
		for _, length := range []int{1, 7, 8, 9, 17} {
			for at := range length {
				text := bytes.Repeat([]byte("~"), length)
				text[at] = byte(c)
				want, _ := jsontext.AppendQuote(nil, text)
				if got := appendText(nil, string(text)); !bytes.Equal(got, want) {
					t.Fatalf("byte %#x at %d of %d: got %s, want %s", c, at, length, got, want)
				}
				if plain := c >= ' ' && c < 0x80 && c != '"' && c != '\\'; isPlainASCII(string(text)) != plain {
					t.Fatalf("byte %#x at %d of %d stands as it is: %v", c, at, length, !plain)
				}
			}
		}
	}
}

func TestScalars_toZoom(t *testing.T) {
	at := time.Date(2026, 1, 31, 10, 30, 0, 0, time.FixedZone("", 3600))
	for _, c := range []struct {
		why   string
		value any
		want  string
	}{
		{"a secret that a caller sets", Secret("hush"), `"hush"`},
		{"a pointer to a secret", new(Secret("hush")), `"hush"`},
		{"a number", Int{7, true}, "7"},
		{"no number", Int{}, "null"},
		{"a truth value", Bool{true, true}, "true"},
		{"none", Bool{}, "null"},
		{"a meeting's number is a number at Zoom", MeetingNumber(86753098765), "86753098765"},
		{"a time is in UTC and says so", Time{at}, `"2026-01-31T09:30:00Z"`},
		{"no time", Time{}, `""`},
		{"a day", Date{at}, `"2026-01-31"`},
		{"no day", Date{}, `""`},
	} {
		got, err := Marshal(c.value)
		if err != nil || string(got) != c.want {
			t.Errorf("%s: got %s, %v; want %s", c.why, got, err, c.want)
		}
	}
}

func TestSecret_isRedacted(t *testing.T) {
	type holder struct {
		Plain   Secret
		Pointer *Secret
		List    []Secret
		Map     map[string]Secret
	}
	h := holder{"hush", new(Secret("hush")), []Secret{"hush"}, map[string]Secret{"a": "hush"}}
	for _, verb := range []string{"%s", "%v", "%+v", "%#v", "%q", "%x"} {
		for _, v := range []any{h.Plain, h.Pointer, h, &h, Meeting{StartURL: "hush"}} {
			if s := fmt.Sprintf(verb, v); strings.Contains(s, "hush") || strings.Contains(s, fmt.Sprintf("%x", "hush")) {
				t.Errorf("%s of a %T prints %s", verb, v, s)
			}
		}
	}
	var logged strings.Builder
	for _, handler := range []slog.Handler{slog.NewTextHandler(&logged, nil), slog.NewJSONHandler(&logged, nil)} {
		slog.New(handler).Info("seen", "secret", h.Plain, "pointer", h.Pointer, "holder", h, "meeting", &Meeting{StartURL: "hush", Topic: "a topic"})
	}
	if s := logged.String(); strings.Contains(s, "hush") || strings.Count(s, "[secret]") < 8 || !strings.Contains(s, "a topic") {
		t.Errorf("the log says %s", s)
	}
	if body, err := stdjson.Marshal(h); err != nil || strings.Contains(string(body), "hush") {
		t.Errorf("encoding/json writes %s, %v", body, err)
	}
}

// A caller can send back a meeting number as served, with separators.
func TestMeetingNumberRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := MeetingNumber(rapid.Int64Range(1, math.MaxInt64).Draw(t, "number"))
		digits := n.String()
		cut := rapid.IntRange(1, len(digits)).Draw(t, "cut")
		grouped := digits[:cut] + rapid.SampledFrom([]string{" ", "-", "\u00a0", ""}).Draw(t, "between") + digits[cut:]
		if got, err := ParseMeetingNumber(grouped); got != n || err != nil {
			t.Fatalf("%q is %v, %v", grouped, got, err)
		}
	})
}

// FuzzScalars reads arbitrary input as every scalar: only invalid JSON is an error.
func FuzzScalars(f *testing.F) {
	for _, seed := range []string{`"a"`, `1e999`, `"\ud800"`, "\"\xff\"", `{"a":{"a":1,"a":2}}`, `[`, `-`, `"1,2;3"`, ``} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		valid := jsontext.Value(body).IsValid(Lenient)
		for _, v := range []any{new(Text), new(Secret), new(UUID), new(Int), new(Bool), new(MeetingNumber), new(Time), new(Date), new(MeetingType), new(Weekday), new([]CommaItem), new([]SemicolonItem), new([]Weekday)} {
			err := Unmarshal(body, v)
			if (err == nil) != valid {
				t.Fatalf("%q as %T: %v", body, v, err)
			}
			if err == nil {
				if _, err := Marshal(v); err != nil {
					t.Fatalf("%q as %T is not written again: %v", body, v, err)
				}
			}
		}
	})
}
