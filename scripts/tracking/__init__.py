"""Recording of a run while it trains: at MLflow, Weights & Biases, or nowhere.

open_tracker() fails before anything was started; a Recording never fails, so that a server that
goes away costs no training run.
"""
