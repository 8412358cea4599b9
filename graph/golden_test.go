package graph

import (
	"fmt"
	"reflect"
	"testing"
	"zoomql/internal/sandbox"
)

func landmarks(l sandbox.Landmarks) map[string]string {
	m := map[string]string{}
	v := reflect.ValueOf(l)
	for i := range v.NumField() {
		m[v.Type().Field(i).Name] = fmt.Sprint(v.Field(i).Interface())
	}
	return m
}

func TestSmoke(t *testing.T) {
	inRig(t, setup{}, func(r *rig) {
		a := r.ask(`{ meeting(by: {number: "${MeetingNumber}"}) { topic host { displayName email } registrants(first: 3) { totalCount nodes { firstName joinUrl } } } }`, nil)
		t.Log(a.status, a.body)
		for _, c := range r.spent() { t.Log(c.Start.Sub(monday), c.End.Sub(monday), c.Method, c.Path) }
		t.Log(r.log)
	})
}
