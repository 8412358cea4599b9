-- Acquires or extends the lease of a name for a holder, unless another one has it.
-- KEYS: the lease. ARGV: the holder; the lifetime of the lease, in milliseconds.
-- Returns: 1 if the holder has it, else 0.
local held = redis.call('GET', KEYS[1])
if held and held ~= ARGV[1] then
	return 0
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
