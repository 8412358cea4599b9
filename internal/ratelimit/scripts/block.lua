-- Blocks a limit. A shorter block never lifts a longer one.
-- KEYS: the key of the limit's state.
-- ARGV: for how long from now.
local time = redis.call('TIME')
local till = time[1] * 1000000 + time[2] + ARGV[1]
if till > tonumber(redis.call('HGET', KEYS[1], 'blocked') or 0) then
	redis.call('HSET', KEYS[1], 'blocked', string.format('%.0f', till))
	redis.call('PEXPIRE', KEYS[1], math.max(redis.call('PTTL', KEYS[1]), math.ceil(ARGV[1] / 1000) + 1))
end
return 0
