"""Markdown to the prose in it: what a person reads, without the marks that say how to set it.

Markup follows CommonMark 0.31 as far as ordinary pages use it; what is dropped carries no words of the author's voice:
front matter, code blocks, comments, link targets, marks.
"""

import re
from collections.abc import Iterator

from affekt.sources.decode import split_lines

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_REFERENCE = re.compile(r" {0,3}\[[^\]]{1,200}\]:\s*\S+")
_LEADING = re.compile(r"\s*(?:>\s?)*\s*(?:#{1,6}\s+|[-*+]\s+(?:\[[ xX]\]\s+)?|\d{1,9}[.)]\s+)?")
# Lengths are bounded so that a page of nothing but opening marks takes linear time.
_INLINE = (
    (re.compile(r"!?\[([^\[\]]{0,500})\]\([^()\s]{0,2000}(?:\s+[\"'][^\"']{0,500}[\"'])?\)"), r"\1"),  # [words](target "title")
    (re.compile(r"!?\[([^\[\]]{1,500})\]\[[^\[\]]{0,200}\]"), r"\1"),  # [words][reference]
    (re.compile(r"<https?://[^<>\s]{1,2000}>"), ""),
    (re.compile(r"</?[A-Za-z][^<>]{0,500}>"), ""),
    (re.compile(r"(`{1,3})([^`]{1,500})\1"), r"\2"),
    (re.compile(r"(?<![\\*])(\*{1,3})(?=[^\s*])([^*]{1,500}?)(?<=[^\s*\\])\1(?!\*)"), r"\2"),
    (re.compile(r"(?<![\\\w])(_{1,3})(?=[^\s_])([^_]{1,500}?)(?<=[^\s_\\])\1(?!\w)"), r"\2"),  # not in snake_case
    (re.compile(r"~~(?=\S)([^~]{1,500}?)(?<=\S)~~"), r"\1"),
    (re.compile(r"\\([\\`*_{}\[\]()#+\-.!>~|])"), r"\1"),
)


def prose(text: str) -> str:
    r"""What a person reads of a Markdown page.

    >>> prose("# A *good* day\n\nSee [the photo](photo.jpg).")
    'A good day\n\nSee the photo.'
    """
    lines = _without_code(_without_front_matter(split_lines(text)))
    kept = [line for line in _without_comments("\n".join(lines)).split("\n") if not _REFERENCE.match(line)]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(map(_plain, kept))).strip()


def _without_front_matter(lines: list[str]) -> list[str]:
    """The lines after a block of settings (YAML between ---, TOML between +++) at the top."""
    if lines[0].rstrip() not in ("---", "+++"):
        return lines
    ends = ("---", "...") if lines[0].startswith("-") else ("+++",)
    close = next((at for at, line in enumerate(lines[1:], 1) if line.rstrip() in ends), None)
    return lines if close is None else lines[close + 1 :]


def _without_code(lines: list[str]) -> Iterator[str]:
    """The lines outside code fences; a fence that is never closed reaches to the end."""
    fence = ""
    for line in lines:
        found = _FENCE.match(line)
        if fence:
            if found and found[1].startswith(fence) and not line.strip().strip(fence[0]):
                fence = ""
        elif found:
            fence = found[1]
        else:
            yield line


def _without_comments(text: str) -> str:
    kept, at = [], 0
    while (begin := text.find("<!--", at)) >= 0 and (end := text.find("-->", begin)) >= 0:
        kept.append(text[at:begin])
        at = end + len("-->")
    return "".join(kept) + text[at:]


def _is_rule(marks: str) -> bool:
    """Whether a line, without its blanks, is the underline of a heading, a thematic break, or the rule of a table."""
    kinds = set(marks)
    return kinds in ({"="}, {"-"}) or (len(marks) >= 3 and kinds in ({"*"}, {"_"})) or ({"-", "|"} <= kinds <= {"-", "|", ":"})


def _plain(line: str) -> str:
    """One line without its marks."""
    if _is_rule("".join(line.split())):
        return ""
    if line.lstrip().startswith("|"):
        line = line.strip().strip("|").replace("|", " ")
    line = _LEADING.sub("", line, count=1)
    for pattern, kept in _INLINE:
        line = pattern.sub(kept, line)
    return line.rstrip("\\ \t")
