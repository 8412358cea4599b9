-- Tells how one limit stands.
-- KEYS: where it is counted, its state.
-- ARGV: span or guard, 1 if daily.
-- Answers: used, how long until it is all free again, how long it is blocked,
--          what others spend, how long that is doubted, how long it was
--          believed.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local span = tonumber(ARGV[1])
local blocked = tonumber(redis.call('HGET', KEYS[2], 'blocked') or 0) - now
if ARGV[2] == '1' then
	local day = math.floor((now - span) / 86400000000)
	local used = tonumber(redis.call('HGET', KEYS[1], string.format('%d', day)) or 0)
	return {used, (day + 1) * 86400000000 + span - now, blocked, 0, 0, 0}
end
local used = redis.call('ZCOUNT', KEYS[1], string.format('(%.0f', now - span), '+inf')
local newest = redis.call('ZRANGE', KEYS[1], -1, -1, 'WITHSCORES')
local reset = 0
if used > 0 then
	reset = newest[2] + span - now
end
local others = redis.call('HMGET', KEYS[2], 'others', 'till', 'hold')
return {used, reset, blocked, tonumber(others[1] or 0), math.max(now - tonumber(others[2] or now), 0), tonumber(others[3] or 0)}
