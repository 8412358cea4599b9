package argument

import (
	"reflect"
	"strings"

	"zoomql/graph/directory"
	"zoomql/graph/errs"
	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

// Inputs such as MeetingBy name an object by one of their parts: by its global id, or by a
// name of Zoom's. Each leads to the key of the object, a text that names it among those of
// its type in its account.

// Key returns the key of the object that an input of one part names, such as
// [types.MeetingBy], whose fields say by their names what they are. where is the argument that
// the input was given in, for errors; "" where the caller of Key says it.
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

// Kind returns the type of the object that an input of one part names: Meeting, for
// [types.MeetingBy].
func Kind(by any) string { return strings.TrimSuffix(reflect.TypeOf(by).Name(), "By") }

// Named returns the global id of the object that an input of one part names, as the caller
// wrote it: unchecked, and without a key where it is an e-mail address.
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

// GlobalID returns the global id in an input of one part; nil where the object is named in
// another way.
func GlobalID(by any) *types.NodeID {
	_, given := givenIn(by)
	id, _ := given.(*types.NodeID)
	return id
}

// givenIn returns the one part that an input of one part has, and the name of its field.
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
// number, a slash, and Zoom's id of the object.
func PartsOf(key string) (meeting types.MeetingNumber, id string, err error) {
	number, id, ok := strings.Cut(key, "/")
	meeting, err = types.ParseMeetingNumber(number)
	if !ok || err != nil || id == "" {
		return 0, "", types.ErrBadID
	}
	return meeting, id, nil
}

// RegistrantOf splits the key of a registrant; that of a webinar's begins with "webinar ".
func RegistrantOf(key string) (zoom.RegistrantsOf, string, error) {
	key, webinar := strings.CutPrefix(key, "webinar ")
	number, registrant, err := PartsOf(key)
	return zoom.RegistrantsOf{Number: number, Webinar: webinar && err == nil}, registrant, err
}
