-- Restores the estimate of competing usage, if Redis has none.
-- KEYS: the key of the limit's state.
-- ARGV: calls, for how long the estimate holds, its decay step.
if redis.call('HSETNX', KEYS[1], 'others', ARGV[1]) == 1 then
	local time = redis.call('TIME')
	local now = time[1] * 1000000 + time[2]
	redis.call('HSET', KEYS[1], 'till', string.format('%.0f', now + ARGV[2]), 'hold', ARGV[2], 'refused', string.format('%.0f', now - ARGV[2]), 'doubt', ARGV[3])
	redis.call('PEXPIRE', KEYS[1], math.max(redis.call('PTTL', KEYS[1]), 300000))
end
return 0
