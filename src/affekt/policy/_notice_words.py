"""The words of the notice, by language. What a notice says is decided in `affekt.policy.notice`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Words:
    """The words of one language; {…} stands for what the deployment declares."""

    title: str
    titles: Mapping[str, str]
    what: str
    consent: str
    modalities: Mapping[str, str]
    joins: Callable[[Sequence[str]], str]
    purpose: str
    purposes: Mapping[str, str]
    settings: Mapping[str, str]
    reasons: Mapping[str, str]
    kept: Mapping[str, str]
    not_kept: Mapping[str, str]
    kept_nothing: str
    kept_jobs: str
    kept_voices: str
    between: str
    days: str
    hours: str
    rights: str
    contact: str
    no_contact: str


def _and(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


EN = Words(
    title="A machine reads emotions here",
    titles={
        "what": "What happens",
        "purpose": "What for",
        "reason": "Why it is allowed here",
        "kept": "What is kept",
        "rights": "Your rights",
        "contact": "Whom to ask",
    },
    what=(
        "A computer program, not a person, estimates what emotions are expressed in {modalities}. "
        "It gives chances, not certainties, and it can be wrong. It does not know what anybody truly feels."
    ),
    consent=" Faces and voices are read only of people who agreed to it. Whoever agreed can take that back at any time.",
    modalities={"text": "written words", "speech": "voices", "face": "faces"},
    joins=_and,
    purpose="Emotions are read {purpose}. This is done {setting}.",
    purposes={
        "customer_service": "to help in customer service",
        "wellbeing": "for the wellbeing of the people themselves",
        "social_listening": "to learn what people say of something in public",
        "fake_reviews": "to find reviews that are not genuine",
        "learning": "to help people learn",
        "research": "for research",
        "safety": "for the safety of people",
        "other": "for a purpose that whoever runs this can tell you",
    },
    settings={
        "public": "in a public place or on a public page",
        "private": "in a private setting",
        "workplace": "at a workplace",
        "education": "in an institution of education",
        "healthcare": "in healthcare",
    },
    reasons={
        "medical": (
            "At work and in education the law lets emotions be read from faces and voices only for medical or safety reasons. "
            "Whoever runs this has declared a medical reason."
        ),
        "safety": (
            "At work and in education the law lets emotions be read from faces and voices only for medical or safety reasons. "
            "Whoever runs this has declared a reason of safety."
        ),
    },
    kept={
        "readings": "Results that are saved are deleted after {time}.",
        "text": "Words that belong to saved results are deleted after {time}.",
        "media": "Sounds, pictures and videos that belong to saved results are deleted after {time}.",
    },
    not_kept={"text": "Words are not kept.", "media": "Sounds, pictures and videos are not kept."},
    kept_nothing="No results are saved, and no words, sounds, pictures or videos are kept.",
    kept_jobs="What is handed in to be read later is stored until it has been read, and its results can be fetched for {time}.",
    kept_voices="What the voice of a person with a name is usually like is kept as numbers, without sound or words, until it is erased.",
    between=" ",
    days="{many} days",
    hours="{many} hours",
    rights=(
        "You can ask what is kept about you and get a copy of it, have it corrected or deleted, object to the reading, and take back a "
        "consent that you gave. You can also complain to the data protection authority. When what is kept about you is deleted, "
        "you can get a signed receipt."
    ),
    contact="{contact}",
    no_contact="Ask whoever runs this service.",
)
ZH = Words(
    title="此处由机器识别情绪",
    titles={
        "what": "发生什么",
        "purpose": "用途",
        "reason": "为何允许",
        "kept": "保存什么",
        "rights": "您的权利",
        "contact": "向谁询问",
    },
    what="由计算机程序（而不是人）根据{modalities}估计所表达的情绪。它给出的是可能性，不是定论，也可能出错。它并不知道任何人内心的真实感受。",
    consent="只有在本人同意之后，才会读取其面部和声音；同意可以随时撤回。",
    modalities={"text": "文字", "speech": "声音", "face": "面部"},
    joins="、".join,
    purpose="识别情绪{purpose}。场合：{setting}。",
    purposes={
        "customer_service": "是为了改进客户服务",
        "wellbeing": "是为了当事人自身的身心健康",
        "social_listening": "是为了了解公众对某一事物的看法",
        "fake_reviews": "是为了发现虚假评论",
        "learning": "是为了帮助学习",
        "research": "是为了研究",
        "safety": "是为了人员安全",
        "other": "的用途，请向服务的运营者询问",
    },
    settings={
        "public": "公共场所或公开网页",
        "private": "私人场合",
        "workplace": "工作场所",
        "education": "教育机构",
        "healthcare": "医疗机构",
    },
    reasons={
        "medical": "在工作场所和教育机构，法律只允许出于医疗或安全原因根据面部和声音识别情绪。运营者已声明医疗原因。",
        "safety": "在工作场所和教育机构，法律只允许出于医疗或安全原因根据面部和声音识别情绪。运营者已声明安全原因。",
    },
    kept={
        "readings": "已保存的结果在{time}后删除。",
        "text": "与结果一同保存的文字在{time}后删除。",
        "media": "与结果一同保存的录音、图片和视频在{time}后删除。",
    },
    not_kept={"text": "文字不予保存。", "media": "录音、图片和视频不予保存。"},
    kept_nothing="不保存任何结果，也不保存文字、录音、图片或视频。",
    kept_jobs="提交后稍后读取的内容在读取完成之前暂存，其结果可在{time}内取回。",
    kept_voices="具名者声音的平常特征以数值形式保存（不含录音和文字），直到被删除。",
    between="",
    days="{many}天",
    hours="{many}小时",
    rights=(
        "您可以询问保存了哪些与您有关的数据并取得副本，要求更正或删除，反对识别，并撤回您给予的同意；也可以向数据保护监管机构投诉。"
        "与您有关的数据被删除时，您可以取得一份带签名的凭证。"
    ),
    contact="{contact}",
    no_contact="请向服务的运营者询问。",
)
WORDS: Mapping[str, Words] = {"en": EN, "zh": ZH}
