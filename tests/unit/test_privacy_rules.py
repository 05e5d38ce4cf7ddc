"""By which words an erased person is found."""

import pytest

from memora.services.privacy import identity

USER = "ann.lee+x@example.com"


@pytest.mark.parametrize(
	"text",
	[
		USER,
		f"rate_limit:{USER}@10.0.0.1:login",
		f'{{"user":"{USER}"}}',
		"usr=ann.lee%2Bx%40example.com&x=1",
		"email=3Dann.lee%2Bx%40example.com",
		f"line\\n{USER}",
		f"to {USER}. And then",
		USER.upper(),
	],
)
def test_a_person_is_found_wherever_his_name_stands_by_itself(text):
	assert identity.compile_text([USER]).search(text)
	assert identity.compile_bytes([USER]).search(text.encode())


@pytest.mark.parametrize(
	"text", [f"jo{USER}", f"jo.{USER}", f"{USER}.org", f"{USER}x", f"{USER}-x", "ann.leexx@example.com"]
)
def test_nobody_elses_name_is_mistaken_for_his(text):
	assert not identity.compile_text([USER]).search(text)


@pytest.mark.parametrize("words", [[], [""], ["a", ""]])
def test_nobody_is_looked_for_by_nothing(words):
	with pytest.raises(ValueError, match="an empty word"):
		identity.pattern(words)
