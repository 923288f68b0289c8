-- One file for wrk, sent again and again. Arguments: its path.
local body
function init(args)
  local file = assert(io.open(args[1], "rb"))
  local ending = args[1]:match("%.%w+$")
  local mark = "----affekt-bench"
  body = "--" .. mark .. "\r\nContent-Disposition: form-data; name=\"file\"; filename=\"sample" .. ending .. "\"\r\n\r\n"
    .. file:read("*a") .. "\r\n--" .. mark .. "--\r\n"
  file:close()
  wrk.method, wrk.headers["Content-Type"] = "POST", "multipart/form-data; boundary=" .. mark
end
function request() return wrk.format(nil, nil, nil, body) end
