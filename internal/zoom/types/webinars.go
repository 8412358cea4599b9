package types

// ID returns the global id of the webinar.
func (w *Webinar) ID() NodeID {
	if w.Number == 0 {
		return NodeID{Account: w.Account, Type: "Webinar"}
	}
	return NodeID{w.Account, "Webinar", w.Number.String()}
}

// ID returns the global id of the instance.
func (w *WebinarReport) ID() NodeID {
	return NodeID{w.Account, "WebinarReport", string(w.UUID)}
}
