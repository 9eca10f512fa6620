"""Requests and responses of the Open Inference Protocol: JSON, with tensors in it or after it.

body ──> JSON │ tensors ──> texts and options ──> engine ──> tensors ──> JSON │ tensors ──> body
     binary       request                               tensors   response
"""
