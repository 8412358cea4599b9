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

// NodeID is a global id: the object's type and Zoom's key. The encoded form is opaque and
// holds the tenant (the Zoom account) too, so that an id issued to one account is rejected
// for another.
//
// Account is Zoom's id of the sub account that the object is in; "" for the
// tenant's own account.
type NodeID struct{ Account, Type, Key string }

// tenantSize is how many bytes of a tenant's hash an id holds: enough that no two accounts
// of one gateway share them, and no more, because every id holds them.
const tenantSize = 6

// maxEncoded bounds the encoded form, in bytes: no id that Encode returned is longer.
const maxEncoded = 1 << 10

// Tenant identifies a Zoom account in ids and cursors, by a hash.
type Tenant [tenantSize]byte

// TenantOf returns the tenant of a Zoom account id.
func TenantOf(accountID string) Tenant {
	sum := sha256.Sum256([]byte("zoomql tenant\x00" + accountID))
	return Tenant(sum[:tenantSize])
}

type tenantKey struct{}

// WithTenant returns a context in which ids are decoded and encoded for a tenant.
func WithTenant(ctx context.Context, t Tenant) context.Context {
	return context.WithValue(ctx, tenantKey{}, t)
}

// TenantFrom returns the tenant of ctx.
func TenantFrom(ctx context.Context) Tenant {
	t, _ := ctx.Value(tenantKey{}).(Tenant)
	return t
}

// ErrBadID reports a global id that this gateway did not issue, or issued to another tenant.
var ErrBadID = errors.New("not an id of this account")

// Encode returns the opaque form of the id for a tenant.
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

// DecodeNodeID decodes an id that Encode returned. It rejects those of other tenants.
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

// Of returns the key, or an error if the id is of another kind.
func (id NodeID) Of(kind string) (string, error) {
	if id.Type != kind {
		return "", fmt.Errorf("%w: it names a %s, not a %s", ErrBadID, id.Type, kind)
	}
	return id.Key, nil
}

// AppendGQL appends the opaque form for a tenant, or null if the id has no key.
func (id NodeID) AppendGQL(to []byte, t Tenant) []byte {
	if id.Key == "" {
		return append(to, null...)
	}
	return append(id.appendEncoded(append(to, '"'), t), '"')
}

// MarshalGQLContext writes the same for ctx's tenant.
func (id NodeID) MarshalGQLContext(ctx context.Context, w io.Writer) error {
	t := TenantFrom(ctx)
	write(w, func(to []byte) []byte { return id.AppendGQL(to, t) })
	return nil
}

// UnmarshalGQLContext reads an id that was issued to ctx's tenant.
func (id *NodeID) UnmarshalGQLContext(ctx context.Context, v any) error {
	s, err := callerText(v)
	if err != nil {
		return err
	}
	*id, err = DecodeNodeID(TenantFrom(ctx), s)
	return err
}
