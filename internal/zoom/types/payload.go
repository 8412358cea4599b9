package types

// Payload is what every mutation answers with, beside the fields of its own. Each
// payload of the schema embeds it (see internal/codegen).
type Payload struct {
	// Origin names the account that was written to.
	Origin
	// Target is the object that was written to, made or deleted; without a key where the
	// write was refused, or the object has no id.
	Target NodeID
	// UserErrors is what the caller can mend; it is empty when all went well.
	UserErrors []*UserError
}

// GetPayload returns the payload, to be filled by whatever carries the write out.
func (p *Payload) GetPayload() *Payload { return p }

// DeletedID returns the global id of the object that was deleted; nil where the write
// was refused.
func (p *Payload) DeletedID() *NodeID {
	if p.Target.Key == "" {
		return nil
	}
	return &p.Target
}
