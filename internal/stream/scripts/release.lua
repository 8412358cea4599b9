-- Gives a name up that a holder has.
-- KEYS: the name. ARGV: the holder.
if redis.call('GET', KEYS[1]) == ARGV[1] then
	redis.call('DEL', KEYS[1])
end
