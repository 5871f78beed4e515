-- What wrk sends, and what it says at the end.
--   wrk [OPTIONS] -s server.lua URL -- TOKENS METHOD PATH [RUN]
-- Of several tokens, with a comma between them, the next request has the next one.
-- A PUT appends a transaction id that no other request of this run or another has, and a message as its body.

local threads = 0

function setup(thread)
    thread:set("thread_number", threads)
    threads = threads + 1
end

function init(arguments)
    local tokens, method, path, run = arguments[1], arguments[2], arguments[3], arguments[4]
    local headers = {}
    for token in tokens:gmatch("[^,]+") do
        headers[#headers + 1] = { ["Authorization"] = "Bearer " .. token, ["Content-Type"] = "application/json" }
    end
    if method ~= "PUT" then
        local same = wrk.format(method, path, headers[1])
        request = function() return same end
        return
    end
    local sent = 0
    request = function()
        sent = sent + 1
        local transaction = run .. "-" .. thread_number .. "-" .. sent
        local body = '{"msgtype":"m.text","body":"message ' .. sent .. '"}'
        return wrk.format("PUT", path .. transaction, headers[sent % #headers + 1], body)
    end
end

function done(summary, latency, requests)
    local errors = summary.errors
    io.write(string.format('\nRESULT {"seconds": %f, "requests": %d, "p50_ms": %f, "p99_ms": %f, "failed": %d}\n',
        summary.duration / 1e6, summary.requests, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
        errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
