package playground

import (
	_ "embed"
	"encoding/json"
	"flag"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

var screenshots = flag.String("screenshots", "", "keep pictures of the pages in this directory")

// introspection is a small schema's, as graphql-js writes it.
//
//go:embed testdata/introspection.json
var introspection string

const defaultQuery = `# Who am I, and which meetings are next?
query Hello {
  viewer {
    name
    email
  }
}
`

// priced is the answer to a dry run, free that to one of an operation that scopes do not allow,
// left the budgets that prices are shown against, and paid the plan beside an answer.
const (
	priced = `{"data":null,"extensions":{"plan":{
		"atMost":{"LIGHT":31,"HEAVY":1200},"expected":{"LIGHT":3,"HEAVY":1200},"roundTrips":2,"objects":31,"days":2,"retryAt":"2026-12-02T00:00:00Z",
		"steps":[{"path":"viewer","operation":"GET /users/{userId}","label":"LIGHT","atMost":1,"expected":1,"why":"the object is read by its id"}],
		"scopes":[{"operation":"GET /users/{userId}","granular":["user:read:user"],"classic":["user:read"]}],
		"refused":[{"operation":"GET /metrics/meetings","fields":["Account.dashboards","Meeting.quality"],"code":"PLAN_REQUIRED","why":"The account's plan does not include dashboards."}]
	}}}`
	free = `{"data":null,"errors":[{"message":"first: 0 is not between 1 and 3000","path":["account","users"]}],"extensions":{"plan":{
		"atMost":{},"expected":{},"roundTrips":0,"objects":1,"days":0,"steps":[],"scopes":[],
		"refused":[{"operation":"GET /roles","fields":["Account.roles"],"code":"MISSING_SCOPE","why":"The app lacks a scope."}]
	}}}`
	paid = `{"steps":[{"path":"viewer","operation":"GET /users/{userId}","label":"LIGHT","atMost":31,"expected":3,"cached":2,"actual":1,"why":"each of the list"}]}`
	left = `{"data":{"rateLimit":{"labels":[{"label":"LIGHT","daily":null},{"label":"HEAVY","daily":{"remaining":60000}}]}}}`
)

// stub serves the playground and, beside it, a GraphQL endpoint that knows two
// answers. It sees that the browser sends what a strict server takes.
func stub(t *testing.T, bundle fs.FS) *httptest.Server {
	mux := http.NewServeMux()
	mux.Handle("/", Handler(Options{
		Bundle: bundle, Badge: "sandbox", Schema: "/schema.graphql", DefaultQuery: defaultQuery,
	}))
	mux.HandleFunc("POST /graphql", func(w http.ResponseWriter, r *http.Request) {
		var q struct {
			Query     string
			Variables map[string]any
		}
		if err := json.NewDecoder(r.Body).Decode(&q); err != nil || r.Header.Get("Content-Type") != "application/json" {
			t.Errorf("endpoint: Content-Type %q: %v", r.Header.Get("Content-Type"), err)
		}
		w.Header().Set("Content-Type", "application/graphql-response+json")
		switch {
		case strings.Contains(q.Query, "__schema"):
			w.Write([]byte(introspection))
		case strings.Contains(q.Query, "rateLimit"):
			w.Write([]byte(left))
		case r.Header.Get("X-Dry-Run") == "true":
			if strings.Contains(q.Query, "unknownField") {
				w.Write([]byte(`{"errors":[{"message":"Cannot query field \"unknownField\" on type \"User\"."}]}`))
				return
			}
			if strings.Contains(q.Query, "roles") {
				w.Write([]byte(free))
				return
			}
			w.Write([]byte(priced))
		case q.Variables["who"] != nil:
			json.NewEncoder(w).Encode(map[string]any{"data": map[string]any{"who": q.Variables["who"], "key": r.Header.Get("Authorization")}})
		default:
			plan := ""
			if r.Header.Get("X-Plan") == "true" {
				plan = `,"plan":` + paid
			}
			w.Write([]byte(`{"data":{"viewer":{"name":"Ada Lovelace","email":"ada@example.com"}},"extensions":{"cost":{"requested":{"LIGHT":3},"actual":{"LIGHT":1},"cached":2,"waitedMs":0}` + plan + `}}`))
		}
	})
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

func hostOf(s *httptest.Server) string { return strings.TrimPrefix(s.URL, "http://") }

func TestPlainPageInChromium(t *testing.T) {
	s, p := stub(t, unbuilt), openTab(t)
	p.visit(s.URL+"/", "document.querySelector('#run:enabled')")
	p.shoot("plain-first")

	p.eval(`document.querySelector('#run').click()`)
	p.wait(`document.querySelector('#result').textContent.includes('"name": "Ada Lovelace"')`)
	p.shoot("plain-light")

	p.eval(`{
		const set = (id, value) => {
			const field = document.getElementById(id);
			field.value = value;
			field.dispatchEvent(new Event('input'));
		};
		set('variables', '{"who": "Grace"}');
		set('authorization', 'Bearer s3cret');
		document.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', ctrlKey: true }));
	}`)
	p.wait(`document.querySelector('#result').textContent.includes('"key": "Bearer s3cret"')`)
	if kept := p.eval(`JSON.stringify(localStorage)`).(string); !strings.Contains(kept, "Grace") || strings.Contains(kept, "s3cret") {
		t.Errorf("want the variables kept and the key not: %s", kept)
	}

	p.eval(`document.getElementById('variables').value = '{who}', document.querySelector('#run').click()`)
	p.wait(`document.querySelector('#result').textContent.startsWith('Variables are not valid JSON')`)

	p.call("Emulation.setEmulatedMedia", params{"features": []params{{"name": "prefers-color-scheme", "value": "dark"}}}, nil)
	p.shoot("plain-dark")
	p.call("Emulation.setDeviceMetricsOverride", params{"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": true}, nil)
	p.shoot("plain-phone")
	p.clean(hostOf(s))
}

func TestGraphiQLInChromium(t *testing.T) {
	if script, _ := bundled(Options{}.withDefaults().Bundle); script == nil {
		without(t, "the bundle of GraphiQL (make playground, which needs Node.js)")
	}
	s, p := stub(t, nil), openTab(t)
	const (
		editor = `document.querySelector('.graphiql-query-editor .CodeMirror')`
		result = `document.querySelector('.result-window').textContent`
	)
	p.visit(s.URL+"/", editor+" && "+editor+".textContent.includes('Who am I')")

	p.eval(`document.querySelector('.graphiql-execute-button').click()`)
	p.wait(result + `.includes('Ada Lovelace')`)
	p.shoot("graphiql-light")

	// The documentation comes from introspection, with what is deprecated and
	// what is @oneOf.
	p.eval(`document.querySelector('[aria-label="Show Documentation Explorer"]').click()`)
	p.wait(`document.querySelector('.graphiql-plugin')?.textContent.includes('The graph that the browser test explores.')`)
	p.eval(`[...document.querySelectorAll('.graphiql-plugin a')].find((a) => a.textContent === 'Query').click()`)
	p.wait(`document.querySelector('.graphiql-plugin').textContent.includes('Who asks.')`)
	p.call("Emulation.setEmulatedMedia", params{"features": []params{{"name": "prefers-color-scheme", "value": "dark"}}}, nil)
	p.shoot("graphiql-docs-dark")

	// What was written outlives a reload; a key does not, unless the user says so.
	p.eval(`[...document.querySelectorAll('.graphiql-editor-tools button')].find((b) => b.textContent === 'Headers').click()`)
	p.eval(`[...document.querySelectorAll('.graphiql-editor-tool .CodeMirror')].at(-1).CodeMirror.setValue('{"Authorization": "Bearer s3cret"}')`)
	p.eval(editor + `.CodeMirror.setValue('query Kept { viewer { name } }')`)
	p.wait(`JSON.stringify(localStorage).includes('query Kept')`)
	if strings.Contains(p.eval(`JSON.stringify(localStorage)`).(string), "s3cret") {
		t.Error("the key is kept in localStorage")
	}
	p.shoot("graphiql-headers-dark")
	p.visit(s.URL+"/", editor+" && "+editor+".textContent.includes('query Kept')")

	// On a phone all panes have the width of the page, and none leaves it.
	p.call("Emulation.setDeviceMetricsOverride", params{"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": true}, nil)
	p.eval(`document.querySelector('.graphiql-execute-button').click()`)
	p.wait(result + `.includes('Ada Lovelace')`)
	p.shoot("graphiql-phone")
	for _, pane := range []string{".graphiql-editors", ".graphiql-query-editor .CodeMirror", ".graphiql-response", ".result-window .CodeMirror"} {
		box := p.eval(`(({ left, right, width, top, bottom, height }) => [left, right, width, top, bottom, height])(document.querySelector('` + pane + `').getBoundingClientRect())`)
		if b, ok := box.([]any); !ok || b[0].(float64) < 0 || b[1].(float64) > 390 || b[2].(float64) < 280 || b[3].(float64) < 0 || b[4].(float64) > 844 || b[5].(float64) < 80 {
			t.Errorf("%s on a phone: left, right, width, top, bottom, height are %v", pane, box)
		}
	}
	p.eval(`document.querySelector('[aria-label="Show Documentation Explorer"]').click()`)
	p.wait(`document.querySelector('.graphiql-plugin')?.getBoundingClientRect().width > 280`)
	p.shoot("graphiql-phone-docs")

	p.clean(hostOf(s))
}

// The price of a query is shown while it is written, and after the run what it cost.
func TestPricePanelInChromium(t *testing.T) {
	if script, _ := bundled(Options{}.withDefaults().Bundle); script == nil {
		without(t, "the bundle of GraphiQL (make playground, which needs Node.js)")
	}
	s, p := stub(t, nil), openTab(t)
	const (
		editor = `document.querySelector('.graphiql-query-editor .CodeMirror')`
		panel  = `document.querySelector('.zoomql-price')`
		result = `document.querySelector('.result-window').textContent`
	)
	write := func(query string) { p.eval(editor + ".CodeMirror.setValue(`" + query + "`)") }
	shows := func(text string) { p.wait(panel + ".textContent.includes('" + text + "')") }
	p.visit(s.URL+"/", editor+" && "+editor+".textContent.includes('Who am I')")
	p.eval(`document.querySelector('[aria-label="Show Price"]').click()`)
	p.wait(panel + " !== null")
	for _, text := range []string{"3 to 31", "1,200 of 60,000 left today", "Round trips2", "GET /users/{userId} × 1", "the object is read by its id", "user:read:user, user:read",
		"the next day\\'s does, from ", "GET /metrics/meetings: PLAN_REQUIRED", "does not include dashboards.Null without it: Account.dashboards, Meeting.quality"} {
		shows(text)
	}
	p.eval(`document.querySelector('.graphiql-execute-button').click()`)
	shows("The last runSentLIGHT 1NeededLIGHT 3From the cache2")
	shows("Its stepsviewerGET /users/{userId} × 1, 2 cachedeach of the list")
	p.wait(result + `.includes('"waitedMs"')`)
	if text := p.eval(result); strings.Contains(text.(string), "plan") {
		t.Errorf("the result shows the plan that the panel has asked for: %s", text)
	}
	p.shoot("price-light")

	// What is wrong with the query is said in place of a price; what is half written keeps
	// the last one.
	write("{ viewer { unknownField } }")
	shows(`Cannot query field "unknownField"`)
	write("{ viewer { name }")
	p.frame()
	write("{ account { roles { nodes { name } } } }")
	shows("account.users first: 0 is not between 1 and 3000It makes no call.Refused before a callGET /roles: MISSING_SCOPE")
	p.shoot("price-refused")
	write("{ viewer { name } }")
	shows("3 to 31")

	p.call("Emulation.setEmulatedMedia", params{"features": []params{{"name": "prefers-color-scheme", "value": "dark"}}}, nil)
	p.shoot("price-dark")
	p.call("Emulation.setDeviceMetricsOverride", params{"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": true}, nil)
	p.wait(panel + `.getBoundingClientRect().width > 280`)
	p.shoot("price-phone-dark")
	scroll := func(y string) { p.eval(panel + `.closest('.graphiql-plugin').scrollTo(0, ` + y + `)`) }
	scroll("1e6")
	p.shoot("price-phone-dark-end")
	p.call("Emulation.setEmulatedMedia", params{"features": []params{{"name": "prefers-color-scheme", "value": "light"}}}, nil)
	p.shoot("price-phone-light-end")
	scroll("0")
	p.shoot("price-phone-light")
	if out := p.eval(panel + `.scrollWidth > ` + panel + `.clientWidth`); out != false {
		t.Error("the panel is wider than its place")
	}
	p.call("Emulation.clearDeviceMetricsOverride", nil, nil)
	scroll("1e6")
	p.shoot("price-light-end")
	p.clean(hostOf(s))
}

// Subscriptions go by WebSocket to the same path: the policy must let them out,
// though the stub does not take them.
func TestPolicyAllowsSockets(t *testing.T) {
	s, p := stub(t, unbuilt), openTab(t)
	p.visit(s.URL+"/", "document.querySelector('#run:enabled')")
	got := p.eval(`new Promise((done) => {
		addEventListener('securitypolicyviolation', () => done('refused by the policy'));
		new WebSocket('ws://' + location.host + '/graphql').onerror = () => done('sent');
	})`)
	if got != "sent" {
		t.Errorf("a socket to the own host was %v", got)
	}
}

// A test that finds nothing must be able to find something.
func TestBrowserSeesViolations(t *testing.T) {
	s, p := stub(t, unbuilt), openTab(t)
	p.visit(s.URL+"/", "document.querySelector('#run:enabled')")
	p.eval(`document.head.append(Object.assign(document.createElement('script'), { src: '/evil.js' }))`)
	p.eval(`fetch('https://elsewhere.example/').catch(() => {})`)
	p.frame()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, want := range []string{"script-src-elem", "connect-src"} {
		if !strings.Contains(strings.Join(p.wrong, "\n"), "policy violated: "+want) {
			t.Errorf("no violation of %s seen in %q", want, p.wrong)
		}
	}
}
