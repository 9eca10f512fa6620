"""Score whole files of texts: the same rows, with a model's answer to each.

    input ──texts──► scorer ──results, in order──► journal ─┐
      │              this machine, a service,               ├─► output, and a side file for
      └──────────────or a deployed state machine──rows──────┘   rows that cannot be scored

The first pass reads only the texts and records the result of each row; a killed run resumes there.
The second pass reads the rows again and joins both, so that columns are copied once, at the end,
and the output appears whole or not at all. Neither pass holds more than a few thousand rows; only
the state machine's results are sorted by the hundred thousand.
"""
