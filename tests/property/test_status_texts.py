"""Law: whatever a name is, the status page shows it as a text, printable, and is otherwise the page of a plain name."""

from __future__ import annotations

from html.parser import HTMLParser

from hypothesis import example, given
from hypothesis import strategies as st

from b2pure.effects.served.status_page import status_page
from b2pure.effects.served.status_view import view_of
from b2pure.effects.simulator import Simulator
from b2pure.model.names import printable

NOW = 1_790_000_000_000
_NAMES = st.one_of(
    st.text(st.characters(), min_size=1, max_size=40),
    st.text("<>&\"'/=;#!-a\u202e\x00\ud800", min_size=1, max_size=40),
)


class _Reader(HTMLParser):
    """The elements of a page, and its texts."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.texts = [""]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(" ".join([tag, *(name for name, _ in attrs)]))
        self.texts.append("")

    def handle_data(self, data: str) -> None:
        self.texts[-1] += data


def _read(name: str) -> _Reader:
    simulator = Simulator(lambda: NOW)
    simulator.put(simulator.add_bucket("photos").bucket_id, name, b"")
    simulator.log.add(
        at_millis=NOW,
        method="POST",
        call_name=name,
        about=name,
        key_id=name,
        status=400,
        code=name,
        bytes_in=0,
        bytes_out=0,
    )
    view = view_of(simulator, started_millis=NOW, faults=(name,), bucket="photos")
    reader = _Reader()
    reader.feed(status_page(view))
    reader.close()
    return reader


@given(_NAMES)
@example("</bdi></th></tr></table><script>alert(1)</script>")
@example("<!--")
def test_no_name_becomes_a_part_of_the_page(name: str) -> None:
    reader = _read(name)
    assert reader.tags == _read("plain").tags
    assert printable(name) in reader.texts
