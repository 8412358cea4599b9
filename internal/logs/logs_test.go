package logs

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestText(t *testing.T) {
	for _, c := range []struct{ why, text, want string }{
		{"a name", "ListMeetings", "ListMeetings"},
		{"nothing", "", ""},
		{"a name in another script", "Übersicht 会议", "Übersicht 会议"},
		{"a line that would be two", "a\nlevel=INFO", `a\u000alevel=INFO`},
		{"colours of a terminal", "\x1b[31mred", `\u001b[31mred`},
		{"text that runs backwards", "a\u202eb", `a\u202eb`},
		{"no UTF-8", "a\xffb", "a\ufffdb"},
		{"the longest", strings.Repeat("a", 128), strings.Repeat("a", 128)},
		{"longer", strings.Repeat("a", 129), strings.Repeat("a", 125) + "…"},
		{"cut between characters", strings.Repeat("ü", 65), strings.Repeat("ü", 62) + "…"},
		{"a passcode", "https://zoom.us/j/7?pwd=SECRET&uname=a", "https://zoom.us/j/7?pwd=[secret]&uname=a"},
		{"a passcode in any case", "j/7?a=b&Pwd=SECRET", "j/7?a=b&Pwd=[secret]"},
		{"control characters alone", strings.Repeat("\x00", 500), strings.Repeat(`\u0000`, 20) + `\u000…`},
	} {
		if got := Text(c.text); got != c.want {
			t.Errorf("%s: %q, want %q", c.why, got, c.want)
		}
	}
}

func FuzzText(f *testing.F) {
	for _, s := range []string{"a", "\xff\xfe", strings.Repeat("\x00", 999), strings.Repeat("é", 100)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if got := Text(s); len(got) > 128 || !utf8.ValidString(got) || strings.ContainsAny(got, "\n\r\x1b\x00") {
			t.Errorf("%q becomes %q", s, got)
		}
	})
}

func TestBound(t *testing.T) {
	long := strings.Repeat("a", 1<<20)
	for _, c := range []struct {
		why   string
		value slog.Attr
		most  int // bytes of the line
	}{
		{"a text", slog.String("a", long), 1200},
		{"an error", slog.Any("a", errors.New(long)), 1200},
		{"a list", slog.Any("a", []string{long, long}), 1200},
		{"a LogValuer", slog.Any("a", valuer(long)), 1200},
		{"in a group", slog.Group("g", slog.Any("a", errors.New(long))), 1200},
		{"a stack", slog.String(StackKey, long), 17 << 10},
	} {
		for name, handler := range map[string]func(*bytes.Buffer, *slog.HandlerOptions) slog.Handler{
			"text": func(b *bytes.Buffer, o *slog.HandlerOptions) slog.Handler { return slog.NewTextHandler(b, o) },
			"json": func(b *bytes.Buffer, o *slog.HandlerOptions) slog.Handler { return slog.NewJSONHandler(b, o) },
		} {
			var line bytes.Buffer
			slog.New(handler(&line, &slog.HandlerOptions{ReplaceAttr: Bound})).Info("msg", c.value)
			if line.Len() > c.most || line.Len() < 1000 {
				t.Errorf("%s, %s: a line of %d bytes, want at most %d", c.why, name, line.Len(), c.most)
			}
		}
	}
}

type valuer string

func (v valuer) LogValue() slog.Value { return slog.StringValue(string(v)) }

func TestBound_redactsPasscodes(t *testing.T) {
	var line bytes.Buffer
	log := slog.New(slog.NewTextHandler(&line, &slog.HandlerOptions{ReplaceAttr: Bound}))
	log.Info("see zoom.us/j/7?pwd=SECRET", "a", "zoom.us/j/7?pwd=SECRET", "b", errors.New("zoom.us/j/7?pwd=SECRET"), slog.Group("c", "d", "?pwd=SECRET"))
	if strings.Contains(line.String(), "SECRET") {
		t.Error(line.String())
	}
}

func TestBound_shortValuesAreUnchanged(t *testing.T) {
	var line bytes.Buffer
	slog.New(slog.NewJSONHandler(&line, &slog.HandlerOptions{ReplaceAttr: Bound})).Info("msg", "n", 3, "list", []int{1, 2}, "err", errors.New("short"))
	if !strings.HasSuffix(line.String(), `"msg":"msg","n":3,"list":[1,2],"err":"short"}`+"\n") {
		t.Error(line.String())
	}
}
