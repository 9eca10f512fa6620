"""The Open Inference Protocol's requests and answers: JSON, with tensors in it or behind it.

body ──> JSON │ tensors ──> texts and options ──> engine ──> tensors ──> JSON │ tensors ──> body
     binary       request                               tensors   response      binary, compression
"""
