"""The short card that travels inside an artifact."""

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
        f"Base checkpoint: `{sources['base']}`. Data: {', '.join(sources['datasets'])}.",
        "",
        "Measured on the int8 artifact itself, by the code that serves it:",
        "",
        "| data | texts | accuracy | 95 % interval | calibration error |",
        "| --- | --- | --- | --- | --- |",
    ]
    lines += [
        f"| {name} | {row['texts']:.0f} | {row['accuracy']:.2%} "
        f"| {row['accuracy_low']:.2%} to {row['accuracy_high']:.2%} "
        f"| {row['calibration_error']:.3f} |"
        for name, row in manifest.metrics.items()
    ]
    lines += [
        "",
        f"Texts beyond {manifest.tokenization.max_tokens} tokens: {manifest.tokenization.window}. "
        f"Temperature: {manifest.decoding.temperature}.",
        "",
        *(f"- {name}: {text}" for name, text in sources["licenses"].items()),
    ]
    return "\n".join(lines) + "\n"
