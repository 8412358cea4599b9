package types

// ID returns the global id of the survey.
func (s *Survey) ID() NodeID { return NodeID{s.Account, "Survey", string(s.ZoomID)} }

// Mark returns what tells a use of a survey from the others.
func (i *SurveyInstance) Mark() string { return string(i.SurveyZoomID) + "\x00" + string(i.ZoomID) }

// Mark returns what tells what one person answered from the rest.
func (a *SurveyAnswer) Mark() string {
	return string(a.InstanceZoomID) + "\x00" + string(a.Email) + "\x00" + a.SubmittedAt.String()
}
