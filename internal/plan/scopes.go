package plan

import (
	"slices"
	"strings"

	"zoomql/internal/zoom"
)

// Scopes are the scopes of one operation, of which an app needs any one.
type Scopes struct {
	Op                *zoom.Spec
	Account           string // "" for the own one
	Granular, Classic []string
}

// Granted reports whether a credential with the given scopes may call the operation.
func (s Scopes) Granted(scopes []string) bool { return s.Op.Allows(s.Account, scopes) }

// Scopes returns the scopes of the plan's operations in its order: one row for the own account, and
// one for sub accounts.
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

// scopesOf divides the scopes of an operation: without the suffix of the role, classic ones have two
// parts, and granular ones three.
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
