"""The kinds of requests that a server gets, mixed as their weights say."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from random import Random
from urllib.parse import quote

from scripts.benchmark.connection import post, request

PREDICT = "/v1/predict"
SHORT_KIND = "short text"
BATCH = 32
LONG_CHARACTERS = 20_000  # some 4,500 tokens: nine windows or more of 512
SHORT = (
    "A warm, funny film that never once talks down to us.",
    "Terrible. A complete waste of time and money.",
    "Wonderful acting and a beautiful score. Superb!",
    "I hated it: dull, lazy and badly made.",
)
NAMING = (
    "Ada Lovelace met Charles Babbage in London.",
    "Angela Merkel flew from Berlin to Paris.",
    "Microsoft and Google opened offices in Tokyo.",
    "Nobody was named, and nothing happened.",
)
GETS = ("/", "/docs", "/openapi.json", "/health/live", "/health/ready", "/v1/models")


@dataclass(frozen=True)
class Asked:
    """A request as it goes over the wire, the status that is right, and the texts in it, where
    the answer tells a label for each in `/v1`'s shape."""

    sent: bytes
    status: int = 200
    texts: Sequence[str] = ()


@dataclass(frozen=True)
class Kind:
    """A kind of request. weight: how often, beside the others'. make: one of them.

    hangs_up: whoever sends it does not wait for the answer. long: of many windows, in one text or
    in many; others should not have to wait for all of them.
    """

    name: str
    weight: float
    make: Callable[[Random], Asked]
    hangs_up: bool = False
    long: bool = False


def kinds(reviews: Sequence[str], model: str, tagger: str | None) -> list[Kind]:
    """All of them. reviews: texts of a review's length. model: the name of the default model.
    tagger: of one that finds entities, where there is one.

    What costs most comes seldom, and is under way most of the time all the same.
    """
    return [
        Kind(SHORT_KIND, 30, lambda draw: _predict([draw.choice(SHORT)])),
        Kind("review", 25, lambda draw: _predict([draw.choice(reviews)])),
        Kind("text of many windows", 2, lambda draw: _predict([_long(draw, reviews)]), long=True),
        Kind(
            f"{BATCH} reviews", 2, lambda draw: _predict(draw.choices(reviews, k=BATCH)), long=True
        ),
        Kind("short text, explained", 4, lambda draw: _predict([draw.choice(SHORT)], explain=True)),
        Kind("review, explained", 0.5, lambda draw: _predict([draw.choice(reviews)], explain=True)),
        Kind("Hugging Face", 6, lambda draw: Asked(post("/", {"inputs": draw.choice(reviews)}))),
        Kind(
            "text-embeddings-inference",
            6,
            lambda draw: Asked(post("/predict", {"inputs": draw.choice(SHORT)})),
        ),
        Kind("Open Inference Protocol", 6, lambda draw: _infer(model, draw.choice(reviews))),
        Kind("invalid", 8, partial(_invalid, model)),
        Kind("GET", 8, _get),
        Kind(
            "hangs up",
            5,
            lambda draw: _predict(draw.choices(reviews, k=draw.choice((1, BATCH)))),
            hangs_up=True,
        ),
        *([] if tagger is None else [Kind("entities", 10, partial(_tag, tagger))]),
    ]


def predict_path(model: str) -> str:
    """Where a model is asked by its name."""
    return f"/v1/models/{model}/predict"


def _tag(tagger: str, draw: Random) -> Asked:
    text = draw.choice(NAMING)
    return Asked(post(predict_path(tagger), {"inputs": text}), texts=[text])


def _predict(texts: Sequence[str], *, explain: bool = False) -> Asked:
    inputs = texts[0] if len(texts) == 1 else list(texts)
    body = {"inputs": inputs, "parameters": {"explain": explain}}
    return Asked(post(PREDICT, body), texts=texts)


def _long(draw: Random, reviews: Sequence[str]) -> str:
    start = draw.randrange(len(reviews))
    turned = [*reviews[start:], *reviews[:start]]
    return " ".join(turned * (1 + LONG_CHARACTERS // sum(map(len, turned))))[:LONG_CHARACTERS]


def _infer(model: str, text: str) -> Asked:
    tensor = {"name": "text", "shape": [1], "datatype": "BYTES", "data": [text]}
    return Asked(post(f"/v2/models/{model}/infer", {"inputs": [tensor]}))


def _get(draw: Random) -> Asked:
    address = f"{PREDICT}?text={quote(draw.choice(SHORT))}"
    return Asked(request("GET", draw.choice([*GETS, address])))


def _invalid(model: str, draw: Random) -> Asked:
    """What people get wrong, and the status that tells them."""
    word = {"inputs": "word"}
    wrong: list[tuple[int, bytes]] = [
        (400, request("POST", PREDICT, b"{")),
        (400, request("POST", PREDICT, b'{"inputs": "\xff"}')),
        (404, post("/v1/models/nobody/predict", word)),
        (404, request("GET", "/nowhere")),
        (405, request("GET", predict_path(model))),
        (413, post(PREDICT, {"inputs": ["word"] * 1000})),
        (413, post(PREDICT, {"inputs": "word " * 20_000})),
        (415, request("POST", PREDICT, b"word", "text/plain")),
        (422, post(PREDICT, {"inputs": "   "})),
        (422, post(PREDICT, {"inputs": 7})),
        (422, post(PREDICT, word | {"unknown": True})),
        (422, post(PREDICT, word | {"parameters": {"top_k": 0}})),
    ]
    status, sent = draw.choice(wrong)
    return Asked(sent, status)
