"""No template changes without being looked at."""

import difflib

from infra.stages import PROJECT, STAGES
from tests.infra.snapshots import FOLDER, optional, texts
from tests.infra.synthesis import DIGEST, synthesise


def test_the_templates_are_those_that_were_looked_at_last(scaled):
    now = texts(synthesise(PROJECT, STAGES, function_image=DIGEST, server_image=DIGEST))
    now |= optional(scaled)
    then = {path.stem: path.read_text() for path in FOLDER.glob("*.json")}
    assert set(now) == set(then), "make snapshots, and read the difference"
    changes = [
        line
        for name in now
        for line in difflib.unified_diff(
            then[name].splitlines(), now[name].splitlines(), name, "now", n=1, lineterm=""
        )
    ]
    assert not changes, "\n".join([*changes, "where that is meant: make snapshots"])
