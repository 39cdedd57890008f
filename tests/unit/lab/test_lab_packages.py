from __future__ import annotations

import pytest
from lab.packages import candidate_major


@pytest.mark.parametrize(
    ("policy", "major"),
    [
        ("qemu-system-x86:\n  Installed: (none)\n  Candidate: 1:7.2+dfsg-7+deb12u18\n", 7),
        ("qemu-system-x86:\n  Installed: (none)\n  Candidate: 1:10.0.2+ds-2\n", 10),
        ("qemu-system-x86:\n  Installed: (none)\n  Candidate: (none)\n", 0),
        ("", 0),
    ],
)
def test_candidate_major(policy: str, major: int) -> None:
    assert candidate_major(policy) == major
