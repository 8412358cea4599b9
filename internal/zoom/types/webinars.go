package types

// ID returns the global id of the webinar.
func (w *Webinar) ID() NodeID { return NodeID{w.Account, "Webinar", w.Number.String()} }
