package types

import (
	"bytes"
	stdjson "encoding/json"
	"fmt"
	"log/slog"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// decoded reads JSON of Zoom's into a T.
func decoded[T any](t testing.TB, body string) (v T) {
	t.Helper()
	if err := Unmarshal([]byte(body), &v); err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	return v
}

func encoded(t testing.TB, v any) string {
	t.Helper()
	body, err := Marshal(v)
	if err != nil {
		t.Fatalf("%#v: %v", v, err)
	}
	return string(body)
}

// shown is what GraphQL answers with.
func shown(v interface {
	MarshalGQL(w interface{ Write([]byte) (int, error) })
}) string { return "" }

// reading is one JSON value of Zoom's, and what is to become of it.
type reading[T any] struct {
	why  string
	zoom string
	want T
}

func testReadings[T any](t *testing.T, cases []reading[T]) {
	t.Helper()
	for _, c := range cases {
		// Each is read over something else, as the second of two equal names is.
		got := decoded[[]T](t, "["+c.zoom+"]")[0]
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: %s (-want +got)\n%s", c.why, c.zoom, diff)
		}
	}
}
