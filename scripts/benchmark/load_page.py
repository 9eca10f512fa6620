"""The page's section on load."""

from scripts.benchmark import load_tables
from scripts.benchmark.results import Results
from scripts.benchmark.rounds import elsewhere, generator_share


def section(results: Results) -> list[str]:
    """Paragraphs and tables."""
    plan, load = results.plan, results.throughput
    return [
        f"Texts over HTTP on loopback, one a request: {results.texts}; "
        f"{results.tokens['mean']:.0f} tokens on average. Clients keep their connection and ask "
        f"again as soon as they are told. In each of {plan.rounds} rounds all take turns at each "
        "level, the backend alone before and after our server; what is measured are "
        f"{plan.seconds:g} seconds from when each client has had an answer. Both sides read the "
        f"first {results.tokens['most']:.0f} tokens of a longer text. The pipeline's server "
        "answers one text at a time, on all cores: a pipeline is not made for several threads.",
        "Texts a second, medians of the rounds:",
        load_tables.rates(results),
        "Ratios within a round, their median, least and most:",
        load_tables.ratios(results),
        "Milliseconds that clients waited, of all rounds together:",
        load_tables.latencies(results),
        "The backend alone: the same tokens, ready in memory, sorted by length, with the server's "
        f"thread setting. What was fastest here, {load.best}, is what the server is held against "
        "in each round.",
        load_tables.alone(load.backend),
        "The pipeline alone, without HTTP, given all texts at once, sorted by length:",
        load_tables.alone(load.pipeline),
        f"While load was measured, what else ran on the machine took "
        f"{elsewhere(load.rounds).median:.2f} cores, {elsewhere(load.rounds).maximum:.2f} at the "
        "most.",
        f"The load generator is a process on the same machine. It took "
        f"{100 * generator_share(load.rounds):.1f} % of a core at the most; against a server that "
        f"answers at once it asked {load.ceiling:.0f} times a second with {plan.clients[-1]} "
        "clients.",
    ]
