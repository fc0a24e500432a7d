-- Sends the requests of a file in turn: a header, a tab and a body a line.
local requests, place = {}, 0

function init(args)
    for line in io.lines(args[1]) do
        local name, value, body = line:match("^([^:]+): ([^\t]*)\t(.*)$")
        local headers = { ["Content-Type"] = "application/json", ["Accept"] = "application/json", [name] = value }
        requests[#requests + 1] = wrk.format("POST", "/graphql", headers, body)
    end
end

function request()
    place = place % #requests + 1
    return requests[place]
end
