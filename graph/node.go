package graph

import (
	"context"
	"fmt"

	"github.com/99designs/gqlgen/graphql"

	"zoomql/graph/argument"
	"zoomql/graph/batch"
	"zoomql/graph/errs"
	"zoomql/internal/zoom/types"
)

// Objects are named by global ids (see [types.NodeID]) and by inputs such as MeetingBy,
// which have the global id and Zoom's own names of the object. Both lead to
// the key of the object: a text that names it among those of its type in its account.

// nodeTypes has, for each type that implements Node, the function that loads an object by its
// key with the fields that are selected. The input MeetingBy belongs to the type Meeting by its
// name, and so do the fields that are known with the key (see [selection.Index.Keys]). An
// object's method ID returns its key.
var nodeTypes = map[string]func(ctx context.Context, s *scope, key string) (types.Node, error){
	"Account": func(ctx context.Context, _ *scope, key string) (types.Node, error) {
		return someNode(from(ctx).in(key).rootAccount(ctx))
	},
	"Group": func(ctx context.Context, s *scope, key string) (types.Node, error) {
		return someNode(s.group(ctx, key))
	},
	"InformationBarrierPolicy": func(ctx context.Context, s *scope, key string) (types.Node, error) {
		return someNode(s.policy(ctx, key))
	},
	"Meeting": func(ctx context.Context, s *scope, key string) (types.Node, error) {
		number, err := argument.NumberIn(key)
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
		of, registrant, err := argument.RegistrantOf(key)
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
		number, err := argument.NumberIn(key)
		if err != nil {
			return nil, err
		}
		return someNode(s.webinar(ctx, number))
	},
	"WebinarReport": func(ctx context.Context, s *scope, key string) (types.Node, error) {
		return someNode(s.webinarReport(ctx, key))
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

// nodes returns many objects at once. One that fails is null, with an error.
func nodes(ctx context.Context, ids []*types.NodeID) ([]types.Node, error) {
	if len(ids) > maxNodes {
		return nil, errs.Invalid(fmt.Sprintf("ids: %d are more than %d", len(ids), maxNodes))
	}
	found, failed := findNodes(ctx, ids...)
	for i, err := range failed {
		if err != nil {
			graphql.AddError(graphql.WithPathContext(ctx, graphql.NewPathWithIndex(i)), err)
		}
	}
	return found, nil
}

// findNodes returns the objects of global ids, in their order. The ids have the types of the
// objects, so that none waits for rounds that only other types need.
func findNodes(ctx context.Context, ids ...*types.NodeID) ([]types.Node, []error) {
	found, failed, kinds := make([]types.Node, len(ids)), make([]error, len(ids)), make([]string, len(ids))
	for i, id := range ids {
		kinds[i] = id.Type
	}
	from(ctx).Rounds.Apart(ctx, kinds, func(i int) {
		defer batch.Caught(ctx, &failed[i])
		load := nodeTypes[ids[i].Type]
		if load == nil {
			failed[i] = types.ErrBadID
			return
		}
		found[i], failed[i] = load(ctx, in(ctx, ids[i]), ids[i].Key)
	})
	return found, failed
}
