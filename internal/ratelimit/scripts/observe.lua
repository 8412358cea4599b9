-- Raises what is used of today.
-- KEYS: the key where the daily limit is counted.
-- ARGV: the guard, what is used at least.
local time = redis.call('TIME')
local day = string.format('%d', math.floor((time[1] * 1000000 + time[2] - ARGV[1]) / 86400000000))
if tonumber(ARGV[2]) > tonumber(redis.call('HGET', KEYS[1], day) or 0) then
	redis.call('HSET', KEYS[1], day, ARGV[2])
	redis.call('PEXPIRE', KEYS[1], 172800000)
end
return 0
