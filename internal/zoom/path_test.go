package zoom

import (
	"encoding/base64"
	"net/url"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// atZoom decodes a path segment as Zoom's server does: once, and a second time
// for a UUID that has to be encoded twice. It is independent of the code under
// test.
func atZoom(t rapid.TB, segment string) string {
	t.Helper()
	if strings.ContainsAny(segment, "/?#") || segment == "." || segment == ".." || segment == "" {
		t.Fatalf("%q is not one segment of a path", segment)
	}
	once, err := url.PathUnescape(segment)
	if err != nil {
		t.Fatalf("%q cannot be decoded: %v", segment, err)
	}
	twice, err := url.PathUnescape(once)
	if err == nil && (strings.HasPrefix(twice, "/") || strings.Contains(twice, "//")) {
		return twice
	}
	return once
}

// uuids generates UUIDs of instances: 16 bytes in standard base64, some with extra slashes.
func uuids() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		raw := rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "bytes")
		uuid := []byte(base64.StdEncoding.EncodeToString(raw))
		for _, at := range rapid.SliceOfN(rapid.IntRange(0, 21), 0, 3).Draw(t, "slashes") {
			if at < 21 { // the last digit has bits that no base64 sets
				uuid[at] = '/'
			}
		}
		return string(uuid)
	})
}

func TestUUIDSegment_arrivesRaw(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		uuid := uuids().Draw(t, "uuid")
		checkUUID(t, uuid)
	})
}

// Slashes at every position, single and double, and at all of them.
func TestUUIDSegment_slashes(t *testing.T) {
	plain := "abcdefghijklmnopqrstuA=="
	checkUUID(t, plain)
	checkUUID(t, strings.Repeat("/", 21)+"A==")
	for at := range 21 {
		single := []byte(plain)
		single[at] = '/'
		checkUUID(t, string(single))
		if at < 20 {
			single[at+1] = '/'
			checkUUID(t, string(single))
		}
	}
}

func checkUUID(t rapid.TB, uuid string) {
	t.Helper()
	got, err := uuidSegment(uuid)
	if err != nil {
		t.Fatalf("%q is refused: %v", uuid, err)
	}
	if arrived := atZoom(t, got); arrived != uuid {
		t.Fatalf("%q is sent as %q and arrives as %q", uuid, got, arrived)
	}
	once, _ := url.PathUnescape(got)
	twice := once != uuid
	if want := uuid[0] == '/' || strings.Contains(uuid, "//"); twice != want {
		t.Fatalf("%q is sent as %q: encoded twice is %v, want %v", uuid, got, twice, want)
	}
}

func TestSegment(t *testing.T) {
	for _, c := range []struct{ why, value, segment, uuid string }{
		{"the example of Zoom's documents", "/abc==", "%2Fabc%3D%3D", "%252Fabc%253D%253D"},
		{"a double slash within", "a//b=", "a%2F%2Fb%3D", "a%252F%252Fb%253D"},
		{"a single slash within is encoded once", "a/b=", "a%2Fb%3D", "a%2Fb%3D"},
		{"a plus is not a blank", "a+b", "a%2Bb", "a%2Bb"},
		{"a blank is not a plus", "a b", "a%20b", "a%20b"},
		{"digits stay as they are", "86753098765", "86753098765", "86753098765"},
		{"an address", "jo+x@example.com", "jo%2Bx%40example.com", "jo%2Bx%40example.com"},
		{"other scripts", "日本", "%E6%97%A5%E6%9C%AC", "%E6%97%A5%E6%9C%AC"},
		{"delimiters of a path", "a?b#c", "a%3Fb%23c", "a%3Fb%23c"},
		{"an encoded value", "%2e%2e", "%252e%252e", "%252e%252e"},
		{"unreserved characters", "a-b_c~d.e", "a-b_c~d.e", "a-b_c~d.e"},
		{"dots beside others", "...", "...", "..."},
		{"line breaks", "a\r\nb", "a%0D%0Ab", "a%0D%0Ab"},
	} {
		if got, err := segment(c.value); got != c.segment || err != nil {
			t.Errorf("%s: %q is %q, %v; want %q", c.why, c.value, got, err, c.segment)
		}
		if got, err := uuidSegment(c.value); got != c.uuid || err != nil {
			t.Errorf("%s: %q as a UUID is %q, %v; want %q", c.why, c.value, got, err, c.uuid)
		}
	}
}

func TestSegment_refuses(t *testing.T) {
	for _, value := range []string{"", ".", ".."} {
		if got, err := segment(value); err == nil {
			t.Errorf("%q is sent as %q", value, got)
		}
		if got, err := uuidSegment(value); err == nil {
			t.Errorf("%q as a UUID is sent as %q", value, got)
		}
	}
}

func TestSegment_everyByte(t *testing.T) {
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	slices.Reverse(all) // so that no "//" and no "/" at the beginning
	for _, f := range []func(string) (string, error){segment, uuidSegment} {
		got, err := f(string(all))
		if err != nil {
			t.Fatal(err)
		}
		if arrived := atZoom(t, got); arrived != string(all) {
			t.Errorf("it arrives as %q", arrived)
		}
	}
}

// FuzzSegment escapes arbitrary ids: an id is rejected, or it arrives unchanged and names no
// other operation.
func FuzzSegment(f *testing.F) {
	for _, seed := range []string{"", ".", "..", "../users", "%2e%2e/", "/abc==", "a//b", "me", "\x00", "\xff", "a%2F%2Fb"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		refused := value == "" || value == "." || value == ".."
		s, err := segment(value)
		if (err != nil) != refused {
			t.Fatalf("%q: %q, %v", value, s, err)
		}
		if err != nil {
			return
		}
		if got, err := url.PathUnescape(s); err != nil || got != value || strings.ContainsAny(s, "/?#") {
			t.Fatalf("%q is sent as %q and arrives as %q, %v", value, s, got, err)
		}
		if s, err = uuidSegment(value); err != nil {
			t.Fatal(err)
		}
		u, err := url.Parse("https://api.zoom.us/v2/past_meetings/" + s + "/participants")
		if err != nil || strings.Count(u.EscapedPath(), "/") != 4 {
			t.Fatalf("%q is sent as %q: %v", value, s, err)
		}
	})
}
