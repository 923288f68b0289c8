"""What may be read where a deployment stands: the rules as a table, and the deployment that declares itself.

The rules are those of Regulation (EU) 2024/1689 (the AI Act), Art. 5(1)(f): no AI system may be used to infer emotions of a natural person
in the areas of workplace and education institutions, except for medical or safety reasons. By Art. 3(39) it is biometric data that emotion
is inferred from, which faces and voices are and words are not. Recital 44 says why the rule is there, and that the exception is meant for
what is used strictly for medical or safety reasons, such as therapy.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from affekt.errors import PolicyRefused
from affekt.results import Modality
from affekt.settings import ServerSettings

READ: tuple[Modality, ...] = ("text", "speech", "face")
BIOMETRIC: tuple[Modality, ...] = ("speech", "face")  # Art. 3(34): by them a person can be told from others
LAW = "Regulation (EU) 2024/1689, Art. 5(1)(f)"


@dataclass(frozen=True, slots=True)
class Rule:
    """In this setting these modalities are not read, unless one of these reasons is declared."""

    setting: str
    refuses: tuple[Modality, ...]
    unless: tuple[str, ...]
    law: str


RULES = (
    Rule("workplace", refuses=BIOMETRIC, unless=("medical", "safety"), law=LAW),
    Rule("education", refuses=BIOMETRIC, unless=("medical", "safety"), law=LAW),
)


@dataclass(frozen=True, slots=True)
class Ruling:
    """What the rules say of a modality in a deployment.

    Args:
        why: in a sentence.
        law: the article that rules it; None: no rule is about it.
    """

    modality: Modality
    allowed: bool
    why: str
    law: str | None


@dataclass(frozen=True, slots=True)
class Deployment:
    """What whoever runs Affekt declares.

    Args:
        purpose: one of `affekt.settings.Purpose`.
        setting: one of `affekt.settings.Setting`: where people are whose emotions are read.
        reason: "medical", "safety", or "" for none.
        contact: whom people can ask.
    """

    purpose: str
    setting: str
    reason: str = ""
    contact: str = ""

    def check(self, modalities: Iterable[Modality]) -> bool:
        """Whether only the declared reason lets these modalities be read here, so that its use is to be logged.

        Raises:
            PolicyRefused: one of them may not be read here.
        """
        ruled = [(rule, one) for one in dict.fromkeys(modalities) for rule in RULES if rule.setting == self.setting and one in rule.refuses]
        for rule, modality in ruled:
            if self.reason not in rule.unless:
                raise PolicyRefused(_refusal(rule, modality))
        return bool(ruled)

    def allowed(self) -> tuple[Modality, ...]:
        """The modalities that may be read here."""
        return tuple(one.modality for one in self.rulings() if one.allowed)

    def rulings(self) -> tuple[Ruling, ...]:
        """What the rules say of each modality here."""
        return tuple(self._ruling(one) for one in READ)

    def _ruling(self, modality: Modality) -> Ruling:
        for rule in (one for one in RULES if one.setting == self.setting and modality in one.refuses):
            reasons = " or ".join(rule.unless)
            if self.reason not in rule.unless:
                why = f"in the setting {self.setting} emotion is not inferred from {modality}, unless a {reasons} reason is declared"
                return Ruling(modality, False, why, rule.law)
            why = f"in the setting {self.setting} only the declared {self.reason} reason lets emotion be inferred from {modality}"
            return Ruling(modality, True, why, rule.law)
        if modality not in BIOMETRIC:
            return Ruling(modality, True, f"{modality} is no biometric data, and the rules are about that alone", None)
        return Ruling(modality, True, f"no rule is about {modality} in the setting {self.setting}", None)


def deployment_of(settings: ServerSettings) -> Deployment:
    """The deployment that the settings declare."""
    return Deployment(settings.purpose, settings.setting, settings.reason, settings.contact)


def _refusal(rule: Rule, modality: Modality) -> str:
    others = ", ".join(one for one in READ if one not in rule.refuses)
    return (
        f"emotion is not inferred from {modality} in the setting {rule.setting}: {rule.law} forbids it except for medical or safety "
        f"reasons; allowed here: {others}. Where the reading is strictly for one of these reasons, as recital 44 means it, declare it with "
        f"--reason {' or '.join(rule.unless)} (AFFEKT_REASON), which the audit log records; where people are not at work or in education, "
        "declare another --setting (AFFEKT_SETTING)"
    )
