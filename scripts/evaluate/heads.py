"""The answers of each head, on this machine or from a service."""

from dataclasses import asdict
from typing import Any, TypeVar

from function.core.errors import InputError
from function.core.heads import AnswerKey
from function.core.predictor import Predictor
from function.core.tokenization import LongText
from function.core.types import Options
from scripts.common.service_client import ServiceClient
from scripts.data.truth import TextRows
from scripts.evaluate.answers import Answers
from scripts.evaluate.entity_answers import EntityAnswers
from scripts.evaluate.evaluation import predict_shortest_first, with_text
from scripts.evaluate.label_answers import LabelAnswers
from scripts.evaluate.multi_label_answers import MultiLabelAnswers
from scripts.evaluate.score_answers import ScoreAnswers
from scripts.evaluate.triplet_answers import TripletAnswers

HEADS: dict[AnswerKey, type[Answers[Any]]] = {
    head.key: head
    for head in (LabelAnswers, MultiLabelAnswers, ScoreAnswers, EntityAnswers, TripletAnswers)
}

Head = TypeVar("Head", bound=Answers[Any])


def answer(
    head: type[Head],
    predictor: Predictor,
    rows: TextRows[Any],
    title: str,
    long_text: LongText | None = None,
) -> Head:
    """Have a model of the head answer every text that is not empty, in the rows' order.

    `title` is that of the progress; `long_text` overrides what the artifact does with texts beyond
    one window. Raises InputError for a model of another head, and where it
    cannot answer PredictionError.
    """
    own = predictor.artifact.manifest.decoding.answer_key
    if own != head.key:
        raise InputError(f"this model answers with {own}; name one that answers with {head.key}")
    rows = rows.select(with_text(rows.texts))
    texts, options = head.texts_of(rows), Options(long_text=long_text)
    found = predict_shortest_first(predictor, texts, title, batch=head.batch, options=options)
    return head.compare([asdict(each) for each in found], rows, predictor.labels)


def answer_service(service: ServiceClient, rows: TextRows[Any], title: str) -> Answers[Any]:
    """Have a service answer every text that is not empty, the shortest first.

    Raises ServiceError.
    """
    head = HEADS[service.answer_key]
    order = sorted(with_text(rows.texts), key=lambda row: len(rows.texts[row]))
    rows = rows.select(order)
    found = service.predictions(head.texts_of(rows), title=title)
    return head.compare(found, rows, service.labels)
