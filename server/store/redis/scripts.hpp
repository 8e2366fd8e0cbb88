// SPDX-License-Identifier: BSD-3-Clause
// The Lua scripts that are the transactions of the Redis store: what it keeps under which key is
// told in redis_store.hpp.
//
// Redis runs a script alone and whole: it refuses one for lack of memory, of a disk or of the
// right to write at its first write or not at all, so each of them has decided everything by then.
// An answer is an array whose first element is a word; the store's name for each is in the
// comment above the script. Arguments are ARGV[1] and on.
#pragma once

#include <string_view>

namespace gman::redis {

/// Arguments: the start that was last when its owner was looked up ("0": none), handle prefix,
/// host, pid, name and number of this connection, the time.
/// Answers: begun, number, then number and prefix of each start that is kept, in order;
/// taken, start, host, pid; schema, version; starts, their number.
inline constexpr std::string_view begin_script = R"lua(
local starts_max = 16777215
local schema = redis.call('GET', 'gmand:schema')
if schema and schema ~= '1' then return {'schema', schema} end
if not schema and redis.call('EXISTS', 'gmand:owner', 'gmand:index', 'gmand:starts') ~= 0 then
  return {'schema', ''}
end
local owner = redis.call('HMGET', 'gmand:owner', 'start', 'host', 'pid')
local last = owner[1] or '0'
if last ~= ARGV[1] then return {'taken', last, owner[2] or '?', owner[3] or '?'} end
local number = tonumber(last) + 1
if number > starts_max then return {'starts', tostring(starts_max)} end

local known = redis.call('HGETALL', 'gmand:starts')
local prefixes, numbers, forgotten = {}, {}, {}
for i = 1, #known, 2 do
  local first = string.format('[%06x0000000000', tonumber(known[i]))
  local last = string.format('[%06xffffffffff', tonumber(known[i]))
  if #redis.call('ZRANGEBYLEX', 'gmand:index', first, last, 'LIMIT', 0, 1) > 0 or
      #redis.call('ZRANGEBYLEX', 'gmand:aside', first, last, 'LIMIT', 0, 1) > 0 then
    numbers[#numbers + 1] = tonumber(known[i])
    prefixes[tonumber(known[i])] = known[i + 1]
  else
    forgotten[#forgotten + 1] = known[i]
  end
end
table.sort(numbers)

redis.call('HSET', 'gmand:owner', 'start', number, 'commits', 0, 'host', ARGV[3], 'pid', ARGV[4],
  'client_name', ARGV[5], 'client_id', ARGV[6], 'since', ARGV[7])
redis.call('SET', 'gmand:schema', '1')
for _, old in ipairs(forgotten) do redis.call('HDEL', 'gmand:starts', old) end
redis.call('HSET', 'gmand:starts', number, ARGV[2])
local answer = {'begun', tostring(number)}
for _, old in ipairs(numbers) do
  answer[#answer + 1] = tostring(old)
  answer[#answer + 1] = prefixes[old]
end
answer[#answer + 1] = tostring(number)
answer[#answer + 1] = ARGV[2]
return answer
)lua";

/// After the connection was lost. Arguments: start, number of the new connection.
/// Answers: done; fenced, start, host, pid; gone: Redis does not know this start any more.
inline constexpr std::string_view renew_script = R"lua(
local owner = redis.call('HMGET', 'gmand:owner', 'start', 'host', 'pid')
if not owner[1] or tonumber(owner[1]) < tonumber(ARGV[1]) then return {'gone'} end
if owner[1] ~= ARGV[1] then return {'fenced', owner[1], owner[2] or '?', owner[3] or '?'} end
redis.call('HSET', 'gmand:owner', 'client_id', ARGV[2])
return {'done'}
)lua";

/// After Redis has lost the start itself. Arguments: start, handle prefix, host, pid, name and
/// number of this connection, the time. Answers: done; fenced, start, host, pid.
inline constexpr std::string_view adopt_script = R"lua(
local owner = redis.call('HMGET', 'gmand:owner', 'start', 'host', 'pid')
if owner[1] and tonumber(owner[1]) >= tonumber(ARGV[1]) then
  return {'fenced', owner[1], owner[2] or '?', owner[3] or '?'}
end
redis.call('HSET', 'gmand:owner', 'start', ARGV[1], 'commits', 0, 'host', ARGV[3],
  'pid', ARGV[4], 'client_name', ARGV[5], 'client_id', ARGV[6], 'since', ARGV[7])
redis.call('SET', 'gmand:schema', '1')
redis.call('HSET', 'gmand:starts', ARGV[1], ARGV[2])
return {'done'}
)lua";

/// At the end. Arguments: start.
inline constexpr std::string_view end_script = R"lua(
if redis.call('HGET', 'gmand:owner', 'start') == ARGV[1] then
  redis.call('HDEL', 'gmand:owner', 'host', 'pid', 'client_name', 'client_id', 'since')
end
return {'done'}
)lua";

/// Arguments: start; the number of this attempt, greater than that of any before; the number of
/// the last one that is known to have gone well; how many jobs are added, and key and value of
/// each; how many are requeued, and key and head of each; the keys of those that are removed.
/// Answers: done; fenced, start, host, pid; gone; behind, the number of the last attempt that Redis
/// knows; late: another attempt has come before this one, which is one that was given up.
inline constexpr std::string_view commit_script = R"lua(
local owner = redis.call('HMGET', 'gmand:owner', 'start', 'commits', 'host', 'pid')
if not owner[1] or tonumber(owner[1]) < tonumber(ARGV[1]) then return {'gone'} end
if owner[1] ~= ARGV[1] then return {'fenced', owner[1], owner[3] or '?', owner[4] or '?'} end
local attempt, commits = tonumber(ARGV[2]), tonumber(owner[2])
if commits >= attempt then return {'late'} end
if commits < tonumber(ARGV[3]) then return {'behind', owner[2]} end

local parts_max = 2000  -- of what one command gets: Lua's stack has room for some thousands
local added_end = 4 + 2 * tonumber(ARGV[4])
for first = 5, added_end, 2 * parts_max do
  local members = {}
  for i = first, math.min(added_end, first + 2 * parts_max - 1), 2 do
    redis.call('SETNX', 'gmand:job:' .. ARGV[i], ARGV[i + 1])
    members[#members + 1] = '0'
    members[#members + 1] = ARGV[i]
  end
  redis.call('ZADD', 'gmand:index', unpack(members))
end
local requeued_end = added_end + 1 + 2 * tonumber(ARGV[added_end + 1])
for i = added_end + 2, requeued_end, 2 do
  local job = 'gmand:job:' .. ARGV[i]
  if redis.call('EXISTS', job) == 1 then redis.call('SETRANGE', job, 0, ARGV[i + 1]) end
end
for first = requeued_end + 1, #ARGV, parts_max do
  local last = math.min(#ARGV, first + parts_max - 1)
  local jobs = {}
  for i = first, last do jobs[#jobs + 1] = 'gmand:job:' .. ARGV[i] end
  redis.call('DEL', unpack(jobs))
  redis.call('ZREM', 'gmand:index', unpack(ARGV, first, last))
end
redis.call('HSET', 'gmand:owner', 'commits', ARGV[2])
return {'done'}
)lua";

/// Arguments: where to go on, as ZRANGEBYLEX has it; how many jobs at most; after how many bytes
/// no more. Answers: an array of keys and values, by turns; nil: there is no such value.
inline constexpr std::string_view load_script = R"lua(
local page, bytes = {}, 0
local keys =
  redis.call('ZRANGEBYLEX', 'gmand:index', ARGV[1], '+', 'LIMIT', 0, tonumber(ARGV[2]))
for _, key in ipairs(keys) do
  local value = redis.pcall('GET', 'gmand:job:' .. key)
  if type(value) ~= 'string' then value = false end
  page[#page + 1] = key
  page[#page + 1] = value
  if value then bytes = bytes + #value end
  if bytes >= tonumber(ARGV[3]) then break end
end
return page
)lua";

/// Arguments: start; key of a job and why it is set aside, for each.
/// Answers: done; fenced, start, host, pid; gone.
inline constexpr std::string_view set_aside_script = R"lua(
local owner = redis.call('HMGET', 'gmand:owner', 'start', 'host', 'pid')
if not owner[1] or tonumber(owner[1]) < tonumber(ARGV[1]) then return {'gone'} end
if owner[1] ~= ARGV[1] then return {'fenced', owner[1], owner[2] or '?', owner[3] or '?'} end
for i = 2, #ARGV, 2 do
  redis.call('ZADD', 'gmand:aside', '0', ARGV[i])
  redis.call('HSET', 'gmand:aside:why', ARGV[i], ARGV[i + 1])
  if redis.call('EXISTS', 'gmand:job:' .. ARGV[i]) == 1 then
    redis.call('RENAME', 'gmand:job:' .. ARGV[i], 'gmand:aside:' .. ARGV[i])
  end
  redis.call('ZREM', 'gmand:index', ARGV[i])
end
return {'done'}
)lua";

}  // namespace gman::redis
