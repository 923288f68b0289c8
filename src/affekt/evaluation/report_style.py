"""How a report looks: one style sheet for light, dark, narrow and printed pages."""

from affekt.formats import _svg

LIGHT = {**_svg.LIGHT, "page": "#f4f6f8", "accent": "#2460c0", "good": "#1d7a4b", "bad": "#b3391f", "band": "#a3c3f2"}
DARK = {**_svg.DARK, "page": "#0d0f13", "accent": "#7fb2ff", "good": "#6fd3a0", "bad": "#ff9c85", "band": "#3c5f94"}
STEPS = 10  # shades of the heat map, beside none
HEAT = {"light": (LIGHT["card"], "#1d57ad"), "dark": (DARK["card"], "#8fbcff")}
READABLE = 4.5  # WCAG 2.2, 1.4.3: contrast of text with what is behind it

_RULES = """
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);font:15px/1.5 FONTS;font-variant-numeric:tabular-nums;-webkit-text-size-adjust:100%}
main{max-width:1160px;margin:0 auto;padding:36px 24px 48px}
h1{font-size:30px;line-height:1.2;margin:2px 0 8px;letter-spacing:-.01em;overflow-wrap:anywhere}
h2{font-size:17px;margin:0 0 4px}
h3{font-size:13px;font-weight:600;margin:0;color:var(--soft)}
p{margin:0 0 10px}
.brand{font-size:13px;font-weight:600;color:var(--accent);margin:0}
.lede{font-size:16px;color:var(--soft);max-width:75ch;margin-bottom:24px;overflow-wrap:anywhere}
.lede b{color:var(--ink);font-weight:600}
.note{font-size:13px;color:var(--soft);max-width:100ch}
.note:last-child{margin-bottom:0}
.grid{display:grid;grid-template-columns:repeat(2,minmax(0,1fr));gap:20px}
.card{background:var(--card);border:1px solid var(--edge);border-radius:12px;padding:20px 22px;min-width:0}
.wide{grid-column:1/-1}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(188px,1fr));gap:12px;margin-bottom:20px}
.tile{padding:16px 18px 14px}
.tile svg{max-width:210px}
.value{font-size:34px;line-height:1.15;font-weight:650;letter-spacing:-.02em;margin:4px 0 0}
.range{font-size:13px;margin:0 0 8px}
.what{font-size:12.5px;line-height:1.4;color:var(--soft);margin:8px 0 0}
svg{display:block;width:100%;height:auto;font-family:FONTS}
figure{margin:0}
.scroll{overflow-x:auto;margin-top:10px}
.scroll:focus-visible{outline:2px solid var(--accent);outline-offset:3px;border-radius:4px}
table{border-collapse:collapse;width:100%;font-size:14px}
th,td{padding:6px 10px;text-align:right;white-space:nowrap;border-bottom:1px solid var(--grid)}
th{font-weight:500}
thead th{font-size:12.5px;color:var(--soft);vertical-align:bottom}
th:first-child,td.left,th.left{text-align:left}
th:first-child,td:first-child{padding-left:0}
tbody th{max-width:260px;overflow:hidden;text-overflow:ellipsis}
tbody tr:last-child th,tbody tr:last-child td{border-bottom:0}
tbody+tbody tr:first-child th,tbody+tbody tr:first-child td{border-top:1px solid var(--neutral)}
caption{text-align:left;font-size:13px;color:var(--soft);padding-bottom:6px}
.few td,.few th{color:var(--soft)}
.chip{display:inline-block;width:10px;height:10px;border-radius:3px;margin-right:9px;background:var(--neutral)}
.bar{display:inline-block;width:88px;height:8px;border-radius:4px;margin-right:10px;vertical-align:1px;
background:linear-gradient(90deg,var(--accent) var(--share),var(--track) var(--share))}
.plot{width:210px;min-width:210px;padding:0 10px}
.good{color:var(--good);font-weight:600}
.bad{color:var(--bad);font-weight:600}
.same{color:var(--soft)}
.heat{width:auto}
.heat th,.heat td{border:0;padding:0 4px;text-align:center}
.heat td{min-width:46px;height:38px;border:1px solid var(--card);border-radius:6px;font-size:13.5px}
.heat td.hit{font-weight:700}
.heat tbody th{text-align:right;padding-right:10px}
.heat thead th{padding-bottom:8px}
.heat thead th span{writing-mode:vertical-rl;transform:rotate(180deg);color:var(--ink);font-size:13.5px}
.heat thead th.corner{text-align:right;padding-right:10px;font-weight:400}
.heat .all{color:var(--soft);padding-left:12px;text-align:right}
.many td{min-width:31px;height:28px;font-size:11.5px;padding:0 2px}
.many tbody th,.many thead th span{font-size:12.5px}
dl{display:grid;grid-template-columns:max-content minmax(0,1fr);gap:6px 20px;margin:10px 0 0;font-size:14px}
dt{color:var(--soft)}
dd{margin:0;overflow-wrap:anywhere}
code{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;font-size:13px}
details{margin-top:12px;font-size:13px}
summary{cursor:pointer;color:var(--accent)}
summary:focus-visible{outline:2px solid var(--accent);outline-offset:3px;border-radius:4px}
svg .ink{fill:var(--ink)}svg .soft{fill:var(--soft)}svg .track{fill:var(--track)}svg .accent{fill:var(--accent)}svg .band{fill:var(--band)}
svg .grid{stroke:var(--grid)}svg .axis{stroke:var(--neutral)}svg .line{stroke:var(--accent);fill:none;stroke-width:2;stroke-linejoin:round}
svg .dashed{stroke:var(--soft);stroke-dasharray:4 4}svg .whisker{stroke:var(--accent);stroke-width:1.5;opacity:.55}
svg .dot{fill:var(--accent);stroke:var(--card);stroke-width:1.5}
@media (max-width:860px){.grid{grid-template-columns:minmax(0,1fr)}}
@media (max-width:520px){main{padding:22px 12px 32px}h1{font-size:24px}.card{padding:16px 14px;border-radius:10px}
.tiles{grid-template-columns:repeat(2,minmax(0,1fr));gap:10px}.tile{padding:12px 12px 10px}.value{font-size:27px}
.tile:last-child:nth-child(odd){grid-column:1/-1}table{font-size:13px}th,td{padding:6px 5px}.bar{width:34px;margin-right:6px}
.heat tbody th,.heat thead th.corner{padding-right:6px}.heat td{min-width:33px;height:33px;font-size:12px}.heat .all{padding-left:5px}
dl{grid-template-columns:minmax(0,1fr);gap:0}dd{margin-bottom:8px}}
@media print{@page{margin:14mm}body{font-size:12px;background:none}main{padding:0;max-width:none}.card{break-inside:avoid}
.scroll{overflow:visible}figure{max-width:400px}.grid{display:block}.grid .card{margin-bottom:14px}
*{-webkit-print-color-adjust:exact;print-color-adjust:exact}}
"""


def style() -> str:
    """The style sheet; a printed page is light, whatever the screen is."""
    rules = _RULES.replace("FONTS", _svg.FONTS).strip()
    dark = f":root{{color-scheme:dark;{_variables(DARK)}}}{_heat('dark')}"
    light = f":root{{color-scheme:light;{_variables(LIGHT)}}}{_heat('light')}"
    return f"{light}\n{rules}\n@media screen and (prefers-color-scheme:dark){{{dark}}}"


def shade(mode: str, step: int) -> tuple[str, str]:
    """(background, text) of a cell of the heat map in "light" or "dark" mode; the text can be read on it."""
    begin, end = HEAT[mode]
    behind = _mixed(begin, end, step / STEPS)
    inks = (LIGHT["ink"], "#ffffff", "#000000") if mode == "light" else (DARK["ink"], "#000000", "#ffffff")
    return behind, next(ink for ink in inks if contrast(ink, behind) >= READABLE)


def contrast(one: str, other: str) -> float:
    """The contrast of two colours, from 1 to 21 (WCAG 2.2)."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _heat(mode: str) -> str:
    shades = (shade(mode, step) for step in range(STEPS + 1))
    return "".join(f".h{step}{{background:{behind};color:{ink}}}" for step, (behind, ink) in enumerate(shades))


def _variables(colours: dict[str, str]) -> str:
    return "".join(f"--{name}:{colour};" for name, colour in colours.items())


def _channels(colour: str) -> tuple[int, int, int]:
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return red, green, blue


def _mixed(one: str, other: str, share: float) -> str:
    pairs = zip(_channels(one), _channels(other), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in pairs)


def _luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.2, from IEC 61966-2-1)."""
    shares = (channel / 255 for channel in _channels(colour))
    red, green, blue = (share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
