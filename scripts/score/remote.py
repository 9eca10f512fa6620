"""Scoring by a running service over HTTP, several requests at a time."""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from typing import Any

from scripts.common.errors import CommandError
from scripts.common.service_client import ServiceClient, ServiceError
from scripts.score.rows import ROWS_AT_ONCE, Advance, Outcome, Row, in_lots, rejected, scored

TEXTS, CHARACTERS = 16, 200_000  # of one request: texts of many windows fit its limits, too
OF_A_TEXT = (413, 422)  # statuses that one text can bring over all of its request
BUSY, UNWELL = 429, (0, 500, 502, 503, 504)  # 0: nobody answered
PATIENCE = 600.0  # seconds that a request waits for a queue that stays full
PAUSES = (1.0, 2.0, 4.0, 8.0, 16.0)  # seconds, between tries of a service that is unwell

Numbered = tuple[int, str]  # a text and its place in the lot


class RemoteModel:
    """See `scoring.scorer.Scorer`.

    What a server answers may differ a little from run to run: it reads texts beside those of
    others, and int8 rounds by the largest value of a batch.
    """

    rows_at_once = ROWS_AT_ONCE

    def __init__(
        self, service: ServiceClient, requests: int, *, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        """requests: at a time."""
        self._service, self._requests, self._sleep = service, requests, sleep

    @property
    def identity(self) -> dict[str, str]:
        return {
            "url": self._service.url,
            "model": self._service.name,
            "version": self._service.version,
        }

    def score(self, rows: Iterator[Row], run: str, advance: Advance) -> Iterator[Sequence[Outcome]]:  # noqa: ARG002
        requests = ThreadPoolExecutor(self._requests)
        try:
            for lot in in_lots(rows, self.rows_at_once):
                yield self._answer(lot, requests, advance)
        finally:
            requests.shutdown(cancel_futures=True)

    def _answer(
        self, lot: Sequence[Row], requests: ThreadPoolExecutor, advance: Advance
    ) -> list[Outcome]:
        answers = {
            place: rejected(row.text.reason)
            for place, row in enumerate(lot)
            if not isinstance(row.text, str)
        }
        if answers:
            advance(len(answers))
        texts = [(place, row.text) for place, row in enumerate(lot) if isinstance(row.text, str)]
        asked: list[Future[dict[int, Outcome]]] = [
            requests.submit(self._ask, batch) for batch in _batches(texts)
        ]
        for done in as_completed(asked):
            answers |= done.result()
            advance(len(done.result()))
        return [answers[place] for place in range(len(lot))]

    def _ask(self, batch: Sequence[Numbered]) -> dict[int, Outcome]:
        """What came of each text. A request that is refused for one of them is made again text by
        text, so that one costs no other. Raises CommandError."""
        try:
            answer = self._patiently([text for _, text in batch])
        except ServiceError as error:
            if error.status not in OF_A_TEXT:
                raise
            if len(batch) == 1:
                return {batch[0][0]: rejected(error.detail)}
            return {place: each for one in batch for place, each in self._ask([one]).items()}
        found = answer["predictions"]
        if len(found) != len(batch):
            raise CommandError(f"{self._service.url}: {len(found)} answers for {len(batch)} texts")
        version = answer["model"]["version"]
        return {
            place: scored(prediction, version)
            for (place, _), prediction in zip(batch, found, strict=True)
        }

    def _patiently(self, texts: Sequence[str]) -> dict[str, Any]:
        """Ask as often as there is hope: where the queue is full, when the service says so."""
        waited, pauses = 0.0, iter(PAUSES)
        while True:
            try:
                return self._service.answer(texts)
            except ServiceError as error:
                if error.status == BUSY and waited < PATIENCE:
                    pause = error.retry_after or PAUSES[0]
                    waited += pause
                elif error.status in UNWELL and (later := next(pauses, None)):
                    pause = error.retry_after or later
                else:
                    raise
            self._sleep(pause)


def _batches(texts: Sequence[Numbered]) -> Iterator[list[Numbered]]:
    """Neighbours by length, the longest first."""
    batch: list[Numbered] = []
    characters = 0
    for each in sorted(texts, key=lambda each: len(each[1]), reverse=True):
        if batch and (len(batch) == TEXTS or characters + len(each[1]) > CHARACTERS):
            yield batch
            batch, characters = [], 0
        batch.append(each)
        characters += len(each[1])
    if batch:
        yield batch
