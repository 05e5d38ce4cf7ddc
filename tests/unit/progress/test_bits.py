import pytest
from hypothesis import given
from hypothesis import strategies as st

from memora.services.progress_engine.bits import (
	check_bit,
	count_set,
	decode_bitmap_from_mariadb,
	encode_bitmap_for_mariadb,
	indexes_on,
	mask_of,
	redis_offset,
	set_bit,
)

BITMAPS = st.binary(max_size=64)
INDEXES = st.integers(0, 600)


@pytest.mark.parametrize("bit_index", [0, 7, 8, 99])
def test_a_bit_set_past_the_end_grows_the_bitmap_and_reads_back(bit_index):
	bitmap = set_bit(b"", bit_index)
	assert check_bit(bitmap, bit_index)
	assert len(bitmap) == bit_index // 8 + 1


@given(BITMAPS, INDEXES)
def test_setting_a_bit_turns_on_that_bit_and_no_other(bitmap, bit_index):
	assert indexes_on(set_bit(bitmap, bit_index)) == indexes_on(bitmap) | {bit_index}


@given(BITMAPS, INDEXES)
def test_setting_a_bit_twice_is_setting_it_once(bitmap, bit_index):
	once = set_bit(bitmap, bit_index)
	assert set_bit(once, bit_index) == once


def test_setting_a_bit_leaves_the_bitmap_that_came_in_as_it_was():
	bitmap = b"\x00"
	set_bit(bitmap, 3)
	assert bitmap == b"\x00"


def test_bit_zero_is_the_lowest_of_the_first_byte_and_bit_nine_the_second_of_the_next():
	assert set_bit(b"", 0) == b"\x01"
	assert set_bit(b"", 9) == b"\x00\x02"


@given(BITMAPS)
def test_the_positions_that_are_on_are_those_that_read_as_on(bitmap):
	assert indexes_on(bitmap) == {index for index in range(8 * len(bitmap)) if check_bit(bitmap, index)}


@given(BITMAPS, st.sets(INDEXES))
def test_only_the_positions_asked_for_are_counted(bitmap, bit_indexes):
	assert count_set(bitmap, mask_of(bit_indexes)) == len(indexes_on(bitmap) & bit_indexes)
	assert mask_of(bit_indexes).bit_count() == len(bit_indexes)


@pytest.mark.parametrize("bit_index", [0, 8, 4096])
def test_past_the_end_of_a_bitmap_every_bit_is_off(bit_index):
	assert check_bit(b"", bit_index) is False


@pytest.mark.parametrize(
	"function", [lambda i: set_bit(b"", i), lambda i: check_bit(b"\xff", i), redis_offset]
)
def test_a_negative_index_is_refused_by_name(function):
	with pytest.raises(ValueError, match="bit_index must be zero or more, got -1"):
		function(-1)


@pytest.mark.parametrize(("bit_index", "offset"), [(0, 7), (7, 0), (8, 15), (9, 14), (15, 8)])
def test_redis_counts_from_the_other_end_of_each_byte(bit_index, offset):
	assert redis_offset(bit_index) == offset


@given(INDEXES)
def test_the_bit_that_redis_sets_at_the_offset_is_the_one_we_read(bit_index):
	offset = redis_offset(bit_index)
	as_redis_writes_it = bytearray(offset // 8 + 1)
	as_redis_writes_it[offset // 8] = 0x80 >> offset % 8
	assert indexes_on(bytes(as_redis_writes_it)) == {bit_index}


@given(BITMAPS)
def test_a_bitmap_survives_the_way_to_mariadb_and_back(bitmap):
	encoded = encode_bitmap_for_mariadb(bitmap)
	assert encoded.isascii()
	assert decode_bitmap_from_mariadb(encoded) == bitmap


@pytest.mark.parametrize("nothing", [None, ""])
def test_a_row_without_a_bitmap_reads_as_an_empty_one(nothing):
	assert decode_bitmap_from_mariadb(nothing) == b""


def test_text_that_is_no_base64_is_refused():
	with pytest.raises(ValueError, match="base64"):
		decode_bitmap_from_mariadb("not base64 at all!")
