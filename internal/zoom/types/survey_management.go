package types

// ID returns the global id of the survey.
func (s *Survey) ID() NodeID { return NodeID{s.Account, "Survey", string(s.ZoomID)} }

// Mark identifies an instance of a survey.
func (i *SurveyInstance) Mark() string { return string(i.SurveyZoomID) + "\x00" + string(i.ZoomID) }

// Mark identifies one person's answers within their list.
func (a *SurveyAnswer) Mark() string {
	return string(a.InstanceZoomID) + "\x00" + string(a.Email) + "\x00" + a.SubmittedAt.String()
}
