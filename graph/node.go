package graph

import (
	"context"
	"fmt"
	"reflect"
	"strings"

	"github.com/99designs/gqlgen/graphql"

	"zoomql/graph/argument"
	"zoomql/graph/batch"
	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

// Objects are named by global ids (see [types.NodeID]) and by inputs such as MeetingBy,
// which have the global id and Zoom's own names of the object beside it. Both lead to
// the key of the object: a text that names it among those of its type in its account.

// nodeTypes are the types that implement Node, by name: how an object is loaded by its
// key, with what the field of ctx asks of it. Type MeetingBy of the inputs belongs to
// the type Meeting by its name, and so do the fields of the schema that are known with
// the key (see [selection.Index.Keys]). The key of an object is in its method ID.
var nodeTypes = map[string]func(ctx context.Context, s *scope, key string) (types.Node, error){
	"Account": func(ctx context.Context, _ *scope, key string) (types.Node, error) {
		return someNode(from(ctx).in(key).rootAccount(ctx))
	},
	"InformationBarrierPolicy": func(ctx context.Context, s *scope, key string) (types.Node, error) {
		return someNode(s.policy(ctx, key))
	},
	"Meeting": func(ctx context.Context, s *scope, key string) (types.Node, error) {
		number, err := numberIn(key)
		if err != nil {
			return nil, err
		}
		return someNode(s.meeting(ctx, number))
	},
	"MeetingInstance": func(ctx context.Context, s *scope, key string) (types.Node, error) {
		return someNode(s.instance(ctx, key))
	},
	"Poll": func(ctx context.Context, s *scope, key string) (types.Node, error) {
		return someNode(s.poll(ctx, key))
	},
	"Registrant": func(ctx context.Context, s *scope, key string) (types.Node, error) {
		of, registrant, err := registrantOf(key)
		if err != nil {
			return nil, err
		}
		return someNode(s.registrant(ctx, of, registrant))
	},
	"Role": func(ctx context.Context, s *scope, key string) (types.Node, error) {
		return someNode(s.role(ctx, key))
	},
	"Survey": func(ctx context.Context, s *scope, key string) (types.Node, error) {
		return someNode(s.survey(ctx, key))
	},
	"User": func(ctx context.Context, s *scope, key string) (types.Node, error) {
		return someNode(s.rootUser(ctx, key))
	},
	"Webinar": func(ctx context.Context, s *scope, key string) (types.Node, error) {
		number, err := numberIn(key)
		if err != nil {
			return nil, err
		}
		return someNode(s.webinar(ctx, number))
	},
}

// someNode keeps a nil object from becoming an interface that is not nil.
func someNode[T any, P interface {
	*T
	types.Node
}](obj P, err error) (types.Node, error) {
	obj, err = orNil((*T)(obj), err)
	if obj == nil {
		return nil, err
	}
	return obj, err
}

// maxNodes bounds how many ids one nodes field may name.
const maxNodes = 300

// nodes returns many objects at once. One that fails is null, with its error
// beside it.
func nodes(ctx context.Context, ids []*types.NodeID) ([]types.Node, error) {
	if len(ids) > maxNodes {
		return nil, invalid(fmt.Sprintf("ids: %d are more than %d", len(ids), maxNodes))
	}
	found, errs := findNodes(ctx, ids...)
	for i, err := range errs {
		if err != nil {
			graphql.AddError(graphql.WithPathContext(ctx, graphql.NewPathWithIndex(i)), err)
		}
	}
	return found, nil
}

// findNodes returns the objects of global ids, in their order. The ids tell which types
// these are of, so that none waits for rounds that only others lead to.
func findNodes(ctx context.Context, ids ...*types.NodeID) ([]types.Node, []error) {
	found, errs, kinds := make([]types.Node, len(ids)), make([]error, len(ids)), make([]string, len(ids))
	for i, id := range ids {
		kinds[i] = id.Type
	}
	from(ctx).Rounds.Apart(ctx, kinds, func(i int) {
		defer batch.Caught(ctx, &errs[i])
		load := nodeTypes[ids[i].Type]
		if load == nil {
			errs[i] = types.ErrBadID
			return
		}
		found[i], errs[i] = load(ctx, in(ctx, ids[i]), ids[i].Key)
	})
	return found, errs
}

// keyOf returns the key of the object that an input of one part names, such as
// [types.MeetingBy], whose fields say by their names what they are. where is the argument that
// the input was given in, for errors; "" where the caller of keyOf says it.
func keyOf(where string, by any) (string, error) {
	at := []string{where}
	if where == "" {
		at = nil
	}
	field, value := givenIn(by)
	switch value := value.(type) {
	case *types.NodeID:
		key, err := value.Of(kindOf(by))
		return key, argument.Within(err, append(at, "id")...)
	case *types.MeetingNumber:
		return value.String(), nil
	case *types.UUID:
		return string(*value), nil
	case *string:
		if field == "Email" {
			key, err := argument.Address(*value)
			return key, argument.Within(err, at...)
		}
		key, err := argument.NonEmpty("zoomId", *value)
		return key, argument.Within(err, at...)
	case *bool:
		if *value {
			return me, nil
		}
	}
	return "", argument.Within(invalid("me: either true or another way to name the user"), at...)
}

// kindOf returns the type of the object that an input of one part names: Meeting, for
// [types.MeetingBy].
func kindOf(by any) string { return strings.TrimSuffix(reflect.TypeOf(by).Name(), "By") }

// idBy returns the global id of the object that an input of one part names, as the caller
// wrote it: unchecked, and without a key where it is an e-mail address.
func idBy(by any) types.NodeID {
	id := types.NodeID{Type: kindOf(by)}
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

// givenIn returns the one part that an input of one part has, and the name of its field.
func givenIn(by any) (field string, value any) {
	for f, v := range reflect.ValueOf(by).Fields() {
		if !v.IsNil() {
			return f.Name, v.Interface()
		}
	}
	return "", nil
}

// numberBy returns the number of the meeting or webinar that an input names.
func numberBy(where string, by any) (types.MeetingNumber, error) {
	key, err := keyOf(where, by)
	if err != nil {
		return 0, err
	}
	number, err := numberIn(key)
	return number, argument.Within(err, where, "id")
}

// numberIn returns the number that is the key of a meeting or webinar.
func numberIn(key string) (types.MeetingNumber, error) {
	number, err := types.ParseMeetingNumber(key)
	if err != nil {
		return 0, types.ErrBadID
	}
	return number, nil
}

// partsOf splits the key of an object that belongs to a meeting, such as a poll: the
// number, a slash, and Zoom's id of the object.
func partsOf(key string) (meeting types.MeetingNumber, id string, err error) {
	number, id, ok := strings.Cut(key, "/")
	meeting, err = types.ParseMeetingNumber(number)
	if !ok || err != nil || id == "" {
		return 0, "", types.ErrBadID
	}
	return meeting, id, nil
}

// registrantOf splits the key of a registrant; that of a webinar's begins with "webinar ".
func registrantOf(key string) (zoom.RegistrantsOf, string, error) {
	key, webinar := strings.CutPrefix(key, "webinar ")
	number, registrant, err := partsOf(key)
	return zoom.RegistrantsOf{Number: number, Webinar: webinar && err == nil}, registrant, err
}
