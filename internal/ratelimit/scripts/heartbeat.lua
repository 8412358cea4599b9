-- Registers a replica's heartbeat and counts the replicas.
-- KEYS: the registry, a sorted set of replicas by the time at which each is
--       forgotten.
-- ARGV: the replica, how long until it is forgotten, how long without a
--       heartbeat until it counts as missing, how long a heartbeat may take,
--       and the time at which the replica sent it, 0 if it cannot tell yet, or
--       -1 if it works without Redis.
-- Returns: how many replicas there are, how many of them are present, that is,
--          not missing, the time, and 1 if the replica was not registered.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local lifetime, sent = tonumber(ARGV[2]), tonumber(ARGV[5])
local new = redis.call('ZSCORE', KEYS[1], ARGV[1]) and 0 or 1
local forgotten = now + lifetime
if sent < 0 or sent > 0 and now - sent > tonumber(ARGV[4]) then
	forgotten = forgotten - ARGV[3]
end
redis.call('ZADD', KEYS[1], string.format('%.0f', forgotten), ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
redis.call('PEXPIRE', KEYS[1], math.ceil(lifetime / 1000))
local present = redis.call('ZCOUNT', KEYS[1], string.format('(%.0f', now + lifetime - ARGV[3]), '+inf')
return {redis.call('ZCARD', KEYS[1]), present, now, new}
