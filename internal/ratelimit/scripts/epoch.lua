-- Returns the epoch of an account, a new one if there is none.
-- KEYS: the key of the epoch.
local time = redis.call('TIME')
redis.call('SET', KEYS[1], string.format('%.0f', time[1] * 1000000 + time[2]), 'NX')
return tonumber(redis.call('GET', KEYS[1]))
