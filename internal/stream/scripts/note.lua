-- Notes a mark, and returns the ages of its span and of those of other marks.
-- KEYS: the hash of spans, "since:last" by the name of the mark.
-- ARGV: the gap of the mark, the lifetime of spans, the names of the marks, of which the
--       first is noted. Times are in milliseconds.
-- Returns: for each name how long ago its span began and was last noted, or -1 and -1.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function span(name)
	return string.match(redis.call('HGET', KEYS[1], name) or '', '^(%d+):(%d+)$')
end
local since, last = span(ARGV[3])
if not last or now - last > tonumber(ARGV[1]) then
	since = string.format('%.0f', now)
end
redis.call('HSET', KEYS[1], ARGV[3], since .. ':' .. string.format('%.0f', now))
redis.call('PEXPIRE', KEYS[1], ARGV[2])
local ages = {}
for i = 3, #ARGV do
	since, last = span(ARGV[i])
	ages[#ages + 1] = last and math.max(now - since, 0) or -1
	ages[#ages + 1] = last and math.max(now - last, 0) or -1
end
return ages
