-- Counts calls that were made without Redis.
-- KEYS: the key where the limit is counted.
-- ARGV: span or guard, 1 if daily, then for a day the number of calls today,
--       for a window an id and a start, relative to now, for each call.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local span = tonumber(ARGV[1])
if ARGV[2] == '1' then
	local day = string.format('%d', math.floor((now - span) / 86400000000))
	redis.call('HINCRBY', KEYS[1], day, ARGV[3])
	redis.call('PEXPIRE', KEYS[1], 172800000)
	return 0
end
for i = 3, #ARGV, 2 do
	redis.call('ZADD', KEYS[1], string.format('%.0f', now + ARGV[i+1]), ARGV[i])
end
local newest = redis.call('ZRANGE', KEYS[1], -1, -1, 'WITHSCORES')
redis.call('PEXPIRE', KEYS[1], math.ceil((newest[2] - now + span) / 1000) + 1)
return 0
