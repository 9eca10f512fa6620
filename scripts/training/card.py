"""The short card that travels inside an artifact."""

from collections.abc import Iterator
from typing import Any

from function.core.artifact import Manifest


def render_card(manifest: Manifest) -> str:
    """Markdown: what the model is, how well it does, and what it was made from."""
    sources = manifest.provenance
    lines = [
        f"# {manifest.model}",
        "",
        f"Task: {manifest.task}. Labels: {', '.join(manifest.labels)}.",
        f"Made {manifest.created:%Y-%m-%d}.",
        "",
        f"{_origin(sources)} {_data(sources)}",
        "",
        "Measured on the int8 artifact itself, by the code that serves it:",
        "",
        *(_entities(manifest) if manifest.task == "token-classification" else _classes(manifest)),
    ]
    lines += [
        "",
        f"Texts beyond {manifest.tokenization.max_tokens} tokens: {manifest.tokenization.window}. "
        f"Temperature: {manifest.decoding.temperature}.",
        "",
        *(f"- {name}: {text}" for name, text in sources["licenses"].items()),
    ]
    return "\n".join(lines) + "\n"


def _origin(sources: dict[str, Any]) -> str:
    if sources["base"]:
        return f"Base checkpoint: `{sources['base']}`."
    return "Trained from scratch."


def _data(sources: dict[str, Any]) -> str:
    """Data sets by what they were for."""
    measured = sources["config"]["evaluation"]
    trained = [name for name in sources["datasets"] if name not in measured]
    only = f" Measured on, and not trained on: {', '.join(measured)}." if measured else ""
    return f"Trained on: {', '.join(trained)}.{only}"


def _classes(manifest: Manifest) -> Iterator[str]:
    yield "| data | texts | accuracy | 95 % interval | calibration error |"
    yield "| --- | --- | --- | --- | --- |"
    for name, row in manifest.metrics.items():
        yield (
            f"| {name} | {row['texts']:.0f} | {row['accuracy']:.2%} "
            f"| {row['accuracy_low']:.2%} to {row['accuracy_high']:.2%} "
            f"| {row['calibration_error']:.3f} |"
        )


def _entities(manifest: Manifest) -> Iterator[str]:
    yield "| data | texts | entities | precision | recall | F1 | calibration error |"
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    for name, row in manifest.metrics.items():
        yield (
            f"| {name} | {row['texts']:.0f} | {row['entities']:.0f} | {row['precision']:.2%} "
            f"| {row['recall']:.2%} | {row['f1']:.2%} | {row['calibration_error']:.3f} |"
        )
