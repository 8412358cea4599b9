-- Moves a start to the time at which the call left, if that is later.
-- KEYS: the logs of the windows.
-- ARGV: the reservation's id, how long ago the call left.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2] - ARGV[2]
for i = 1, #KEYS do
	local at = redis.call('ZSCORE', KEYS[i], ARGV[1])
	if at and now > tonumber(at) then
		redis.call('ZADD', KEYS[i], string.format('%.0f', now), ARGV[1])
	end
end
return 0
