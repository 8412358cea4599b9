package cache

import (
	"context"

	"github.com/redis/go-redis/v9"
)

// Peek implements [Peeker], in one round trip, and one more if an entry has tags that are not in
// its Lookup.
func (r *Redis) Peek(ctx context.Context, keys []Lookup) (entries []*Entry, ok bool) {
	if r.conn.down() {
		return nil, false
	}
	ctx, cancel := r.withTimeout(ctx)
	defer cancel()
	pipe := r.client.Pipeline()
	bodies := make([]*redis.StringCmd, len(keys))
	versions := make([][]*redis.StringCmd, len(keys))
	names := make([][]tagName, len(keys))
	hashed := make([]string, len(keys))
	for i, k := range keys {
		hashed[i], names[i] = r.names.Name(k.Key), namesOf(k.Tags, r.tagName)
		bodies[i] = pipe.Get(ctx, redisKey(entryPrefix, hashed[i]))
		versions[i] = getVersions(ctx, pipe, names[i])
	}
	if !r.exec(ctx, pipe) {
		return nil, false
	}
	entries = make([]*Entry, len(keys))
	for i := range keys {
		data, err := bodies[i].Bytes()
		if err != nil {
			continue
		}
		now := Ticket{names: names[i], versions: readVersions(versions[i])}
		entries[i], _ = r.read(ctx, hashed[i], data, &now)
	}
	return entries, !r.conn.down()
}

// Peek implements [Peeker]: it reads L2 alone.
func (s *Tiered) Peek(ctx context.Context, keys []Lookup) (entries []*Entry, ok bool) {
	l2, can := s.l2.(Peeker)
	if !can {
		return nil, false
	}
	return l2.Peek(ctx, keys)
}
