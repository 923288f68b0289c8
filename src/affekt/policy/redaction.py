"""Takes out of a text what points at a person and says nothing of a feeling, before the text goes to somebody else's machine.

What has a form is found: addresses, numbers, handles. Names, streets and what somebody tells of themselves have none, and stay.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv6Address

# Chinese, Japanese and Korean put no blank between a word and an address, so these letters end one.
_WORD = r"[^\W\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff]"
_ALONE, _ENDS = r"(?<![A-Za-z\d])", r"(?![A-Za-z\d])"
_LINK = r"[^\s<>\"'\u2e80-\uffff\U0001f000-\U0001ffff]"
_LAST = r"[^\s<>\"'\u2e80-\uffff\U0001f000-\U0001ffff.,;:!?)\]]"  # what ends a sentence is not the link's
_NO_DATE = r"(?!\d\d[ /-]\d\d[ /-](?:19|20)\d\d(?!\d))"
_NARROW = str.maketrans("０１２３４５６７８９＠．－＋", "0123456789@.-+")  # as Chinese and Japanese keyboards write them
_LEAST_IPV6 = 4  # hexadecimal digits: "a::b" is code, "::1" is every machine


def _luhn(given: str) -> bool:
    """Whether the last digit is the check digit of the others (ISO/IEC 7812-1, annex B)."""
    digits = [int(one) for one in given if one.isdigit()]
    doubled = [sum(divmod(2 * one, 10)) for one in digits[-2::-2]]
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def _mod97(given: str) -> bool:
    """Whether the check digits of an IBAN fit (ISO 13616, ISO/IEC 7064 mod 97-10)."""
    plain = given.replace(" ", "")
    return int("".join(str(int(one, 36)) for one in plain[4:] + plain[:4])) % 97 == 1


def _ipv6(given: str) -> bool:
    try:
        IPv6Address(given)
    except AddressValueError:
        return False
    return sum(one.isalnum() for one in given) >= _LEAST_IPV6


def _eight_to_twelve(given: str) -> bool:
    return 8 <= sum(one.isdigit() for one in given) <= 12


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of thing that is taken out: what stands in its place, how it is found, and what else must hold of it."""

    placeholder: str
    pattern: re.Pattern[str]
    holds: Callable[[str], bool] = bool


# In this order: what is found first is not looked at again. Each pattern takes time in proportion to the text: a run begins where
# nothing of it stands before, and is not given back.
KINDS = (
    Kind("<EMAIL>", re.compile(rf"(?<!{_WORD})(?<![.+%'-])(?:{_WORD}|[.+%'-])++@(?:(?:{_WORD}|-)++\.)+(?:(?!\d){_WORD}){{2,}}")),
    Kind("<URL>", re.compile(rf"(?:(?:https?|ftp)://|(?<![A-Za-z\d])www\.){_LINK}*{_LAST}", re.IGNORECASE)),
    # Written without a scheme: by endings that are no words of their own ("call.me", "done.in" are two sentences).
    Kind(
        "<URL>",
        re.compile(
            r"(?<![A-Za-z\d.-])(?:[a-z\d-]++\.)+(?:com|org|net|edu|gov|info|io|app|dev|cn|hk|tw|jp|kr|uk|de|fr|es|nl|ru|br|eu)"
            rf"(?![A-Za-z\d-]|\.[A-Za-z\d])(?::\d+)?(?:/(?:{_LINK}*{_LAST})?)?",
            re.IGNORECASE,
        ),
    ),
    Kind("<IBAN>", re.compile(rf"{_ALONE}[A-Z]{{2}}\d\d(?: ?[A-Z\d]{{4}}){{2,7}}(?: ?[A-Z\d]{{1,3}})?{_ENDS}", re.ASCII), _mod97),
    Kind("<IBAN>", re.compile(rf"{_ALONE}[A-Z]{{2}}\d\d(?: ?[A-Z\d]{{4}}){{2,7}}{_ENDS}", re.ASCII), _mod97),  # "… 3000 EUR" goes on
    # A Chinese identity number: six digits of a place, the day of birth, three more and a check digit (GB 11643-1999). One that is
    # mistyped still says who it is, so the check digit is not looked at.
    Kind("<ID>", re.compile(r"(?<!\d)\d{6}(?:18|19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[\dXx](?!\d)")),
    # Cards have 13 to 19 digits (ISO/IEC 7812-1), on end or in groups of four, or of four, six and five.
    Kind("<CARD>", re.compile(r"(?<![\d.-])[2-6]\d{3}([ -]?)\d{4}\1\d{4}\1\d{1,4}(?:\1\d{1,3})?(?![\d-])"), _luhn),
    Kind("<CARD>", re.compile(r"(?<![\d.-])3\d{3}([ -])\d{6}\1\d{4,5}(?![\d-])"), _luhn),
    Kind("<IP>", re.compile(r"(?<![\d.])(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)(?!\.?\d)")),
    Kind("<IP>", re.compile(r"(?<![\w:])(?:[\da-f]{0,4}:){2,7}[\da-f]{0,4}(?![\w:])", re.IGNORECASE | re.ASCII), _ipv6),
    Kind("<PHONE>", re.compile(r"(?<!\d)(?:\+?86[ -]?)?1[3-9]\d(?:[ -]?\d{4}){2}(?!\d)")),  # a Chinese mobile
    Kind("<PHONE>", re.compile(r"(?<![\d+])(?:\+|00)[1-9](?:[ ()./-]{0,2}\d){6,14}(?!\d)")),  # at most 15 digits (E.164)
    Kind("<PHONE>", re.compile(rf"(?<![\d.,:/-]){_NO_DATE}\(?0\d{{1,4}}\)?(?:[ /-]?\d){{5,9}}(?![\d:]|[.,]\d)"), _eight_to_twelve),
    Kind("<PHONE>", re.compile(r"(?<![\d.,/-])(?:\(\d{3}\) ?|\d{3}[ .-])\d{3}[ .-]\d{4}(?!\d)")),  # as North America writes it
    Kind("<PHONE>", re.compile(r"(?<![\d.,-])[48]00[ -]?\d{3}[ -]?\d{4}(?!\d)")),  # a service's number in China
    Kind("<PHONE>", re.compile(r"(?<![\d.,-])[1-9]\d{9,10}(?![\d-]|[.,]\d)")),  # ten or eleven digits on end
    Kind("<USER>", re.compile(r"(?<![A-Za-z\d_@.])@[\w·-]{1,40}")),
)


def redact(text: str) -> str:
    """The text with a placeholder for each e-mail address, link, IBAN, card, identity and telephone number, IP address and handle.

    >>> redact("Mail me at anna@example.org or call +49 30 1234567, @bob!")
    'Mail me at <EMAIL> or call <PHONE>, <USER>!'
    >>> redact("我的手机是13812345678，太难过了")
    '我的手机是<PHONE>，太难过了'
    """
    text = text.translate(_NARROW)
    for kind in KINDS:
        text = kind.pattern.sub(lambda found, kind=kind: kind.placeholder if kind.holds(found[0]) else found[0], text)  # type: ignore[misc]
    return text
