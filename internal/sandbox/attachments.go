package sandbox

// attachments are the polls, surveys and streams of a meeting, from when a call has changed
// them: until then they follow from the seed.
type attachments struct {
	polls      []*poll
	survey     *survey
	form       *registrationForm
	livestream *livestream
	streaming  bool
}

// attachmentsOf returns those of a meeting. They are the caller's to read only.
func (w *world) attachmentsOf(m *meeting) *attachments {
	if h := w.attachments[m.n]; h != nil {
		return h
	}
	return &attachments{polls: w.seedPolls(m), survey: seedSurvey(m), form: seedForm(m), livestream: w.seedLivestream(m)}
}

// mutateAttachments returns those of a meeting, to be changed: from then on they are kept.
func (w *world) mutateAttachments(m *meeting) *attachments {
	h := w.attachmentsOf(m)
	w.attachments[m.n] = h
	return h
}
