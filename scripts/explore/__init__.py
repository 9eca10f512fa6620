"""The data report: counts, duplicates, plots and conclusions of data sets before training."""
