-- Reserves a call under all limits, or under none.
-- KEYS: the account's epoch; then for each limit the key where it is counted and
--       the key of its state. A window is counted in a sorted set of starts, a
--       day in a hash of days. The state is a hash of
--       blocked: nothing starts before, because of a refusal
--       full, fullfor: nothing can start before full where fullfor calls or
--                fewer are allowed, as a search has found. Without it, each call
--                would read the whole queue of those before it.
--       others, till, hold, refused, doubt: the estimate of competing usage, which
--                are Calls, Until, Hold, Refused and DecayStep of window.Competing
--       next, step: the pace (window.Pace)
-- ARGV: the reservation's id, the longest wait, then for each limit:
--       calls, span or guard, 1 if daily, burst, window
-- Returns: 1 if reserved, the wait, the start, the number of the limit that
--          decided or 0, the epoch, which changes when Redis loses its data,
--          then for each limit what is used of its day, or the estimate of
--          competing usage of its window. Times are in microseconds.
-- The arithmetic is that of package window: Log.Earliest, Days.Earliest,
-- Competing.At, Limit.Effective, Pace. The comments are there.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local maxWait = tonumber(ARGV[2])
local DAY = 86400000000
local n = (#KEYS - 1) / 2

local epoch = redis.call('GET', KEYS[1])
if not epoch then
	epoch = string.format('%.0f', now)
	redis.call('SET', KEYS[1], epoch)
end

local limits = {}
for i = 1, n do
	local state = redis.call('HMGET', KEYS[2*i+1], 'blocked', 'full', 'others', 'till', 'next', 'fullfor', 'doubt')
	local l = {
		key = KEYS[2*i],
		calls = math.max(tonumber(ARGV[5*i-2]), 1),
		span = tonumber(ARGV[5*i-1]),
		daily = ARGV[5*i] == '1',
		burst = tonumber(ARGV[5*i+1]),
		from = math.max(now, tonumber(state[1] or 0)),
		next = tonumber(state[5] or 0),
		competing = 0,
		starts = {},
	}
	if not l.daily then
		l.slack = l.span / (2 * l.calls) * math.max(l.burst - 1, 0)
		l.effective = l.span
		if state[3] then
			l.competing = tonumber(state[3])
			local decaying = now - tonumber(state[4])
			if decaying > 0 then
				local s = decaying / tonumber(state[7])
				l.competing = math.max(l.competing - math.floor((s + s * s / 8) * l.calls / 80), 0)
			end
			local window, all = tonumber(ARGV[5*i+2]), l.calls
			local guard = l.span - window
			l.effective = math.ceil(window + math.max(guard - window * l.competing / all, guard / 8))
			l.calls = math.max(all - l.competing, 1)
		end
		if l.calls <= tonumber(state[6] or 0) then
			l.from = math.max(l.from, tonumber(state[2] or 0))
		end
		redis.call('ZREMRANGEBYSCORE', l.key, '-inf', now - l.span)
		-- A log that is not full forbids nothing, and need not be read.
		if redis.call('ZCARD', l.key) >= l.calls then
			local log = redis.call('ZRANGEBYSCORE', l.key, string.format('(%.0f', l.from - l.effective), '+inf', 'WITHSCORES')
			for k = 2, #log, 2 do
				l.starts[k/2] = tonumber(log[k])
			end
		end
	end
	limits[i] = l
end

local function used(l, day)
	return tonumber(redis.call('HGET', l.key, string.format('%d', day)) or 0)
end

local function earliest(l, t)
	t = math.max(t, l.from)
	if l.daily then
		local day = math.floor((t - l.span) / DAY)
		while used(l, day) >= l.calls do
			day = day + 1
			t = day * DAY + l.span
		end
		return t
	end
	local s = l.starts
	for k = 1, #s - l.calls + 1 do
		local oldest, newest = s[k], s[k+l.calls-1]
		if newest - l.effective >= t then
			break
		end
		if newest - oldest < l.effective and t < oldest + l.effective then
			t = oldest + l.effective
		end
	end
	return t
end

-- extend makes a state expire no sooner than it stops to matter.
local function extend(state, till)
	redis.call('PEXPIRE', state, math.max(redis.call('PTTL', state), math.ceil((till - now) / 1000) + 1))
end

for i = 1, n do
	local l = limits[i]
	local full = l.daily and 0 or earliest(l, now)
	if full > l.from then
		l.from = full
		redis.call('HSET', KEYS[2*i+1], 'full', string.format('%.0f', full), 'fullfor', l.calls)
		extend(KEYS[2*i+1], full)
	end
	if l.burst > 0 then
		l.from = math.max(l.from, math.ceil(l.next - l.slack))
	end
end

local t, last, agreed, i = now, 0, 0, 1
while agreed < n do
	local u = earliest(limits[i], t)
	if u > t then
		t, last, agreed = u, i, 0
	end
	agreed = agreed + 1
	i = i % n + 1
end

local wait = t - now
local ok = wait <= 0 or wait <= maxWait
local answer = {ok and 1 or 0, wait, t, last, tonumber(epoch)}
for i = 1, n do
	local l = limits[i]
	if l.daily then
		local today = math.floor((now - l.span) / DAY)
		if ok then
			local day = math.floor((t - l.span) / DAY)
			redis.call('HINCRBY', l.key, string.format('%d', day), 1)
			redis.call('HDEL', l.key, string.format('%d', today - 1), string.format('%d', today - 2))
			redis.call('PEXPIRE', l.key, math.ceil((t - now) / 1000) + 172800000)
		end
		answer[5+i] = used(l, today)
	else
		if ok then
			redis.call('ZADD', l.key, string.format('%.0f', t), ARGV[1])
			local newest = redis.call('ZRANGE', l.key, -1, -1, 'WITHSCORES')
			redis.call('PEXPIRE', l.key, math.ceil((newest[2] - now + l.span) / 1000) + 1)
			if l.burst > 0 then
				if t > now then
					l.next = math.max(l.next, t + l.slack)
				end
				local step = l.span / (2 * l.calls)
				l.next = math.max(l.next, t) + step
				redis.call('HSET', KEYS[2*i+1], 'next', string.format('%.0f', l.next), 'step', string.format('%.0f', step))
				extend(KEYS[2*i+1], l.next)
			end
		end
		answer[5+i] = l.competing
	end
end
return answer
