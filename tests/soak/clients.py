"""Clients that send mixed traffic, and judge every answer."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from random import Random

from httptools import HttpParserError

from scripts.benchmark.connection import Answer, Connection
from tests.soak.answers import labels
from tests.soak.record import Record
from tests.soak.traffic import Asked, Kind

DECIDED = 0.9  # a text with such a score alone keeps its label in any company
PATIENCE = 300.0  # seconds; who waits longer for an answer has been forgotten
LONGEST_HOLD = 0.5  # seconds after which those who hang up do


class Clients:
    """Send requests of all kinds until a deadline.

    alone: of texts, label and score as answered with nobody else there.
    """

    def __init__(
        self, port: int, kinds: Sequence[Kind], alone: Mapping[str, tuple[str, float]]
    ) -> None:
        self.records = {kind.name: Record() for kind in kinds}
        self._port, self._kinds, self._alone = port, kinds, alone
        self._weights = [kind.weight for kind in kinds]
        self._long = 0  # long requests under way

    async def run(self, count: int, seconds: float) -> None:
        """So many clients for so long; then what is under way is awaited."""
        deadline = time.perf_counter() + seconds
        draws = [Random(seed) for seed in range(count)]
        await asyncio.gather(*(self._client(draw, deadline) for draw in draws))

    async def _client(self, draw: Random, deadline: float) -> None:
        connection: Connection | None = None
        while time.perf_counter() < deadline:
            (kind,) = draw.choices(self._kinds, self._weights)
            asked, record = kind.make(draw), self.records[kind.name]
            record.asked += 1
            beside_long = self._long > 0
            self._long += kind.long
            try:
                if kind.hangs_up:
                    await self._hang_up(draw, asked)
                    continue
                if connection is None or connection.closed:
                    connection = await Connection.open(self._port)
                begun = time.perf_counter()
                async with asyncio.timeout(PATIENCE):
                    answer = await connection.ask(asked.sent)
            except (OSError, TimeoutError, HttpParserError) as error:
                record.errors[repr(error)] += 1
                if connection is not None:
                    connection.abort()
                connection = None
                continue
            finally:
                self._long -= kind.long
            took = 1000 * (time.perf_counter() - begun)
            self.judge(record, asked, answer, took, beside_long=beside_long)
            if answer.headers.get("connection") == "close":
                connection.close()
                connection = None
            if answer.status == 429:
                await asyncio.sleep(float(answer.headers["retry-after"]))
        if connection is not None:
            connection.close()

    async def _hang_up(self, draw: Random, asked: Asked) -> None:
        """Before the request is sent whole or after, politely or not."""
        connection = await Connection.open(self._port)
        whole = draw.random() < 0.7
        connection.send(asked.sent if whole else asked.sent[: len(asked.sent) // 2])
        await asyncio.sleep(LONGEST_HOLD * draw.random())
        if draw.random() < 0.5:
            connection.abort()
        else:
            connection.close()

    def judge(
        self,
        record: Record,
        asked: Asked,
        answer: Answer,
        milliseconds: float,
        *,
        beside_long: bool = False,
    ) -> None:
        """Record an answer as right, as a refusal, or as what is wrong with it."""
        if answer.status == 429 and "retry-after" in answer.headers:
            record.refused += 1
        elif answer.status != asked.status:
            record.errors[f"{answer.status}, not {asked.status}: {answer.body[:120]!r}"] += 1
        elif wrong := self._wrong(record, asked, answer):
            record.errors[wrong] += 1
        else:
            record.milliseconds.append(milliseconds)
            if beside_long:
                record.beside_long.append(milliseconds)

    def _wrong(self, record: Record, asked: Asked, answer: Answer) -> str:
        """Whether texts got what they get alone; nobody may get a neighbour's answer."""
        if not asked.texts:
            return ""
        try:
            found = labels(answer.body)
        except (ValueError, KeyError, TypeError) as error:
            return f"not /v1's answer: {error!r}"
        if len(found) != len(asked.texts):
            return f"{len(found)} answers for {len(asked.texts)} texts"
        for text, (label, score) in zip(asked.texts, found, strict=True):
            expected, certain = self._alone.get(text, (label, score))
            if label == expected:
                record.difference = max(record.difference, abs(score - certain))
            elif certain >= DECIDED:
                return f"{label} where alone it was {expected}"
        return ""
