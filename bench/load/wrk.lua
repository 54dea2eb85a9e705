-- The request's body from the environment, and the result as one line of JSON.
local size = tonumber(os.getenv("BENCH_UPLOAD_BYTES"))
if size > 0 then
  wrk.method = "POST"
  wrk.body = string.rep("u", size)
end

function done(summary)
  local e = summary.errors
  io.write(string.format(
    '\n{"units":%d,"bytes":%d,"micros":%d,"connect":%d,"read":%d,"write":%d,"status":%d,"timeout":%d}\n',
    summary.requests, summary.bytes, summary.duration, e.connect, e.read, e.write, e.status, e.timeout))
end
