package types

// ID returns the global id of the policy.
func (p *InformationBarrierPolicy) ID() NodeID {
	return NodeID{p.Origin.Account, "InformationBarrierPolicy", string(p.ZoomID)}
}
