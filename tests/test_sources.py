"""Sources: whatever is given becomes clips whose spans point into the transcript, or an error that says what to do."""

import codecs
import json
import re
from pathlib import Path

import pytest

from affekt.errors import BadRow, EmptyInput, InputError, InputTooLarge
from affekt.sources import Opened, decode, open_source, text

SRT = "1\n00:00:01,000 --> 00:00:02,500\nAnna: hello\n\n2\n00:00:03,000 --> 00:00:04,000\nBen: <i>hi</i>\nyou\n"
VTT = (
    "WEBVTT - a title\n\nNOTE a remark\nof two lines\n\nSTYLE\n::cue { color: red }\n\nintro\n00:01.000 --> 00:02.500 align:start\n"
    "<v.loud Anna>hello &amp; welcome</v>\n\n01:00:03.000 --> 01:00:04.000\n<v Ben>hi <c.blue>you</c><v Anna>bye\n"
)


def write(folder: Path, name: str, content: str | bytes) -> str:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return str(path)


def said(opened: Opened) -> list[tuple[str | None, str]]:
    return [(clip.who, clip.data) for clip in opened.clips]


def check_spans(opened: Opened) -> None:
    assert opened.transcript is not None
    for clip in opened.clips:
        assert clip.span is not None
        assert opened.transcript[slice(*clip.span)] == clip.data
        assert 0 <= clip.start <= clip.end <= opened.duration


# --- a text


@pytest.mark.parametrize(
    "given", ["so happy!", "我很开心", "see http://x.org/a.txt for more", "a\x00b" * 9, "x" * 5000, "two\nlines.txt", "🥺"]
)
def test_a_string_that_is_no_file_is_one_clip(given: str) -> None:
    opened = open_source(given)
    assert said(opened) == [(None, given)]
    assert (opened.name, opened.unit, opened.duration, opened.transcript) == ("text", "characters", len(given), given)
    check_spans(opened)


@pytest.mark.parametrize("given", ["", "   \n\t", "\x00\x07\x1b", "\u200b\ufeff\u2060", "\ud800"])
def test_nothing_to_read_is_said_so(given: str) -> None:
    with pytest.raises(EmptyInput, match="text"):
        open_source(given, kind="text")


def test_a_text_over_the_limit_is_refused_and_one_at_it_is_read() -> None:
    with pytest.raises(InputTooLarge, match=r"10,000,001 characters; at most 10,000,000"):
        open_source("x" * (text.LIMIT + 1))
    assert open_source("x" * text.LIMIT).duration == text.LIMIT


@pytest.mark.parametrize(
    ("given", "read", "warning"),
    [("a\x07b\x1bc", "a\x07b\x1bc", r"2 control characters .*U\+0007.* at 1"), ("a\ud83db", "a\ufffdb", r"1 lone surrogate .* at 1")],
)
def test_odd_characters_are_allowed_and_warned_of(given: str, read: str, warning: str) -> None:
    opened = open_source(given)
    assert opened.transcript == read
    assert len(opened.warnings) == 1
    assert re.search(warning, opened.warnings[0])


def test_line_ends_and_tabs_are_nothing_odd() -> None:
    assert open_source("a\tb\r\nc\n").warnings == ()


# --- a file, or not


@pytest.mark.parametrize(
    "name", ["missing.txt", "missing.SRT", "some/where/missing.json", "missing.csv", "missing.parquet", "missing.jsonl.gz"]
)
def test_a_name_that_looks_like_a_file_but_is_not_there_is_no_text(name: str) -> None:
    with pytest.raises(InputError, match="no file"):
        open_source(name)
    assert open_source(name, kind="text").transcript == name


def test_a_path_that_is_not_there_is_no_text(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no file"):
        open_source(tmp_path / "anything")


def test_a_folder_a_table_and_an_unknown_ending_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is a folder"):
        open_source(tmp_path)
    with pytest.raises(InputError, match="is a table"):
        open_source(write(tmp_path, "a.csv", "text\nhi\n"))
    with pytest.raises(InputError, match=r"nothing reads '\.doc'.*\.txt.*\.srt.*\.csv.*\.parquet"):
        open_source(write(tmp_path, "a.doc", "hi"))
    assert said(open_source(write(tmp_path, "a.log", "hi"), kind="document")) == [(None, "hi")]


@pytest.mark.parametrize("given", [None, 5, b"bytes", ["a"]])
def test_what_is_neither_text_nor_path_is_refused(given: object) -> None:
    with pytest.raises(InputError, match="a source is a text or the path of a file"):
        open_source(given)  # type: ignore[arg-type]


def test_an_unknown_kind_and_a_path_as_text_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no kind 'film'"):
        open_source("a", kind="film")
    with pytest.raises(InputError, match="leave kind out"):
        open_source(tmp_path / "a.txt", kind="text")


# --- a document


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_a_document_is_read_in_every_encoding_that_says_what_it_is(tmp_path: Path, encoding: str) -> None:
    path = write(tmp_path, "a.txt", "我很开心 🥺".encode(encoding))
    opened = open_source(path)
    assert (opened.name, said(opened)) == (path, [(None, "我很开心 🥺")])
    check_spans(opened)


def test_a_big_endian_mark_is_heeded(tmp_path: Path) -> None:
    assert open_source(write(tmp_path, "a.txt", codecs.BOM_UTF16_BE + "hé".encode("utf-16-be"))).transcript == "hé"


def test_another_encoding_is_named_by_its_first_bad_byte(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"not UTF-8: byte 0xce at offset 3; .*iconv -f GB18030"):
        open_source(write(tmp_path, "a.txt", b"ok " + "我".encode("gb18030")))


def test_a_file_over_the_limit_is_not_even_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path, "a.txt", "x" * 11)
    monkeypatch.setattr(decode, "LIMIT", 10)
    monkeypatch.setattr(Path, "read_bytes", lambda self: pytest.fail("was read"))
    with pytest.raises(InputTooLarge, match="11 bytes"):
        open_source(path)


@pytest.mark.parametrize("name", ["a.txt", "a.md", "a.json", "a.srt", "a.vtt"])
@pytest.mark.parametrize("content", ["", "\ufeff", " \r\n\n"])
def test_an_empty_file_is_named(tmp_path: Path, name: str, content: str) -> None:
    with pytest.raises(EmptyInput, match=name):
        open_source(write(tmp_path, name, content))


@pytest.mark.parametrize(
    ("page", "prose"),
    [
        ("---\ntitle: x\n---\n# Hi *you*\r\n\r\nI **love** this.", "Hi you\n\nI love this."),
        ("so 好**开心**啊 and snake_case_name and 2 * 3 * 4", "so 好开心啊 and snake_case_name and 2 * 3 * 4"),
        ("[words](http://x.org 'title') ![alt](a.png) <http://x.org> <b>bold</b>", "words alt  bold"),
        ("a\n\n```python\nprint('no')\n```\n\n~~~\nno\n~~~\nb `code`", "a\n\nb code"),
        ("> quoted\n\n- [x] done\n1. first\n\nTitle\n=====\n\n***\n", "quoted\n\ndone\nfirst\n\nTitle"),
        ("| a | b |\n|---|:-:|\n| joy | fear |", "a   b\n\njoy   fear"),
        ("x <!-- a\nnote --> y\n\n[ref]: http://x.org\n", "x  y"),
        (r"not \*emphasis\* <3 T_T", "not *emphasis* <3 T_T"),
        ("a --- b\n---text", "a --- b\n---text"),
    ],
)
def test_markdown_is_read_as_prose(tmp_path: Path, page: str, prose: str) -> None:
    opened = open_source(write(tmp_path, "a.md", page))
    assert opened.transcript == prose
    check_spans(opened)


def test_a_page_of_code_holds_no_prose(tmp_path: Path) -> None:
    with pytest.raises(EmptyInput, match="no prose"):
        open_source(write(tmp_path, "a.md", "```\ncode\n```\n"))


@pytest.mark.parametrize("mark", ["*a ", "_a ", "[a](", "`", "<a ", "~~a", "<!--", "|-", "\\"])
def test_a_page_of_opening_marks_takes_no_long_time(tmp_path: Path, mark: str) -> None:
    assert open_source(write(tmp_path, "a.md", "words " + mark * 20_000)).duration > 0


# --- a conversation


@pytest.mark.parametrize(
    "lines",
    ["Anna: hello\nBen: hi\nyou\n", "\ufeffAnna：hello\r\n\r\nBen：hi\r\nyou", "[00:01:02] Anna: hello\n(00:01:05) Ben: hi\nyou\nAnna:\n"],
)
def test_lines_with_names_are_turns(tmp_path: Path, lines: str) -> None:
    opened = open_source(write(tmp_path, "a.txt", lines), kind="conversation")
    assert said(opened) == [("Anna", "hello"), ("Ben", "hi\nyou")]
    assert (opened.unit, opened.transcript) == ("characters", "hello\nhi\nyou")
    check_spans(opened)
    assert said(open_source(lines, kind="conversation")) == said(opened)


@pytest.mark.parametrize(
    ("content", "talk"),
    [
        ("Anna: hello\nBen: hi", True),
        ("客户：你好\n客服：您好\n客户：谢谢", True),
        ("2024-01-31 09:15:00 Anna: hello\n2024-01-31 09:16:00 Ben: hi", True),
        ("31/01/2024, 9:15 pm - Anna: hello\n31/01/2024, 9:16 pm - Ben: hi", True),
        ("Anna: only one", False),
        ("A story.\nShe said: go away, please.\nThey went.", False),
        ("see http://x.org\nat 12:30 :)\nhello :)", False),
        ("\n".join(f"Field {chr(97 + at)}: value" for at in range(9)), False),
    ],
)
def test_a_text_file_is_talk_only_where_nearly_all_lines_are_turns(tmp_path: Path, content: str, talk: bool) -> None:
    opened = open_source(write(tmp_path, "a.txt", content))
    assert (opened.clips[0].who is not None) == talk
    assert (len(opened.clips) > 1) == talk


@pytest.mark.parametrize(
    ("name", "content"), [("a.srt", SRT), ("a.srt", SRT.replace("\n", "\r\n")), ("a.srt", "\ufeff" + SRT.replace("1\n", "", 1))]
)
def test_subtitles_are_turns_with_times(tmp_path: Path, name: str, content: str) -> None:
    opened = open_source(write(tmp_path, name, content))
    assert said(opened) == [("Anna", "hello"), ("Ben", "hi\nyou")]
    assert [(clip.start, clip.end) for clip in opened.clips] == [(1, 2.5), (3, 4)]
    assert (opened.unit, opened.duration) == ("seconds", 4)
    check_spans(opened)


def test_webvtt_names_its_voices(tmp_path: Path) -> None:
    opened = open_source(write(tmp_path, "a.vtt", VTT))
    assert said(opened) == [("Anna", "hello & welcome"), ("Ben", "hi you"), ("Anna", "bye")]
    assert [(clip.start, clip.end) for clip in opened.clips] == [(1, 2.5), (3603, 3604), (3603, 3604)]


def test_a_colon_in_one_subtitle_of_many_is_the_authors(tmp_path: Path) -> None:
    cues = [
        f"{n}\n00:00:0{n},000 --> 00:00:0{n},900\n{words}\n"
        for n, words in enumerate(["He said: go", "so we went", "ANNA: where", "12 <3"], 1)
    ]
    assert said(open_source(write(tmp_path, "a.srt", "\n".join(cues)))) == [
        (None, "He said: go"),
        (None, "so we went"),
        ("ANNA", "where"),
        (None, "12 <3"),
    ]


@pytest.mark.parametrize(
    ("name", "content", "line"),
    [
        ("a.srt", "1\n00:00:xx,000 --> 00:00:02,000\nhi\n", 2),
        ("a.srt", SRT + "\n3\n00:00:05,000 -> 00:00:06,000\nhi\n", 11),
        ("a.srt", SRT + "\n3\n00:00:09,000 --> 00:00:06,000\nhi\n", 11),
        ("a.srt", "1\n00:75:00,000 --> 00:76:00,000\nhi\n", 2),
        ("a.srt", "just a text\n", 1),
        ("a.vtt", "WEBVTT\n\n00:01.000 --> soon\nhi\n", 3),
    ],
)
def test_a_cue_with_a_bad_time_is_named_by_its_line(tmp_path: Path, name: str, content: str, line: int) -> None:
    with pytest.raises(BadRow, match=f"{name}, line {line}: ") as caught:
        open_source(write(tmp_path, name, content))
    assert caught.value.line == line


@pytest.mark.parametrize(
    "given",
    [
        [{"who": "Anna", "text": "hello"}, {"speaker": "Ben", "content": "hi\nyou"}],
        {
            "messages": [
                {"role": "user", "name": "Anna", "content": [{"type": "text", "text": "hello"}]},
                {"role": "Ben", "content": "hi\nyou"},
            ]
        },
        {"turns": [{"name": "Anna", "utterance": " hello "}, {"who": "Ben", "text": "hi\nyou"}]},
    ],
)
def test_json_turns_are_read_in_the_usual_shapes(tmp_path: Path, given: object) -> None:
    opened = open_source(write(tmp_path, "a.json", json.dumps(given)))
    assert (opened.unit, said(opened)) == ("characters", [("Anna", "hello"), ("Ben", "hi\nyou")])
    check_spans(opened)


def test_what_a_speech_recogniser_writes_has_seconds(tmp_path: Path) -> None:
    segments = [{"id": 0, "start": 0.0, "end": 1.5, "text": " hello", "speaker": 0}, {"id": 1, "start": "2", "end": 3, "text": " 5"}]
    opened = open_source(write(tmp_path, "a.json", json.dumps({"text": " hello 5", "segments": segments})))
    assert (opened.unit, opened.duration, said(opened)) == ("seconds", 3, [("0", "hello"), (None, "5")])
    assert [(clip.start, clip.end) for clip in opened.clips] == [(0, 1.5), (2, 3)]


def test_turns_without_text_or_times_are_counted(tmp_path: Path) -> None:
    turns = [{"text": "a", "start": 0, "end": 1}, {"text": "b"}, {"content": None, "role": "assistant"}]
    opened = open_source(write(tmp_path, "a.json", json.dumps(turns)))
    assert (opened.unit, len(opened.clips)) == ("characters", 2)
    assert opened.warnings == ("1 turn without text left out", "1 turn without times: all turns are placed by character, not by second")


def test_half_a_character_in_a_turn_is_healed(tmp_path: Path) -> None:
    opened = open_source(write(tmp_path, "a.json", '[{"who": "\\ud800A", "text": "x \\ud83d"}]'))
    assert said(opened) == [("\ufffdA", "x \ufffd")]
    assert str(opened.transcript).encode()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('[{"text": "a"},\n {"text": }]', "line 2, column 11"),
        ('{"a": 1}', "holds no list of turns but an object with 'a'"),
        ("5", "holds no list of turns but int"),
        ('["a"]', "turn 1: a turn is an object"),
        ('[{"text": "a"}, {"who": "x"}]', "turn 2 has no text, content or utterance, only 'who'"),
        ('[{"text": {"a": 1}}]', "turn 1: a text is a string"),
        ('[{"text": "a", "who": ["x"]}]', "a speaker is a name"),
        ('[{"text": "a", "start": "x", "end": 2}]', "start and end are seconds"),
        ('[{"text": "a", "start": 3, "end": 2}]', "runs from 3.0 to 2.0"),
        ('[{"text": "a", "start": NaN, "end": 2}]', "runs from nan"),
        ("[" * 100_000, "cannot be read"),
        ("1" * 5000, "cannot be read"),
    ],
)
def test_broken_json_is_named_where_it_breaks(tmp_path: Path, content: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        open_source(write(tmp_path, "a.json", content))


@pytest.mark.parametrize(
    ("name", "content"), [("a.json", "[]"), ("a.json", '[{"text": " "}]'), ("a.vtt", "WEBVTT\n"), ("a.srt", "1\n00:01 --> 00:02\n")]
)
def test_a_conversation_in_which_nobody_speaks_is_empty(tmp_path: Path, name: str, content: str) -> None:
    with pytest.raises(EmptyInput, match=name):
        open_source(write(tmp_path, name, content))


def test_the_name_of_a_sound_is_not_read_as_a_text(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no file call\.wav"):
        open_source("call.wav")
    (tmp_path / "call.wav").write_bytes(b"RIFF")
    with pytest.raises(InputError, match=r"nothing reads '\.wav'"):
        open_source(tmp_path / "call.wav")
