-- Returns "@" and the time in milliseconds if there is no message after a cursor, and its own
-- message is of an earlier millisecond; else the cursor.
-- KEYS: the stream.
-- ARGV: the cursor, which is the id of a message, or "@" and a time; the largest number of
--       messages. With so many, the cursor of a time is not valid: see after.lua.
local from = '(' .. ARGV[1]
if string.sub(ARGV[1], 1, 1) == '@' then
	from = string.sub(ARGV[1], 2)
end
if redis.call('XLEN', KEYS[1]) >= tonumber(ARGV[2]) or redis.call('XRANGE', KEYS[1], from, '+', 'COUNT', 1)[1] then
	return ARGV[1]
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if tonumber(string.match(ARGV[1], '%d+')) >= now then
	return ARGV[1]
end
return '@' .. string.format('%.0f', now)
