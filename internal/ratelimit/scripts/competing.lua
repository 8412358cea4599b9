-- Updates the estimate of competing usage of a window, after a refusal or from the
-- origin's figure of what is left. This is window.Competing.Refuse and Observe;
-- the reasons are there.
-- KEYS: the key where the limit is counted, the key of its state.
-- ARGV: calls, window, span, slack, what is left or -1 for a refusal, then the
--       constants of window/competing.go: HoldShort, HoldFirst, HoldConfirmed,
--       HoldMax, Remember, InFlight.
-- Returns: how long nothing may start.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local calls, window, span, slack = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local left = tonumber(ARGV[5])
local short, first, confirmed, longest, remember, inFlight = tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8]), tonumber(ARGV[9]), tonumber(ARGV[10]), tonumber(ARGV[11])
local state = redis.call('HMGET', KEYS[2], 'others', 'till', 'hold', 'refused', 'next', 'blocked', 'doubt')
local before, till, hold, refused = tonumber(state[1] or 0), tonumber(state[2] or 0), tonumber(state[3] or 0), tonumber(state[4] or 0)
local own = redis.call('ZCOUNT', KEYS[1], string.format('(%.0f', now - window), string.format('%.0f', now))

local estimate = before
if before > 0 and now > till then
	local s = (now - till) / tonumber(state[7])
	estimate = math.max(before - math.floor((s + s * s / 8) * calls / 80), 0)
end
local is, block = estimate, 0

if left >= 0 then
	estimate = math.min(math.max(calls - left - own, 0), calls - 1)
	if estimate == is then
		return 0
	end
	estimate = math.max(estimate, is - 1)
	hold = math.max(hold, span, first)
	till = hold
else
	local measured, nearlyAllOwn, since = 2 * own >= calls, own + math.floor(calls / 20) >= calls, now - refused
	local theirs, few = calls - own + 1, math.max(math.floor(calls / 40), 1)
	if not measured then
		block = window
	end
	if since < inFlight then
		estimate, till = before, till - now
	elseif not measured then
		estimate = estimate + math.floor((calls - estimate + 1) / 2)
		hold, refused = math.max(2 * span, 1000000), now
	elseif since < span then
		estimate = math.max(estimate, before) + (hold >= confirmed and few or math.max(math.floor(calls / 10), 1))
		hold, refused = math.max(hold, first), now
	elseif refused > 0 and since < 4 * hold + remember then
		local used = theirs + few
		if now > till then
			used = math.min(used + math.ceil(math.sqrt(theirs)), before + math.max(math.floor(calls * 3 / 80), 1))
		elseif hold >= confirmed then
			used = math.min(used, before + math.max(math.floor(calls / 80), 1))
		end
		estimate = math.max(estimate + 1, used)
		hold = math.min(math.max(2 * hold, nearlyAllOwn and first or confirmed, 2 * span), math.max(longest, 2 * span))
		refused = now
	else
		estimate = math.max(estimate + 1, theirs + math.floor(calls / 40), math.floor(calls * 3 / 10) + math.floor(calls / 40))
		hold, refused = math.max(nearlyAllOwn and short or first, 2 * span), now
	end
	if refused == now then
		if estimate >= calls then
			block = window
		end
		estimate, till = math.min(estimate, calls - 1), hold
	end
end

local fields = {
	'others', estimate, 'till', string.format('%.0f', now + till), 'hold', string.format('%.0f', hold),
	'refused', string.format('%.0f', refused),
	'doubt', string.format('%.0f', math.max(1000000, span / 4) / (hold < first and 6 or 1)),
	'next', string.format('%.0f', math.max(tonumber(state[5] or 0), now + slack)),
}
if now + block > tonumber(state[6] or 0) then
	fields[#fields+1] = 'blocked'
	fields[#fields+1] = string.format('%.0f', now + block)
end
redis.call('HSET', KEYS[2], unpack(fields))
redis.call('HDEL', KEYS[2], 'full')
redis.call('PEXPIRE', KEYS[2], math.max(redis.call('PTTL', KEYS[2]), math.ceil((5 * hold + remember + 60 * span) / 1000)))
return block
