"""From HTML to text: whole pages to what they say, fragments inside plain text to plain text.

Pages go through Resiliparse (Bevendorff et al. 2018), which leaves out what stands around the main
content by where it stands, class names and links. DataComp-LM (Li et al. 2024, section 4.2) found
models trained on its texts as good as on trafilatura's at an eighth of the time. Fragments keep the
line breaks of the text around them, which a page extractor would fold, so these go through
selectolax's parser and the few rules below.
"""

from __future__ import annotations

import html
import re

_BLOCKS = (
    "address,article,aside,blockquote,body,caption,dd,div,dl,dt,fieldset,figcaption,figure,form,"
    "h1,h2,h3,h4,h5,h6,header,hr,li,main,ol,p,pre,section,table,tbody,tr,ul"
)
_NOT_CONTENT = [
    *("script", "style", "noscript", "template", "head", "nav", "footer", "svg", "iframe"),
    *("button", "select", "textarea", "form"),
]
_TAG = re.compile(
    r"</?(?:a|abbr|article|b|blockquote|body|br|code|div|em|font|footer|h[1-6]|head|header|hr|html"
    r"|i|img|li|link|main|meta|nav|ol|p|pre|script|section|small|span|strong|style|sub|sup|table"
    r"|tbody|td|th|thead|title|tr|u|ul)(?:\s[^<>]{0,2000})?/?>|<!--|<!doctype html",
    re.IGNORECASE,
)
_ENTITY = re.compile(r"&(?:amp|nbsp|lt|gt|quot|apos|mdash|ndash|hellip|[lr][sd]quo|#\d{2,6});")
_PAGE = re.compile(
    r"\s*(?:<!--.{0,2000}?-->\s*)?<(?:!doctype html|html)\b", re.IGNORECASE | re.DOTALL
)

# Tags that nest: neither the empty ones nor those that the next of their kind ends.
_NESTING = re.compile(
    r"<(/?)(?!(?:p|li|td|th|tr|dd|dt|br|hr|img|meta|link|input|option|wbr|source|area|col)\b)[a-z]",
    re.IGNORECASE,
)
_ANY_TAG = re.compile(r"<[^<>]{0,2000}>")
_DEEPEST = 500  # parsers take time by the square of the depth, and no page is written so
# The same holds for the attributes of one tag. In its values stands what it likes, but no "<" bare.
_OPEN_TAG = re.compile(r"""(<[a-z][\w:-]*)(?:[^<>"']++|"[^"]*+"|'[^']*+')*+""", re.IGNORECASE)
_VALUE = re.compile(r""""[^"]*"|'[^']*'""")
_MOST_ATTRIBUTES = 1000
_SHORT_TAG = 2 * _MOST_ATTRIBUTES  # characters: no more attributes can stand there


def has_markup(text: str) -> bool:
    """Whether a text holds HTML: two known tags, or one and an entity, or two entities."""
    signs = 0
    for pattern, sign in ((_TAG, "<"), (_ENTITY, "&")):
        if sign not in text:
            continue
        for _ in pattern.finditer(text):
            signs += 1
            if signs == 2:
                return True
    return False


def strip_markup(text: str, *, page: bool, main_content: bool) -> str:
    """The readable text of HTML: no tags, scripts or page furniture; blocks become paragraphs.

    page: the text is a whole page, as one that begins with <html> is anyhow. main_content: of a
    page without menus, headers, footers and adverts; all of it where nothing would be left. Of
    tags nested over 500 deep, which only accidents and attacks are, just the tags go; one with
    over 1,000 attributes loses them.
    """
    text = _without_swarms(text)
    if _depth(text) > _DEEPEST:
        return html.unescape(_ANY_TAG.sub(" ", text))
    if page or _PAGE.match(text):
        return _page_text(text, main_content=main_content)
    return _fragment_text(text)


def _without_swarms(text: str) -> str:
    """A text whose tags have so many attributes at most as a parser can compare with each other."""
    if max(map(len, text.split(">"))) <= _SHORT_TAG:
        return text

    def bare(tag: re.Match[str]) -> str:
        whole = tag.group()
        swarm = len(whole) > _SHORT_TAG and len(_VALUE.sub("", whole).split()) > _MOST_ATTRIBUTES
        return tag.group(1) if swarm else whole

    return _OPEN_TAG.sub(bare, text)


def _depth(text: str) -> int:
    """How deep the tags of a text are nested at most."""
    depth = deepest = 0
    for tag in _NESTING.finditer(text):
        depth = max(0, depth - 1) if tag.group(1) else depth + 1
        deepest = max(deepest, depth)
    return deepest


def _page_text(text: str, *, main_content: bool) -> str:
    from resiliparse.extract.html2text import extract_plain_text

    found = ""
    if main_content:
        found = extract_plain_text(text, main_content=True, alt_texts=False, list_bullets=False)
    if not found.strip():
        found = extract_plain_text(text, alt_texts=False, list_bullets=False)
    return str(found)


def _fragment_text(text: str) -> str:
    from selectolax.lexbor import LexborHTMLParser

    tree = LexborHTMLParser(text)
    tree.strip_tags(_NOT_CONTENT)
    body = tree.body
    if body is None:
        return ""
    for node in body.css("br"):
        node.replace_with("\n")
    for node in body.css(_BLOCKS):
        if node.mem_id != body.mem_id:
            node.insert_before("\n\n")
            node.insert_after("\n\n")
    for node in body.css("td,th"):
        node.insert_after(" ")
    return body.text(deep=True, separator="")
