package pricing

import "testing"

func TestPreference(t *testing.T) {
	for line, want := range map[string]string{
		``:                                  "",
		`handling=strict`:                   "strict",
		`respond-async, handling=strict`:    "strict",
		`Handling = "strict"`:               "strict",
		`handling=strict; why=form`:         "strict",
		`wait=10;x="a,b", handling=strict`:  "strict",
		`handling=lenient, handling=strict`: "lenient",
		`x="a,handling=strict"`:             "",
		`x="a\",handling=strict"`:           "",
		`x="never closed, handling=strict`:  "",
		`handling`:                          "",
		`mishandling=strict`:                "",
	} {
		if got := preference([]string{line}, "handling"); got != want {
			t.Errorf("%s: %q, want %q", line, got, want)
		}
	}
	if got := preference([]string{"wait=1", "handling=strict"}, "handling"); got != "strict" {
		t.Errorf("in the second line: %q", got)
	}
}
