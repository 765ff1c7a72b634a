"""Marks that end a sentence or a line, in the scripts that corpora hold."""

from __future__ import annotations

# Of Unicode's property Sentence_Terminal: Latin, Greek and Cyrillic; Arabic, Urdu and Syriac;
# Devanagari and its relatives; Armenian; Ethiopic; Burmese; Khmer; Chinese and Japanese.
_SPACED_ENDS = ".!?؟۔܀।॥։።፧၊။។៕⁇⁈⁉"
FULL_WIDTH_ENDS = "。！？．｡"  # no space stands behind them
SENTENCE_ENDS = _SPACED_ENDS + FULL_WIDTH_ENDS
ELLIPSES = ("...", "…")
CLOSING_QUOTES = "\"'”’»›」』"
CLOSING = CLOSING_QUOTES + ")]）】"
