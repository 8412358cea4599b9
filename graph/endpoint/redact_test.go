package endpoint

import "testing"

func TestRedact(t *testing.T) {
	for message, want := range map[string]string{
		`Expected value of type "JoinInput!", found {email:"a@example.com",n:[1, 123456]}.`:                     `Expected value of type "JoinInput!", found {email:"…",n:[1, "…"]}.`,
		`Int cannot represent non-integer value: "a \" b"`:                                                      `Int cannot represent non-integer value: "…"`,
		`Enum "Rate" cannot represent non-enum value: "LIGTH". Did you mean the enum value "LIGHT" or "HEAVY"?`: `Enum "Rate" cannot represent non-enum value: "…". Did you mean the enum value "LIGHT" or "HEAVY"?`,
		`Enum "Rate" cannot represent non-enum value: " Did you mean the enum value a@example.com?".`:           `Enum "Rate" cannot represent non-enum value: "…".`,
		`Expected value of type "Boolean!", found null.`:                                                        `Expected value of type "Boolean!", found null.`,
		`Field "users" argument "from" of type "Date!" is required, but it was not provided.`:                   `Field "users" argument "from" of type "Date!" is required, but it was not provided.`,
		`Expected value of type "PageSize", found lots. Did you mean the enum value FIRST, SECOND, or THIRD?`:   `Expected value of type "PageSize", found lots. Did you mean the enum value FIRST, SECOND, or THIRD?`,
	} {
		if got := redact(message); got != want {
			t.Errorf("%s\nbecame %s\n want  %s", message, got, want)
		}
	}
}
