"""Sources of newer models.

newest() is cheap: it names a revision and downloads no weights. fetch() downloads exactly that
revision: either an artifact (a folder with a manifest) or a transformers checkpoint.
"""
