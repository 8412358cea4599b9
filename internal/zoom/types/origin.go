package types

import "github.com/go-json-experiment/json/jsontext"

// Origin says where an object was read: by which operation, and so which of its
// fields can be there, and in which account, and so where its edges lead. Every
// object with edges embeds it, and so does every type that operations answer
// with (see internal/codegen).
type Origin struct {
	// Op is the pattern of the operation; "" for an object that is known by its
	// key alone.
	Op string
	// Account is Zoom's id of the sub account; "" for the own account.
	Account string
}

// GetOrigin returns the origin, to be changed by who has just made the object.
func (o *Origin) GetOrigin() *Origin { return o }

// Originate notes on every object that v points to where it was read.
func Originate(v any, o Origin) { walk(v, origins, o) }

// PastMeeting is a row of the report on a user's meetings: the run, and what
// the report says of it.
type PastMeeting struct {
	Instance MeetingInstance
	Report   MeetingReport
}

// InstanceOf returns the run that a report is about, as far as the report tells it.
func InstanceOf(report *MeetingReport) (*MeetingInstance, error) {
	body, err := Marshal(report)
	if err != nil {
		return nil, err
	}
	run := &MeetingInstance{}
	err = Unmarshal(body, run)
	run.Row, run.Origin = report, report.Origin
	return run, err
}

// UnmarshalJSONFrom reads both from one object.
func (p *PastMeeting) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	v, err := dec.ReadValue()
	if err != nil {
		return err
	}
	if err := unmarshalWithin(dec, v, &p.Instance, false); err != nil {
		return err
	}
	p.Instance.Row = &p.Report
	return unmarshalWithin(dec, v, &p.Report, true)
}

// MarshalJSONTo writes the report's fields, which hold the run's.
func (p *PastMeeting) MarshalJSONTo(enc *jsontext.Encoder) error {
	body, err := Marshal(&p.Report)
	if err != nil {
		return err
	}
	return enc.WriteValue(body)
}
