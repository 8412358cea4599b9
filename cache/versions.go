package cache

import (
	"context"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/redis/go-redis/v9"
)

// version is the version of a tag; 0 is none.
type version uint64

// isCurrent reports whether the ticket of an entry has the current versions.
// Those that now does not hold cost a round trip.
func (r *Redis) isCurrent(ctx context.Context, t, now *Ticket) bool {
	if t.versions[0] != now.versions[0] {
		return false
	}
	known := make(map[tagName]version, len(now.names))
	for i, name := range now.names {
		known[name] = now.versions[i+1]
	}
	var more []tagName
	for i, name := range t.names {
		if v, ok := known[name]; !ok {
			more = append(more, name)
		} else if v != t.versions[i+1] {
			return false
		}
	}
	if len(more) == 0 {
		return true
	}
	pipe := r.client.Pipeline()
	replies := getVersions(ctx, pipe, more)
	if !r.exec(ctx, pipe) {
		return false
	}
	for i, v := range readVersions(replies)[1:] {
		known[more[i]] = v
	}
	for i, name := range t.names {
		if known[name] != t.versions[i+1] {
			return false
		}
	}
	return true
}

// createVersions makes versions for the tags of a ticket that have none. That is one
// more round trip, once for each tag and eviction, before a call to the origin
// that costs a hundred times as much.
func (r *Redis) createVersions(ctx context.Context, t *Ticket) bool {
	var (
		pipe    redis.Pipeliner
		created = make(map[int]*redis.StringCmd)
	)
	for i, v := range t.versions {
		if v != 0 {
			continue
		}
		if pipe == nil {
			pipe = r.client.Pipeline()
		}
		key := versionKey(allName)
		if i > 0 {
			key = versionKey(t.names[i-1])
		}
		// Another process may do the same: the first one makes the version.
		pipe.SetNX(ctx, key, binary.BigEndian.AppendUint64(nil, rand.Uint64()|1), maxLife)
		created[i] = pipe.Get(ctx, key)
	}
	if pipe == nil {
		return true
	}
	if !r.exec(ctx, pipe) {
		return false
	}
	for i, cmd := range created {
		// Evicted between the two commands. An entry without a version could be
		// found by readers who find no version either, so there is no ticket.
		if t.versions[i] = readVersion(cmd); t.versions[i] == 0 {
			return false
		}
	}
	return true
}

// exec runs a pipeline and reports whether Redis replied. A command that Redis rejects
// has its error.
func (r *Redis) exec(ctx context.Context, pipe redis.Pipeliner) bool {
	cmds, err := pipe.Exec(ctx)
	if err != nil {
		err = nil
		for _, cmd := range cmds {
			if e := cmd.Err(); e != nil && !isReply(e) {
				err = e
				break
			}
		}
	}
	if deadline, ok := ctx.Deadline(); ok && err != nil && time.Now().After(deadline) {
		<-ctx.Done() // the connection may time out a moment before the context
	}
	if ctx.Err() != nil && !errors.Is(context.Cause(ctx), errRedisTimeout) {
		return false // the caller's context ended, which is no failure of Redis
	}
	return r.conn.observe(err)
}

// isReply reports whether an error is the reply of a healthy Redis.
func isReply(err error) bool {
	return errors.Is(err, redis.Nil) || redis.HasErrorPrefix(err, "WRONGTYPE") || redis.HasErrorPrefix(err, "OOM") || redis.HasErrorPrefix(err, "NOSCRIPT")
}

// evaluate is one of the two ways to run a script: by its hash, or by its text.
type evaluate func(s *redis.Script, ctx context.Context, c redis.Scripter, keys []string, args ...any) *redis.Cmd

// execScripts is exec for pipelines with scripts. They are sent as hashes; if Redis
// has not loaded one, it runs none of them, and the whole pipeline is sent again with
// the texts.
func (r *Redis) execScripts(ctx context.Context, fill func(pipe redis.Pipeliner, eval evaluate)) bool {
	for _, eval := range []evaluate{(*redis.Script).EvalSha, (*redis.Script).Eval} {
		pipe := &scriptPipeline{Pipeliner: r.client.Pipeline()}
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

// scriptPipeline is a pipeline that records whether Redis had not loaded a script.
type scriptPipeline struct {
	redis.Pipeliner
	unknown bool
}

// Exec implements [redis.Pipeliner].
func (p *scriptPipeline) Exec(ctx context.Context) ([]redis.Cmder, error) {
	cmds, err := p.Pipeliner.Exec(ctx)
	for _, cmd := range cmds {
		p.unknown = p.unknown || redis.HasErrorPrefix(cmd.Err(), "NOSCRIPT")
	}
	return cmds, err
}

// getVersions requests the versions of All and of tags.
func getVersions(ctx context.Context, pipe redis.Pipeliner, names []tagName) []*redis.StringCmd {
	cmds := make([]*redis.StringCmd, 0, 1+len(names))
	cmds = append(cmds, pipe.Get(ctx, versionKey(allName)))
	for _, name := range names {
		cmds = append(cmds, pipe.Get(ctx, versionKey(name)))
	}
	return cmds
}

func readVersions(cmds []*redis.StringCmd) []version {
	versions := make([]version, len(cmds))
	for i, cmd := range cmds {
		versions[i] = readVersion(cmd)
	}
	return versions
}

func readVersion(cmd *redis.StringCmd) version {
	if b, err := cmd.Bytes(); err == nil && len(b) == 8 {
		return version(binary.BigEndian.Uint64(b))
	}
	return 0
}

// withTimeout returns a context for one operation.
func (r *Redis) withTimeout(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, r.timings.Operation, errRedisTimeout)
}

// errRedisTimeout is the cause of a context that ended because Redis exceeded its time,
// not because the caller left.
var errRedisTimeout = errors.New("cache: Redis did not reply in time")
