-- Stores a message, unless one with its key is stored, and notes marks.
-- KEYS: the stream; a sorted set of the keys of messages, by the time of each; a hash of
--       spans, "since:last" by the name of the mark.
-- ARGV: the message's key and body, 1 if it is pending, how many messages and how old
--       they may be, how many keys and how old, the group and its consumer, for how long
--       spans are remembered; then for each mark its name and its gap. Times are in
--       milliseconds.
-- Returns: 1 if it is stored, 0 if it was.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
for i = 11, #ARGV, 2 do
	local since, last = string.match(redis.call('HGET', KEYS[3], ARGV[i]) or '', '^(%d+):(%d+)$')
	if not last or now - last > tonumber(ARGV[i + 1]) then
		since = string.format('%.0f', now)
	end
	redis.call('HSET', KEYS[3], ARGV[i], since .. ':' .. string.format('%.0f', now))
end
if #ARGV > 10 then
	redis.call('PEXPIRE', KEYS[3], ARGV[10])
end
if redis.call('ZSCORE', KEYS[2], ARGV[1]) then
	return 0
end
local id = redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[4], '*', 'b', ARGV[2])
redis.call('XTRIM', KEYS[1], 'MINID', '~', string.format('%.0f', now - ARGV[5]))
if ARGV[3] == '1' then
	redis.pcall('XGROUP', 'CREATE', KEYS[1], ARGV[8], '0') -- fails where it is there
	redis.call('XCLAIM', KEYS[1], ARGV[8], ARGV[9], 0, id, 'FORCE', 'JUSTID')
end
-- Last: a message whose key is known is stored.
redis.call('ZADD', KEYS[2], now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now - ARGV[7])
redis.call('ZREMRANGEBYRANK', KEYS[2], 0, -1 - ARGV[6])
redis.call('PEXPIRE', KEYS[1], ARGV[5])
redis.call('PEXPIRE', KEYS[2], ARGV[7])
return 1
