"""What a line may hold that moves no cursor and forges no other line."""

from __future__ import annotations

import unicodedata
from typing import Final

from hypothesis import strategies as st

__all__ = ["ODD", "is_plain", "server_texts"]

ODD: Final = (
    "\x00\x07\x08\t\n\r\x1b\x7f\x85\x90\x9b\x9d\xad"
    "\u061c\u200b\u200e\u2028\u2029\u202e\u2066\ufeff\U000e0041"
)
"""Characters that clear a screen, end a line, turn it round, or hide."""

server_texts: Final = st.text(
    st.characters(codec="utf-8") | st.sampled_from(ODD + "\u200d"), min_size=1
)
"""What a server may say."""


def is_plain(text: str) -> bool:
    """Whether a text is one line, without a control or an invisible format but for joiners."""
    return not any(
        unicodedata.category(each) in {"Cc", "Cf", "Cs", "Zl", "Zp"} and each not in "\u200c\u200d"
        for each in text
    )
