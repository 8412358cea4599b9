-- Stores messages, except those whose keys are stored, and notes the marks of all of them.
-- KEYS: the stream; a sorted set of the keys of messages, by the time of each; a hash of
--       spans, "since:last" by the name of the mark.
-- ARGV: the largest number and age of messages, the largest number and age of their keys,
--       the group and its consumer, the lifetime of spans; then for each message its key and
--       body, 1 if it is pending, the number of its marks, and for each of these its name
--       and its gap. Times are in milliseconds.
-- Returns: the number of messages that it has stored.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local text = string.format('%.0f', now)
local stored, noted = 0, {}
local i = 8
while i <= #ARGV do
	local key, body, pending, marks = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3]
	i = i + 4
	for _ = 1, marks do
		local name, gap = ARGV[i], ARGV[i + 1]
		i = i + 2
		if not noted[name] then
			noted[name] = true
			local since, last = string.match(redis.call('HGET', KEYS[3], name) or '', '^(%d+):(%d+)$')
			if not last or now - last > tonumber(gap) then
				since = text
			end
			redis.call('HSET', KEYS[3], name, since .. ':' .. text)
		end
	end
	if not redis.call('ZSCORE', KEYS[2], key) then
		local id = redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[1], '*', 'b', body)
		if pending == '1' then
			redis.pcall('XGROUP', 'CREATE', KEYS[1], ARGV[5], '0') -- fails if it exists
			redis.call('XCLAIM', KEYS[1], ARGV[5], ARGV[6], 0, id, 'FORCE', 'JUSTID')
		end
		-- After XADD, so that a key is stored only if its message is.
		redis.call('ZADD', KEYS[2], now, key)
		stored = stored + 1
	end
end
if next(noted) then
	redis.call('PEXPIRE', KEYS[3], ARGV[7])
end
if stored > 0 then
	redis.call('XTRIM', KEYS[1], 'MINID', '~', string.format('%.0f', now - ARGV[2]))
	redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now - ARGV[4])
	redis.call('ZREMRANGEBYRANK', KEYS[2], 0, -1 - ARGV[3])
	redis.call('PEXPIRE', KEYS[1], ARGV[2])
	redis.call('PEXPIRE', KEYS[2], ARGV[4])
end
return stored
