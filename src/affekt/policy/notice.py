"""The notice for people whose emotions are read, made from what a deployment declares.

Regulation (EU) 2024/1689, Art. 50(3): deployers of an emotion recognition system inform the people exposed to it of its operation, and
process their data as Regulation (EU) 2016/679 (the GDPR) has it. Its Art. 13 says what people are to be told; who runs the server adds
what only they know, as their name and the legal ground.
"""

from dataclasses import dataclass
from html import escape
from typing import Literal

from affekt.policy._notice_words import WORDS, Words
from affekt.policy.deployment import Deployment
from affekt.settings import ServerSettings

Lang = Literal["en", "zh"]
HOURS = 24  # of a day
STYLE = "body{max-width:40em;margin:2em auto;padding:0 1em;font:1.1em/1.6 sans-serif}"


@dataclass(frozen=True, slots=True)
class Section:
    """One question that a notice answers."""

    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Notice:
    """What exposed people are told.

    Args:
        lang: BCP 47.
    """

    lang: str
    title: str
    sections: tuple[Section, ...]

    def to_html(self) -> str:
        """The notice as a page of its own, without scripts or anything from elsewhere."""
        body = "".join(f"<h2>{escape(one.title)}</h2><p>{escape(one.text)}</p>" for one in self.sections)
        return (
            f'<!doctype html><html lang="{self.lang}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
            f"<title>{escape(self.title)}</title><style>{STYLE}</style>"
            f"</head><body><h1>{escape(self.title)}</h1>{body}</body></html>\n"
        )


def notice(deployment: Deployment, settings: ServerSettings, *, lang: Lang = "en") -> Notice:
    """The notice of a deployment.

    Args:
        settings: they say what is kept, and how long.
    """
    words = WORDS[lang]
    read = words.joins([words.modalities[one] for one in deployment.allowed()])
    contact = words.contact.format(contact=deployment.contact) if deployment.contact else words.no_contact
    told = (
        ("what", words.what.format(modalities=read) + (words.consent if settings.require_consent else "")),
        ("purpose", words.purpose.format(purpose=words.purposes[deployment.purpose], setting=words.settings[deployment.setting])),
        ("kept", _kept(settings, words)),
        ("rights", words.rights),
        ("contact", contact),
    )
    reason = (Section(words.titles["reason"], words.reasons[deployment.reason]),) if deployment.reason else ()
    sections = [Section(words.titles[name], text) for name, text in told]
    return Notice(lang, words.title, (*sections[:2], *reason, *sections[2:]))


def _kept(settings: ServerSettings, words: Words) -> str:
    days = (("readings", settings.keep_readings_days), ("text", settings.keep_text_days), ("media", settings.keep_media_days))
    if settings.keep_readings_days:
        told = [words.kept[name].format(time=_time(many, words)) if many else words.not_kept[name] for name, many in days]
    else:
        told = [words.kept_nothing]
    told += [words.kept_jobs.format(time=_time(settings.keep_results_hours / HOURS, words))]
    return words.between.join([*told, words.kept_voices] if settings.voices else told)


def _time(days: float, words: Words) -> str:
    """A number of days in words: hours where there are fewer than two days."""
    many, unit = (days, words.days) if days >= 2 else (days * HOURS, words.hours)
    return unit.format(many=f"{many:.0f}" if abs(many - round(many)) < 0.05 else f"{many:.1f}")
