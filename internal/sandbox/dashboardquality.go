package sandbox

import (
	"fmt"
	"strconv"
	"time"
)

// participantQos is a stay with quality samples of its connection.
type participantQos struct {
	stayDevice
	Health        string      `json:"health"`
	IssueList     []string    `json:"issue_list"`
	RCReason      *string     `json:"rc_reason,omitempty"`
	UserQos       []qosSample `json:"user_qos"`
	MeetingNumber *string     `json:"meeting_number,omitempty"`
	WebinarNumber *string     `json:"webinar_number,omitempty"`
}

// qosSample contains the figures that a client reports, and the connections behind a Cloud Room
// Connector or the web client.
type qosSample struct {
	DateTime           string       `json:"date_time"`
	AudioInput         *audioQos    `json:"audio_input,omitempty"`
	AudioOutput        *audioQos    `json:"audio_output,omitempty"`
	VideoInput         *videoQos    `json:"video_input,omitempty"`
	VideoOutput        *videoQos    `json:"video_output,omitempty"`
	ASInput            *videoQos    `json:"as_input,omitempty"`
	ASOutput           *videoQos    `json:"as_output,omitempty"`
	AudioDeviceFromCRC *audioQos    `json:"audio_device_from_crc,omitempty"`
	AudioDeviceToCRC   *audioQos    `json:"audio_device_to_crc,omitempty"`
	VideoDeviceFromCRC *videoQos    `json:"video_device_from_crc,omitempty"`
	VideoDeviceToCRC   *videoQos    `json:"video_device_to_crc,omitempty"`
	ASDeviceFromCRC    *videoQos    `json:"as_device_from_crc,omitempty"`
	ASDeviceToCRC      *videoQos    `json:"as_device_to_crc,omitempty"`
	AudioDeviceFromRWG *audioQos    `json:"audio_device_from_rwg,omitempty"`
	AudioDeviceToRWG   *audioQos    `json:"audio_device_to_rwg,omitempty"`
	VideoDeviceFromRWG *videoQos    `json:"video_device_from_rwg,omitempty"`
	VideoDeviceToRWG   *videoQos    `json:"video_device_to_rwg,omitempty"`
	ASDeviceFromRWG    *videoQos    `json:"as_device_from_rwg,omitempty"`
	ASDeviceToRWG      *videoQos    `json:"as_device_to_rwg,omitempty"`
	CPUUsage           *cpuUsage    `json:"cpu_usage,omitempty"`
	CPUPressureLevel   *cpuPressure `json:"cpu_pressure_level,omitempty"`
	WifiRSSI           *wifiRSSI    `json:"wifi_rssi,omitempty"`
}

type audioQos struct {
	AvgLoss string `json:"avg_loss"`
	Bitrate string `json:"bitrate"`
	Jitter  string `json:"jitter"`
	Latency string `json:"latency"`
	MaxLoss string `json:"max_loss"`
}

type videoQos struct {
	audioQos
	FrameRate  string `json:"frame_rate"`
	Resolution string `json:"resolution"`
}

type cpuUsage struct {
	SystemMax string `json:"system_max_cpu_usage"`
	ZoomAvg   string `json:"zoom_avg_cpu_usage"`
	ZoomMax   string `json:"zoom_max_cpu_usage"`
	ZoomMin   string `json:"zoom_min_cpu_usage"`
}

type cpuPressure struct {
	Min string `json:"system_min_cpu_pressure_level"`
	Avg string `json:"system_avg_cpu_pressure_level"`
	Max string `json:"system_max_cpu_pressure_level"`
}

type wifiRSSI struct {
	Max  int    `json:"max_rssi"`
	Avg  int    `json:"avg_rssi"`
	Min  int    `json:"min_rssi"`
	Unit string `json:"rssi_unit"`
}

func (d *rng) audio() *audioQos {
	return &audioQos{
		AvgLoss: fmt.Sprintf("%.2f%%", float64(d.n(40))/100), MaxLoss: fmt.Sprintf("%.2f%%", float64(40+d.n(200))/100),
		Bitrate: fmt.Sprintf("%.2f kbps", float64(2000+d.n(4000))/100), Jitter: fmt.Sprintf("%d ms", d.n(12)), Latency: fmt.Sprintf("%d ms", 20+d.n(120)),
	}
}

func (d *rng) video() *videoQos {
	v := &videoQos{audioQos: *d.audio(), FrameRate: fmt.Sprintf("%d fps", 12+d.n(19)), Resolution: pick(d, []string{"1280*720", "640*360"})}
	v.Bitrate = fmt.Sprintf("%d kbps", 300+d.n(1500))
	return v
}

// samples is how many samples a stay has, whatever its length: Zoom has one a minute, which
// would make answers of megabytes.
const samples = 3

func (r *dashboardCall) qos(i *instance, s *stay, alone bool) *participantQos {
	d := r.world.rng("qos", instanceKey(i.m.n, i.k)<<8^uint64(s.row))
	q := &participantQos{stayDevice: r.device(i, s), Health: "Good", IssueList: []string{}, UserQos: []qosSample{}}
	if s.person%8 == 1 {
		q.Health, q.IssueList, q.RCReason = "Warning", []string{"audio"}, new("Client crash")
	}
	until := s.leave
	if !r.ended(s) {
		until = r.now
	}
	for k := range samples {
		at := s.join.Add(until.Sub(s.join) / samples * time.Duration(k)).Truncate(time.Minute).Add(time.Minute)
		q.UserQos = append(q.UserQos, sample(&d, at, s, q.BrowserName != "", q.NetworkType == "Wifi"))
	}
	number := new(strconv.FormatInt(r.world.number(i.m.n), 10))
	switch {
	case alone && r.webinar:
		q.WebinarNumber = number
	case alone:
		q.MeetingNumber = number
		q.addDevices(s, true)
	}
	return q
}

func sample(d *rng, at time.Time, s *stay, browser, wifi bool) qosSample {
	x := qosSample{DateTime: stamp(at), AudioInput: d.audio(), AudioOutput: d.audio()}
	if s.phone {
		return x
	}
	x.VideoInput, x.VideoOutput, x.ASInput, x.ASOutput = d.video(), d.video(), d.video(), d.video()
	x.CPUUsage = &cpuUsage{fmt.Sprintf("%d%%", 11+d.n(60)), fmt.Sprintf("%d%%", 3+d.n(4)), fmt.Sprintf("%d%%", 7+d.n(5)), "0%"}
	x.CPUPressureLevel = &cpuPressure{"normal", "normal", pick(d, []string{"normal", "fair", "serious"})}
	if wifi {
		x.WifiRSSI = &wifiRSSI{-35, -52, -69, "dBm"}
	}
	if browser {
		x.AudioDeviceFromRWG, x.AudioDeviceToRWG, x.VideoDeviceFromRWG, x.VideoDeviceToRWG = d.audio(), d.audio(), d.video(), d.video()
		x.ASDeviceFromRWG, x.ASDeviceToRWG = d.video(), d.video()
	}
	if s.person%16 == 0 { // a room system
		x.AudioDeviceFromCRC, x.AudioDeviceToCRC, x.VideoDeviceFromCRC, x.VideoDeviceToCRC = d.audio(), d.audio(), d.video(), d.video()
		x.ASDeviceFromCRC, x.ASDeviceToCRC = d.video(), d.video()
	}
	return x
}

// dashboardInstanceWithQos is dashboardInstance for the operations without type pastOne.
func (c *call) dashboardInstanceWithQos() (*dashboardCall, *instance, error) {
	if _, err := c.choice("type", "live", "past"); err != nil {
		return nil, nil, err
	}
	return c.dashboardInstance()
}

// listDashboardQos lists the quality of participants, one a page by default.
func listDashboardQos(c *call) (any, error) {
	r, i, err := c.dashboardInstanceWithQos()
	if err != nil {
		return nil, err
	}
	if c.query.Get("page_size") == "" {
		c.query.Set("page_size", "1")
	}
	stays := r.stays(i)
	return c.page(len(stays), func(k int) any { return r.qos(i, stays[k], false) }, r.number(i))
}

// getParticipantQos returns the quality of one stay, by its id within the instance.
func getParticipantQos(c *call) (any, error) {
	r, i, err := c.dashboardInstanceWithQos()
	if err != nil {
		return nil, err
	}
	for _, s := range r.stays(i) {
		if s.rowID() == c.path("participantId") {
			return r.qos(i, s, true), nil
		}
	}
	return nil, notFound(3001, "Meeting participant does not exist: "+c.path("participantId")+".")
}
