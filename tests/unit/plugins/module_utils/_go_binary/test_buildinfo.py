# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._elf.file import FormatError
from ansible_collections.gofleet.hosts.plugins.module_utils._go_binary.buildinfo import (
    BuildInfo,
    Module,
    parse_modules,
    read_build_info,
    unquote,
)

from .._elf.elf_maker import MODULES, Part, Shape, elf_file, inline_info, parsed, pointed_info
from .._elf.test_file import SHAPES

MANY = 1 << 26
INFO = BuildInfo(
    go_version="go1.26.6",
    package="example.com/app",
    main=Module("example.com/app", "(devel)", ""),
    deps=(
        Module("example.com/one", "v1.0.0", "h1:one="),
        Module("example.com/two", "v2.0.0", "", Module("example.com/fork", "v2.0.1", "h1:fork=")),
    ),
    settings={"-buildmode": "exe", "GOARCH": "amd64", "GOAMD64": "v1"},
)


def read(data: bytes, *, at_most: int = MANY) -> BuildInfo | None:
    return read_build_info(parsed(data), at_most=at_most)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("sections", [True, False])
def test_since_go_118_the_texts_follow_the_header(shape: Shape, sections: bool) -> None:
    shape = shape._replace(sections=sections)
    parts = [Part(".data", b"\xff Go build" * 7), Part(".go.buildinfo", inline_info())]
    assert read(elf_file(*parts, shape=shape)) == INFO


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("sections", [True, False])
def test_before_go_118_the_header_points_to_the_texts(shape: Shape, sections: bool) -> None:
    shape = shape._replace(sections=sections)
    found = read(elf_file(*pointed_info(shape), shape=shape))
    assert found == INFO._replace(go_version="go1.17")


def test_a_program_without_modules_has_a_version() -> None:
    found = read(elf_file(Part(".go.buildinfo", inline_info("devel go1.28-abc", ""))))
    assert found == BuildInfo("devel go1.28-abc", "", None, (), {})


def test_the_magic_counts_only_at_multiples_of_16() -> None:
    false = b"12345678" + inline_info("go1.1") + b"123"
    data = elf_file(Part("false", false), Part("true", inline_info()), shape=Shape(sections=False))
    assert read(data) == INFO
    assert read(elf_file(Part("false", false), shape=Shape(sections=False))) is None


def test_the_search_crosses_chunks_and_has_an_end() -> None:
    data = elf_file(
        Part("zeros", bytes((1 << 20) + 48)), Part("info", inline_info()), shape=Shape(sections=False)
    )
    assert read(data) == INFO
    assert read(data, at_most=1 << 20) is None


def test_a_program_of_another_language_has_none() -> None:
    assert read(elf_file(Part(".data", bytes(100)))) is None
    assert read(elf_file(Part(".data", b""))) is None


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (bytes(64), "magic bytes of Go's linker"),
        (inline_info()[:20], "within"),
        (inline_info("", MODULES), "no version"),
        (b"\xff Go buildinf:\x08\x02" + bytes(16) + b"\xff" * 12, "length"),
        (b"\xff Go buildinf:\x08\x02" + bytes(16) + b"\xff\xff\xff\x7f", "a text of 268435455 bytes"),
        (b"\xff Go buildinf:\x08\x02" + bytes(16) + b"\xff\x07go1", "ends within its build information"),
        (b"\xff Go buildinf:\x03\x00" + bytes(16), "pointers of 3 bytes"),
        (b"\xff Go buildinf:\x08\x00" + bytes(16), "no version"),
        (b"\xff Go buildinf:\x08\x00" + b"\xff" * 16, "no version"),
    ],
)
def test_damaged_information_is_an_error(content: bytes, message: str) -> None:
    # The sections stand behind, so that a length may lead out of the section but not out of the file.
    with pytest.raises(FormatError, match=message):
        read(elf_file(Part(".go.buildinfo", content), shape=Shape()))


def test_pointers_to_nothing_are_an_error() -> None:
    head, strings, text = pointed_info(Shape())
    assert callable(strings.content)
    far = strings.content({"text": 1 << 40})
    with pytest.raises(FormatError, match="ends within"):
        read(elf_file(head, strings._replace(content=far), text))


@pytest.mark.parametrize(
    ("line", "settings"),
    [
        ('build\t-ldflags="-X \\"main.v=a b\\\\c`\\""', {"-ldflags": '-X "main.v=a b\\c`"'}),
        ("build\t-tags=a,b", {"-tags": "a,b"}),
        ("build\tCGO_CFLAGS=", {"CGO_CFLAGS": ""}),
        ("build\tx=`a b`", {"x": "a b"}),
        ('build\t"a b"=c', {"a b": "c"}),
        ("build\t`a=b`=`c d`", {"a=b": "c d"}),
        ("build\tx=a=b", {"x": "a=b"}),
        ("future\tx", {}),
        ("", {}),
    ],
)
def test_settings_as_go_quotes_them(line: str, settings: dict[str, str]) -> None:
    assert parse_modules(line + "\n", go_version="go1").settings == settings


@pytest.mark.parametrize(
    "text",
    [
        "build\tx",
        "build\t=x",
        "build\t",
        'build\t"x=y',
        'build\t"x"y',
        'build\tx="y',
        'build\tx="y"z',
        'build\tx="\\q"',
        'build\tx="\\ud800"',
        'build\tx="\\Uffffffff"',
        "mod\ta",
        "dep\ta\tb\tc\td",
        "=>\ta\tb\tc",
        "path\tx\n=>\ta\tb\tc",
        "mod\ta\tb\n=>\ta",
    ],
)
def test_lines_that_go_does_not_write_are_refused(text: str) -> None:
    with pytest.raises(FormatError):
        parse_modules(text + "\n", go_version="go1")


def test_the_main_module_can_be_replaced() -> None:
    main = parse_modules("mod\ta\tv1\n=>\tb\tv2\t\n", go_version="go1").main
    assert main == Module("a", "v1", "", Module("b", "v2", ""))


@pytest.mark.parametrize(
    ("quoted", "text"),
    [
        ('""', ""),
        ('"a\\tb\\n"', "a\tb\n"),
        ('"\\a\\b\\f\\r\\v\\\\\\""', '\a\b\f\r\v\\"'),
        ('"\\xc3\\xa9"', "é"),
        ('"\\303\\251"', "é"),
        ('"\\u00e9\\U0001F600"', "é😀"),
        ('"\\xff"', "\ufffd"),
        ("`a\\nb`", "a\\nb"),
        ('"é"', "é"),
    ],
)
def test_unquotes_as_go_does(quoted: str, text: str) -> None:
    assert unquote(quoted) == text
