"""Which language a text is in: by its script, then by letters or function words that only some languages use.

Standard library only, and nothing is downloaded. Meant for documents and whole questions, not for single words: where a
text gives too little to go by (a table of figures, source code, two words) the answer is None and nothing is claimed.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping

NAMES: Mapping[str, str] = {
    "ar": "Arabic", "bg": "Bulgarian", "bn": "Bengali", "ca": "Catalan", "cs": "Czech", "da": "Danish", "de": "German",
    "el": "Greek", "en": "English", "es": "Spanish", "fa": "Persian", "fi": "Finnish", "fr": "French", "he": "Hebrew",
    "hi": "Hindi", "hu": "Hungarian", "hy": "Armenian", "id": "Indonesian", "it": "Italian", "ja": "Japanese",
    "ka": "Georgian", "ko": "Korean", "nl": "Dutch", "no": "Norwegian", "pl": "Polish", "pt": "Portuguese",
    "ro": "Romanian", "ru": "Russian", "sr": "Serbian", "sv": "Swedish", "ta": "Tamil", "th": "Thai", "tr": "Turkish",
    "uk": "Ukrainian", "ur": "Urdu", "vi": "Vietnamese", "zh": "Chinese",
}  # fmt: skip

_SAMPLE = 24_000  # characters looked at: from the beginning, the middle and the end
_PARTS = 6
# Prose comes to 25 to 50 per cent function words. English is told by less, since pages of English with much code and
# many tables are the common case, and taking one for Italian over "ai" and "se" is the worse mistake; so are languages
# that say with endings what others say with function words.
_ENOUGH_SHARE = 0.12
_LEAN_SHARE = 0.05
_LEAN = frozenset({"en", "fi", "hu", "tr"})
_ENOUGH_WORDS = 2.0  # weighted: a word that three languages share counts a third for each; less for a short question
_ENOUGH_WORDS_SHARE = 0.25
_ENOUGH_DISTINCT = 2  # different ones; twice as many where the text is longer than a question
_LONG = 60  # words
_AHEAD = 1.2  # times the evidence of the second best

_SCRIPTS: Mapping[str, re.Pattern[str]] = {
    "latin": re.compile("[A-Za-z\u00c0-\u024f\u1e00-\u1eff]"),
    "cyrillic": re.compile("[\u0400-\u04ff]"),
    "arabic": re.compile("[\u0620-\u064a\u066e-\u06d3\ufb50-\ufdff\ufe70-\ufefc]"),
    "han": re.compile("[\u3400-\u4dbf\u4e00-\u9fff]"),
    "kana": re.compile("[\u3041-\u30ff]"),
    "ko": re.compile("[\u1100-\u11ff\u3130-\u318f\uac00-\ud7af]"),
    "el": re.compile("[\u0370-\u03ff\u1f00-\u1fff]"),
    "he": re.compile("[\u05d0-\u05ea]"),
    "hy": re.compile("[\u0531-\u0587]"),
    "ka": re.compile("[\u10a0-\u10ff]"),
    "hi": re.compile("[\u0900-\u0963]"),
    "bn": re.compile("[\u0985-\u09df]"),
    "ta": re.compile("[\u0b85-\u0bd6]"),
    "th": re.compile("[\u0e01-\u0e3a\u0e40-\u0e4e]"),
}
_DENSE = 3  # a letter of these says about as much as three Latin ones
_DENSE_SCRIPTS = frozenset({"han", "kana", "ko"})
_WORD = re.compile(r"[^\W\d_]{2,}|[èéàyåæ]")  # single letters are labels, options and formulas
# Letters of the Arabic and the Cyrillic script that one language has and its neighbours do not.
_PERSIAN = re.compile("[\u067e\u0686\u0698\u06af\u06a9\u06cc]")
_ARABIC = re.compile("[\u0643\u064a\u0629\u0649\u0623\u0625]")
_URDU = re.compile("[\u0679\u0688\u0691\u06ba\u06d2\u06c1]")

_FUNCTION_WORDS: Mapping[str, str] = {
    "en": "the of and to in is that it for was on are with as be at this by from or an have not which you they has "
    "were their what how will can would there when who more its if but does do where why should about these "
    "into than",
    "de": "der die das und ist von zu den mit nicht ein eine auf für im dem des sich auch es an werden aus bei wird "
    "sind als wie nach oder einer einem einen zum zur durch über kann nur wenn was haben dass wer ich warum "
    "zwischen noch",
    "fr": "le la les de des et est un une du en que qui dans pour pas sur au avec ce il par plus ne se sont aux ou "
    "cette son nous vous être ses mais comme leur ont fait quelle quel quels elle sans entre peut ces qu "
    "comment où",
    "es": "el la los las de que y en un una es del se con por para no su al lo como más sus está son pero entre "
    "este esta desde cuando muy sin sobre ser también fue había qué cuál cómo dónde quién hasta hay porque "
    "donde",
    "pt": "os as de que em um uma é do da dos das se com por para não no na nos nas ao como mais ou seu sua mas foi "
    "pelo pela são entre também quando isso ser está você qual onde quem até ele ela têm já muito",
    "it": "il lo la gli le di che è in un una del della dei delle con per non si al alla da come più qual quali "
    "sono anche ma nel nella questo questa dal dalla cosa quando dove chi essere ha suo sua tra perché degli",
    "nl": "de het een van en in is dat op te zijn met voor niet die aan er om ook als bij door naar uit wordt "
    "worden maar heeft hebben deze dit over kan nog wat wie waarom hoe tot zij hij wel geen tussen onder meer",
    "sv": "och att det som en på är av för med den till inte ett om har de var vid från kan så eller när ska hur "
    "vad men jag du han hon vi sig också efter över mellan sina där alla mycket detta denna blir",
    "da": "og at det som en på er af for med den til ikke et om har de var ved fra kan så eller når skal hvordan "
    "hvad men jeg du han hun vi sig også efter over mellem blev der hvor alle meget dette denne bliver nogle",
    "no": "og at det som en på er av for med den til ikke et om har de var ved fra kan så eller når skal hvordan "
    "hva men jeg du han hun vi seg også etter over mellom ble der hvor alle mye dette denne blir noen",
    "fi": "ja on ei se että oli ovat joka mutta kun niin tai hän myös voi sekä kuin mitä mikä ole ollut jos vain "
    "sen tämä missä miten miksi hänen olla jotka siitä tässä nyt kuitenkin sitä siis",
    "pl": "na do się że nie jest to jak przez od po za dla są oraz ale tak czy może być który która które ich jego "
    "jako co tym tej tego przed kto gdzie dlaczego między ze także już tylko można",
    "cs": "na se je že do to pro jako ale by jsou nebo od který která které po při tak jeho byl byla není může co "
    "jak kde proč mezi také jen podle až ve ze být už když však jsem",
    "ro": "și de în la cu din pe este care pentru un nu se să mai sunt ca al ale prin fi au fost sau dar după acest "
    "această ce cum unde cine între cele lui ei fără când doar poate",
    "hu": "az és hogy nem is egy van ez meg de mint csak már vagy ki mi ha volt el azt fel lehet minden kell még "
    "mert ezt mit hol hogyan között után pedig amely nagyon lesz itt ott ami",
    "tr": "ve bir bu için ile da de olarak olan en çok daha gibi kadar ne değil var ya sonra her ama ancak ise "
    "nasıl nedir neden mi mı olduğu tarafından üzerinde göre hem şu kim nerede veya olur",
    "id": "yang dan di dari untuk dengan pada ini itu adalah dalam tidak akan oleh ke atau sebagai juga dapat bisa "
    "ada telah lebih apa bagaimana mengapa karena mereka kami anda saya para tersebut antara seperti sudah",
    "vi": "và của là có trong cho được với các một không những để người này đã từ khi trên đến về như cũng nhưng "
    "hay tại theo ra vào bằng sẽ gì nào thế nhiều hơn phải nếu",
    "la": "et in est non ut ad cum sed qui sit ipsum dolor lorem amet ex per esse quod nec eu nunc enim nam aut",
    "ca": "el la els les de que en un una és del amb per no es al als com més ha són però entre aquest aquesta des "
    "quan molt sense sobre ser també va què quin on qui fins hi han dels perquè seva",
}  # fmt: skip


def _weights() -> dict[str, dict[str, float]]:
    lists = {language: frozenset(words.split()) for language, words in _FUNCTION_WORDS.items()}
    shared = Counter(word for words in lists.values() for word in words)
    weights: dict[str, dict[str, float]] = {}
    for language, words in lists.items():
        for word in words:
            weights.setdefault(word, {})[language] = 1.0 / shared[word]
    return weights


_WEIGHTS = _weights()


def detect(text: str) -> str | None:
    """The language of most of the text (ISO 639-1, one of NAMES), or None where it cannot be told.

    >>> detect("Was ist der Unterschied zwischen den beiden?"), detect("How deep is the well?"), detect("12.5 | kg")
    ('de', 'en', None)
    """
    sample = _sample(text)
    counts = {name: len(letters.findall(sample)) for name, letters in _SCRIPTS.items()}
    weighted = {name: n * (_DENSE if name in _DENSE_SCRIPTS else 1) for name, n in counts.items()}
    total = sum(weighted.values())
    script = max(weighted, key=lambda name: weighted[name])
    if total < 8:
        return None
    if script in ("han", "kana"):
        # Japanese mixes both; Chinese has no kana. A few kana in a Chinese text are a name.
        both = weighted["han"] + weighted["kana"]
        return None if both * 2 < total else "ja" if weighted["kana"] > 0.15 * both else "zh"
    if weighted[script] * 2 < total:
        return None
    if script == "latin":
        return _by_words(sample)
    if script == "cyrillic":
        return _cyrillic(sample.lower())
    if script == "arabic":
        return _arabic(sample)
    return script


def name_of(language: str) -> str:
    """The language's English name; the code itself where it has none here."""
    return NAMES.get(language, language)


def _sample(text: str) -> str:
    if len(text) <= _SAMPLE:
        return text
    size = _SAMPLE // _PARTS
    step = (len(text) - size) // (_PARTS - 1)
    return " ".join(text[n * step : n * step + size] for n in range(_PARTS))


def _by_words(sample: str) -> str | None:
    found = _WORD.findall(sample.lower())
    score: dict[str, float] = {}
    hits: dict[str, Counter[str]] = {}
    for word in found:
        for language, weight in _WEIGHTS.get(word, {}).items():
            score[language] = score.get(language, 0.0) + weight
            hits.setdefault(language, Counter())[word] += 1
    ranked = sorted(score, key=lambda language: (-score[language], language))
    if not ranked:
        return None
    best = ranked[0]
    second = score[ranked[1]] if len(ranked) > 1 else 0.0
    share = _LEAN_SHARE if best in _LEAN else _ENOUGH_SHARE
    sure = (
        score[best] >= min(_ENOUGH_WORDS, _ENOUGH_WORDS_SHARE * len(found))
        and hits[best].total() >= share * len(found)
        and len(hits[best]) >= (_ENOUGH_DISTINCT if len(found) < _LONG else 2 * _ENOUGH_DISTINCT)
        and score[best] >= _AHEAD * second
    )
    return best if sure and best in NAMES else None  # Latin is there to be told apart: it fills drafts ("lorem ipsum")


def _cyrillic(sample: str) -> str:
    if any(letter in sample for letter in "ђћџљњ") or sample.count("ј") > 2:
        return "sr"
    if sum(map(sample.count, "іїєґ")) > sum(map(sample.count, "ыэё")):
        return "uk"
    return "ru" if any(letter in sample for letter in "ыэё") or sample.count("ъ") * 100 < len(sample) else "bg"


def _arabic(sample: str) -> str:
    if len(_URDU.findall(sample)) * 50 > len(sample):
        return "ur"
    return "fa" if len(_PERSIAN.findall(sample)) > len(_ARABIC.findall(sample)) else "ar"
