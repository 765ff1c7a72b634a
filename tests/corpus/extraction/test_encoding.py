"""Bytes to text: every encoding is told, and binary data refused."""

import pytest

from llm.corpus.extraction.encoding import UnreadableError, decode

FRENCH = "Le café était fermé, et l’été finissait à Orléans. " * 3
RUSSIAN = "Жили-были старик со старухой у самого синего моря. " * 5


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (FRENCH.encode(), "utf-8"),
        (FRENCH.encode("utf-8-sig"), "utf-8"),
        (FRENCH.encode("utf-16"), "utf-16"),
        (FRENCH.encode("utf-32"), "utf-32"),
        (FRENCH.encode("cp1252"), "cp1252"),
        (b"plain", "utf-8"),
        (b"", "utf-8"),
    ],
)
def test_encodings_are_told(data, name):
    assert decode(data) == (data.decode("utf-8-sig" if name == "utf-8" else name), name)


def test_latin_1_in_an_english_text():
    text = "The naïve café owner met the façade of déjà vu. " * 4
    assert decode(text.encode("latin-1"))[0] == text


POLISH = "W tym roku zima była długa i mroźna, a wieś leżała pod śniegiem. Wąż się śmieje. "
TURKISH = "O yıl kış uzun sürdü ve köy kar altında kaldı. Yaşlı demirci evin önüne çıktı. "
HUNGARIAN = "Az öreg kovács kiment a ház elé, és nézte az utat, amelyen a fiának jönnie kellett. "
GREEK = "Η γρήγορη καφέ αλεπού πηδά πάνω από το τεμπέλικο σκυλί. "
JAPANESE = "吾輩は猫である。名前はまだ無い。①どこで生れたかとんと見当がつかぬ。"
CHINESE = "从前有一座山，山上有一座庙，庙里有个老和尚在讲故事。"
TAIWANESE = "紅樓夢是中國古典小說。從前有一座山，山上有一座廟，廟裡有個老和尚在講故事。"
KOREAN = "옛날 옛적에 호랑이가 담배 피우던 시절에 한 나무꾼이 살았습니다. "


@pytest.mark.parametrize(
    ("text", "name"),
    [
        *((RUSSIAN, name) for name in ("cp1251", "koi8-r", "iso8859-5", "cp866")),
        *((POLISH, name) for name in ("cp1250", "iso8859-2")),
        *((TURKISH, "cp1254"), (HUNGARIAN, "iso8859-2"), (GREEK, "cp1253")),
        (JAPANESE, "cp932"),
        *((JAPANESE.replace("①", ""), name) for name in ("euc_jp", "iso2022_jp")),
        *((CHINESE, "gb18030"), (TAIWANESE, "big5"), (KOREAN, "cp949"), (KOREAN, "euc_kr")),
        *((RUSSIAN, name) for name in ("utf-16-le", "utf-16-be")),
        *((FRENCH, name) for name in ("utf-16-le", "utf-16-be")),
    ],
)
@pytest.mark.parametrize("times", [4, 20])
def test_a_language_in_its_encodings(text, name, times):
    assert decode((text * times).encode(name))[0] == text * times


PAGE = '<html><head><meta {}></head><p>Wąż się śmieje: "Też!"'
DECLARED = ("charset=iso-8859-2", 'content="text/html; charset=ISO-8859-2"', "charset='latin2'")


@pytest.mark.parametrize("said", DECLARED)
def test_what_a_page_declares(said):
    page = PAGE.format(said)
    assert decode(page.encode("iso8859-2"), html=True) == (page, "iso8859-2")
    assert decode(page.encode("utf-8"), html=True) == (page, "utf-8")  # bytes say it better
    assert decode(page.encode("iso8859-2"))[1] == "cp1252"  # a text declares nothing


def test_what_a_server_says():
    text = "Wąż się śmieje."
    assert decode(text.encode("cp1250"), charset='"windows-1250"') == (text, "cp1250")
    assert decode("①～".encode("cp932"), charset="Shift_JIS") == ("①～", "cp932")
    # Not what it says; what says nothing; no name of the web, whatever Python knows it for.
    for charset in ("utf-8", "iso-8859-1", "utf-16", "punycode", "unicode_escape", "\xff", ""):
        assert decode(b"\\N caf\xe9", charset=charset) == ("\\N café", "cp1252")


@pytest.mark.parametrize("name", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "cp932"])
def test_single_damaged_characters_do_not_cost_the_text(name):
    text = JAPANESE * 20
    data = text.encode(name)
    at = 500 if name != "utf-32" else 504
    damaged, found = decode(data[:at] + b"\xff\xdf\xff\xdf" + data[at + 4 :])
    assert damaged.count("\ufffd") <= 5
    assert (damaged[:80], damaged[-80:]) == (text[:80], text[-80:])
    assert found == name.removesuffix("-sig")
    assert decode(data[:-1]) == (text[:-1], found)


def test_what_fits_utf8_by_chance_is_not_it():
    for text in ("Le café", "café " * 30, "CAFÃ©, or CAFÉ, É, É, É in capitals"):
        assert decode(text.encode("latin-1"))[0] == text


def test_a_text_with_a_few_zero_bytes_is_a_text():
    text = "One line of the story.\n" * 10 + "\x00\x00"
    assert decode(text.encode()) == (text, "utf-8")


@pytest.mark.parametrize(
    "data",
    [
        *(b"\x89PNG\r\n\x1a\n\x00\x00", b"\xff\xfe\x00", b"\xff\xfe" + bytes(range(256)) * 9),
        *(bytes(range(256)), bytes(100), b"a\x00\x00\x00" * 100, bytes(range(32)) * 9),
    ],
)
def test_binary_data_is_refused(data):
    with pytest.raises(UnreadableError):
        decode(data)
