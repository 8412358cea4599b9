package negotiation

import (
	"slices"
	"testing"
)

func TestMediaType(t *testing.T) {
	for _, c := range []struct {
		why    string
		accept []string
		want   string
	}{
		{"no Accept", nil, JSON},
		{"several lines are one list", []string{"text/html;q=0.9", "application/graphql-response+json"}, GraphQLResponse},
		{"equal weights: the new one", []string{"application/json, application/graphql-response+json"}, GraphQLResponse},
		{"a higher weight for the old one", []string{"application/graphql-response+json;q=0.8, application/json;q=0.9"}, JSON},
		{"weights over two lines", []string{"application/graphql-response+json;q=0.1", "application/json; q=0.2"}, JSON},
		{"what Apollo Client sends", []string{"multipart/mixed;deferSpec=20220824,application/graphql-response+json,application/json;q=0.9"}, GraphQLResponse},
		{"what urql sends", []string{"application/graphql-response+json, application/graphql+json, application/json, text/event-stream, multipart/mixed"}, GraphQLResponse},
		{"a type is more specific than a range", []string{"*/*, application/json;q=0"}, GraphQLResponse},
		{"a type range is more specific than */*", []string{"application/*;q=0, */*"}, ""},
		{"a range alone: JSON", []string{"application/*;q=0.2"}, JSON},
		{"zero in any spelling", []string{"application/json;q=0.000"}, ""},
		{"an invalid weight", []string{"application/json;q=x"}, JSON},
		{"a comma between quotes", []string{`text/plain;x="a, */*", application/json`}, JSON},
		{"another charset", []string{"application/json;charset=utf-16"}, ""},
		{"a charset without its hyphen", []string{"application/json;charset=utf8"}, JSON},
		{"an empty list", []string{" , "}, ""},
	} {
		if got := MediaType(c.accept); got != c.want {
			t.Errorf("%s: %q gives %q, want %q", c.why, c.accept, got, c.want)
		}
	}
}

func TestTakesGzip(t *testing.T) {
	for _, c := range []struct {
		accept []string
		want   bool
	}{
		{nil, false},
		{[]string{"gzip"}, true},
		{[]string{"gzip, deflate, br, zstd"}, true},
		{[]string{"br", "GZIP"}, true},
		{[]string{"x-gzip"}, true},
		{[]string{"*"}, true},
		{[]string{"identity;q=1, *;q=0"}, false},
		{[]string{"gzip;q=0, *"}, false},
		{[]string{"gzip ; Q = 0.0"}, false},
		{[]string{"*;q=0, gzip;q=0.1"}, true},
		{[]string{"br, zstd"}, false},
		{[]string{"gzip;q=0.5, identity;q=1"}, false},
		{[]string{"gzip;q=0.5", "Identity"}, false},
		{[]string{"identity;q=0.5, gzip;q=0.5"}, true},
		{[]string{"identity;q=0.5, gzip;q=0.8"}, true},
		{[]string{"gzip;q=0.2"}, true},
		{[]string{"gzip;q=0.2, identity;q=0"}, true},
		{[]string{"gzip;q=0.2, *;q=0"}, true},
		{[]string{"gzip;q=0.2, *;q=0.3"}, false},
		{[]string{"identity;q=0.5, *"}, true},
		{[]string{"identity, *;q=0.5"}, false},
		{[]string{"*;q=0"}, false},
	} {
		if got := TakesGzip(c.accept); got != c.want {
			t.Errorf("%q gives %t", c.accept, got)
		}
	}
}

func TestElements(t *testing.T) {
	got := slices.Collect(Elements([]string{`a, "b, \" c" ,,`, "", " d"}))
	if want := []string{"a", `"b, \" c"`, "d"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
