package cache

import (
	"context"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/redis/go-redis/v9"
)

// stamp is the version of a tag; 0 is none.
type stamp uint64

// stands reports whether the ticket of an entry has the versions of today.
// Those that now does not tell cost a round trip.
func (r *Redis) stands(ctx context.Context, t, now *Ticket) bool {
	if t.stamps[0] != now.stamps[0] {
		return false
	}
	known := make(map[tagName]stamp, len(now.names))
	for i, name := range now.names {
		known[name] = now.stamps[i+1]
	}
	var more []tagName
	for i, name := range t.names {
		if s, ok := known[name]; !ok {
			more = append(more, name)
		} else if s != t.stamps[i+1] {
			return false
		}
	}
	if len(more) == 0 {
		return true
	}
	pipe := r.client.Pipeline()
	versions := getStamps(ctx, pipe, more)
	if !r.exec(ctx, pipe) {
		return false
	}
	for i, s := range readStamps(versions)[1:] {
		known[more[i]] = s
	}
	for i, name := range t.names {
		if known[name] != t.stamps[i+1] {
			return false
		}
	}
	return true
}

// fill makes versions for the tags of a ticket that have none. That is one more
// round trip, paid once for each tag and eviction, before a call to the origin
// that costs a hundred times as much.
func (r *Redis) fill(ctx context.Context, t *Ticket) bool {
	var (
		pipe redis.Pipeliner
		made = make(map[int]*redis.StringCmd)
	)
	for i, s := range t.stamps {
		if s != 0 {
			continue
		}
		if pipe == nil {
			pipe = r.client.Pipeline()
		}
		key := versionKey(allName)
		if i > 0 {
			key = versionKey(t.names[i-1])
		}
		// Another process may do the same: who is first makes the version.
		pipe.SetNX(ctx, key, binary.BigEndian.AppendUint64(nil, rand.Uint64()|1), maxLife)
		made[i] = pipe.Get(ctx, key)
	}
	if pipe == nil {
		return true
	}
	if !r.exec(ctx, pipe) {
		return false
	}
	for i, cmd := range made {
		// Evicted between the two commands: a ticket without a version
		// would be filed where it may be found, so there is none.
		if t.stamps[i] = readStamp(cmd); t.stamps[i] == 0 {
			return false
		}
	}
	return true
}

// exec runs a pipeline and reports whether Redis answered it. A command that
// Redis refuses for its own reasons keeps its error.
func (r *Redis) exec(ctx context.Context, pipe redis.Pipeliner) bool {
	cmds, err := pipe.Exec(ctx)
	if err != nil {
		err = nil
		for _, cmd := range cmds {
			if e := cmd.Err(); e != nil && !answered(e) {
				err = e
				break
			}
		}
	}
	if deadline, ok := ctx.Deadline(); ok && err != nil && time.Now().After(deadline) {
		<-ctx.Done() // the connection may notice a moment before the context
	}
	if ctx.Err() != nil && !errors.Is(context.Cause(ctx), errSlow) {
		return false // the caller had no time, which says nothing of Redis
	}
	return r.link.saw(err)
}

// answered reports whether an error is the answer of a Redis that is well.
func answered(err error) bool {
	return errors.Is(err, redis.Nil) || redis.HasErrorPrefix(err, "WRONGTYPE") || redis.HasErrorPrefix(err, "OOM") || redis.HasErrorPrefix(err, "NOSCRIPT")
}

// evaluate is one of the two ways to run a script: by its hash, or by its text.
type evaluate func(s *redis.Script, ctx context.Context, c redis.Scripter, keys []string, args ...any) *redis.Cmd

// scripted is exec for pipelines with scripts. They go by their hashes; a Redis
// that does not know one yet runs none of them, and gets all of the pipeline again
// with the texts.
func (r *Redis) scripted(ctx context.Context, fill func(pipe redis.Pipeliner, eval evaluate)) bool {
	for _, eval := range []evaluate{(*redis.Script).EvalSha, (*redis.Script).Eval} {
		pipe := &noted{Pipeliner: r.client.Pipeline()}
		fill(pipe, eval)
		if !r.exec(ctx, pipe) {
			return false
		}
		if !pipe.unknown {
			break
		}
	}
	return true
}

// noted is a pipeline that takes note of an unknown script.
type noted struct {
	redis.Pipeliner
	unknown bool
}

// Exec implements [redis.Pipeliner].
func (p *noted) Exec(ctx context.Context) ([]redis.Cmder, error) {
	cmds, err := p.Pipeliner.Exec(ctx)
	for _, cmd := range cmds {
		p.unknown = p.unknown || redis.HasErrorPrefix(cmd.Err(), "NOSCRIPT")
	}
	return cmds, err
}

// getStamps asks for the versions of All and of tags.
func getStamps(ctx context.Context, pipe redis.Pipeliner, names []tagName) []*redis.StringCmd {
	cmds := make([]*redis.StringCmd, 0, 1+len(names))
	cmds = append(cmds, pipe.Get(ctx, versionKey(allName)))
	for _, name := range names {
		cmds = append(cmds, pipe.Get(ctx, versionKey(name)))
	}
	return cmds
}

func readStamps(cmds []*redis.StringCmd) []stamp {
	stamps := make([]stamp, len(cmds))
	for i, cmd := range cmds {
		stamps[i] = readStamp(cmd)
	}
	return stamps
}

func readStamp(cmd *redis.StringCmd) stamp {
	if b, err := cmd.Bytes(); err == nil && len(b) == 8 {
		return stamp(binary.BigEndian.Uint64(b))
	}
	return 0
}

// limit returns a context for one operation.
func (r *Redis) limit(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, r.timings.Operation, errSlow)
}

// errSlow is why a context ends when Redis used up its time, not the caller.
var errSlow = errors.New("cache: Redis is slow")
