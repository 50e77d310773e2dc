-- What wrk sends, and one line of JSON about what came back. Modes, after wrk's own `--`:
--
--   write PATH KEY RUN FILE   POST a task whose title is new each time; ids of 2xx answers go to FILE.<thread>
--   read PREFIX KEY IDS SEED  GET PREFIX .. <a random id of the file IDS>, SEED makes the order repeatable
--   paths KEY FILE SEED       GET a random path of the file FILE
--   echo PATH FILE            POST the content of FILE unchanged
--   any FILE SEED             a random request of FILE: lines of METHOD, path, bearer token and body, tabs between
--   once FILE THREADS         each request of FILE once, then the run ends; 2xx answers are counted as `done`
--
-- `write` against an echo path does the same work here, so both sides of a ratio carry the same client.

local threads = 0

local ffi = require("ffi")
ffi.cdef [[typedef struct { long s, ns; } gt_timespec; int clock_gettime(int clock, gt_timespec *time);]]

local function now()
  local time = ffi.new("gt_timespec")
  ffi.C.clock_gettime(1, time) -- CLOCK_MONOTONIC
  return tonumber(time.s) + tonumber(time.ns) / 1e9
end

local all = {}

function setup(thread)
  thread:set("number", threads)
  thread:set("succeeded", 0)
  thread:set("first", 0)
  thread:set("last", 0)
  threads = threads + 1
  all[#all + 1] = thread
end

local function lines_of(name)
  local lines = {}
  for line in io.lines(name) do lines[#lines + 1] = line end
  assert(#lines > 0, name .. " is empty")
  return lines
end

-- Bytes are made before the clock starts: the client's own work is the same for every request of every mode.
local function send_any_of(requests, seed)
  math.randomseed(seed + number)
  request = function()
    return requests[math.random(#requests)]
  end
end

local function random_gets(prefix, key, file, seed)
  wrk.headers["Authorization"] = "Bearer " .. key
  local requests = lines_of(file)
  for i, line in ipairs(requests) do requests[i] = wrk.format("GET", prefix .. line) end
  send_any_of(requests, tonumber(seed))
end

local modes = {}

function modes.write(path, key, run, file)
  local ids = assert(io.open(file .. "." .. number, "a"))
  ids:setvbuf("full", 65536) -- flushed when wrk exits
  local count = 0
  wrk.headers["Authorization"] = "Bearer " .. key
  wrk.headers["Content-Type"] = "application/json"
  request = function()
    count = count + 1
    return wrk.format("POST", path, nil, '{"title":"Street scene ' .. run .. "-" .. number .. "-" .. count ..
      '","instructions":"Walk any public street for 30 s. Steady hand, no filters.","modalities":["video"],' ..
      '"reward_cents":250,"target_submissions":100}')
  end
  response = function(status, _, body)
    local id = string.match(body, '"id": *"(tsk_%w+)"')
    if id and status < 300 then ids:write(id, "\n") end
  end
end

function modes.read(prefix, key, file, seed) random_gets(prefix, key, file, seed) end

function modes.paths(key, file, seed) random_gets("", key, file, seed) end

function modes.echo(path, file)
  local body = assert(io.open(file, "rb"))
  wrk.headers["Content-Type"] = "application/json"
  send_any_of({wrk.format("POST", path, nil, body:read("*a"))}, 0)
  body:close()
end

local function request_of(line)
  local method, path, token, body = line:match("^([^\t]*)\t([^\t]*)\t([^\t]*)\t?(.*)$")
  local headers = {Authorization = "Bearer " .. token}
  if body ~= "" then headers["Content-Type"] = "application/json" end
  return wrk.format(method, path, headers, body ~= "" and body or nil)
end

function modes.any(file, seed)
  local requests = lines_of(file)
  for i, line in ipairs(requests) do requests[i] = request_of(line) end
  send_any_of(requests, tonumber(seed))
end

function modes.once(file, count)
  local lines, requests = lines_of(file), {}
  for i = number + 1, #lines, tonumber(count) do requests[#requests + 1] = request_of(lines[i]) end
  local sent = number == 0 and -1 or 0 -- wrk asks the first thread for one request that it never sends
  request = function()
    if first == 0 and sent >= 0 then first = now() end
    sent = math.min(sent + 1, #requests) -- connections that come too late repeat the last one
    return requests[math.max(sent, 1)]
  end
  response = function(status)
    if status < 300 then succeeded = succeeded + 1 end
    if succeeded >= #requests then
      last = now()
      wrk.thread:stop()
    end
  end
end

function init(arguments)
  modes[arguments[1]](unpack(arguments, 2))
end

function done(summary, latency)
  -- wrk itself waits for the end of its time: how long `once` took, the threads know.
  local errors, succeeded, first, last = summary.errors, 0, math.huge, 0
  for _, thread in ipairs(all) do
    succeeded = succeeded + thread:get("succeeded")
    first, last = math.min(first, thread:get("first")), math.max(last, thread:get("last"))
  end
  io.write(string.format(
    '\nRESULT {"requests":%d,"seconds":%.6f,"p50_ms":%.4f,"p99_ms":%.4f,"max_ms":%.4f,"status_errors":%d,"socket_errors":%d,"done":%d,"took":%.6f}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    latency.max / 1e3, errors.status, errors.connect + errors.read + errors.write + errors.timeout, succeeded, last > 0 and last - first or 0))
end
