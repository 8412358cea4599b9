package graph

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"zoomql/graph/endpoint"
	"zoomql/internal/negotiation"
)

const (
	accountQuery = `{"query": "{ account { zoomId } }"}`
	accountData  = `{"account": {"zoomId": "${AccountID}"}}`
	wrongQuery   = `{"query": "{ nothing }"}`
)

// TestHTTP sends valid and invalid GraphQL requests over HTTP.
//
// Spec: https://graphql.github.io/graphql-over-http/draft/
func TestHTTP(t *testing.T) {
	t.Parallel()
	manyValues := strings.Repeat("0,", endpoint.DefaultLimits.Values) + "0"
	get := func(query string) string { return "/graphql?query=" + url.QueryEscape(query) }
	for _, c := range []struct {
		why    string
		method string // "" is POST
		target string // "" is /graphql
		media  string // of the body; "" is application/json, "-" none
		accept string // "" is application/graphql-response+json, "-" none
		coding string // its Content-Encoding
		body   string
		says   string            // in the message of the first error
		header map[string]string // of the answer, as far as it counts
		status int
		code   string // of the first error
		data   string
		answer string // its media type; "" is application/graphql-response+json
	}{
		// What is answered.
		{why: "POST", body: accountQuery, status: 200, data: accountData},
		{why: "POST with a charset", media: "application/json; charset=UTF-8", body: accountQuery, status: 200, data: accountData},
		{why: "POST with a byte order of nobody's", media: "application/json; charset=utf-16", body: accountQuery, status: 415, code: "BAD_REQUEST"},
		{why: "GET", method: "GET", target: get("{ account { zoomId } }"), status: 200, data: accountData},
		{
			why: "GET with variables and a name", method: "GET", status: 200, data: accountData,
			target: get("query A { viewer { __typename } } query B($no: Boolean!) { account { zoomId id @include(if: $no) } }") + `&operationName=B&variables={"no":false}`,
		},
		{
			why: "POST with all there is", status: 200, data: accountData,
			body: `{"query": "query A { viewer { __typename } } query B($no: Boolean!) { account { zoomId id @include(if: $no) } }", "operationName": "B", "variables": {"no": false}, "extensions": {"a": 1}}`,
		},
		{why: "POST with nulls", body: `{"query": "{ account { zoomId } }", "operationName": null, "variables": null, "extensions": null}`, status: 200, data: accountData},
		{
			why: "variables that are there twice: the last ones", status: 200, data: accountData,
			body: `{"query": "query ($no: Boolean = false, $yes: Boolean = true) { account { zoomId @include(if: $yes) id @include(if: $no) } }", "variables": {"yes": false}, "variables": {"no": false}}`,
		},
		{why: "what nobody knows is passed over", body: `{"query": "{ account { zoomId } }", "id": 7}`, status: 200, data: accountData},
		{
			why: "a number that a float would spoil", body: `{"query": "query ($n: MeetingNumber!) { meeting(by: {number: $n}) { number registrants(first: 1) { totalCount } } }", "variables": {"n": ${MeetingNumber}}}`,
			status: 200, data: `{"meeting": {"number": "${MeetingNumber}", "registrants": {"totalCount": 12}}}`,
		},

		{why: "POST with a charset that lacks its hyphen", media: "application/json;charset=utf8", body: accountQuery, status: 200, data: accountData},
		{why: "a byte order mark in front of the body", body: "\uFEFF" + accountQuery, status: 200, data: accountData},
		{why: "a byte order mark in front of the query", body: `{"query": "\uFEFF{ account { zoomId } }"}`, status: 200, data: accountData},
		{why: "two byte order marks are no JSON", body: "\uFEFF\uFEFF" + accountQuery, status: 400, code: "BAD_REQUEST"},
		{why: "a body that is compressed", coding: "gzip", body: "\x1f\x8b\b", status: 415, code: "BAD_REQUEST", header: map[string]string{"Accept-Encoding": "identity"}},
		{why: "a body that is called as it is", coding: "identity", body: accountQuery, status: 200, data: accountData},

		// Which operation.
		{why: "one of two operations, unnamed", body: `{"query": "query A { account { zoomId } } query B { viewer { __typename } }"}`, status: 400, code: "GRAPHQL_VALIDATION_FAILED", says: "The document has 2 operations: set operationName to the one to execute (A, B)."},
		{why: "an operation that is not there", body: `{"query": "query A { account { zoomId } }", "operationName": "B"}`, status: 400, code: "GRAPHQL_VALIDATION_FAILED", says: `operationName: the document has no operation "B"; its operations: A.`},
		{why: "an operation that is not there, in a document without names", body: `{"query": "{ account { zoomId } }", "operationName": "B"}`, status: 400, code: "GRAPHQL_VALIDATION_FAILED", says: "Omit operationName."},
		{why: "operations with names that are too long to be told", body: `{"query": "query ` + strings.Repeat("a", 200) + ` { viewer { __typename } } query B { viewer { __typename } }"}`, status: 400, code: "GRAPHQL_VALIDATION_FAILED", says: "(" + strings.Repeat("a", 100) + "…, B)"},
		{why: "what is nested too deeply to be parsed", body: `{"query": "` + strings.Repeat("{a", 1100) + strings.Repeat("}", 1100) + `"}`, status: 400, code: "LIMIT_EXCEEDED"},
		{why: "an empty name is none", body: `{"query": "query A { account { zoomId } }", "operationName": ""}`, status: 200, data: accountData},
		{why: "a mutation by GET whose variable is missing", method: "GET", target: get(`mutation A($id: ID!) { deleteMeeting(input: {meeting: {id: $id}}) { deletedMeetingId } }`), status: 405, code: "BAD_REQUEST"},

		// Which variable.
		{why: "a variable is missing", body: `{"query": "query ($id: ID!, $n: Int!) { node(id: $id) { id } nodes(ids: [$id]) { id @skip(if: false) } account { users(first: $n) { totalCount } } }", "variables": {"id": "x"}}`, status: 400, code: "GRAPHQL_VALIDATION_FAILED", says: "$n: must be defined"},
		{why: "a part of a variable is wrong", body: `{"query": "query ($by: MeetingBy!) { meeting(by: $by) { id } }", "variables": {"by": {"nothing": 1}}}`, status: 400, code: "GRAPHQL_VALIDATION_FAILED", says: "$by.nothing: "},

		// In which form.
		{why: "Accept: nothing said", accept: "-", body: accountQuery, status: 200, data: accountData, answer: negotiation.JSON},
		{why: "Accept: the new one", accept: negotiation.GraphQLResponse, body: accountQuery, status: 200, data: accountData},
		{why: "Accept: the old one", accept: negotiation.JSON, body: accountQuery, status: 200, data: accountData, answer: negotiation.JSON},
		{why: "Accept: both", accept: "application/json, application/graphql-response+json", body: accountQuery, status: 200, data: accountData},
		{why: "Accept: both, and rather the old one", accept: "application/json, application/graphql-response+json;q=0.5", body: accountQuery, status: 200, data: accountData, answer: negotiation.JSON},
		{why: "Accept: anything", accept: "*/*", body: accountQuery, status: 200, data: accountData, answer: negotiation.JSON},
		{why: "Accept: anything, and rather the new one", accept: "application/graphql-response+json, */*;q=0.1", body: accountQuery, status: 200, data: accountData},
		{why: "Accept: what a browser sends", accept: "text/html,application/xhtml+xml,*/*;q=0.8", body: accountQuery, status: 200, data: accountData, answer: negotiation.JSON},
		{why: "Accept: with a charset", accept: "application/json; charset=utf-8", body: accountQuery, status: 200, data: accountData, answer: negotiation.JSON},
		{why: "Accept: nothing that we have", accept: "text/html", body: accountQuery, status: 406, code: "BAD_REQUEST", answer: negotiation.JSON},
		{why: "Accept: the new one is refused", accept: "application/graphql-response+json;q=0, application/json", body: accountQuery, status: 200, data: accountData, answer: negotiation.JSON},
		{why: "Accept: no JSON at all", accept: "application/json;q=0", body: accountQuery, status: 406, code: "BAD_REQUEST", answer: negotiation.JSON},
		{why: "a query that is wrong, the new way", body: wrongQuery, status: 400, code: "GRAPHQL_VALIDATION_FAILED"},
		{why: "a query that is wrong, the old way", accept: negotiation.JSON, body: wrongQuery, status: 200, code: "GRAPHQL_VALIDATION_FAILED", answer: negotiation.JSON},
		{why: "a query that is none, the new way", body: `{"query": "{"}`, status: 400, code: "GRAPHQL_PARSE_FAILED"},
		{why: "a query that is none, the old way", accept: negotiation.JSON, body: `{"query": "{"}`, status: 200, code: "GRAPHQL_PARSE_FAILED", answer: negotiation.JSON},

		// What is no request.
		{why: "an empty body", status: 400, code: "BAD_REQUEST"},
		{why: "no JSON", body: `{"query": "canary`, status: 400, code: "BAD_REQUEST"},
		{why: "no object", body: `"canary"`, status: 400, code: "BAD_REQUEST"},
		{why: "null", body: `null`, status: 400, code: "BAD_REQUEST"},
		{why: "something behind it", body: accountQuery + ` canary`, status: 400, code: "BAD_REQUEST"},
		{why: "a batch", body: `[` + accountQuery + `,` + accountQuery + `]`, status: 400, code: "BAD_REQUEST"},
		{why: "no query", body: `{"operationName": "canary"}`, status: 400, code: "BAD_REQUEST"},
		{why: "a query that is no text", body: `{"query": {"canary": 1}}`, status: 400, code: "BAD_REQUEST"},
		{why: "variables that are none", body: `{"query": "{ account { zoomId } }", "variables": "canary"}`, status: 400, code: "BAD_REQUEST"},
		{why: "variables in a list", body: `{"query": "{ account { zoomId } }", "variables": ["canary"]}`, status: 400, code: "BAD_REQUEST"},
		{why: "extensions that are none", body: `{"query": "{ account { zoomId } }", "extensions": 7}`, status: 400, code: "BAD_REQUEST"},
		{why: "a name that is none", body: `{"query": "{ account { zoomId } }", "operationName": 7}`, status: 400, code: "BAD_REQUEST"},
		{why: "a name that is nobody's", body: `{"query": "query A { account { zoomId } }", "operationName": "B"}`, status: 400, code: "GRAPHQL_VALIDATION_FAILED"},
		{why: "more than a mebibyte", body: `{"query": "{ account { zoomId } }", "variables": {"x": "` + strings.Repeat("canary", 200_000) + `"}}`, status: 413, code: "LIMIT_EXCEEDED"},
		{why: "more values than are decoded", body: `{"query": "{ account { zoomId } }", "extensions": {"a": [` + manyValues + `]}}`, status: 400, code: "LIMIT_EXCEEDED", says: "20000 values"},
		{why: "many times more values than are decoded", body: `{"query": "{ account { zoomId } }", "variables": {"a": [` + strings.Repeat(manyValues+",", 11) + `0]}}`, status: 400, code: "LIMIT_EXCEEDED", says: "20000 values"},
		{why: "more values than are decoded, for a stream", accept: "text/event-stream", body: `{"query": "{ account { zoomId } }", "extensions": {"a": [` + manyValues + `]}}`, status: 400, code: "LIMIT_EXCEEDED", says: "20000 values", answer: negotiation.JSON},
		{why: "many times more values than are decoded, for a stream", accept: "text/event-stream", body: `{"query": "{ account { zoomId } }", "extensions": {"a": [` + strings.Repeat(manyValues+",", 11) + `0]}}`, status: 400, code: "LIMIT_EXCEEDED", says: "20000 values", answer: negotiation.JSON},
		{why: "GET with more values than are decoded", method: "GET", target: get("{ account { zoomId } }") + "&variables=[" + manyValues + "]", status: 400, code: "LIMIT_EXCEEDED", says: "20000 values"},
		{why: "signs of values in texts are none", body: `{"query": "{ account { zoomId } } # ` + strings.Repeat(",", 30_000) + `", "operationName": ""}`, status: 200, data: accountData},
		{why: "a query in other letters", body: `{"Query": "{ account { zoomId } }"}`, status: 400, code: "BAD_REQUEST"},
		{why: "GET with variables that are lost", method: "GET", target: get("{ account { zoomId } }") + "&variables=%7B%zz%7D", status: 400, code: "BAD_REQUEST", says: "%25"},
		{why: "GET with a semicolon that would end what is read", method: "GET", target: get("{ account { zoomId } }") + `&variables={"no":";"}`, status: 400, code: "BAD_REQUEST", says: "%3B"},
		{why: "GET with two queries", method: "GET", target: get("{ account { zoomId } }") + "&query=%7B__typename%7D", status: 400, code: "BAD_REQUEST", says: "twice"},
		{why: "GET with nothing", method: "GET", status: 400, code: "BAD_REQUEST"},
		{why: "GET with variables that are none", method: "GET", target: get("{ account { zoomId } }") + "&variables=canary", status: 400, code: "BAD_REQUEST"},
		{why: "GET with extensions that are none", method: "GET", target: get("{ account { zoomId } }") + "&extensions=[1]", status: 400, code: "BAD_REQUEST"},

		// What a page of another site could send, or a robot.
		{why: "a form", media: "application/x-www-form-urlencoded", body: "query=%7Baccount%7BzoomId%7D%7D", status: 415, code: "BAD_REQUEST"},
		{why: "text", media: "text/plain", body: accountQuery, status: 415, code: "BAD_REQUEST"},
		{why: "files that a form of a page could send", media: "multipart/form-data; boundary=x", body: "--x--", status: 400, code: "BAD_REQUEST"},
		{why: "no Content-Type", media: "-", body: accountQuery, status: 415, code: "BAD_REQUEST"},
		{why: "a mutation by GET", method: "GET", target: get(`mutation { deleteMeeting(input: {meeting: {number: "1"}}) { deletedMeetingId } }`), status: 405, code: "BAD_REQUEST", header: map[string]string{"Allow": "POST"}},
		{why: "PATCH", method: "PATCH", body: accountQuery, status: 405, code: "BAD_REQUEST", header: map[string]string{"Allow": "GET, HEAD, POST"}},
		{why: "DELETE", method: "DELETE", status: 405, code: "BAD_REQUEST", header: map[string]string{"Allow": "GET, HEAD, POST"}},
	} {
		t.Run(c.why, func(t *testing.T) {
			t.Parallel()
			inRig(t, setup{}, func(r *rig) {
				method, target, media, answer := c.method, c.target, c.media, c.answer
				if method == "" {
					method = http.MethodPost
				}
				if target == "" {
					target = "/graphql"
				}
				req, err := http.NewRequest(method, "http://gateway.test"+target, strings.NewReader(r.fill(c.body)))
				if err != nil {
					t.Fatal(err)
				}
				if media == "" {
					media = "application/json"
				}
				if media != "-" {
					req.Header.Set("Content-Type", media)
				}
				accept := c.accept
				if accept == "" {
					accept = negotiation.GraphQLResponse
				}
				if accept != "-" {
					req.Header.Set("Accept", accept)
				}
				if answer == "" {
					answer = negotiation.GraphQLResponse
				}
				if c.coding != "" {
					req.Header.Set("Content-Encoding", c.coding)
				}
				a := r.send(req)
				if len(a.Errors) > 0 && !strings.Contains(a.Errors[0].Message, c.says) {
					t.Errorf("want %q in the message: %s", c.says, a.body)
				}
				if a.status != c.status {
					t.Errorf("status %d, want %d: %s", a.status, c.status, a.body)
				}
				if got := a.header.Get("Content-Type"); got != answer+"; charset=utf-8" {
					t.Errorf("Content-Type: %s", got)
				}
				if got := a.header.Get("Cache-Control"); !strings.Contains(got, "no-store") {
					t.Errorf("Cache-Control: %q", got)
				}
				for name, want := range c.header {
					if got := a.header.Get(name); got != want {
						t.Errorf("%s: %q, want %q", name, got, want)
					}
				}
				m := mistake{data: c.data}
				switch {
				case c.code != "" && (len(a.Errors) == 0 || a.Errors[0].code() != c.code):
					t.Errorf("want code %s: %s", c.code, a.body)
				case c.data == "" && strings.Contains(a.body, `"data"`):
					t.Errorf("nothing was executed, and yet there is data: %s", a.body)
				case c.data != "":
					m.check(r, a)
				}
			})
		})
	}
}

// TestClosed queries a gateway without introspection.
func TestClosed(t *testing.T) {
	t.Parallel()
	inRig(t, setup{closed: true}, func(r *rig) {
		for _, query := range []string{
			`{ __schema { types { name } } account { zoomId } }`,
			`{ __type(name: "User") { fields { name } } account { zoomId } }`,
			`{ account { zoomId } ... on Query { ...a } } fragment a on Query { ...b } fragment b on Query { __schema { types { name } } }`,
		} {
			a := r.ask(query, nil)
			if len(a.Errors) != 1 || a.Data != nil || a.Errors[0].code() != "INTROSPECTION_DISABLED" || !strings.Contains(a.Errors[0].Message, "Introspection is off") {
				t.Errorf("%s: %s", query, a.body)
			}
		}
		r.spends(0)
		if log := r.log.String(); strings.Contains(log, "ERROR") {
			t.Errorf("what is refused on purpose is logged as an error: %s", log)
		}
		if a := r.ask(`{ acount { zoomId } }`, nil); strings.Contains(a.body, "Did you mean") {
			t.Errorf("a suggestion tells the schema: %s", a.body)
		}
		if a := r.ask(`{ __typename }`, nil); string(a.Data) != `{"__typename":"Query"}` {
			t.Errorf("clients may always ask for __typename: %s", a.body)
		}
	})
}

// TestIntrospection sends the first query of tools.
func TestIntrospection(t *testing.T) {
	t.Parallel()
	inRig(t, setup{}, func(r *rig) {
		const typeRef = `kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name } } } } } } } }`
		a := r.ask(`{ __schema { description queryType { name } mutationType { name } subscriptionType { name }
			types { kind name description specifiedByURL isOneOf
				fields(includeDeprecated: true) { name description args(includeDeprecated: true) { ...value } type { ...ref } isDeprecated deprecationReason }
				inputFields(includeDeprecated: true) { ...value } interfaces { ...ref }
				enumValues(includeDeprecated: true) { name description isDeprecated deprecationReason } possibleTypes { ...ref } }
			directives { name description isRepeatable locations args(includeDeprecated: true) { ...value } } } }
			fragment value on __InputValue { name description type { ...ref } defaultValue isDeprecated deprecationReason }
			fragment ref on __Type { `+typeRef+` }`, nil)
		if a.status != http.StatusOK || len(a.Errors) > 0 {
			t.Errorf("status %d: %v", a.status, a.Errors)
		}
		r.spends(0)
	})
}
