package endpoint

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"zoomql/internal/identity"
)

// A header that asks for a price or a plan by a value that it does not have is refused, before
// the credential is looked for: the caller would take the answer for what it is not.
func TestPriceHeaders_unclear(t *testing.T) {
	e := &Endpoint{as: func(*http.Request) *identity.Credential { return nil }}
	for _, header := range []string{"X-Dry-Run", "X-Plan"} {
		for value, want := range map[string]int{
			"": http.StatusUnauthorized, "true": http.StatusUnauthorized, "True": http.StatusUnauthorized, "1": http.StatusUnauthorized,
			"false": http.StatusUnauthorized, "FALSE": http.StatusUnauthorized, "0": http.StatusUnauthorized,
			"false\ntrue": http.StatusBadRequest, // two headers
			"yes":         http.StatusBadRequest, "maybe": http.StatusBadRequest, "2": http.StatusBadRequest, "true, true": http.StatusBadRequest,
		} {
			w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/graphql", strings.NewReader(`{"query": "{ __typename }"}`))
			r.Header[header] = strings.Split(value, "\n")
			e.ServeHTTP(w, r)
			if w.Code != want {
				t.Errorf("%s: %q: HTTP %d %s", header, value, w.Code, w.Body)
			}
			if text := w.Body.String(); want == http.StatusBadRequest && (!strings.Contains(text, header+" must be one of true, 1, false and 0") || !strings.Contains(text, `"BAD_REQUEST"`)) {
				t.Errorf("%s: %q: %s", header, value, text)
			}
		}
	}
}
