package sandbox

// attachments are the polls, surveys and streams of a meeting that a call has changed. Before
// the first change they follow from the seed.
type attachments struct {
	polls      []*poll
	survey     *survey
	form       *registrationForm
	livestream *livestream
	streaming  bool
}

// attachmentsOf returns the attachments of a meeting. The caller MUST NOT change them.
func (w *world) attachmentsOf(m *meeting) *attachments {
	if h := w.attachments[m.n]; h != nil {
		return h
	}
	return &attachments{polls: w.seedPolls(m), survey: seedSurvey(m), form: seedForm(m), livestream: w.seedLivestream(m)}
}

// mutateAttachments stores the attachments of a meeting and returns them, to be changed.
func (w *world) mutateAttachments(m *meeting) *attachments {
	h := w.attachmentsOf(m)
	w.attachments[m.n] = h
	return h
}
