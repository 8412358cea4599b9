package types

import "github.com/go-json-experiment/json/jsontext"

// Origin says which operation an object was read from, and so which of its
// fields can be there. Objects that more than one operation answers with embed
// it.
type Origin struct{ op string }

// SetOrigin notes the pattern of the operation that an object was decoded from.
func (o *Origin) SetOrigin(op string) { o.op = op }

// Op returns the pattern of the operation that the object was decoded from.
func (o *Origin) Op() string { return o.op }

// PastMeeting is a row of the report on a user's meetings: the run, and what
// the report says of it.
type PastMeeting struct {
	Instance MeetingInstance
	Report   MeetingReport
}

// SetOrigin notes on both where they were read.
func (p *PastMeeting) SetOrigin(op string) {
	p.Instance.SetOrigin(op)
	p.Report.SetOrigin(op)
}

// UnmarshalJSONFrom reads both from one object.
func (p *PastMeeting) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	v, err := dec.ReadValue()
	if err != nil {
		return err
	}
	if err := Unmarshal(v, &p.Instance); err != nil {
		return err
	}
	p.Instance.Row = &p.Report
	return Unmarshal(v, &p.Report)
}

// MarshalJSONTo writes the report's fields, which hold the run's.
func (p *PastMeeting) MarshalJSONTo(enc *jsontext.Encoder) error {
	body, err := Marshal(&p.Report)
	if err != nil {
		return err
	}
	return enc.WriteValue(body)
}
