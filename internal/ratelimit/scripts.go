package ratelimit

import (
	_ "embed"

	"github.com/redis/go-redis/v9"
)

//go:embed take.lua
var takeLua string

//go:embed others.lua
var othersLua string

// The scripts. Each takes the time from Redis, so that replicas need not agree
// on it, and times go in and out as microseconds, which a Lua number holds.
var (
	takeScript   = redis.NewScript(takeLua)
	othersScript = redis.NewScript(othersLua)

	// cancelScript gives a reservation back.
	// KEYS: where each limit is counted, and its state. ARGV: id, then the day
	// of each or -1.
	cancelScript = redis.NewScript(`
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
return 0`)

	// lateScript moves a start to when it was. KEYS: the logs. ARGV: id, how
	// long ago that was.
	lateScript = redis.NewScript(`
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2] - ARGV[2]
for i = 1, #KEYS do
	local at = redis.call('ZSCORE', KEYS[i], ARGV[1])
	if at and now > tonumber(at) then
		redis.call('ZADD', KEYS[i], string.format('%.0f', now), ARGV[1])
	end
end
return 0`)

	// blockScript lengthens a block. KEYS: the state. ARGV: how long from now.
	blockScript = redis.NewScript(`
local time = redis.call('TIME')
local till = time[1] * 1000000 + time[2] + ARGV[1]
if till > tonumber(redis.call('HGET', KEYS[1], 'blocked') or 0) then
	redis.call('HSET', KEYS[1], 'blocked', string.format('%.0f', till))
	redis.call('PEXPIRE', KEYS[1], math.max(redis.call('PTTL', KEYS[1]), math.ceil(ARGV[1] / 1000) + 1))
end
return 0`)

	// observeScript raises what is used of today. KEYS: the day's counter.
	// ARGV: guard, what is used at least.
	observeScript = redis.NewScript(`
local time = redis.call('TIME')
local day = string.format('%d', math.floor((time[1] * 1000000 + time[2] - ARGV[1]) / 86400000000))
if tonumber(ARGV[2]) > tonumber(redis.call('HGET', KEYS[1], day) or 0) then
	redis.call('HSET', KEYS[1], day, ARGV[2])
	redis.call('PEXPIRE', KEYS[1], 172800000)
end
return 0`)

	// remainingScript tells how one limit stands. KEYS: where it is counted,
	// its state. ARGV: span or guard, 1 if daily.
	// Answers: used, how long until it is all free again, how long it is blocked,
	// what others spend, how long that is doubted, how long it was believed.
	remainingScript = redis.NewScript(`
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
return {used, reset, blocked, tonumber(others[1] or 0), math.max(now - tonumber(others[2] or now), 0), tonumber(others[3] or 0)}`)

	// recordScript counts calls that were made without Redis.
	// KEYS: where the limit is counted. ARGV: span or guard, 1 if daily, then
	// for a day the number of calls today, else starts relative to now, each
	// after an id.
	recordScript = redis.NewScript(`
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local span = tonumber(ARGV[1])
if ARGV[2] == '1' then
	local day = string.format('%d', math.floor((now - span) / 86400000000))
	redis.call('HINCRBY', KEYS[1], day, ARGV[3])
	redis.call('PEXPIRE', KEYS[1], 172800000)
	return 0
end
for i = 3, #ARGV, 2 do
	redis.call('ZADD', KEYS[1], string.format('%.0f', now + ARGV[i+1]), ARGV[i])
end
local newest = redis.call('ZRANGE', KEYS[1], -1, -1, 'WITHSCORES')
redis.call('PEXPIRE', KEYS[1], math.ceil((newest[2] - now + span) / 1000) + 1)
return 0`)

	// remindScript says what others were held to spend, if nothing is known.
	// KEYS: the state. ARGV: calls, for how long that is believed, and then doubted.
	remindScript = redis.NewScript(`
if redis.call('HSETNX', KEYS[1], 'others', ARGV[1]) == 1 then
	local time = redis.call('TIME')
	local now = time[1] * 1000000 + time[2]
	redis.call('HSET', KEYS[1], 'till', string.format('%.0f', now + ARGV[2]), 'hold', ARGV[2], 'refused', string.format('%.0f', now - ARGV[2]), 'doubt', ARGV[3])
	redis.call('PEXPIRE', KEYS[1], math.max(redis.call('PTTL', KEYS[1]), 300000))
end
return 0`)

	// epochScript returns an epoch, a new one if there is none. KEYS: where.
	epochScript = redis.NewScript(`
local time = redis.call('TIME')
redis.call('SET', KEYS[1], string.format('%.0f', time[1] * 1000000 + time[2]), 'NX')
return tonumber(redis.call('GET', KEYS[1]))`)

	// beatScript says that a replica is there, and counts those that are.
	// KEYS: the registry, where each has the time at which it is forgotten.
	// ARGV: the replica, how long until it is forgotten, after how long without
	// a beat it may be alone, how old a beat may be, and the time by which the
	// replica sent it, 0 if it does not know it yet, or -1 if it is alone.
	// Answers: how many there are, how many of them are not alone, the time,
	// and 1 if the replica is new here.
	beatScript = redis.NewScript(`
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local silent, sent = tonumber(ARGV[2]), tonumber(ARGV[5])
local new = redis.call('ZSCORE', KEYS[1], ARGV[1]) and 0 or 1
local till = now + silent
if sent < 0 or sent > 0 and now - sent > tonumber(ARGV[4]) then
	till = till - ARGV[3]
end
redis.call('ZADD', KEYS[1], string.format('%.0f', till), ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
redis.call('PEXPIRE', KEYS[1], math.ceil(silent / 1000))
local present = redis.call('ZCOUNT', KEYS[1], string.format('(%.0f', now + silent - ARGV[3]), '+inf')
return {redis.call('ZCARD', KEYS[1]), present, now, new}`)
)
