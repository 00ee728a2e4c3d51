"""The status page as HTML: a pure function of a `StatusView`.

Rules. Every text goes through `_text`, which makes it printable and then escapes it: only what is already `Markup` is
taken as it is, so that no name of a file can become part of the page. Nothing is loaded from anywhere, there is no
script, and `POLICY` forbids both.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from html import escape
from typing import Final
from urllib.parse import quote

from b2pure.effects.served.status_view import BucketView, FileView, StatusView
from b2pure.effects.simulator.meter import Entry
from b2pure.model.names import printable
from b2pure.plan.bill import Bill, BilledClass, Usage
from b2pure.plan.cost import dollars
from b2pure.plan.summary import human_bytes

__all__ = ["JSON_PATH", "PAGE_PATH", "POLICY", "status_page"]

PAGE_PATH: Final = "/"
JSON_PATH: Final = "/status.json"
_OFFERED_REFRESH: Final = 5
"""Seconds."""


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def _text(content: str | int) -> Markup:
    """Any text as HTML, with what cannot be seen made visible."""
    return content if isinstance(content, Markup) else Markup(escape(printable(str(content))))


def _join(*contents: str | int) -> Markup:
    return Markup("".join(map(_text, contents)))


def _el(tag: str, *contents: str | int, **attributes: str | int | None) -> Markup:
    """An element. A `_` at the end of an attribute's name goes, any other is a hyphen; None leaves it out."""
    told = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{_text(value)}"'
        for name, value in attributes.items()
        if value is not None
    )
    return Markup(f"<{tag}{told}>{_join(*contents)}</{tag}>")


def _name(text: str) -> Markup:
    """A name that somebody chose: letters of any direction turn neither what stands beside it nor its extension."""
    return _el("bdi", text, dir="ltr", class_="name")


def _code(text: str) -> Markup:
    return _el("code", text)


def _link(href: str, *contents: str | int, **attributes: str | None) -> Markup:
    return _el("a", *contents, href=href, **attributes)


def _href(bucket: str | None = None, after: str = "", refresh: int | None = None) -> str:
    """The address of a page like this one."""
    fields = [("bucket", bucket or ""), ("after", after), ("refresh", "" if refresh is None else str(refresh))]
    query = "&".join(f"{key}={quote(value, safe='', errors='replace')}" for key, value in fields if value)
    return f"{PAGE_PATH}?{query}" if query else PAGE_PATH


def status_page(view: StatusView, refresh_seconds: int | None = None) -> str:
    """The view as a page, which asks the browser to load it again after `refresh_seconds`."""
    head = _join(
        Markup('<meta charset="utf-8">'),
        Markup('<meta name="viewport" content="width=device-width, initial-scale=1">'),
        Markup('<meta name="color-scheme" content="light dark">'),
        Markup("" if refresh_seconds is None else f'<meta http-equiv="refresh" content="{refresh_seconds}">'),
        Markup(f'<link rel="icon" href="{_ICON}">'),
        _el("title", "b2pure: simulated B2"),
        Markup(f"<style>{_CSS}</style>"),
    )
    main = _el(
        "main",
        _overview(view),
        _buckets(view, refresh_seconds),
        _files(view, refresh_seconds),
        _requests(view),
        _usage(view),
        _el("div", _el("div", _faults(view), _connect(view)), _limits(view), class_="pair"),
        id="main",
    )
    body = _el("body", _link("#main", "Skip to the content", class_="skip"), _header(view, refresh_seconds), main)
    return "<!doctype html>\n" + _el("html", _el("head", head), body, lang="en")


def _header(view: StatusView, refresh: int | None) -> Markup:
    jumps = [("Buckets", "buckets"), ("Requests", "requests"), ("Usage", "usage")]
    jumps += [("Faults", "faults"), ("Limits", "limits"), ("Connect", "connect")]
    files = view.files
    here = _href(view.chosen, files.after if files is not None else "")
    again = _href(view.chosen, files.after if files is not None else "", _OFFERED_REFRESH)
    switch = (
        _link(again, f"Refresh every {_OFFERED_REFRESH} s")
        if refresh is None
        else _join(f"Refreshing every {refresh} s · ", _link(here, "Stop"))
    )
    return _el(
        "header",
        _el(
            "div",
            _el("h1", _el("span", "b2pure", class_="brand"), " simulated B2"),
            _el("p", _code(view.base_url), " · ", _time(view.now_millis), " UTC · ", switch),
        ),
        _el("nav", *(_link(f"#{anchor}", label) for label, anchor in jumps), aria_label="Sections"),
    )


def _overview(view: StatusView) -> Markup:
    tiles = [
        ("Buckets", f"{view.bucket_count:,}"),
        ("Stored", human_bytes(view.usage.stored_bytes)),
        ("Requests", f"{view.request_count:,}"),
        ("Uploaded", human_bytes(view.usage.bytes_up)),
        ("Downloaded", human_bytes(view.usage.bytes_down)),
        ("Up for", _duration((view.now_millis - view.started_millis) // 1000 * 1000)),
    ]
    return _el(
        "dl",
        *(_el("div", _el("dt", label), _el("dd", value)) for label, value in tiles),
        class_="tiles",
    )


def _section(anchor: str, title: str, *contents: str | int) -> Markup:
    return _el(
        "section", _el("h2", title, id=f"{anchor}-title"), *contents, id=anchor, aria_labelledby=f"{anchor}-title"
    )


def _empty(*contents: str) -> Markup:
    return _el("p", *contents, class_="empty")


def _table(caption: str, columns: Iterable[tuple[str, str]], rows: Iterable[Markup]) -> Markup:
    """`columns` are headings, each with the class of its cells, `num` for figures."""
    heads = (_el("th", heading, scope="col", class_=kind or None) for heading, kind in columns)
    table = _el("table", _el("caption", caption), _el("thead", _el("tr", *heads)), _el("tbody", *rows))
    return _el("div", table, class_="scroll", role="region", tabindex="0", aria_label=caption)


def _row(heading: str | int, *cells: tuple[str | int, str], class_: str | None = None) -> Markup:
    """`cells` are contents, each with its class."""
    return _el(
        "tr",
        _el("th", heading, scope="row"),
        *(_el("td", content, class_=kind or None) for content, kind in cells),
        class_=class_,
    )


# -- sections


def _buckets(view: StatusView, refresh: int | None) -> Markup:
    if not view.buckets:
        return _section("buckets", "Buckets", _empty("There is no bucket yet."))
    columns = [("Name", ""), ("Type", ""), ("Id", ""), ("Files", "num"), ("Versions", "num"), ("Stored", "num")]
    columns.append(("Unfinished", "num"))
    more = view.bucket_count - len(view.buckets)
    return _section(
        "buckets",
        "Buckets",
        _table("Buckets by name", columns, (_bucket(each, view.chosen, refresh) for each in view.buckets)),
        _empty(f"{more:,} more are not shown.") if more else "",
    )


def _bucket(bucket: BucketView, chosen: str | None, refresh: int | None) -> Markup:
    current = "true" if bucket.name == chosen else None
    return _row(
        _link(_href(bucket.name, refresh=refresh) + "#files", _name(bucket.name), aria_current=current),
        (_badge(bucket.bucket_type, "public" if bucket.bucket_type == "allPublic" else ""), ""),
        (_code(bucket.bucket_id), "id"),
        (f"{bucket.files:,}", "num"),
        (f"{bucket.versions:,}", "num"),
        (_bytes(bucket.stored_bytes), "num"),
        (f"{bucket.unfinished:,}", "num"),
        class_="chosen" if current else None,
    )


def _files(view: StatusView, refresh: int | None) -> Markup:
    if view.chosen is None:
        return Markup()
    if view.files is None:
        return _section("files", "Files", _empty("There is no bucket named ", _name(view.chosen), "."))
    files = view.files
    columns = [("Name", ""), ("State", ""), ("Size", "num"), ("Uploaded (UTC)", ""), ("SHA-1", ""), ("Versions", "num")]
    table = _table(f"Newest versions in {printable(files.bucket_name)}", columns, map(_file, files.files))
    pages = []
    if files.after:
        pages.append(_link(_href(files.bucket_name, refresh=refresh) + "#files", "First page"))
    if files.next_after is not None:
        pages.append(_link(_href(files.bucket_name, files.next_after, refresh) + "#files", "Next page", rel="next"))
    return _section(
        "files",
        f"Files in {printable(files.bucket_name)}",
        table if files.files else _empty("There is nothing here." if files.after else "The bucket is empty."),
        _el("nav", *pages, class_="pages", aria_label="Pages of files") if pages else "",
    )


def _file(file: FileView) -> Markup:
    kind = _STATES.get(file.action, (file.action, ""))
    size = _bytes(file.size) if file.action == "upload" else "–"
    return _row(
        _name(file.name),
        (_badge(*kind), ""),
        (size, "num"),
        (_time(file.upload_timestamp), "time"),
        (_sha1(file.content_sha1), "id"),
        (f"{file.versions:,}", "num"),
    )


_STATES: Final = {"upload": ("stored", "good"), "hide": ("hidden", "warn"), "start": ("unfinished", "warn")}
_SHOWN_DIGITS: Final = 12


def _sha1(digest: str | None) -> str:
    """The beginning of a digest; the whole of it is a tooltip away."""
    if digest is None or digest == "none":
        return "–"
    mark, colon, digits = digest.rpartition(":")
    shown = digits if len(digits) <= _SHOWN_DIGITS else digits[:_SHOWN_DIGITS] + "…"
    return _el("code", f"{mark}{colon}{shown}", title=digest)


def _requests(view: StatusView) -> Markup:
    if not view.requests:
        return _section("requests", "Requests", _empty("Nobody has asked for anything yet."))
    columns = [("No.", ""), ("Time (UTC)", ""), ("Call", ""), ("About", ""), ("Key", ""), ("Answer", "")]
    columns += [("In", "num"), ("Out", "num")]
    caption = f"The latest {len(view.requests):,} of {view.request_count:,} requests, newest first"
    if len(view.requests) == view.request_count:
        caption = "All requests, newest first"
    return _section("requests", "Requests", _table(caption, columns, map(_request, view.requests)))


def _request(entry: Entry) -> Markup:
    good = entry.status < 400
    answer = str(entry.status) if entry.code is None else f"{entry.status} {entry.code}"
    return _row(
        f"{entry.nth:,}",
        (_time(entry.at_millis), "time"),
        (_join(_el("span", entry.method, class_="method"), " ", _code(entry.call_name)), "call"),
        (_name(entry.about) if entry.about else "–", "about"),
        (_code(entry.key_id) if entry.key_id else "–", "id"),
        (_badge(answer, "good" if good else "bad" if entry.status >= 500 else "warn"), ""),
        (_bytes(entry.bytes_in), "num"),
        (_bytes(entry.bytes_out), "num"),
    )


_CLASSES: Final[dict[BilledClass, str]] = {
    "A": "uploads, hides, deletes",
    "B": "downloads, file info",
    "C": "lists, copies, buckets, keys",
    "D": "event notifications",
}


def _usage(view: StatusView) -> Markup:
    note = "What all of this would have cost at Backblaze. Uploads and the calls of class A are free."
    return _section(
        "usage", "Usage", _el("p", note, class_="note"), _el("div", _prices(view), _calls(view), class_="pair")
    )


def _prices(view: StatusView) -> Markup:
    usage, bills = view.usage, view.bills

    def row(heading: Markup, amount: Markup, price: Callable[[Bill], int]) -> Markup:
        return _row(heading, (amount, "num"), *((_money(price(bill)), "num") for bill in bills))

    rows = [
        row(_item(f"Class {billing}", told), _text(f"{usage.units_of(billing):,}"), _price_of(billing))
        for billing, told in _CLASSES.items()
    ]
    rows.append(row(_item("Storage", "on average"), _bytes(_average(usage)), lambda bill: bill.storage_picodollars))
    rows.append(row(_item("Download", ""), _bytes(usage.bytes_down), lambda bill: bill.down_picodollars))
    totals = (_el("strong", _money(bill.picodollars) if bill.picodollars else bill.dollars) for bill in bills)
    rows.append(_row("Total", ("", ""), *((total, "num") for total in totals), class_="total"))
    profiles = ((f"{bill.prices} prices", "num") for bill in bills)
    return _table("Usage and its price", [("Item", ""), ("Amount", "num"), *profiles], rows)


def _item(label: str, told: str) -> Markup:
    return _join(label, " ", _el("small", told)) if told else _text(label)


def _calls(view: StatusView) -> Markup:
    called = sorted(view.usage.calls.items(), key=lambda item: (-item[1], item[0]))
    if not called:
        return _empty("No call was made yet.")
    rows = (_row(_code(name), (f"{count:,}", "num")) for name, count in called)
    return _table("Calls by name", [("Call", ""), ("Calls", "num")], rows)


def _price_of(billing: BilledClass) -> Callable[[Bill], int]:
    return lambda bill: sum(line.picodollars for line in bill.classes if line.billing == billing)


def _average(usage: Usage) -> int:
    """Stored bytes on average since the meter began."""
    millis = sum(month.millis for month in usage.months)
    return usage.byte_millis // millis if millis else usage.stored_bytes


_LEAST_SHOWN: Final = 100_000_000
"""Picodollars."""


def _money(picodollars: int) -> str:
    if 0 < picodollars < _LEAST_SHOWN:
        return "< " + dollars(_LEAST_SHOWN)
    return dollars(picodollars) if picodollars else "–"


def _faults(view: StatusView) -> Markup:
    listed = _el("ul", *(_el("li", fault) for fault in view.faults), class_="faults")
    return _section("faults", "Faults in force", listed if view.faults else _empty("None: every request is answered."))


def _limits(view: StatusView) -> Markup:
    columns = [("Limit", ""), ("Value", "num")]
    rows = (
        _row(name.removesuffix("_millis").replace("_", " "), (_limit(name, value), "num"))
        for name, value in view.limits
    )
    return _section("limits", "Limits in force", _table("Limits in force", columns, rows))


def _limit(name: str, value: int | str | None) -> str:
    if value is None:
        return "none"
    if isinstance(value, str):
        return value
    if name.endswith("_millis"):
        return _el("span", _duration(value), title=f"{value:,} ms")
    return _bytes(value) if name.endswith(_IN_BYTES) else f"{value:,}"


_IN_BYTES: Final = ("part_size", "single_size", "file_size", "storage_cap", "download_cap_per_day")
"""How the names of limits end that are bytes."""


def _connect(view: StatusView) -> Markup:
    lines = f"export B2_ENVIRONMENT={view.base_url}\nexport B2_APPLICATION_KEY_ID={view.key_id}\n"
    lines += "export B2_APPLICATION_KEY=…"
    return _section(
        "connect",
        "Connect",
        _el("p", "The base URL stands for Backblaze's. The application key was told when the server began."),
        _el("pre", Markup("\n".join(map(_text, lines.split("\n")))), tabindex="0"),
        _el("p", "This page as data: ", _link(JSON_PATH, JSON_PATH), "."),
    )


# -- figures


def _badge(label: str, kind: str) -> Markup:
    return _el("span", label, class_=f"badge {kind}".strip())


def _bytes(count: int) -> Markup:
    return _el("span", human_bytes(count), title=f"{count:,} bytes" if count >= 1000 else None)


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def _time(millis: int) -> Markup:
    """A moment to the second, for machines to the millisecond; the bare number where the calendar ends."""
    try:
        moment = _EPOCH + timedelta(milliseconds=millis)
    except OverflowError:
        return _el("span", f"{millis} ms")
    return _el("time", moment.strftime("%Y-%m-%d %H:%M:%S"), datetime=moment.isoformat(timespec="milliseconds"))


def _duration(millis: int) -> str:
    """The largest unit that is needed and the one after it: `3 d 4 h`, `5 min 6 s`, `250 ms`, `1 d`."""
    left, counts = max(0, millis), []
    for unit, length in (("d", 86_400_000), ("h", 3_600_000), ("min", 60_000), ("s", 1000), ("ms", 1)):
        count, left = divmod(left, length)
        counts.append((count, unit))
    first = next((at for at, (count, _) in enumerate(counts) if count), len(counts) - 2)
    told = [f"{count:,} {unit}" for count, unit in counts[first : first + 2] if count]
    return " ".join(told) or "0 s"


# -- how it looks

_ICON: Final = "data:image/svg+xml," + quote(
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="8" fill="#d5303e"/>'
    '<path d="M8 11h16M8 16h16M8 21h10" stroke="#fff" stroke-width="3" stroke-linecap="round"/></svg>'
)

_CSS: Final = """
:root {
  color-scheme: light dark;
  --page: #f6f7f9; --card: #fff; --line: #e2e5ea; --text: #1c2230; --soft: #5b6475; --accent: #c2202f;
  --link: #1d4fb8; --stripe: #f4f5f8; --chosen: #fdf0e3;
  --good: #116b3a; --good-back: #e0f4e7; --warn: #7d4a00; --warn-back: #fdeecf; --bad: #9c1522; --bad-back: #fde2e4;
  --plain: #414a5b; --plain-back: #e9ecf1;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #11141a; --card: #191d26; --line: #2c3240; --text: #e5e8ef; --soft: #9aa4b6; --accent: #ff7a85;
    --link: #8ab4ff; --stripe: #1f2430; --chosen: #33291c;
    --good: #7fdca4; --good-back: #12331f; --warn: #f3c475; --warn-back: #3b2b0d; --bad: #ff9aa3; --bad-back: #42161b;
    --plain: #c3cad8; --plain-back: #2a303d;
  }
}
* { box-sizing: border-box; }
html { scroll-padding-top: 1rem; }
body {
  margin: 0; background: var(--page); color: var(--text);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif;
}
header, main { max-width: 88rem; margin: 0 auto; padding: 0 1.25rem; }
header { display: flex; flex-wrap: wrap; gap: .5rem 2rem; align-items: end; justify-content: space-between;
  padding-top: 1.75rem; }
h1 { margin: 0; font-size: 1.6rem; font-weight: 600; letter-spacing: -.015em; }
.brand { color: var(--accent); font-weight: 750; }
header p { margin: .15rem 0 0; color: var(--soft); }
header nav, .pages { display: flex; flex-wrap: wrap; gap: .25rem; }
header nav a, .pages a { padding: .3rem .7rem; border-radius: 999px; text-decoration: none; }
header nav a:hover, .pages a:hover { background: var(--plain-back); }
.pages { padding: .6rem .6rem 0; }
a { color: var(--link); text-underline-offset: .15em; }
a:focus-visible, .scroll:focus-visible, pre:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; }
.skip { position: absolute; left: -99rem; }
.skip:focus { left: 1rem; top: 1rem; padding: .5rem 1rem; background: var(--card); z-index: 1; }
section { margin: 1.25rem 0; padding: 1.1rem 1.25rem 1.2rem; background: var(--card); border: 1px solid var(--line);
  border-radius: 12px; min-width: 0; }
h2 { margin: 0 0 .6rem; font-size: 1.1rem; font-weight: 650; overflow-wrap: anywhere; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(9rem, 1fr)); gap: .75rem; margin: 1.25rem 0; }
.tiles div { padding: .8rem 1rem; background: var(--card); border: 1px solid var(--line); border-radius: 12px; }
.tiles dt { color: var(--soft); font-size: .82rem; }
.tiles dd { margin: 0; font-size: 1.35rem; font-weight: 650; font-variant-numeric: tabular-nums; white-space: nowrap; }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(26rem, 100%), 1fr)); gap: 0 1.25rem;
  align-items: start; }
section > .pair { gap: 1.25rem 3rem; }
.pair > *, .pair section { min-width: 0; }
.pair section:first-child, .pair > section { margin-top: 0; }
.scroll { overflow-x: auto; margin: 0 -.6rem; border-radius: 8px; }
table { width: 100%; border-collapse: collapse; font-size: .94em; }
caption { padding: 0 .6rem .4rem; color: var(--soft); font-size: .85rem; text-align: left; }
th, td { padding: .4rem .6rem; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; }
tbody tr:last-child > * { border-bottom: 0; }
tbody tr:hover > * { background: var(--stripe); }
thead th { color: var(--soft); font-size: .8rem; font-weight: 600; white-space: nowrap; }
tbody th { font-weight: 500; }
.num { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.time, .id, .call { white-space: nowrap; font-variant-numeric: tabular-nums; }
.about { min-width: 16rem; }
th:has(.name) { min-width: 12rem; }
.id code { color: var(--soft); }
.chosen > * { background: var(--chosen); }
.total > * { border-top: 2px solid var(--line); }
.name { overflow-wrap: anywhere; white-space: pre-wrap; }
.method { display: inline-block; min-width: 2.6rem; color: var(--soft); font-size: .75rem; font-weight: 600; }
small { color: var(--soft); font-size: .85em; }
code, pre { font: .87em/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", monospace; }
pre { margin: .6rem 0; padding: .8rem 1rem; overflow-x: auto; background: var(--stripe); border-radius: 8px; }
.badge { display: inline-block; padding: .05rem .55rem; border-radius: 999px; background: var(--plain-back);
  color: var(--plain); font-size: .82rem; font-weight: 550; white-space: nowrap; }
.good { background: var(--good-back); color: var(--good); }
.warn, .public { background: var(--warn-back); color: var(--warn); }
.bad { background: var(--bad-back); color: var(--bad); }
.empty, .note { margin: 0; color: var(--soft); }
.note { margin-bottom: .6rem; }
section p { margin: .4rem 0 0; }
.faults { margin: 0; padding-left: 1.2rem; overflow-wrap: anywhere; }
"""

POLICY: Final = (
    "default-src 'none'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    f"style-src 'sha256-{b64encode(sha256(_CSS.encode()).digest()).decode()}'"
)
"""Nothing but this style sheet and the icon: a script in the page would not run even if there were one."""
