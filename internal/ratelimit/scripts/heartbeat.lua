-- Registers a replica's heartbeat, forgets the replicas that have ended, and counts them.
-- KEYS: the registry, a sorted set of replicas by the time at which each is
--       forgotten; the sessions, a hash that has for each replica the number of its
--       last heartbeat and the channel of its session, and at '' the last number.
-- ARGV: the replica, how long until it is forgotten, how long without a
--       heartbeat until it counts as missing, how long a heartbeat may take,
--       the time at which the replica sent it, 0 if it is not known, or
--       -1 if it works without Redis; then the channel of its session, '' if it has
--       none, the number of the heartbeat that first found it, 0 if none has, and how
--       long after the end of its session a missing replica is forgotten.
-- Returns: how many replicas there are, how many of them are present, that is,
--          not missing, the time, 1 if the replica was not registered, the number of
--          this heartbeat, and 1 if its session was found, 0 if not, -1 if that
--          is not known.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local lifetime, sent = tonumber(ARGV[2]), tonumber(ARGV[5])
local new = redis.call('ZSCORE', KEYS[1], ARGV[1]) and 0 or 1
local forgotten = now + lifetime
if sent < 0 or sent > 0 and now - sent > tonumber(ARGV[4]) then
	forgotten = forgotten - ARGV[3]
end
redis.call('ZADD', KEYS[1], string.format('%.0f', forgotten), ARGV[1])

-- isOpen returns 1 if a channel has a subscriber, which only this run of Redis knows, 0 if
-- not, and -1 if the user may not ask.
local function isOpen(channel)
	local reply = redis.pcall('PUBSUB', 'NUMSUB', channel)
	if reply.err then
		return -1
	end
	return tonumber(reply[2]) > 0 and 1 or 0
end

local beat = redis.call('HINCRBY', KEYS[2], '', 1)
local found = ARGV[6] ~= '' and isOpen(ARGV[6]) or -1
if found == 1 then
	redis.call('HSET', KEYS[2], ARGV[1], string.format('%.0f ', beat) .. ARGV[6])
else
	redis.call('HDEL', KEYS[2], ARGV[1])
end
-- A session that ended is told from one that a restart or a failover of Redis has ended by the
-- own one: it was open here before the last heartbeat that found the other, and still is.
if found == 1 and tonumber(ARGV[7]) > 0 then
	local ends = now + ARGV[8]
	for _, replica in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], string.format('(%.0f', ends), string.format('%.0f', now + lifetime - ARGV[3]))) do
		local last, channel = string.match(redis.call('HGET', KEYS[2], replica) or '', '^(%d+) (.*)$')
		if channel and tonumber(last) > tonumber(ARGV[7]) and isOpen(channel) == 0 then
			redis.call('ZADD', KEYS[1], string.format('%.0f', ends), replica)
		end
	end
end

for _, replica in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now))) do
	redis.call('HDEL', KEYS[2], replica)
end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now))
redis.call('PEXPIRE', KEYS[1], math.ceil(lifetime / 1000))
redis.call('PEXPIRE', KEYS[2], math.ceil(lifetime / 1000))
local present = redis.call('ZCOUNT', KEYS[1], string.format('(%.0f', now + lifetime - ARGV[3]), '+inf')
return {redis.call('ZCARD', KEYS[1]), present, now, new, beat, found}
