-- Cancels a reservation.
-- KEYS: for each limit, the key where it is counted and the key of its state.
-- ARGV: the reservation's id, then for each limit its day, or -1 for a window.
for i = 1, #KEYS / 2 do
	local key = KEYS[2*i-1]
	if ARGV[i+1] == '-1' then
		if redis.call('ZREM', key, ARGV[1]) == 1 then
			local pace = redis.call('HMGET', KEYS[2*i], 'next', 'step')
			if pace[1] and pace[2] then
				redis.call('HSET', KEYS[2*i], 'next', string.format('%.0f', pace[1] - pace[2]))
			end
		end
		redis.call('HDEL', KEYS[2*i], 'full')
	elseif tonumber(redis.call('HGET', key, ARGV[i+1]) or 0) > 0 then
		redis.call('HINCRBY', key, ARGV[i+1], -1)
	end
end
return 0
