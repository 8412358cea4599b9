package argument

import (
	"reflect"
	"strings"

	"zoomql/graph/directory"
	"zoomql/graph/errs"
	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

// @oneOf inputs such as MeetingBy name an object by one of their fields: by its global id, or
// by a name of Zoom's. Each leads to the object's key, which identifies it among those of its
// type in its account.

// Key returns the key of the object that a @oneOf input such as [types.MeetingBy] names. where
// is the argument of the input, for errors; "" if the caller of Key adds it.
func Key(where string, by any) (string, error) {
	at := []string{where}
	if where == "" {
		at = nil
	}
	field, value := givenIn(by)
	switch value := value.(type) {
	case *types.NodeID:
		key, err := value.Of(Kind(by))
		return key, Within(err, append(at, "id")...)
	case *types.MeetingNumber:
		return value.String(), nil
	case *types.UUID:
		return string(*value), nil
	case *string:
		if field == "Email" {
			key, err := Address(*value)
			return key, Within(err, at...)
		}
		key, err := NonEmpty("zoomId", *value)
		return key, Within(err, at...)
	case *bool:
		if *value {
			return directory.Me, nil
		}
	}
	return "", Within(errs.Invalid("me: either true or another way to name the user"), at...)
}

// Kind returns the type of the object that a @oneOf input names: Meeting, for
// [types.MeetingBy].
func Kind(by any) string { return strings.TrimSuffix(reflect.TypeOf(by).Name(), "By") }

// Named returns the global id of the object that a @oneOf input names, as the caller wrote
// it: unchecked, and without a key if it is an e-mail address.
func Named(by any) types.NodeID {
	id := types.NodeID{Type: Kind(by)}
	field, value := givenIn(by)
	switch given := value.(type) {
	case *types.NodeID:
		return *given
	case *types.MeetingNumber:
		id.Key = given.String()
	case *string:
		if field == "ZoomID" {
			id.Key = *given
		}
	}
	return id
}

// GlobalID returns the global id in a @oneOf input; nil if the object is named in another
// way.
func GlobalID(by any) *types.NodeID {
	_, given := givenIn(by)
	id, _ := given.(*types.NodeID)
	return id
}

// givenIn returns the field of a @oneOf input that is set, and its name.
func givenIn(by any) (field string, value any) {
	for f, v := range reflect.ValueOf(by).Fields() {
		if !v.IsNil() {
			return f.Name, v.Interface()
		}
	}
	return "", nil
}

// Number returns the number of the meeting or webinar that an input names.
func Number(where string, by any) (types.MeetingNumber, error) {
	key, err := Key(where, by)
	if err != nil {
		return 0, err
	}
	number, err := NumberIn(key)
	return number, Within(err, where, "id")
}

// NumberIn returns the number that is the key of a meeting or webinar.
func NumberIn(key string) (types.MeetingNumber, error) {
	number, err := types.ParseMeetingNumber(key)
	if err != nil {
		return 0, types.ErrBadID
	}
	return number, nil
}

// PartsOf splits the key of an object that belongs to a meeting, such as a poll: the
// meeting's number, a slash, and Zoom's id of the object.
func PartsOf(key string) (meeting types.MeetingNumber, id string, err error) {
	number, id, ok := strings.Cut(key, "/")
	meeting, err = types.ParseMeetingNumber(number)
	if !ok || err != nil || id == "" {
		return 0, "", types.ErrBadID
	}
	return meeting, id, nil
}

// RegistrantOf splits the key of a registrant; one of a webinar begins with "webinar ".
func RegistrantOf(key string) (zoom.RegistrantsOf, string, error) {
	key, webinar := strings.CutPrefix(key, "webinar ")
	number, registrant, err := PartsOf(key)
	return zoom.RegistrantsOf{Number: number, Webinar: webinar && err == nil}, registrant, err
}
