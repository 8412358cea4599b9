package sandbox

// hung is what hangs on a meeting, from when a call has changed it: until then
// it follows from the seed.
type hung struct {
	polls      []*poll
	survey     *survey
	form       *registrationForm
	livestream *livestream
	streaming  bool
}

// hangs returns what hangs on a meeting. It is the caller's to read only.
func (w *world) hangs(m *meeting) *hung {
	if h := w.hung[m.n]; h != nil {
		return h
	}
	return &hung{polls: w.seedPolls(m), survey: seedSurvey(m), form: seedForm(m), livestream: w.seedLivestream(m)}
}

// rehang returns what hangs on a meeting, to be changed: from now on it is kept.
func (w *world) rehang(m *meeting) *hung {
	h := w.hangs(m)
	w.hung[m.n] = h
	return h
}
