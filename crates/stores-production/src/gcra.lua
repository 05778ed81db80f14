-- The rule of stores::limits::take over one hash of theoretical arrival times, atomic as every script is.
-- KEYS[1]: the hash. ARGV[1]: cost; ARGV[2]: now in microseconds, or "" for the server's clock, which all processes share;
-- then slot, interval and units of each bucket.
-- Answers allowed, slot, remaining, and microseconds until the bucket is full or, when refused, has enough.
local cost, now = tonumber(ARGV[1]), tonumber(ARGV[2])
if not now then
  local time = redis.call('TIME')
  now = tonumber(time[1]) * 1000000 + tonumber(time[2])
end
local slots = {}
for i = 3, #ARGV, 3 do slots[#slots + 1] = ARGV[i] end
local tats = redis.call('HMGET', KEYS[1], unpack(slots))
local refused, tightest, writes, longest = nil, nil, {}, 0
for n, slot in ipairs(slots) do
  local interval, units = tonumber(ARGV[n * 3 + 1]), tonumber(ARGV[n * 3 + 2])
  local held = interval * units
  local owed = math.min(math.max((tonumber(tats[n]) or 0) - now, 0), held)
  local after = owed + interval * math.min(cost, units)
  if after > held then
    if not refused or refused[4] < after - held then
      refused = {0, tonumber(slot), math.floor((held - owed) / interval), after - held}
    end
  else
    local remaining = math.floor((held - after) / interval)
    if not tightest or remaining < tightest[3] then tightest = {1, tonumber(slot), remaining, after} end
    writes[#writes + 1] = slot
    writes[#writes + 1] = string.format('%d', now + after)
    longest = math.max(longest, after)
  end
end
if refused then return refused end
if not tightest then return {1, 0, 4294967295, 0} end
redis.call('HSET', KEYS[1], unpack(writes))
-- Until every bucket is full again; a longer time that another demand set stays.
local expires = math.ceil(longest / 1000)
if redis.call('PTTL', KEYS[1]) < expires then redis.call('PEXPIRE', KEYS[1], expires) end
return tightest
