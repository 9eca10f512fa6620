"""Tensors as bytes, for every input there can be."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from function.api.open_inference.binary import decode_bytes, encode_bytes, split
from function.api.open_inference.errors import MalformedRequestError


def test_an_element_is_its_length_in_four_little_endian_bytes_and_then_itself():
    assert encode_bytes([b"ab", b""]) == b"\x02\0\0\0ab\0\0\0\0"


@given(st.lists(st.binary(max_size=300), max_size=20))
def test_what_is_encoded_is_decoded_to_the_same(elements):
    assert decode_bytes(encode_bytes(elements), len(elements)) == elements


@given(st.binary(max_size=200), st.integers(0, 20))
def test_bytes_are_a_tensor_in_one_way_or_refused(data, count):
    try:
        elements = decode_bytes(data, count)
    except MalformedRequestError:
        return
    assert len(elements) == count
    assert encode_bytes(elements) == data


@given(st.lists(st.binary(max_size=30), min_size=1, max_size=8), st.data())
def test_a_tensor_that_is_cut_anywhere_or_counted_wrong_is_refused(elements, data):
    tensor = encode_bytes(elements)
    cut = data.draw(st.integers(0, len(tensor) - 1))
    with pytest.raises(MalformedRequestError):
        decode_bytes(tensor[:cut], len(elements))
    with pytest.raises(MalformedRequestError):
        decode_bytes(tensor, len(elements) - 1)
    with pytest.raises(MalformedRequestError):
        decode_bytes(tensor, len(elements) + 1)


def test_a_length_near_four_gigabytes_takes_no_memory():
    with pytest.raises(MalformedRequestError, match="4294967295"):
        decode_bytes(struct.pack("<I", 2**32 - 1) + b"abc", 1)


@given(st.binary(max_size=50), st.integers(0, 60))
def test_a_body_is_split_where_the_request_says(body, length):
    if length > len(body):
        with pytest.raises(MalformedRequestError):
            split(body, str(length))
    else:
        document, tensors = split(body, str(length))
        assert (len(document), document + tensors) == (length, body)


@given(st.text(max_size=30).filter(lambda text: not (text.isascii() and text.isdigit())))
def test_a_length_that_is_no_number_is_refused(length):
    with pytest.raises(MalformedRequestError):
        split(b"{}" * 10, length)


def test_without_a_length_the_body_is_all_json():
    assert split(b"{}", None) == (b"{}", b"")
