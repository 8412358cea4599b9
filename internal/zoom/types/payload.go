package types

// Payload holds the fields that every mutation's payload has. Each payload of the schema
// embeds it (see internal/codegen).
type Payload struct {
	// Origin names the account that was written to.
	Origin
	// Target is the object that was created, changed or deleted; it has no key if the write
	// was refused, or if the object has no id.
	Target NodeID
	// UserErrors are the errors that the caller can correct; it is empty after a success.
	UserErrors []*UserError
}

// GetPayload returns the payload, for the code that executes the write to fill.
func (p *Payload) GetPayload() *Payload { return p }

// DeletedID returns the global id of the deleted object; nil if the write was refused.
func (p *Payload) DeletedID() *NodeID {
	if p.Target.Key == "" {
		return nil
	}
	return &p.Target
}
