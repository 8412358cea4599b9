package plan

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"zoomql/internal/selection"
)

func number(n int) string { return strconv.Itoa(n) }

// each prefixes a reason for calls for n objects, if they are several.
func each(n int, why string) string {
	if n > 1 {
		return "each: " + why
	}
	return why
}

// maxNamed is the largest number of fields that a reason names.
const maxNamed = 3

// lacking names, for a reason, the needed fields that answers of an operation do not always carry.
func lacking(want *selection.Needs, op string) string {
	var names []string
	for _, n := range want.Fields {
		if !slices.Contains(n.Ops, op) && !slices.Contains(names, n.Name) {
			names = append(names, n.Name)
		}
	}
	if more := len(names) - maxNamed; more > 0 {
		names = append(names[:maxNamed:maxNamed], number(more)+" more")
	}
	return strings.Join(names, ", ")
}

// intOf returns the value of an argument of type Int; 0 if it is not set.
func intOf(value any) int {
	switch n := value.(type) {
	case int64:
		return int(n)
	case int:
		return n
	case json.Number:
		i, _ := n.Int64()
		return int(i)
	}
	return 0
}

// dayOf returns the value of an argument of type Date; the zero time if it is not set.
func dayOf(value any) time.Time {
	text, _ := value.(string)
	day, _ := time.Parse(time.DateOnly, text)
	return day
}

// memberOf returns a member of an argument that is an input object; nil if it is not set.
func memberOf(value any, name string) any {
	object, _ := value.(map[string]any)
	return object[name]
}
