"""Progress bitmaps as plain bytes. Pure: no Frappe, no Redis.

Bit i stands for the lesson with bit_index i: value 1 << (i % 8) of byte i // 8. Redis numbers the other way round
inside a byte, see `redis_offset`. In MariaDB a bitmap is Base64 text.
"""

import base64
from collections.abc import Iterable


def set_bit(bitmap_bytes: bytes, bit_index: int) -> bytes:
	"""Return a copy of the bitmap with one bit on, growing it when the index lies past the end."""
	_require_index(bit_index)
	byte_index, offset = divmod(bit_index, 8)
	grown = bytearray(bitmap_bytes.ljust(byte_index + 1, b"\x00"))
	grown[byte_index] |= 1 << offset
	return bytes(grown)


def check_bit(bitmap_bytes: bytes, bit_index: int) -> bool:
	"""Whether the bit is on; past the end of the bitmap all bits are off."""
	_require_index(bit_index)
	byte_index, offset = divmod(bit_index, 8)
	return byte_index < len(bitmap_bytes) and bool(bitmap_bytes[byte_index] >> offset & 1)


def indexes_on(bitmap_bytes: bytes) -> set[int]:
	"""The positions that are on: for many questions to one bitmap."""
	return {
		8 * byte_index + offset
		for byte_index, byte in enumerate(bitmap_bytes)
		if byte
		for offset in range(8)
		if byte >> offset & 1
	}


def mask_of(bit_indexes: Iterable[int]) -> int:
	"""A set of positions as a number, for many questions with one set: see `count_set`."""
	indexes = list(bit_indexes)
	mask = bytearray(max(indexes, default=0) // 8 + 1)
	for bit_index in indexes:
		_require_index(bit_index)
		mask[bit_index // 8] |= 1 << bit_index % 8
	return int.from_bytes(mask, "little")


def count_set(bitmap_bytes: bytes, mask: int) -> int:
	"""How many positions of the mask are on.

	Not a count of all bits: a bitmap keeps the bits of lessons that are gone or hidden.
	"""
	return (int.from_bytes(bitmap_bytes, "little") & mask).bit_count()


def union(some: bytes, others: bytes) -> bytes:
	"""The positions that are on in one or the other."""
	both = int.from_bytes(some, "little") | int.from_bytes(others, "little")
	return both.to_bytes(max(len(some), len(others)), "little")


def redis_offset(bit_index: int) -> int:
	"""The offset under which Redis's SETBIT and GETBIT find this bit."""
	_require_index(bit_index)
	return 8 * (bit_index // 8) + 7 - bit_index % 8


def encode_bitmap_for_mariadb(bitmap_bytes: bytes) -> str:
	return base64.b64encode(bitmap_bytes).decode("ascii")


def decode_bitmap_from_mariadb(encoded: str | None) -> bytes:
	"""The bitmap of a progress row; empty bytes for a row that has none yet.

	Raises:
		ValueError: the text is not Base64.
	"""
	return base64.b64decode(encoded, validate=True) if encoded else b""


def is_list_of_lessons(encoded: str | None) -> bool:
	"""Whether JSON of an earlier system stands where a progress row has its bitmap (see `migration`)."""
	return bool(encoded) and encoded.lstrip()[:1] in ("[", "{")


def _require_index(bit_index: int) -> None:
	if bit_index < 0:
		raise ValueError(f"bit_index must be zero or more, got {bit_index}")
