package types

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Node is an object with a global id.
type Node interface {
	IsNode()
	ID() NodeID
}

// NodeID is a global id: which kind of object, and Zoom's key of it. Outside
// it is opaque and names the tenant (the Zoom account) too, so that an id which
// one account handed out is refused to another.
//
// Account is Zoom's id of the sub account that the object is in; "" for the
// tenant's own.
type NodeID struct{ Account, Type, Key string }

// tenantSize is how many bytes of a tenant's hash stand in an id: enough that
// no two accounts of one gateway share it, and no more to carry about.
const tenantSize = 6

// maxEncoded bounds the opaque form, in bytes: none that was handed out is longer.
const maxEncoded = 1 << 10

// Tenant stands for a Zoom account in ids and cursors.
type Tenant [tenantSize]byte

// TenantOf returns the tenant of a Zoom account id.
func TenantOf(accountID string) Tenant {
	sum := sha256.Sum256([]byte("zoomql tenant\x00" + accountID))
	return Tenant(sum[:tenantSize])
}

type tenantKey struct{}

// WithTenant says in whose name ids are read and written below ctx.
func WithTenant(ctx context.Context, t Tenant) context.Context {
	return context.WithValue(ctx, tenantKey{}, t)
}

// TenantFrom returns the tenant of ctx.
func TenantFrom(ctx context.Context) Tenant {
	t, _ := ctx.Value(tenantKey{}).(Tenant)
	return t
}

// ErrBadID says that a caller's global id is none of ours, or not his.
var ErrBadID = errors.New("not an id of this account")

// Encode returns the opaque form for a tenant.
func (id NodeID) Encode(t Tenant) string {
	return string(id.appendEncoded(nil, t))
}

func (id NodeID) appendEncoded(to []byte, t Tenant) []byte {
	var short [128]byte
	raw := append(short[:0], t[:]...)
	if id.Account != "" {
		raw = append(append(raw, id.Account...), '@')
	}
	raw = append(append(raw, id.Type...), ':')
	raw = append(raw, id.Key...)
	return base64.RawURLEncoding.AppendEncode(to, raw)
}

// DecodeNodeID reads what Encode wrote, and refuses another tenant's.
func DecodeNodeID(t Tenant, s string) (NodeID, error) {
	if len(s) > maxEncoded {
		return NodeID{}, ErrBadID
	}
	raw, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil || len(raw) < tenantSize {
		return NodeID{}, ErrBadID
	}
	kind, key, ok := strings.Cut(string(raw[tenantSize:]), ":")
	account, kind, found := cutLast(kind)
	if !ok || kind == "" || key == "" || (found && account == "") || Tenant(raw[:tenantSize]) != t {
		return NodeID{}, ErrBadID
	}
	return NodeID{Account: account, Type: kind, Key: key}, nil
}

// cutLast splits "account@Type".
func cutLast(s string) (account, kind string, found bool) {
	if i := strings.LastIndexByte(s, '@'); i >= 0 {
		return s[:i], s[i+1:], true
	}
	return "", s, false
}

// Of returns the key of an id that must be of one kind.
func (id NodeID) Of(kind string) (string, error) {
	if id.Type != kind {
		return "", fmt.Errorf("%w: it names a %s, not a %s", ErrBadID, id.Type, kind)
	}
	return id.Key, nil
}

// AppendGQL appends the opaque form for a tenant, or null for what has no key.
func (id NodeID) AppendGQL(to []byte, t Tenant) []byte {
	if id.Key == "" {
		return append(to, null...)
	}
	return append(id.appendEncoded(append(to, '"'), t), '"')
}

// MarshalGQLContext writes the same for the tenant of ctx.
func (id NodeID) MarshalGQLContext(ctx context.Context, w io.Writer) error {
	t := TenantFrom(ctx)
	write(w, func(to []byte) []byte { return id.AppendGQL(to, t) })
	return nil
}

// UnmarshalGQLContext reads an id that was handed out to the tenant of ctx.
func (id *NodeID) UnmarshalGQLContext(ctx context.Context, v any) error {
	s, err := callerText(v)
	if err != nil {
		return err
	}
	*id, err = DecodeNodeID(TenantFrom(ctx), s)
	return err
}
