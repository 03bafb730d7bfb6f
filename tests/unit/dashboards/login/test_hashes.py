"""What stands for passwords and tokens in the file of users."""

from __future__ import annotations

import pytest

from dashboards.console.login.hashes import (
    is_password,
    is_password_hash,
    is_token_hash,
    new_token,
    password_hash,
    token_hash,
)

RFC_7914 = (  # section 12, the third vector's first 32 bytes: N = 16384, r = 8, p = 1
    "$scrypt$ln=14,r=8,p=1$U29kaXVtQ2hsb3JpZGU$cCO9yzr9c0hGHAbNgf046/2o+7qQT44+qbVD9lRdofI"
)


def test_a_password_is_known_again_by_its_hash_and_no_other_one_is() -> None:
    hashed = password_hash("four quite plain words")
    assert is_password_hash(hashed)
    assert is_password("four quite plain words", hashed)
    assert not is_password("four quite plain word", hashed)
    assert "plain" not in hashed


def test_the_same_password_has_another_hash_each_time() -> None:
    assert password_hash("four quite plain words") != password_hash("four quite plain words")


def test_the_hash_is_that_of_the_rfc() -> None:
    assert is_password_hash(RFC_7914)
    assert is_password("pleaseletmein", RFC_7914)


HASHED = password_hash("x", b"sixteen bytes of")


@pytest.mark.parametrize(
    "text",
    [
        "four quite plain words",
        "$scrypt$ln=15,r=8,p=3$c2FsdA$aGFzaA",
        HASHED.replace("ln=15", "ln=30"),
        HASHED.replace("ln=15", "ln=10"),
        HASHED.replace("r=8", "r=99"),
        HASHED.replace("p=3", "p=0"),
        token_hash("x"),
    ],
)
def test_a_hash_that_is_weak_or_would_cost_too_much_is_none(text: str) -> None:
    assert not is_password_hash(text)


def test_a_token_is_long_and_its_hash_tells_nothing_of_it() -> None:
    token = new_token()
    assert len(token) > 43
    assert is_token_hash(token_hash(token))
    assert token.removeprefix("mailweir_") not in token_hash(token)
    assert new_token() != token
