package types

import "github.com/go-json-experiment/json/jsontext"

// Origin records where an object was read: the operation determines which of its fields
// can be set, and the account where its edges lead. Every object with edges embeds it, and
// so does every type that operations return (see internal/codegen).
type Origin struct {
	// Op is the pattern of the operation; "" for an object of which only the key is known.
	Op string
	// Account is Zoom's id of the sub account; "" for the tenant's own account.
	Account string
}

// GetOrigin returns the origin, which only the code that created the object may change.
func (o *Origin) GetOrigin() *Origin { return o }

// Originate sets the origin of every object reachable from v.
func Originate(v any, o Origin) { walk(v, origins, o) }

// PastMeeting is a row of the report on a user's meetings: the instance, and the report on
// it.
type PastMeeting struct {
	Instance MeetingInstance
	Report   MeetingReport
}

// InstanceOf returns the instance that a report is about, with the fields that the report has.
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

// UnmarshalJSONFrom reads both from one JSON object.
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

// MarshalJSONTo writes the report's fields, which include the instance's.
func (p *PastMeeting) MarshalJSONTo(enc *jsontext.Encoder) error {
	body, err := Marshal(&p.Report)
	if err != nil {
		return err
	}
	return enc.WriteValue(body)
}
