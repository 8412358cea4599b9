package selection

import (
	"slices"
	"testing"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
)

const schemaText = `
	directive @zoom(op: String!, sometimes: Boolean, proof: Boolean) repeatable on FIELD_DEFINITION
	directive @source(op: String!) repeatable on OBJECT
	directive @text(of: String!) on FIELD_DEFINITION
	scalar Secret
	interface Node { id: ID! }
	input UserBy { id: ID zoomId: String email: String }
	type Query { user(by: UserBy): User users(first: Int): UserConnection node(id: ID): Node }
	type UserConnection { edges: [UserEdge] nodes: [User] }
	type UserEdge { node: User }
	type User implements Node @source(op: "GET /users/{userId}") @source(op: "GET /users") {
		id: ID!
		zoomId: String
		email: String
		company: String @zoom(op: "GET /users/{userId}")
		department: String @zoom(op: "GET /users/{userId}") @zoom(op: "GET /users", sometimes: true)
		plan: String
		planText: String @text(of: "plan")
		hostKey: Secret @zoom(op: "GET /users/{userId}")
		meetings: [String] @zoom(op: "GET /users/{userId}/meetings")
		download(as: String): Secret
		settings: Settings
		webinars: WebinarConnection @zoom(op: "GET /users/{userId}/webinars")
	}
	type WebinarConnection { edges: [WebinarEdge] nodes: [Webinar] }
	type WebinarEdge { node: Webinar }
	type Webinar { topic: String host: User @zoom(op: "GET /users/{userId}") }
	type Settings { passcode: Secret quiet: Boolean }
	type Mutation { createUser(by: UserBy): User @zoom(op: "POST /users") @zoom(op: "GET /users", proof: true) }`

const (
	one  = "GET /users/{userId}"
	many = "GET /users"
)

func newTestIndex(t *testing.T) (*Index, *ast.Schema) {
	t.Helper()
	schema, err := gqlparser.LoadSchema(&ast.Source{Input: schemaText})
	if err != nil {
		t.Fatal(err)
	}
	return NewIndex(schema, map[string][]string{"Settings": {"quiet"}}), schema
}

// TestIndex_field reads the directives of each kind of field.
func TestIndex_field(t *testing.T) {
	index, _ := newTestIndex(t)
	user := index.Type("User")
	for name, want := range map[string]Field{
		"email":      {Holder: "email"},
		"company":    {Holder: "company", Sources: Sources{Ops: []string{one}}},
		"department": {Holder: "department", Sources: Sources{Ops: []string{one}, Sometimes: []string{many}}},
		"planText":   {Holder: "plan"},
		"hostKey":    {Holder: "hostKey", Secret: true, Sources: Sources{Ops: []string{one}}},
		"meetings":   {Holder: "meetings", Edge: true, Sources: Sources{Ops: []string{"GET /users/{userId}/meetings"}}},
		"download":   {Holder: "download", Edge: true, Secret: true},
	} {
		got := index.Field(user, user.Fields.ForName(name))
		if got.Edge != want.Edge || got.Secret != want.Secret || got.Holder != want.Holder ||
			!slices.Equal(got.Ops, want.Ops) || !slices.Equal(got.Sometimes, want.Sometimes) {
			t.Errorf("%s is %+v, want %+v", name, *got, want)
		}
	}
	if f := index.Field(index.Mutation(), index.Mutation().Fields[0]); !slices.Equal(f.All(), []string{"POST /users"}) || !slices.Equal(f.Proofs, []string{many}) {
		t.Errorf("createUser is %+v", *f)
	}
	foreign, _ := newTestIndex(t)
	if f := index.Field(foreign.Type("User"), foreign.Type("User").Fields.ForName("meetings")); !f.Edge {
		t.Error("a field of a schema that was parsed again is read wrongly")
	}
}

// TestIndex_types tests the keys of types, and their possible types.
func TestIndex_types(t *testing.T) {
	index, _ := newTestIndex(t)
	if got := index.Keys("User"); !slices.Equal(got, []string{"id", "zoomId"}) {
		t.Errorf("users are named by %v", got)
	}
	if got := index.Keys("Settings"); !slices.Equal(got, []string{"quiet"}) {
		t.Errorf("settings are named by %v", got)
	}
	if got := index.Conditions("User"); !slices.Equal(got, []string{"User", "Node"}) {
		t.Errorf("fragments on %v hold for users", got)
	}
	for _, name := range []string{"User", "Node"} {
		if got := index.Objects(name); len(got) != 1 || got[0].Name != "User" {
			t.Errorf("objects of %s are of %v", name, got)
		}
	}
}

// needs returns the needs on users of the first root field of a query.
func needs(t *testing.T, query string, ways ...string) *Needs {
	t.Helper()
	index, schema := newTestIndex(t)
	doc, errs := gqlparser.LoadQueryWithRules(schema, query, nil)
	if errs != nil {
		t.Fatal(errs)
	}
	opCtx := &graphql.OperationContext{Doc: doc, Operation: doc.Operations[0]}
	root := graphql.CollectFields(opCtx, doc.Operations[0].SelectionSet, []string{"Query"})[0]
	return index.Needs(opCtx, root.Selections, "User", ways...)
}

// TestNeeds tests which answers hold the fields of a selection.
func TestNeeds(t *testing.T) {
	for _, c := range []struct {
		query                             string
		lacksInList, neverInList          bool
		secrets, key, plain, edges, alone bool
	}{
		{query: `{ user { id } }`, key: true},
		{query: `{ user { id meetings } }`, key: true, edges: true, alone: true},
		{query: `{ user { ... on Node { id } meetings __typename } }`, key: true, edges: true, alone: true},
		{query: `{ user { email } }`, plain: true},
		{query: `{ user { company } }`, plain: true, lacksInList: true, neverInList: true},
		{query: `{ user { department } }`, plain: true, lacksInList: true},
		{query: `{ user { hostKey } }`, plain: true, secrets: true, lacksInList: true, neverInList: true},
		{query: `{ user { settings { passcode } } }`, plain: true, secrets: true},
		{query: `{ user { download } }`, edges: true, secrets: true},
	} {
		n := needs(t, c.query)
		if n.Lacks(many) != c.lacksInList || n.NeverIn(many) != c.neverInList || n.Lacks(one) {
			t.Errorf("%s: the list lacks something: %v, for sure: %v; the object by itself: %v", c.query, n.Lacks(many), n.NeverIn(many), n.Lacks(one))
		}
		if n.Secrets != c.secrets || n.Key != c.key || n.Plain != c.plain || n.Edges != c.edges || n.KeyOnly() != c.alone {
			t.Errorf("%s: %+v", c.query, *n)
		}
	}
}

// TestNeeds_inAll tests the edges that lead back to a user.
func TestNeeds_inAll(t *testing.T) {
	for query, want := range map[string]bool{
		`{ user { email webinars { nodes { topic host { email } } } } }`:                                   false,
		`{ user { email webinars { nodes { host { company } } } } }`:                                       true,
		`{ user { email webinars { ... on WebinarConnection { edges { node { host { company } } } } } } }`: true,
		`{ user { email webinars { nodes { host { webinars { nodes { host { company } } } } } } } }`:       true,
		`{ user { email webinars { nodes { host @skip(if: true) { company } } } } }`:                       false,
		`{ user { company } }`: true,
	} {
		n := needs(t, query)
		if got := n.LacksInAll(many); got != want || n.LacksInAll(one) {
			t.Errorf("%s: the list lacks something: %v; the object by itself: %v", query, got, n.LacksInAll(one))
		}
	}
}

// TestNeeds_paths tests the paths in the answer of the fields that an item lacks.
func TestNeeds_paths(t *testing.T) {
	n := needs(t, `{ users { nodes { c: company department } edges { node { company } } } }`, "nodes", "edges.node")
	type user struct{ Company, Department string }
	root := ast.Path{ast.PathName("users")}
	for _, c := range []struct {
		user
		want []string
	}{
		{user{}, []string{"users.nodes[7].c", "users.nodes[7].department", "users.edges[7].node.company"}},
		{user{Company: "C", Department: "D"}, []string{"users.nodes[7].c", "users.edges[7].node.company"}}, // no list carries it
	} {
		var got []string
		for _, lacking := range n.LacksOf(many, &c.user) {
			if got = append(got, lacking.Path(root, 7).String()); !lacking.InList() {
				t.Errorf("%s is in no list", lacking.Name)
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%+v lacks %v, want %v", c.user, got, c.want)
		}
	}
	if lacking := needs(t, `{ user { company } }`).LacksOf(many, &user{}); len(lacking) != 1 || lacking[0].InList() || lacking[0].Path(root, -1).String() != "users.company" {
		t.Errorf("an object outside a list lacks %v", lacking)
	}
}

// User is the Go type of users: Merged finds the type of the schema by its name.
type User struct{ Email, Company, Department, Plan string }

// TestMerged merges the row of a list with an object that leaves fields out.
func TestMerged(t *testing.T) {
	index, _ := newTestIndex(t)
	got := Merged(index, &User{Email: "row", Company: "row", Plan: "row"}, &User{Email: "whole", Company: "whole"}, one)
	if want := (User{Email: "whole", Company: "whole", Plan: "row"}); *got != want {
		t.Errorf("it is %+v, want %+v", *got, want)
	}
	if got := Merged(index, &User{Company: "row"}, &User{Company: "stale"}, many); got.Company != "row" {
		t.Errorf("a field is taken from an answer that does not carry it: %+v", *got)
	}
}
