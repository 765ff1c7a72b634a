"""Archives: what is whole comes out, each attack is named and refused, no bytes crash it."""

import contextlib
import io
import stat
import tarfile
import zipfile

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm.corpus.sources import members as rules
from llm.corpus.sources.archives import SUFFIXES, extract, is_archive
from llm.corpus.sources.members import ArchiveLimits, name_fault
from llm.errors import InputError

LIMITS = ArchiveLimits()


def make_zip(path, members, **changes):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            info = zipfile.ZipInfo(name)
            info.compress_type = zipfile.ZIP_DEFLATED
            for key, value in changes.items():
                setattr(info, key, value)
            archive.writestr(info, content)
    return path


def tar_bytes(members) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, content, *rest in members:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            for key, value in (rest[0] if rest else {}).items():
                setattr(info, key, value)
            archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


def make_tar(path, members):
    path.write_bytes(tar_bytes(members))
    return path


def refused(archive, *, match, limits=LIMITS):
    with pytest.raises(InputError, match=match) as caught:
        extract(archive, archive.parent / "out", limits=limits)
    error = caught.value
    assert error.exit_code == 3
    assert archive.name in str(error.details["where"])
    assert all(error.details.values())
    return error


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_every_kind_comes_out_whole(tmp_path, suffix):
    members = [("a.txt", b"one"), ("sub/b.txt", b"two" * 10_000), ("sub/.hidden", b"no")]
    path = tmp_path / f"books{suffix}"
    if suffix == ".zip":
        make_zip(path, members)
    elif suffix == ".tar.zst":
        path.write_bytes(pa.compress(tar_bytes(members), codec="zstd", asbytes=True))
    else:
        packed = next((kind for kind in ("gz", "xz", "bz2") if suffix.endswith(kind)), None)
        mode = "w:gz" if suffix == ".tgz" else f"w:{packed}" if packed else "w"
        # The modes are known to the type checker as literals only.
        with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
            folder = tarfile.TarInfo("./sub")
            folder.type = tarfile.DIRTYPE
            archive.addfile(folder)
            for name, content in members:
                info = tarfile.TarInfo(f"./{name}")
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
    assert is_archive(path.name)
    assert extract(path, tmp_path / "out", limits=LIMITS) == ["a.txt", "sub/b.txt"]
    assert (tmp_path / "out" / "sub" / "b.txt").read_bytes() == b"two" * 10_000
    assert sorted(p.name for p in (tmp_path / "out").rglob("*")) == ["a.txt", "b.txt", "sub"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("../evil.txt", "leads out"),
        ("a/../../evil.txt", "leads out"),
        ("/etc/evil.txt", "absolute"),
        ("C:/evil.txt", "absolute"),
        ("..\\evil.txt", "backslash"),
        ("a\nb.txt", "control character"),
        ("a//b.txt", "empty part"),
        ("a/./b.txt", "empty part"),
        ("x" * 300 + ".txt", "too long"),
    ],
)
@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_a_name_that_leads_elsewhere(tmp_path, name, message, kind):
    if kind == "zip":
        archive = make_zip(tmp_path / "a.zip", [(name, b"x")])
    else:
        archive = make_tar(tmp_path / "a.tar", [(name, b"x")])
    error = refused(archive, match=message)
    assert repr(name) in str(error.details["where"])
    assert not (tmp_path / "evil.txt").exists()
    assert not (tmp_path.parent / "evil.txt").exists()


def test_a_name_cut_at_a_zero_byte(tmp_path):
    archive = make_zip(tmp_path / "a.zip", [("aXb.txt", b"x")])
    archive.write_bytes(archive.read_bytes().replace(b"aXb.txt", b"a\x00b.txt"))
    refused(archive, match="control character")


def test_a_name_that_is_not_utf8(tmp_path):
    archive = tmp_path / "a.tar"
    with tarfile.open(archive, "w", format=tarfile.GNU_FORMAT, errors="surrogateescape") as out:
        out.addfile(tarfile.TarInfo("caf\udce9.txt"), io.BytesIO())
    refused(archive, match="not UTF-8")


@pytest.mark.parametrize(
    ("kind", "target"),
    [
        (tarfile.SYMTYPE, "/etc/passwd"),
        (tarfile.LNKTYPE, "../../a"),
        (tarfile.CHRTYPE, ""),
        (tarfile.BLKTYPE, ""),
        (tarfile.FIFOTYPE, ""),
    ],
)
def test_links_and_devices_in_a_tar(tmp_path, kind, target):
    members = [("good.txt", b"x"), ("bad", b"", {"type": kind, "linkname": target})]
    error = refused(make_tar(tmp_path / "a.tar", members), match="link, a device")
    assert "'bad'" in str(error.details["where"])
    assert not (tmp_path / "out" / "bad").is_symlink()


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFCHR, stat.S_IFIFO])
def test_links_and_devices_in_a_zip(tmp_path, kind):
    archive = make_zip(
        tmp_path / "a.zip", [("bad", b"/etc/passwd")], create_system=3, external_attr=kind << 16
    )
    refused(archive, match="link or a device")
    assert not (tmp_path / "out" / "bad").exists()


def test_a_sparse_file(tmp_path):
    archive = make_tar(tmp_path / "a.tar", [("a.txt", b"x", {"type": tarfile.GNUTYPE_SPARSE})])
    refused(archive, match="sparse file|truncated or damaged")


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        ("a.txt", "a.txt", "twice"),
        ("a.txt", "./a.txt", "twice"),
        ("a.txt", "A.TXT", "twice"),
        ("Straße.txt", "STRASSE.txt", "twice"),
        ("caf\u00e9.txt", "cafe\u0301.txt", "twice"),
        ("a", "a/b.txt", "used as a folder"),
        ("a/b.txt", "A", "twice"),
    ],
)
def test_names_that_stand_there_twice(tmp_path, first, second, message):
    archive = make_tar(tmp_path / "a.tar", [(first, b"1"), (second, b"2")])
    refused(archive, match=message)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_twice_in_a_zip(tmp_path):
    refused(make_zip(tmp_path / "a.zip", [("a", b"1"), ("a", b"2")]), match="twice")


def test_an_encrypted_member(tmp_path):
    archive = make_zip(tmp_path / "a.zip", [("a.txt", b"secret")])
    content = bytearray(archive.read_bytes())
    content[6] |= 1  # general purpose bit 0 of the local header, and of the central directory
    content[content.index(b"PK\x01\x02") + 8] |= 1
    archive.write_bytes(content)
    refused(archive, match="encrypted")


@pytest.mark.parametrize("kind", ["zip", "tar.gz"])
def test_a_bomb(tmp_path, monkeypatch, kind):
    monkeypatch.setattr(rules, "_HARMLESS_BYTES", 100_000)
    path = tmp_path / f"a.{kind}"
    if kind == "zip":
        make_zip(path, [("zeros", bytes(2_000_000))])
    else:
        with tarfile.open(path, "w:gz") as archive:
            info = tarfile.TarInfo("zeros")
            info.size = 2_000_000
            archive.addfile(info, io.BytesIO(bytes(2_000_000)))
    error = refused(path, match="a bomb")
    assert "maximum_ratio" in str(error.details["remedy"])
    assert extract(path, tmp_path / "two", limits=ArchiveLimits(maximum_ratio=2000.0)) == ["zeros"]


def test_a_bomb_behind_the_end_of_a_tar(tmp_path, monkeypatch):
    monkeypatch.setattr(rules, "_HARMLESS_BYTES", 100_000)
    path = tmp_path / "a.tar.zst"
    content = tar_bytes([("a.txt", b"x")]) + bytes(50_000_000)
    path.write_bytes(pa.compress(content, codec="zstd", asbytes=True))
    refused(path, match="a bomb")


@pytest.mark.parametrize(
    "first", [tar_bytes([("a.txt", b"x")]), tar_bytes([("a.txt", b"x")])[:2048]]
)
@pytest.mark.parametrize("more", [tar_bytes([("b.txt", b"y")]), bytes(20_000) + b"x"])
def test_what_stands_behind_the_end_of_a_tar_is_not_lost(tmp_path, first, more):
    (tmp_path / "a.tar").write_bytes(first + more)
    refused(tmp_path / "a.tar", match="behind the end")
    (tmp_path / "b.tar").write_bytes(first + bytes(50_000))
    assert extract(tmp_path / "b.tar", tmp_path / "fine", limits=LIMITS) == ["a.txt"]


def test_a_header_that_fills_the_memory(tmp_path):
    members = [("a.txt", b"x", {"pax_headers": {"comment": "x" * 2_000_000}})]
    refused(make_tar(tmp_path / "a.tar", members), match="header over 1 MiB")


def test_headers_nested_without_end(tmp_path):
    (header,) = [tarfile.TarInfo("././@LongLink")]
    header.type, header.size = tarfile.GNUTYPE_LONGNAME, 0
    (tmp_path / "a.tar").write_bytes(header.tobuf(tarfile.GNU_FORMAT) * 1900)
    refused(tmp_path / "a.tar", match="truncated or damaged")


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_too_many_members_and_too_many_bytes(tmp_path, kind):
    members = [(f"{n}.txt", b"x" * 100) for n in range(5)]
    archive = (make_zip if kind == "zip" else make_tar)(tmp_path / f"a.{kind}", members)
    few = refused(archive, match="beyond the limit", limits=ArchiveLimits(maximum_members=4))
    assert "'4.txt'" in str(few.details["where"])
    limits = ArchiveLimits(maximum_bytes=450)
    again = tmp_path / "again"
    with pytest.raises(InputError, match="more than 450 bytes"):
        extract(archive, again, limits=limits)


@pytest.mark.parametrize("kind", ["zip", "tar.gz", "tar"])
def test_a_damaged_archive(tmp_path, kind):
    content = bytes(range(256)) * 100
    path = tmp_path / f"a.{kind}"
    if kind == "zip":
        make_zip(path, [("a.txt", content)])
    else:
        with tarfile.open(path, "w:gz" if kind == "tar.gz" else "w") as archive:
            info = tarfile.TarInfo("a.txt")
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    whole = path.read_bytes()
    for number, end in enumerate((len(whole) // 2, len(whole) - 12, 5)):
        if kind == "tar" and end == len(whole) - 12:
            end = 512 + len(content)  # cut where the member ends
        path.write_bytes(whole[:end])
        with pytest.raises(InputError, match="truncated or damaged"):
            extract(path, tmp_path / f"out{number}", limits=LIMITS)


def test_a_checksum_that_is_wrong(tmp_path):
    path = make_zip(tmp_path / "a.zip", [("a.txt", b"x" * 50)])
    content = bytearray(path.read_bytes())
    content[14] ^= 0xFF  # the CRC-32 in the local header, and in the central directory
    content[content.index(b"PK\x01\x02") + 16] ^= 0xFF
    path.write_bytes(content)
    refused(path, match="truncated or damaged")


@given(st.data(), st.sampled_from(["zip", "tar"]))
@settings(max_examples=150, deadline=None)
def test_no_bytes_crash_it(tmp_path_factory, data, kind):
    folder = tmp_path_factory.mktemp("archive", numbered=True)
    members = [("a/b.txt", b"one" * 50), ("c.txt", b"two")]
    path = (make_zip if kind == "zip" else make_tar)(folder / f"a.{kind}", members)
    content = bytearray(path.read_bytes())
    for place in data.draw(st.lists(st.integers(0, min(len(content), 1200) - 1), max_size=4)):
        content[place] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    names: list[str] = []
    with contextlib.suppress(InputError):
        names = extract(path, folder / "out", limits=LIMITS)
    assert {p.relative_to(folder).parts[0] for p in folder.rglob("*")} <= {path.name, "out"}
    assert not any(name_fault(name) for name in names)
