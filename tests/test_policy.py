"""What may be read where: every setting, modality and reason; and that the notice says what the settings do."""

from itertools import product
from typing import Any, get_args

import pytest

from affekt.errors import PolicyRefused
from affekt.policy._notice_words import WORDS
from affekt.policy.deployment import READ, RULES, Deployment, deployment_of
from affekt.policy.notice import Notice, notice
from affekt.settings import Purpose, Reason, ServerSettings, Setting, resolve_server

EVERY = list(product(get_args(Setting), READ, get_args(Reason)))


def settings(**given: Any) -> ServerSettings:
    return resolve_server(**given)


def told(made: Notice) -> str:
    return "\n".join(one.text for one in made.sections)


@pytest.mark.parametrize(("setting", "modality", "reason"), EVERY)
def test_faces_and_voices_are_not_read_at_work_or_school_without_a_reason(setting: str, modality: Any, reason: str) -> None:
    forbidden = setting in ("workplace", "education") and modality in ("face", "speech") and reason == ""
    deployment = Deployment("other", setting, reason)
    assert (modality in deployment.allowed()) is not forbidden
    if forbidden:
        with pytest.raises(PolicyRefused):
            deployment.check([modality])
    else:
        deployment.check([modality])


@pytest.mark.parametrize(("setting", "modality", "reason"), EVERY)
def test_only_what_a_reason_allows_is_said_to_rest_on_it(setting: str, modality: Any, reason: str) -> None:
    rests = setting in ("workplace", "education") and modality in ("face", "speech")
    if rests and not reason:
        return
    assert Deployment("other", setting, reason).check([modality]) is rests


def test_one_forbidden_modality_among_others_is_refused() -> None:
    with pytest.raises(PolicyRefused):
        Deployment("other", "workplace").check(["text", "face"])


def test_a_refusal_names_the_law_what_is_allowed_and_what_to_do() -> None:
    with pytest.raises(PolicyRefused) as refused:
        Deployment("other", "education").check(["speech"])
    for part in ("2024/1689", "Art. 5(1)(f)", "recital 44", "education", "speech", "allowed here: text", "--reason", "--setting"):
        assert part in str(refused.value)


def test_every_rule_is_of_a_setting_and_reasons_that_there_are() -> None:
    for rule in RULES:
        assert rule.setting in get_args(Setting) and set(rule.unless) < set(get_args(Reason)) and "" not in rule.unless


def test_without_a_declaration_nothing_is_claimed_of_a_reason() -> None:
    assert deployment_of(settings()) == Deployment("other", "private", "", "")


@pytest.mark.parametrize("lang", list(WORDS))
@pytest.mark.parametrize("purpose", get_args(Purpose))
def test_a_notice_says_for_what_purpose_and_where(lang: Any, purpose: str) -> None:
    for setting in get_args(Setting):
        text = told(notice(Deployment(purpose, setting), settings(), lang=lang))
        assert WORDS[lang].purposes[purpose] in text and WORDS[lang].settings[setting] in text and "{" not in text


@pytest.mark.parametrize("lang", list(WORDS))
def test_a_notice_names_only_what_is_read(lang: Any) -> None:
    words = WORDS[lang].modalities
    at_work = told(notice(Deployment("other", "workplace"), settings(), lang=lang)).split("\n")[0]
    with_reason = told(notice(Deployment("other", "workplace", "safety"), settings(), lang=lang))
    assert words["text"] in at_work and words["face"] not in at_work and words["speech"] not in at_work
    assert words["face"] in with_reason and WORDS[lang].reasons["safety"] in with_reason


@pytest.mark.parametrize("lang", list(WORDS))
def test_a_notice_says_what_is_kept_and_how_long(lang: Any) -> None:
    words, here = WORDS[lang], Deployment("other", "private")
    usual = told(notice(here, settings(), lang=lang))
    assert "30" in usual and words.not_kept["text"] in usual and words.not_kept["media"] in usual
    kept = told(notice(here, settings(keep_text_days=7, keep_media_days=1.5, voices="somewhere"), lang=lang))
    assert words.kept["text"].format(time=words.days.format(many=7)) in kept
    assert words.kept["media"].format(time=words.hours.format(many=36)) in kept and words.kept_voices in kept
    nothing = told(notice(here, settings(keep_readings_days=0), lang=lang))
    assert words.kept_nothing in nothing and "30" not in nothing


@pytest.mark.parametrize("lang", list(WORDS))
def test_a_notice_says_whom_to_ask(lang: Any) -> None:
    assert "Desk 7" in told(notice(Deployment("other", "private", contact="Desk 7"), settings(), lang=lang))
    assert WORDS[lang].no_contact in told(notice(Deployment("other", "private"), settings(), lang=lang))


def test_a_notice_says_when_consent_is_needed() -> None:
    here = Deployment("other", "private")
    assert "agreed" in notice(here, settings(require_consent=True)).sections[0].text
    assert "agreed" not in notice(here, settings()).sections[0].text


def test_what_is_declared_cannot_put_a_script_into_the_page() -> None:
    page = notice(Deployment("other", "private", contact="<script>alert(1)</script>"), settings()).to_html()
    assert "<script" not in page and "&lt;script&gt;" in page and page.startswith("<!doctype html>")
