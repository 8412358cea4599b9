package types

// ID returns the global id of the policy.
func (p *InformationBarrierPolicy) ID() NodeID {
	return NodeID{p.Account, "InformationBarrierPolicy", string(p.ZoomID)}
}
