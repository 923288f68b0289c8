-- One file for wrk, sent again and again. Arguments: its path; milliseconds between two of one client, on average.
local body
local thinks = 0
function init(args)
  local file = assert(io.open(args[1], "rb"))
  local ending = args[1]:match("%.%w+$")
  local mark = "----affekt-bench"
  body = "--" .. mark .. "\r\nContent-Disposition: form-data; name=\"file\"; filename=\"sample" .. ending .. "\"\r\n\r\n"
    .. file:read("*a") .. "\r\n--" .. mark .. "--\r\n"
  file:close()
  thinks = tonumber(args[2] or "0")
  wrk.method, wrk.headers["Content-Type"] = "POST", "multipart/form-data; boundary=" .. mark
end
function request() return wrk.format(nil, nil, nil, body) end
function delay() return thinks > 0 and math.floor(-thinks * math.log(1 - math.random())) or 0 end
