from __future__ import annotations

import pytest
from lab.errors import LabError
from lab.host_list import parse_hosts


def test_order_is_kept() -> None:
    assert list(parse_hosts(["b=debian-13", "a=debian-12"]).items()) == [
        ("b", "debian-13"),
        ("a", "debian-12"),
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["deb12"], "HOST=IMAGE"),
        (["=debian-12"], "lower-case letters"),
        (["Deb12=debian-12"], "lower-case letters"),
        (["../x=debian-12"], "lower-case letters"),
        (["-x=debian-12"], "lower-case letters"),
        (["a=debian-10"], "wanted one of debian-12"),
        (["a="], "wanted one of debian-12"),
        (["a=debian-12", "a=debian-13"], "named twice"),
        ([], "found 0"),
    ],
)
def test_bad_input_is_explained(arguments: list[str], message: str) -> None:
    with pytest.raises(LabError, match=message):
        parse_hosts(arguments)
