package sandbox

import (
	"strconv"
	"time"
)

func init() {
	handle("GET /meetings/{meetingId}/recordings", getRecordings)
	handle("GET /meetings/{meetingId}/meeting_summary", getMeetingSummary, paid)
}

// recordings is the recordings of an instance.
type recordings struct {
	AccountID    string           `json:"account_id"`
	UUID         string           `json:"uuid"`
	ID           int64            `json:"id"`
	HostID       string           `json:"host_id"`
	Topic        string           `json:"topic"`
	Type         string           `json:"type"`
	StartTime    string           `json:"start_time"`
	Duration     int              `json:"duration"`
	TotalSize    int64            `json:"total_size"`
	Count        int              `json:"recording_count"`
	AutoDelete   bool             `json:"auto_delete"`
	DeleteDate   string           `json:"auto_delete_date,omitempty"`
	Password     string           `json:"password,omitempty"`
	PlayPasscode string           `json:"recording_play_passcode,omitempty"`
	Token        string           `json:"download_access_token,omitempty"`
	Files        []*recordingFile `json:"recording_files"`
	Audio        []*audioFile     `json:"participant_audio_files,omitempty"`
}

// recordingFile is a file of a recording. A file of captions has only half of the fields, as
// documented.
type recordingFile struct {
	ID        string `json:"id,omitempty"`
	MeetingID string `json:"meeting_id"`
	Start     string `json:"recording_start"`
	End       string `json:"recording_end"`
	Type      string `json:"file_type"`
	Extension string `json:"file_extension"`
	Size      int64  `json:"file_size,omitempty"`
	Recording string `json:"recording_type,omitempty"`
	Status    string `json:"status,omitempty"`
	Play      string `json:"play_url,omitempty"`
	Download  string `json:"download_url"`
}

// audioFile is the audio of one participant.
type audioFile struct {
	ID       string `json:"id"`
	Name     string `json:"file_name"`
	Type     string `json:"file_type"`
	Size     int64  `json:"file_size"`
	Start    string `json:"recording_start"`
	End      string `json:"recording_end"`
	Status   string `json:"status"`
	Play     string `json:"play_url"`
	Download string `json:"download_url"`
}

// recorded reports whether an instance has a cloud recording: those of the weekly and of the
// big meeting do, and half of the others.
func (w *world) recorded(i *instance) bool {
	switch i.m.n {
	case special(slotWeekly), special(slotBig):
		return true
	}
	d := w.rng("recorded", instanceKey(i.m.n, i.k))
	return d.chance(50)
}

// findRecorded returns a recorded instance, by its UUID or as the latest of a meeting number.
func (c *call) findRecorded() (*instance, error) {
	i, err := c.findInstance()
	if err != nil || !i.ready(c) || !c.world.recorded(i) {
		return nil, notFound(3301, "There is no recording for this meeting.")
	}
	return i, nil
}

func getRecordings(c *call) (any, error) {
	i, err := c.findRecorded()
	if err != nil {
		return nil, err
	}
	if _, err := c.number("ttl", 0, 0, 604_800); err != nil {
		return nil, err
	}
	w, m := c.world, i.m
	r := &recordings{
		AccountID: w.account, UUID: w.uuid(m.n, i.k), ID: w.number(m.n), HostID: w.userID(m.host), Topic: m.Topic,
		Type: strconv.Itoa(m.Type), StartTime: stamp(i.start), Duration: i.minutes(),
		AutoDelete: true, DeleteDate: i.end.AddDate(0, 0, 120).Format(time.DateOnly),
	}
	if p := deref(m.Password); p != "" {
		r.Password, r.PlayPasscode = p, encrypted(p)
	}
	if c.query.Get("include_fields") == "download_access_token" {
		r.Token = "sandbox.download." + encrypted(r.UUID)
	}
	for j, kind := range recordedKinds {
		r.Files = append(r.Files, c.recordingFile(i, j, kind))
	}
	if m.n == special(slotBig) {
		r.Audio = []*audioFile{c.audioFile(i, len(r.Files))}
	}
	for _, f := range r.Files {
		r.TotalSize += f.Size
	}
	for _, f := range r.Audio {
		r.TotalSize += f.Size
	}
	r.Count = len(r.Files) + len(r.Audio)
	return r, nil
}

// recordedKinds are the files of a recording: type, extension, content, and bytes a minute.
var recordedKinds = []recordedKind{
	{"MP4", "MP4", "shared_screen_with_speaker_view", 40_000_000}, // an hour exceeds 32 bits
	{"M4A", "M4A", "audio_only", 500_000},
	{"TRANSCRIPT", "VTT", "audio_transcript", 800},
	{"CHAT", "TXT", "chat_file", 30},
	{"SUMMARY", "JSON", "summary", 60},
	{"CC", "VTT", "", 700},
}

type recordedKind struct {
	kind, extension, recorded string
	perMinute                 int64
}

func (c *call) recordingFile(i *instance, j int, kind recordedKind) *recordingFile {
	w := c.world
	id, size := w.fileID(instanceKey(i.m.n, i.k)|uint64(j)), int64(i.minutes())*kind.perMinute
	f := &recordingFile{
		MeetingID: w.uuid(i.m.n, i.k), Start: stamp(i.start), End: stamp(i.end), Type: kind.kind, Extension: kind.extension,
		Download: c.fileURL("rec", id, size, lower(kind.extension)),
	}
	if kind.recorded != "" {
		f.ID, f.Size, f.Recording, f.Status, f.Play = id, size, kind.recorded, "completed", playURL(id)
	}
	return f
}

func (c *call) audioFile(i *instance, j int) *audioFile {
	id, size := c.world.fileID(instanceKey(i.m.n, i.k)|uint64(j)), int64(i.minutes())*500_000
	return &audioFile{
		ID: id, Name: "Audio only - " + c.world.name(i.m.host).String() + ".m4a", Type: "M4A", Size: size,
		Start: stamp(i.start), End: stamp(i.end), Status: "completed", Play: playURL(id), Download: c.fileURL("rec", id, size, "m4a"),
	}
}

func playURL(id string) string { return "https://us06web.zoom.example/rec/play/" + id }

// meetingSummary is the summary of an instance by AI Companion.
type meetingSummary struct {
	HostID        string          `json:"meeting_host_id"`
	HostEmail     string          `json:"meeting_host_email"`
	UUID          string          `json:"meeting_uuid"`
	ID            int64           `json:"meeting_id"`
	Topic         string          `json:"meeting_topic"`
	Start         string          `json:"meeting_start_time"`
	End           string          `json:"meeting_end_time"`
	SummaryStart  string          `json:"summary_start_time"`
	SummaryEnd    string          `json:"summary_end_time"`
	Created       string          `json:"summary_created_time"`
	Modified      string          `json:"summary_last_modified_time"`
	ModifierID    string          `json:"summary_last_modified_user_id"`
	ModifierEmail string          `json:"summary_last_modified_user_email"`
	Title         string          `json:"summary_title"`
	Overview      string          `json:"summary_overview"`
	Details       []summaryDetail `json:"summary_details"`
	NextSteps     []string        `json:"next_steps"`
	Edited        editedSummary   `json:"edited_summary"`
	Content       string          `json:"summary_content"`
	DocURL        string          `json:"summary_doc_url"`
}

type summaryDetail struct {
	Label   string `json:"label"`
	Summary string `json:"summary"`
}

type editedSummary struct {
	Overview  string   `json:"summary_overview"`
	Details   string   `json:"summary_details"`
	NextSteps []string `json:"next_steps"`
}

// summarized reports whether AI Companion summarizes a meeting's instances.
func (m *meeting) summarized() bool { return m.n%3 == 0 || m.n == special(slotBig) }

// getMeetingSummary finds instances by UUID alone.
func getMeetingSummary(c *call) (any, error) {
	if _, err := strconv.ParseInt(c.path("meetingId"), 10, 64); err == nil {
		return nil, badRequest(300, "Invalid meeting ID.")
	}
	i, err := c.findInstance()
	if err != nil {
		return nil, err
	}
	if !i.m.summarized() || !i.ready(c) {
		return nil, notFound(3001, "Meeting does not exist: "+c.path("meetingId")+".")
	}
	w, m := c.world, i.m
	overview, step := "The group went through "+m.Topic+".", "Write down what was agreed"
	return &meetingSummary{
		HostID: w.userID(m.host), HostEmail: w.email(m.host), UUID: w.uuid(m.n, i.k), ID: w.number(m.n), Topic: m.Topic,
		Start: stamp(i.start), End: stamp(i.end), SummaryStart: stamp(i.start), SummaryEnd: stamp(i.end),
		Created: stamp(i.end.Add(10 * time.Minute)), Modified: stamp(i.end.Add(time.Hour)),
		ModifierID: w.userID(m.host), ModifierEmail: w.email(m.host), Title: "Meeting summary for " + m.Topic,
		Overview: overview, Details: []summaryDetail{{"Overview", overview}}, NextSteps: []string{step},
		Edited:  editedSummary{overview, "Nothing was decided.", []string{step}},
		Content: "## Overview\n" + overview + "\n\n## Next steps\n- " + step + "\n", DocURL: "https://docs.zoom.example/doc/" + w.fileID(instanceKey(m.n, i.k)|1<<15),
	}, nil
}
