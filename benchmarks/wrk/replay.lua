-- wrk replays prepared raw requests from a file, in order and from the beginning again, and prints one line of JSON.
-- The file: for each request its length in bytes, a line feed, the bytes, a line feed. Give wrk one thread.

local threads = {}

function setup(thread)
	table.insert(threads, thread)
end

function init(arguments)
	prepared, sent, refused, refusal = {}, 0, 0, ""
	local file = assert(io.open(arguments[1], "rb"))
	for line in file:lines() do
		table.insert(prepared, file:read(tonumber(line)))
		file:read(1)
	end
	file:close()
end

function request()
	sent = sent + 1
	return prepared[(sent - 1) % #prepared + 1]
end

function response(status, headers, body)
	if status < 200 or status > 299 then
		refused = refused + 1
		if refusal == "" then refusal = status .. " " .. string.sub(body, 1, 300) end
	end
end

function done(summary, latency, requests)
	local thread = threads[1]
	local errors = summary.errors
	io.write(string.format(
		'\n{"requests": %d, "microseconds": %d, "bytes": %d, "median_microseconds": %d, "sent": %d, "refused": %d, '
			.. '"broken": %d, "refusal": "%s"}\n',
		summary.requests, summary.duration, summary.bytes, latency:percentile(50), thread:get("sent"),
		thread:get("refused"), errors.connect + errors.read + errors.write + errors.timeout,
		(string.gsub(thread:get("refusal"), '[%c"\\]', " "))
	))
end
