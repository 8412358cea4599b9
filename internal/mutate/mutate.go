package mutate

import (
	"math/rand/v2"
	"slices"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// Site is a place in a document: a member of an object or an item of a list.
type Site struct {
	// Path is the path of the place: names of members, and "[0]" for the first item.
	Path []string
	// Value is the value in the place.
	Value *Value

	parent *Value
	index  int
}

// Sites returns all places below v, in document order. They are valid until the
// document is changed.
func (v *Value) Sites() []Site { return v.sites(nil, nil) }

func (v *Value) sites(list []Site, path []string) []Site {
	add := func(i int, name string, child *Value) {
		at := append(slices.Clone(path), name)
		list = append(list, Site{at, child, v, i})
		list = child.sites(list, at)
	}
	for i, m := range v.Members {
		add(i, m.Name, m.Value)
	}
	for i, item := range v.Items {
		add(i, "["+strconv.Itoa(i)+"]", item)
	}
	return list
}

// IsMember reports whether the place is a member of an object.
func (s Site) IsMember() bool { return s.parent.Kind == jsontext.KindBeginObject }

// String returns the path as text: users[3].dept.
func (s Site) String() string {
	text := ""
	for _, name := range s.Path {
		if text != "" && name[:min(len(name), 1)] != "[" {
			text += "."
		}
		text += name
	}
	return text
}

// Replace puts another value into the place.
func (s Site) Replace(v *Value) {
	if s.IsMember() {
		s.parent.Members[s.index].Value = v
		return
	}
	s.parent.Items[s.index] = v
}

// Mutation is a way to change the value in a place.
type Mutation string

// The mutations.
const (
	Drop   Mutation = "drop"   // it is left out
	Null   Mutation = "null"   // it is null
	Double Mutation = "double" // the member or the item is duplicated
	Empty  Mutation = "empty"  // the object, list or string becomes empty
	Swap   Mutation = "swap"   // it is a value of another type
)

// Mutations lists them.
var Mutations = []Mutation{Drop, Null, Double, Empty, Swap}

// Apply changes the value in the place, and reports whether that changes anything. rng
// picks the type that a value is swapped for.
func (s Site) Apply(m Mutation, rng *rand.Rand) bool {
	switch m {
	case Drop:
		s.remove()
	case Null:
		if s.Value.Kind == jsontext.KindNull {
			return false
		}
		s.Replace(&Value{Kind: jsontext.KindNull})
	case Double:
		s.double()
	case Empty:
		if s.Value.IsEmpty() {
			return false
		}
		s.Replace(&Value{Kind: s.Value.Kind})
	case Swap:
		others := others(s.Value)
		s.Replace(others[rng.IntN(len(others))])
	}
	return true
}

func (s Site) remove() {
	if s.IsMember() {
		s.parent.Members = slices.Delete(s.parent.Members, s.index, s.index+1)
		return
	}
	s.parent.Items = slices.Delete(s.parent.Items, s.index, s.index+1)
}

func (s Site) double() {
	if s.IsMember() {
		s.parent.Members = slices.Insert(s.parent.Members, s.index+1, Member{s.Path[len(s.Path)-1], s.Value.Clone()})
		return
	}
	s.parent.Items = slices.Insert(s.parent.Items, s.index+1, s.Value.Clone())
}

// others are values of other types than v's.
func others(v *Value) []*Value {
	all := []*Value{String("odd"), Number(7), Bool(false), Bool(true), Object(Member{"odd", Number(7)}), List(String("odd"))}
	switch v.Kind {
	case jsontext.KindBeginObject, jsontext.KindBeginArray: // as Zoom writes "none"
		all = append(all, String(""), Object(), List())
	}
	boolean := func(k jsontext.Kind) bool { return k == jsontext.KindTrue || k == jsontext.KindFalse }
	return slices.DeleteFunc(all, func(o *Value) bool { return o.Kind == v.Kind || boolean(o.Kind) && boolean(v.Kind) })
}
