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

// each says of a reason that it counts for each of several objects.
func each(n int, why string) string {
	if n > 1 {
		return "each: " + why
	}
	return why
}

// maxNamed is how many fields a reason names.
const maxNamed = 3

// lacking names the fields that a list does not tell, or not always.
func lacking(want *selection.Needs, list string) string {
	var names []string
	for _, n := range want.Fields {
		if !slices.Contains(n.Ops, list) && !slices.Contains(names, n.Name) {
			names = append(names, n.Name)
		}
	}
	if more := len(names) - maxNamed; more > 0 {
		names = append(names[:maxNamed:maxNamed], number(more)+" more")
	}
	return strings.Join(names, ", ")
}

// intOf reads an argument of type Int; 0 where it has none.
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

// dayOf reads an argument of type Date; the zero time where it has none.
func dayOf(value any) time.Time {
	text, _ := value.(string)
	day, _ := time.Parse(time.DateOnly, text)
	return day
}

// memberOf reads a member of an argument that is an input object.
func memberOf(value any, name string) any {
	object, _ := value.(map[string]any)
	return object[name]
}
