import { createHash } from "node:crypto";

/**
 * Counts requests that have passed, each key for itself, as the generic cell rate algorithm does (`data/accept/rates.ts`):
 * the value of a key is the time at which its bucket is full again. Time is the store's own, so that the clocks of
 * machines need not agree. A key is forgotten when its bucket is full.
 *
 * ARGV: the time of one request, how far ahead a bucket's time may be at most, and the number of requests of each key.
 * It returns in how many milliseconds each bucket is full.
 */
export const countScript: string = `
local time = redis.call('TIME')
local now = time[1] * 1000 + time[2] / 1000
local interval, most = tonumber(ARGV[1]), tonumber(ARGV[2])
local ahead = {}
for index, key in ipairs(KEYS) do
  local full = tonumber(redis.call('GET', key) or 0) or 0
  full = math.min(math.max(full, now) + ARGV[index + 2] * interval, now + most)
  redis.call('SET', key, string.format('%.3f', full), 'PX', math.ceil(full - now))
  ahead[index] = string.format('%.3f', full - now)
end
return ahead
`;

/** By which a store that has seen it knows it. */
export const countScriptName: string = createHash("sha1").update(countScript).digest("hex");
