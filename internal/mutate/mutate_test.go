package mutate

import (
	"math/rand/v2"
	"slices"
	"testing"
)

const document = `{"n":12345678901234567890.50,"s":"a \"b\"","o":{"t":true,"z":null},"l":[1,{"x":"y"},[]],"n":2}`

func TestParse_roundTrip(t *testing.T) {
	v, err := Parse([]byte(document))
	if err != nil {
		t.Fatal(err)
	}
	if got := string(v.Clone().Bytes()); got != document {
		t.Errorf("got %s", got)
	}
	for _, bad := range []string{"", "{", `{"a":1`, "[1,]", `{} {}`, "nul"} {
		if _, err := Parse([]byte(bad)); err == nil {
			t.Errorf("%q is read", bad)
		}
	}
}

func TestSites(t *testing.T) {
	v, _ := Parse([]byte(document))
	var got []string
	for _, s := range v.Sites() {
		got = append(got, s.String())
	}
	want := []string{"n", "s", "o", "o.t", "o.z", "l", "l[0]", "l[1]", "l[1].x", "l[2]", "n"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestMutations(t *testing.T) {
	for _, c := range []struct {
		document, at string
		mutation     Mutation
		want         string // "" where nothing can be changed
	}{
		{`{"a":1,"b":{"c":2}}`, "b.c", Drop, `{"a":1,"b":{}}`},
		{`{"a":[1,2,3]}`, "a[1]", Drop, `{"a":[1,3]}`},
		{`{"a":1}`, "a", Null, `{"a":null}`},
		{`{"a":null}`, "a", Null, ""},
		{`{"a":1,"b":2}`, "a", Double, `{"a":1,"a":1,"b":2}`},
		{`{"a":[1,[2]]}`, "a[1]", Double, `{"a":[1,[2],[2]]}`},
		{`{"a":{"b":1}}`, "a", Empty, `{"a":{}}`},
		{`{"a":["b"]}`, "a", Empty, `{"a":[]}`},
		{`{"a":"b"}`, "a", Empty, `{"a":""}`},
		{`{"a":""}`, "a", Empty, ""},
		{`{"a":[]}`, "a", Empty, ""},
		{`{"a":7}`, "a", Empty, ""},
	} {
		v, _ := Parse([]byte(c.document))
		sites := v.Sites()
		i := slices.IndexFunc(sites, func(s Site) bool { return s.String() == c.at })
		changed := sites[i].Apply(c.mutation, nil)
		if got := string(v.Bytes()); changed != (c.want != "") || changed && got != c.want {
			t.Errorf("%s, %s at %s: %t, %s; want %s", c.document, c.mutation, c.at, changed, got, c.want)
		}
	}
}

// Swap changes the type, to each of the others.
func TestSwap(t *testing.T) {
	for text, want := range map[string]int{`"x"`: 5, `1`: 5, `true`: 4, `{"a":1}`: 7, `[1]`: 7, `null`: 6} {
		kinds := map[string]bool{}
		for seed := range uint64(200) {
			v, _ := Parse([]byte(`{"a":` + text + `}`))
			before := v.Members[0].Value.Kind
			v.Sites()[0].Apply(Swap, rand.New(rand.NewPCG(seed, 0)))
			if after := v.Members[0].Value; after.Kind == before {
				t.Errorf("%s became %s", text, after.Bytes())
			}
			kinds[string(v.Bytes())] = true
		}
		if len(kinds) != want {
			t.Errorf("%s became %d values, want %d", text, len(kinds), want)
		}
	}
}
