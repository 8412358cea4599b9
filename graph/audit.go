package graph

import (
	"cmp"
	"context"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"unicode"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"zoomql/graph/endpoint"
	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

// The audit log has one line for each mutation field that was executed: whose key
// it was, what was to be done to which object, and what came of it. It holds no
// contents, no variable, and nobody's e-mail address, also not in a global id.

// maxAuditKey bounds Zoom's key in an id, which a caller may have made up.
const maxAuditKey = 256

// outcomeOK is the outcome of what was done.
const outcomeOK = "ok"

// audited is one mutation field under way.
type audited struct {
	input   any // what the resolver was given
	payload any // what it returned; nil where it failed
	failed  bool
}

type auditedKey struct{}

// audit writes the line of a mutation field when the field is done.
func audit(log *slog.Logger, remote bool) graphql.RootFieldMiddleware {
	return func(ctx context.Context, next graphql.RootResolver) graphql.Marshaler {
		if graphql.GetOperationContext(ctx).Operation.Operation != ast.Mutation || !log.Enabled(ctx, slog.LevelInfo) {
			return next(ctx)
		}
		a := &audited{failed: true} // by a panic, or by an argument that cannot be read
		out := next(context.WithValue(ctx, auditedKey{}, a))
		a.write(ctx, log, remote)
		return out
	}
}

// resolved takes note of what the resolver of a mutation field returned.
func resolved(ctx context.Context, fc *graphql.FieldContext, payload any, err error) {
	a, ok := ctx.Value(auditedKey{}).(*audited)
	if !ok {
		return
	}
	a.input, a.failed = fc.Args["input"], err != nil
	if !a.failed {
		a.payload = payload
	}
}

func (a *audited) write(ctx context.Context, log *slog.Logger, remote bool) {
	field := graphql.GetRootFieldContext(ctx).Field
	attrs := make([]slog.Attr, 0, 8)
	attrs = append(attrs, endpoint.CallerAttr(ctx)...)
	attrs = append(attrs, slog.String("field", field.Name))
	attrs = append(attrs, a.object(ctx, field.Name)...)
	attrs = append(attrs, slog.String("outcome", a.outcome(ctx, field.Alias)))
	if s, ok := endpoint.SenderFrom(ctx); ok {
		attrs = append(attrs, slog.String("request", s.RequestID))
		if remote {
			attrs = append(attrs, slog.String("remote", s.Remote))
		}
	}
	log.LogAttrs(ctx, slog.LevelInfo, "audit", attrs...)
}

// outcome returns ok, or the code of what went wrong with the field itself: that
// its answer cannot be read afterwards is no failure of what was done.
func (a *audited) outcome(ctx context.Context, alias string) string {
	if a.failed {
		own := slices.DeleteFunc(slices.Clone(graphql.GetErrors(ctx)), func(e *gqlerror.Error) bool {
			return len(e.Path) != 1 || e.Path[0] != ast.PathName(alias)
		})
		return string(cmp.Or(codeOf(own), types.ErrorCodeInternal))
	}
	if v := structOf(a.payload); v.IsValid() {
		if list := v.FieldByName("UserErrors"); list.IsValid() {
			if mistakes, _ := reflect.TypeAssert[[]*types.UserError](list); len(mistakes) > 0 {
				return string(mistakes[0].Code)
			}
		}
	}
	return outcomeOK
}

// object says which object it was: the one that was made or changed, or else the
// one that the input names. One that is known by an e-mail address, or not at all,
// has a kind only.
func (a *audited) object(ctx context.Context, field string) []slog.Attr {
	if raw, ok := a.input.(types.ZoomRequestInput); ok {
		if zoom.Lookup(raw.Operation) == nil {
			return nil
		}
		return []slog.Attr{slog.String("operation", raw.Operation)}
	}
	kind := strings.TrimLeftFunc(field, unicode.IsLower) // createRole makes a Role
	id := idIn(ctx, a.payload, kind)
	if id.Key == "" {
		id = globalIDOf(structOf(a.input))
	}
	attrs := []slog.Attr{slog.String("kind", cmp.Or(id.Type, kind))}
	if known := id.Key != "" && len(id.Key)+len(id.Account) <= maxAuditKey && !strings.Contains(id.Key+id.Account, "@"); known {
		attrs = append(attrs, slog.String("id", id.Encode(from(ctx).own.client.Tenant())))
	}
	return attrs
}

// structOf returns the struct that v is or points to, or no value.
func structOf(v any) reflect.Value {
	s := reflect.Indirect(reflect.ValueOf(v))
	if s.Kind() != reflect.Struct {
		return reflect.Value{}
	}
	return s
}

// idIn returns the id of the object in a payload; without a key where there is
// none.
func idIn(ctx context.Context, payload any, kind string) types.NodeID {
	v := structOf(payload)
	if !v.IsValid() {
		return types.NodeID{}
	}
	if changed, ok := payload.(*types.AccountPayload); ok {
		return types.NodeID{Type: "Account", Key: of(ctx, changed).client.AccountID()}
	}
	for _, f := range v.Fields() {
		if f.Kind() != reflect.Pointer || f.IsNil() {
			continue
		}
		switch obj := f.Interface().(type) {
		case *types.NodeID:
			return *obj
		case types.Node:
			return obj.ID()
		case *types.CreatedUser:
			return types.NodeID{Account: obj.Account, Type: "User", Key: string(obj.ZoomID)}
		case *types.AddedRegistrant:
			reg := types.Registrant{Origin: obj.Origin, Meeting: obj.MeetingNumber, OfWebinar: obj.OfWebinar, ZoomID: obj.RegistrantID}
			return reg.ID()
		}
	}
	if key, account := v.FieldByName("ZoomID"), v.FieldByName("Account"); key.IsValid() && account.IsValid() && key.String() != "" {
		return types.NodeID{Account: account.String(), Type: kind, Key: key.String()}
	}
	return types.NodeID{}
}

// globalIDOf returns the id of the object that an input names: of a meeting's poll, the
// poll; of a role's member, the role; of an account, only if nothing else is named.
func globalIDOf(input reflect.Value) types.NodeID {
	var id types.NodeID
	if !input.IsValid() {
		return id
	}
	for f, v := range input.Fields() {
		kind, ok := strings.CutSuffix(structName(f.Type), "By")
		if !ok || v.IsNil() || kind == "User" && id.Type != "" && id.Type != "Account" {
			continue
		}
		next := idBy(kind, v.Elem().Interface())
		if (kind == "Poll" || kind == "Registrant") && next.Key != "" && !strings.Contains(next.Key, "/") {
			next.Account, next.Key = id.Account, strings.ToLower(strings.TrimPrefix(id.Type+" ", "Meeting "))+id.Key+"/"+next.Key
		} else if id.Type == "Account" && kind != "Account" && next.Account == "" {
			next.Account = id.Key
		}
		id = next
	}
	return id
}

// structName returns the name of the struct that a field of a type points to.
func structName(t reflect.Type) string {
	if t.Kind() != reflect.Pointer {
		return ""
	}
	return t.Elem().Name()
}

// idBy returns the id in one of the inputs that name an object. E-mail addresses
// are none.
func idBy(kind string, by any) types.NodeID {
	id := types.NodeID{Type: kind}
	field, value := givenIn(by)
	switch given := value.(type) {
	case *types.NodeID:
		return *given
	case *types.MeetingNumber:
		id.Key = given.String()
	case *string:
		if field == "ZoomID" {
			id.Key = *given
		}
	}
	return id
}
