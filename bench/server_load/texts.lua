-- Texts for wrk (github.com/wg/wrk): each is another, so that nothing is gained by keeping answers; then what was counted, as JSON.
-- Arguments: milliseconds that a client thinks between two texts, on average (exponential); 0: none.
local begins = {"I waited three hours for the train", "The parcel came a day early", "Nobody told us anything at all", "She called to say thank you",
  "The screen broke after one week", "We had the best evening in years", "They closed the ticket without an answer", "I do not know what to think"}
local ends = {"and I am still furious", "which made my whole day", "so I cried on the way home", "and that is fine with me", "what a nasty surprise",
  "I can hardly wait to see it again", "it frightens me a little", "as always"}
local thinks, number, who = 0, 0, 0
local threads = {}
function setup(thread) thread:set("who", #threads); table.insert(threads, thread) end
function init(args)
  thinks = tonumber(args[1] or "0")
  math.randomseed(7 + who)
  wrk.method, wrk.headers["Content-Type"] = "POST", "application/json"
end
function request()
  number = number + 1
  local text = begins[math.random(#begins)] .. ", " .. ends[math.random(#ends)] .. " " .. (who * 1000000 + number)
  return wrk.format(nil, nil, nil, '{"text": "' .. text .. '"}')
end
function delay() return thinks > 0 and math.floor(-thinks * math.log(1 - math.random())) or 0 end
