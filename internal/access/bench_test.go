package access

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
)

// BenchmarkTenants measures the lookup of a key by the number of accounts.
func BenchmarkTenants(b *testing.B) {
	for _, n := range []int{1, 1000} {
		b.Run(fmt.Sprint(n, " accounts"), func(b *testing.B) {
			var all []Tenant
			for i := range n {
				all = append(all, Tenant{Name: fmt.Sprint("account-", i), Keys: []Key{{Hash: keys([]string{hash(fmt.Sprint("key-", i))})[0].Hash}}, Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})})
			}
			h := Tenants(all, nil)
			r, w := httptest.NewRequest(http.MethodPost, "/graphql", nil), httptest.NewRecorder()
			r.Header.Set("Authorization", fmt.Sprint("Bearer key-", n/2))
			b.ReportAllocs()
			for b.Loop() {
				h.ServeHTTP(w, r)
			}
		})
	}
}
