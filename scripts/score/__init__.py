"""Whole files of texts: the same rows, with what a model makes of each.

    input ──texts──► scorer ──outcomes, in order──► journal ─┐
      │              this machine, a service,                ├─► output, and a side file for
      └──────────────or a deployed state machine──rows───────┘   rows that cannot be scored

A first pass reads the texts alone and writes down what came of each row; killed, it goes on where
it was. A second pass reads the rows again and joins both, so that columns are copied once, at the
end, and the output appears whole or not at all. Neither holds more of the file than a few thousand
rows; only the state machine's results are sorted by the hundred thousand.
"""
