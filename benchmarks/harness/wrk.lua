-- Sends GETs for the paths in a file, one a line: wrk -s wrk.lua URL -- FILE THREADS
-- Each thread begins elsewhere in it. Prints one line of JSON at the end.

local threads = 0

function setup(thread)
   thread:set("number", threads)
   threads = threads + 1
end

function init(args)
   requests = {}
   for path in io.lines(args[1]) do
      requests[#requests + 1] = wrk.format("GET", path)
   end
   place = math.floor(#requests * number / tonumber(args[2]))
end

function request()
   place = place % #requests + 1
   return requests[place]
end

function done(summary, latency, _)
   local errors = summary.errors
   local failed = errors.connect + errors.read + errors.write + errors.timeout
   io.write(string.format(
      '{"count": %d, "seconds": %.6f, "median_ms": %.4f, "p99_ms": %.4f, "errors": %d}\n',
      summary.requests, summary.duration / 1e6,
      latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, failed + errors.status
   ))
end
