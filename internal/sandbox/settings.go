package sandbox

// meetingSettings is the settings of a meeting, as GET /meetings/{meetingId} returns them.
// Decoding a body changes the settings that it contains and silently drops unknown ones, as
// Zoom does.
type meetingSettings struct {
	AdditionalDataCenterRegions         []string `json:"additional_data_center_regions,omitempty"`
	AllowMultipleDevices                *bool    `json:"allow_multiple_devices,omitempty"`
	AlternativeHosts                    *string  `json:"alternative_hosts,omitempty"`
	AlternativeHostsEmailNotification   *bool    `json:"alternative_hosts_email_notification,omitempty"`
	AlternativeHostUpdatePolls          *bool    `json:"alternative_host_update_polls,omitempty"`
	AlternativeHostManageMeetingSummary *bool    `json:"alternative_host_manage_meeting_summary,omitempty"`
	AlternativeHostManageCloudRecording *bool    `json:"alternative_host_manage_cloud_recording,omitempty"`
	ApprovalType                        *int     `json:"approval_type,omitempty"`
	ApprovedOrDeniedCountriesOrRegions  *struct {
		ApprovedList []string `json:"approved_list,omitempty"`
		DeniedList   []string `json:"denied_list,omitempty"`
		Enable       *bool    `json:"enable,omitempty"`
		Method       *string  `json:"method,omitempty"`
	} `json:"approved_or_denied_countries_or_regions,omitempty"`
	Audio                   *string `json:"audio,omitempty"`
	AudioConferenceInfo     *string `json:"audio_conference_info,omitempty"`
	AuthenticationDomains   *string `json:"authentication_domains,omitempty"`
	AuthenticationException []struct {
		Email   *string `json:"email,omitempty"`
		Name    *string `json:"name,omitempty"`
		JoinURL *string `json:"join_url,omitempty"`
	} `json:"authentication_exception,omitempty"`
	AuthenticationName                *string `json:"authentication_name,omitempty"`
	AuthenticationOption              *string `json:"authentication_option,omitempty"`
	AutoRecording                     *string `json:"auto_recording,omitempty"`
	HostPauseStopRecording            *bool   `json:"host_pause_stop_recording,omitempty"`
	AutoAddRecordingToVideoManagement *struct {
		Enable   *bool `json:"enable,omitempty"`
		Channels []struct {
			ChannelID *string `json:"channel_id,omitempty"`
			Name      *string `json:"name,omitempty"`
		} `json:"channels,omitempty"`
	} `json:"auto_add_recording_to_video_management,omitempty"`
	BreakoutRoom *struct {
		Enable *bool `json:"enable,omitempty"`
		Rooms  []struct {
			Name         *string  `json:"name,omitempty"`
			Participants []string `json:"participants,omitempty"`
		} `json:"rooms,omitempty"`
	} `json:"breakout_room,omitempty"`
	CalendarType      *int    `json:"calendar_type,omitempty"`
	CloseRegistration *bool   `json:"close_registration,omitempty"`
	CNMeeting         *bool   `json:"cn_meeting,omitempty"`
	ContactEmail      *string `json:"contact_email,omitempty"`
	ContactName       *string `json:"contact_name,omitempty"`
	CustomKeys        []struct {
		Key   *string `json:"key,omitempty"`
		Value *string `json:"value,omitempty"`
	} `json:"custom_keys,omitempty"`
	EmailNotification     *bool    `json:"email_notification,omitempty"`
	EncryptionType        *string  `json:"encryption_type,omitempty"`
	EnforceLogin          *bool    `json:"enforce_login,omitempty"`
	EnforceLoginDomains   *string  `json:"enforce_login_domains,omitempty"`
	FocusMode             *bool    `json:"focus_mode,omitempty"`
	GlobalDialInCountries []string `json:"global_dial_in_countries,omitempty"`
	GlobalDialInNumbers   []struct {
		City        *string `json:"city,omitempty"`
		Country     *string `json:"country,omitempty"`
		CountryName *string `json:"country_name,omitempty"`
		Number      *string `json:"number,omitempty"`
		Type        *string `json:"type,omitempty"`
	} `json:"global_dial_in_numbers,omitempty"`
	HostVideo         *bool `json:"host_video,omitempty"`
	InMeeting         *bool `json:"in_meeting,omitempty"`
	JBHTime           *int  `json:"jbh_time,omitempty"`
	JoinBeforeHost    *bool `json:"join_before_host,omitempty"`
	QuestionAndAnswer *struct {
		Enable                  *bool   `json:"enable,omitempty"`
		AllowSubmitQuestions    *bool   `json:"allow_submit_questions,omitempty"`
		AllowAnonymousQuestions *bool   `json:"allow_anonymous_questions,omitempty"`
		QuestionVisibility      *string `json:"question_visibility,omitempty"`
		AttendeesCanComment     *bool   `json:"attendees_can_comment,omitempty"`
		AttendeesCanUpvote      *bool   `json:"attendees_can_upvote,omitempty"`
	} `json:"question_and_answer,omitempty"`
	LanguageInterpretation *struct {
		Enable       *bool `json:"enable,omitempty"`
		Interpreters []struct {
			Email                *string `json:"email,omitempty"`
			Languages            *string `json:"languages,omitempty"`
			InterpreterLanguages *string `json:"interpreter_languages,omitempty"`
		} `json:"interpreters,omitempty"`
	} `json:"language_interpretation,omitempty"`
	SignLanguageInterpretation *struct {
		Enable       *bool `json:"enable,omitempty"`
		Interpreters []struct {
			Email        *string `json:"email,omitempty"`
			SignLanguage *string `json:"sign_language,omitempty"`
		} `json:"interpreters,omitempty"`
	} `json:"sign_language_interpretation,omitempty"`
	MeetingAuthentication        *bool `json:"meeting_authentication,omitempty"`
	MuteUponEntry                *bool `json:"mute_upon_entry,omitempty"`
	ParticipantVideo             *bool `json:"participant_video,omitempty"`
	PrivateMeeting               *bool `json:"private_meeting,omitempty"`
	RegistrantsConfirmationEmail *bool `json:"registrants_confirmation_email,omitempty"`
	RegistrantsEmailNotification *bool `json:"registrants_email_notification,omitempty"`
	RegistrationType             *int  `json:"registration_type,omitempty"`
	ShowShareButton              *bool `json:"show_share_button,omitempty"`
	ShowJoinInfo                 *bool `json:"show_join_info,omitempty"`
	UsePMI                       *bool `json:"use_pmi,omitempty"`
	WaitingRoom                  *bool `json:"waiting_room,omitempty"`
	WaitingRoomOptions           *struct {
		Mode                 *string `json:"mode,omitempty"`
		WhoGoesToWaitingRoom *string `json:"who_goes_to_waiting_room,omitempty"`
	} `json:"waiting_room_options,omitempty"`
	Watermark          *bool `json:"watermark,omitempty"`
	HostSaveVideoOrder *bool `json:"host_save_video_order,omitempty"`
	InternalMeeting    *bool `json:"internal_meeting,omitempty"`
	MeetingInvitees    []struct {
		Email        *string `json:"email,omitempty"`
		InternalUser *bool   `json:"internal_user,omitempty"`
	} `json:"meeting_invitees,omitempty"`
	ContinuousMeetingChat *struct {
		Enable                      *bool   `json:"enable,omitempty"`
		AutoAddInvitedExternalUsers *bool   `json:"auto_add_invited_external_users,omitempty"`
		AutoAddMeetingParticipants  *bool   `json:"auto_add_meeting_participants,omitempty"`
		ChannelID                   *string `json:"channel_id,omitempty"`
	} `json:"continuous_meeting_chat,omitempty"`
	ParticipantFocusedMeeting *bool `json:"participant_focused_meeting,omitempty"`
	PushChangeToCalendar      *bool `json:"push_change_to_calendar,omitempty"`
	Resources                 []struct {
		ResourceType    *string `json:"resource_type,omitempty"`
		ResourceID      *string `json:"resource_id,omitempty"`
		PermissionLevel *string `json:"permission_level,omitempty"`
	} `json:"resources,omitempty"`
	AutoStartMeetingSummary               *bool   `json:"auto_start_meeting_summary,omitempty"`
	WhoWillReceiveSummary                 *int    `json:"who_will_receive_summary,omitempty"`
	AutoStartAiCompanionQuestions         *bool   `json:"auto_start_ai_companion_questions,omitempty"`
	WhoCanAskQuestions                    *int    `json:"who_can_ask_questions,omitempty"`
	SummaryTemplateID                     *string `json:"summary_template_id,omitempty"`
	DeviceTesting                         *bool   `json:"device_testing,omitempty"`
	RequestPermissionToUnmuteParticipants *bool   `json:"request_permission_to_unmute_participants,omitempty"`
	AllowHostControlParticipantMuteState  *bool   `json:"allow_host_control_participant_mute_state,omitempty"`
	DisableParticipantVideo               *bool   `json:"disable_participant_video,omitempty"`
	EmailInAttendeeReport                 *bool   `json:"email_in_attendee_report,omitempty"`
	AutoStartDeepfakeDetection            *bool   `json:"auto_start_deepfake_detection,omitempty"`
}
