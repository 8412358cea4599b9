package zoom

import (
	"testing"

	"zoomql/internal/zoom/types"
)

// Tokens that give access to files are removed at any depth; the rest is unchanged.
func TestRaw_withholdsTokens(t *testing.T) {
	v, err := rawBody([]byte(`{"a":[{"download_access_token":"x","n":12345678901234567890,"s":"é"},null,[{"download_token":"y"}]],"download_access_token":"z","z":true}`), nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := string(v.(types.JSON)), `{"a":[{"n":12345678901234567890,"s":"é"},null,[{}]],"z":true}`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if _, err := rawBody([]byte(`<html>`), nil); err == nil {
		t.Error("HTML was accepted")
	}
}
