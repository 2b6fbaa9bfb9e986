"""The HTML of an explorer on a page without kernel: a static figure, and the state for the script."""

import html
import json
from typing import Any


def state_json(state: dict[str, Any]) -> str:
    """The state as JSON that can stand inside a ``<script>`` element: no ``<``, no NaN."""
    text = json.dumps(state, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def container(state: dict[str, Any], image: str | None) -> str:
    """The explorer's place in a page.

    Args:
        state: the explorer's state.
        image: the static figure as a data URI, or None.
    """
    title, caption = (html.escape(state.get(name) or "") for name in ("title", "caption"))
    picture = f'<img src="{image}" alt="{title}. {caption}">' if image else ""
    words = f"<strong>{title}</strong> {caption}" if caption else f"<strong>{title}</strong>"
    if not image:
        words += " (This figure is drawn in the browser by JavaScript, which is switched off here.)"
    return (
        f'<div class="cx-host" id="explorer-{html.escape(state["id"])}">'
        f'<figure class="cx-static">{picture}<figcaption>{words}</figcaption></figure>'
        f'<script type="application/json">{state_json(state)}</script></div>'
    )
