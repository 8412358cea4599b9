-- Says that a replica is there, and counts those that are.
-- KEYS: the registry, where each has the time at which it is forgotten.
-- ARGV: the replica, how long until it is forgotten, after how long without a
--       beat it may be alone, how old a beat may be, and the time by which the
--       replica sent it, 0 if it does not know it yet, or -1 if it is alone.
-- Answers: how many there are, how many of them are not alone, the time, and 1
--          if the replica is new here.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local silent, sent = tonumber(ARGV[2]), tonumber(ARGV[5])
local new = redis.call('ZSCORE', KEYS[1], ARGV[1]) and 0 or 1
local till = now + silent
if sent < 0 or sent > 0 and now - sent > tonumber(ARGV[4]) then
	till = till - ARGV[3]
end
redis.call('ZADD', KEYS[1], string.format('%.0f', till), ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
redis.call('PEXPIRE', KEYS[1], math.ceil(silent / 1000))
local present = redis.call('ZCOUNT', KEYS[1], string.format('(%.0f', now + silent - ARGV[3]), '+inf')
return {redis.call('ZCARD', KEYS[1]), present, now, new}
