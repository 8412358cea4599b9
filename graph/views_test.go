package graph

import (
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"testing"

	"zoomql/cache"
	"zoomql/internal/identity"
	"zoomql/internal/sandbox"
)

// viewHeader names the app whose credential a request has, in these tests.
const viewHeader = "X-Test-View"

// askAs sends a query with the credential of an app.
func (r *rig) askAs(app, query string, more map[string]any) *answer {
	r.t.Helper()
	params := map[string]any{"extensions": more}
	if query != "" {
		params["query"] = r.fill(query)
	}
	body, err := json.Marshal(params)
	if err != nil {
		r.t.Fatal(err)
	}
	req, err := http.NewRequest(http.MethodPost, "http://gateway.test/graphql", strings.NewReader(string(body)))
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set(viewHeader, app)
	return r.send(req)
}

// byHeader gives requests the credential of the app that their header names.
func byHeader(tokens identity.Tokens) identity.Source {
	return func(req *http.Request) *identity.Credential {
		if app := req.Header.Get(viewHeader); app != "" {
			return identity.New(identity.View{Account: sandbox.AccountID, App: app}, tokens)
		}
		return nil
	}
}

// One gateway serves two views of one account: no answer, call, result of an idempotency key or
// document of one is served to the other.
func TestViews_shareNothing(t *testing.T) {
	t.Parallel()
	store := cache.NewMemory(1 << 20)
	inRig(t, setup{store: store, answers: store, as: byHeader}, func(r *rig) {
		r.askAs("first", `{ viewer { scopes } }`, nil) // the token is cached
		r.spent()
		for _, app := range []string{"first", "second"} {
			r.askAs(app, meetingQuery, nil)
			r.spends(2)
			r.askAs(app, meetingQuery, nil)
			r.spends(0)
		}

		const users = `{ account { users(first: 3) { nodes { displayName } } } }`
		var wait sync.WaitGroup
		for range 2 {
			for _, app := range []string{"first", "second"} {
				wait.Go(func() { r.askAs(app, users, nil) })
			}
		}
		wait.Wait()
		r.spends(2)

		const create = `mutation { createMeeting(input: { idempotencyKey: "k", host: { zoomId: "${HostID}" }, meeting: { topic: "T" } }) { meeting { number } userErrors { code } } }`
		numbers := map[string]string{}
		for _, app := range []string{"first", "second", "first", "second"} {
			made := r.askAs(app, create, nil)
			if before := numbers[app]; before != "" && before != string(made.Data) {
				t.Errorf("%s: the repeat is answered with %s, not %s", app, made.Data, before)
			}
			numbers[app] = string(made.Data)
		}
		if numbers["first"] == numbers["second"] || !strings.Contains(numbers["second"], `"userErrors":[]`) {
			t.Errorf("the key of one view is that of another: %v", numbers)
		}
		r.spends(2)

		const typeHash = "ecf4edb46db40b5132295c0291d62fb65d6759a9eedfa4d5d612dd5ec54a6b38" // of {__typename}
		named := map[string]any{"persistedQuery": map[string]any{"version": 1, "sha256Hash": typeHash}}
		r.askAs("first", `{__typename}`, named)
		for app, known := range map[string]bool{"first": true, "second": false} {
			if a := r.askAs(app, "", named); a.tells("PERSISTED_QUERY_NOT_FOUND") == known {
				t.Errorf("%s: the document that the first has sent: %s", app, a.body)
			}
		}

		if a := r.askAs("", meetingQuery, nil); a.status != http.StatusUnauthorized || !a.tells("UNAUTHENTICATED") {
			t.Errorf("nobody's request: %d %s", a.status, a.body)
		}
	})
}
