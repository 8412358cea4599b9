-- Returns the id of the last message, or, if there is none, "@" and the time in
-- milliseconds.
-- KEYS: the stream.
local last = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)
if last[1] then
	return last[1][1]
end
local time = redis.call('TIME')
return '@' .. string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
