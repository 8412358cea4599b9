-- Returns the messages after a cursor, each as its id and body, or nil if messages after it
-- may have been dropped.
-- KEYS: the stream.
-- ARGV: the cursor, which is the id of a message, "0-0", or "@" and a time; the largest
--       number of messages to return; the largest age of messages, in milliseconds, and
--       their largest number.
--
-- The oldest messages are dropped first. So while the message of a cursor is stored, so are
-- all after it. All messages after a time are stored if it is not older than the largest age,
-- and the stream has fewer messages than the largest number.
local cursor, limit = ARGV[1], tonumber(ARGV[2])
local found
if cursor == '0-0' then
	found = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', limit)
elseif string.sub(cursor, 1, 1) == '@' then
	local since = tonumber(string.sub(cursor, 2))
	local time = redis.call('TIME')
	if not since or time[1] * 1000 + time[2] / 1000 - since > tonumber(ARGV[3]) or redis.call('XLEN', KEYS[1]) >= tonumber(ARGV[4]) then
		return nil
	end
	found = redis.call('XRANGE', KEYS[1], string.format('%.0f', since), '+', 'COUNT', limit)
else
	found = redis.pcall('XRANGE', KEYS[1], cursor, '+', 'COUNT', limit + 1)
	if found.err or not found[1] or found[1][1] ~= cursor then
		return nil
	end
	table.remove(found, 1)
end
local entries = {}
for i, each in ipairs(found) do
	local body = ''
	for f = 1, #each[2], 2 do
		if each[2][f] == 'b' then
			body = each[2][f + 1]
		end
	end
	entries[i] = {each[1], body}
end
return entries
