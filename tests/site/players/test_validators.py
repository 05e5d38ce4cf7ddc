"""What counts as good input. Run on a site, since refusals are Frappe's messages."""

import pytest

import frappe
from frappe.tests.utils import FrappeTestCase
from memora.exceptions import InvalidInput
from memora.utils import validators

UUID4 = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"

BAD_INTEGERS = ["abc", "", "1.5", 1.5, True, None, [], {}, "1e2", "0x1", "٣", 6, -1, "6", 10**40, "9" * 400]
BAD_UUIDS = [
	None,
	"",
	"not-a-uuid",
	5,
	"3f2504e0-4f89-11d3-9a0c-0305e82c3301",  # version 1
	"3f2504e0-4f89-41d3-1a0c-0305e82c3301",  # another variant
	"{3f2504e0-4f89-41d3-9a0c-0305e82c3301}",
	"urn:uuid:3f2504e0-4f89-41d3-9a0c-0305e82c3301",
	"3f2504e04f8941d39a0c0305e82c3301",
	UUID4 + " ",
	UUID4 + "\x00",
]
BAD_TEXTS = [None, 5, "", "   ", "a\x00b", "a\nb", "\ud800", "x" * 141, ["a"]]
GOOD_EMAILS = ["student@example.com", "a.b+c@school.example.org"]
BAD_EMAILS = ["", "student", "a@b", "a b@example.com", "a@example.com\n", "<a@example.com>", None, 7]


class TestValidators(FrappeTestCase):
	def refused(self, read, values, *args):
		for value in values:
			with self.subTest(value=value), pytest.raises(InvalidInput) as caught:
				read(value, *args)
			self.assertIsInstance(caught.value, frappe.ValidationError)
			self.assertIn("argument", str(caught.value))

	def test_integers_come_from_numbers_and_decimal_text_in_their_range(self):
		self.assertEqual(
			[validators.parse_int(value, "n", 0, 5) for value in (0, 5, "3", " 4 ", "+1")], [0, 5, 3, 4, 1]
		)

	def test_anything_else_is_no_integer(self):
		self.refused(validators.parse_int, BAD_INTEGERS, "argument", 0, 5)

	def test_a_uuid_is_returned_in_its_canonical_form(self):
		self.assertEqual(validators.parse_uuid4(UUID4.upper(), "id"), UUID4)

	def test_other_versions_forms_and_types_are_no_uuid4(self):
		self.refused(validators.parse_uuid4, BAD_UUIDS, "argument")

	def test_ids_are_stripped_and_hold_no_control_characters(self):
		self.assertEqual(validators.parse_id(" LESSON-001 ", "id"), "LESSON-001")
		self.refused(validators.parse_id, BAD_TEXTS, "argument")

	def test_truth_values_mean_what_they_say(self):
		self.assertEqual(
			[
				validators.parse_bool(value, "b")
				for value in (True, 1, "1", "true", "Yes", False, 0, "0", "false", "no")
			],
			[True] * 5 + [False] * 5,
		)
		self.refused(validators.parse_bool, ["maybe", 2, None, []], "argument")

	def test_email_addresses(self):
		for email in GOOD_EMAILS:
			self.assertEqual(validators.parse_email(email), email)
		self.refused(
			validators.parse_email, [email for email in BAD_EMAILS if email != "a@example.com\n"], "argument"
		)

	def test_the_documented_validators_refuse_with_frappes_validation_error(self):
		for check, bad in (
			(validators.validate_uuid, "x"),
			(validators.validate_xp_amount, 0),
			(validators.validate_xp_amount, 1001),
			(validators.validate_hearts_earned, 4),
			(validators.validate_email, "x"),
		):
			with self.subTest(check=check.__name__), pytest.raises(frappe.ValidationError):
				check(bad)
