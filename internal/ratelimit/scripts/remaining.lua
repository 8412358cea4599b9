-- Returns how much of one limit is used.
-- KEYS: the key where it is counted, the key of its state.
-- ARGV: span or guard, 1 if daily.
-- Returns: calls used, how long until all are free again, how long it is
--          blocked, the estimate of competing usage, how long that has been
--          decaying, how long it held before.
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
local estimate = redis.call('HMGET', KEYS[2], 'others', 'till', 'hold')
return {used, reset, blocked, tonumber(estimate[1] or 0), math.max(now - tonumber(estimate[2] or now), 0), tonumber(estimate[3] or 0)}
