package plan

import (
	"slices"
	"strings"

	"zoomql/internal/zoom"
)

// Scopes are those that let an app use one operation. Any one of them is enough.
type Scopes struct {
	Op                *zoom.Spec
	Account           string // "" is the own one
	Granular, Classic []string
}

// Granted reports whether a credential with these scopes may use the operation.
func (s Scopes) Granted(scopes []string) bool { return s.Op.Allows(s.Account, scopes) }

// Scopes returns the scopes that an operation needs, a row for each operation at Zoom and
// kind of account, in the order of the plan.
func (p *Plan) Scopes() []Scopes {
	type use struct {
		op  *zoom.Spec
		sub bool
	}
	var rows []Scopes
	var seen []use
	p.All(func(s *Step) {
		u := use{s.Op, s.Account != ""}
		if s.AtMost > 0 && !slices.Contains(seen, u) {
			seen = append(seen, u)
			rows = append(rows, scopesOf(s.Op, s.Account))
		}
	})
	return rows
}

// scopesOf divides the scopes of an operation into those with two words, which are
// classic, and those with three, which name the resource as well.
func scopesOf(op *zoom.Spec, account string) Scopes {
	row := Scopes{Op: op, Account: account, Granular: []string{}, Classic: []string{}}
	for scope := range strings.FieldsSeq(op.ScopesIn(account)) {
		name := strings.TrimSuffix(strings.TrimSuffix(scope, ":admin"), ":master")
		if strings.Count(name, ":") < 2 {
			row.Classic = append(row.Classic, scope)
		} else {
			row.Granular = append(row.Granular, scope)
		}
	}
	return row
}
