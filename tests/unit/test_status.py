"""The status page and its JSON: what they tell, what they never tell, and that the HTML is sound."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from typing import Any

import pytest
from attrs import define, evolve, field

from b2pure.effects.served import Served
from b2pure.effects.served.status import serve_status, status_json
from b2pure.effects.served.status_page import status_page
from b2pure.effects.served.status_view import SHOWN_BUCKETS, SHOWN_FILES, SHOWN_REQUESTS, StatusView, view_of
from b2pure.effects.simulator import AccountToken, Simulator
from b2pure.effects.wire import KeyPair
from b2pure.model.calls import AuthorizeAccount, GetUploadUrl, HideFile, StartLargeFile
from b2pure.model.ids import BucketId

NOW = 1_790_000_000_000
VOID = {"meta", "link"}


@define
class Page(HTMLParser):
    """A page, read strictly: every element is closed where it must be."""

    source: str
    elements: list[tuple[str, dict[str, str | None]]] = field(factory=list)
    texts: list[tuple[str, str]] = field(factory=list)
    _open: list[str] = field(factory=list)

    def __attrs_post_init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.feed(self.source)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.texts.append((self._open[-1], data))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]

    def said(self, tag: str) -> list[str]:
        return [text for name, text in self.texts if name == tag]

    @property
    def text(self) -> str:
        return " ".join(text for name, text in self.texts if name != "style")


class World:
    """A simulator, and looks at it."""

    def __init__(self) -> None:
        self.simulator = Simulator(lambda: NOW)
        self.simulator.base_url = "http://127.0.0.1:9"
        self.meter = self.simulator.meter
        self.log = self.simulator.log
        self.bucket = self.simulator.add_bucket("photos").bucket_id
        self.faults: tuple[str, ...] = ()

    def put(self, name: str, data: bytes = b"data", bucket: BucketId | None = None) -> None:
        self.simulator.put(bucket or self.bucket, name, data)

    def token(self) -> AccountToken:
        key = KeyPair(self.simulator.master_key_id, self.simulator.master_key)
        return AccountToken(self.simulator.handle(AuthorizeAccount(), key).unwrap().authorization_token)

    def asked(self, **given: Any) -> None:
        fields: dict[str, Any] = {
            "at_millis": NOW,
            "method": "POST",
            "call_name": "b2_hide_file",
            "about": "photos/a",
            "key_id": "key-1",
            "status": 200,
            "code": None,
            "bytes_in": 0,
            "bytes_out": 0,
        }
        self.log.add(**(fields | given))

    def view(self, bucket: str | None = None, after: str = "") -> StatusView:
        return view_of(
            self.simulator,
            started_millis=NOW - 7_384_000,
            faults=self.faults,
            bucket=bucket,
            after=after,
        )

    def page(self, bucket: str | None = None, after: str = "") -> Page:
        return Page(status_page(self.view(bucket, after)))

    def get(self, target: str) -> Served:
        return serve_status(self.simulator, target, started_millis=NOW)


@pytest.fixture
def world() -> World:
    return World()


# -- the page


def test_a_new_world_has_a_page() -> None:
    world = World()
    page = world.page()
    assert page.said("h2") == ["Buckets", "Requests", "Usage", "Faults in force", "Connect", "Limits in force"]
    assert "Nobody has asked for anything yet." in page.text
    assert "No call was made yet." in page.text
    assert "2 h 3 min" in page.said("dd")
    empty = evolve(world.view(), buckets=(), bucket_count=0)
    assert "There is no bucket yet." in Page(status_page(empty)).text


def test_it_tells_how_to_connect_and_not_the_key(world: World) -> None:
    told = world.page().said("pre")
    assert told == [
        "export B2_ENVIRONMENT=http://127.0.0.1:9\n"
        f"export B2_APPLICATION_KEY_ID={world.simulator.master_key_id}\nexport B2_APPLICATION_KEY=…"
    ]


def test_it_is_made_for_every_reader(world: World) -> None:
    world.put("a")
    world.asked()
    page = world.page("photos")
    assert page.all("html") == [{"lang": "en"}]
    assert len(page.all("h1")) == 1
    assert len(page.all("caption")) == len(page.all("table"))
    assert all(heading["scope"] in ("col", "row") for heading in page.all("th"))
    anchors = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(anchors) == len(set(anchors))
    for link in page.all("a"):
        href = link["href"] or ""
        assert not href.startswith("#") or href[1:] in anchors
    for section in page.all("section"):
        assert section["aria-labelledby"] in anchors


def test_it_asks_for_nothing_from_anywhere(world: World) -> None:
    page = world.page()
    assert page.all("script") == page.all("img") == page.all("iframe") == []
    assert "url(" not in page.source
    assert [link["rel"] for link in page.all("link")] == ["icon"]
    assert (page.all("link")[0]["href"] or "").startswith("data:")
    assert all((link["href"] or "").startswith(("/", "#")) for link in page.all("a"))


def test_buckets_are_told_in_a_line_each(world: World) -> None:
    public = world.simulator.add_bucket("a-public", "allPublic").bucket_id
    world.put("n", b"x" * 1500, public)
    world.put("n", b"y", public)
    world.put("m", b"z", public)
    first, second = world.view().buckets
    assert (first.name, first.bucket_type, first.bucket_id) == ("a-public", "allPublic", public)
    assert (first.files, first.versions, first.stored_bytes, first.unfinished) == (2, 3, 1502, 0)
    assert (second.name, second.files) == ("photos", 0)
    assert "1.50 kB" in world.page().said("span")


def test_unfinished_large_files_are_told(world: World) -> None:
    world.simulator.handle(StartLargeFile(world.bucket, "big", "text/plain", {}), world.token()).unwrap()
    view = world.view("photos")
    assert (view.buckets[0].versions, view.buckets[0].unfinished) == (0, 1)
    assert view.files is not None
    assert view.files.files[0].action == "start"
    assert "unfinished" in world.page("photos").said("span")


def test_too_many_buckets_are_counted_only(world: World) -> None:
    bucket = world.view().buckets[0]
    many = evolve(world.view(), buckets=(bucket,), bucket_count=1235)
    assert "1,234 more are not shown." in Page(status_page(many)).text
    assert len(world.view().buckets) <= SHOWN_BUCKETS


# -- the files of a bucket


def test_the_files_of_a_bucket_are_shown_when_it_is_chosen(world: World) -> None:
    world.put("shown", b"new")
    world.put("hidden")
    world.simulator.handle(HideFile(world.bucket, "hidden"), world.token()).unwrap()
    page = world.page("photos")
    assert "Files in photos" in page.said("h2")
    assert [text for text in page.said("bdi") if text in ("shown", "hidden")] == ["hidden", "shown"]
    assert [text for text in page.said("span") if text in ("stored", "hidden")] == ["hidden", "stored"]
    view = world.view("photos").files
    assert view is not None
    assert [(file.name, file.action, file.versions) for file in view.files] == [
        ("hidden", "hide", 2),
        ("shown", "upload", 1),
    ]
    assert [link["href"] for link in page.all("a") if link.get("aria-current")] == ["/?bucket=photos#files"]


def test_files_come_in_pages(world: World) -> None:
    names = [f"{n:04}" for n in range(2 * SHOWN_FILES + 1)]
    for name in names:
        world.put(name)
    seen, after, pages = [], "", 0
    while True:
        files = world.view("photos", after).files
        assert files is not None
        seen += [file.name for file in files.files]
        pages += 1
        if files.next_after is None:
            break
        after = files.next_after
    assert seen == names
    assert pages == 3
    first, last = world.page("photos"), world.page("photos", after)
    assert [link["href"] for link in first.all("a") if link.get("rel") == "next"] == [
        f"/?bucket=photos&after={names[SHOWN_FILES - 1]}#files"
    ]
    assert "First page" in last.said("a")
    assert "Next page" not in last.said("a")
    assert "There is nothing here." in world.page("photos", "z").text


def test_an_empty_and_an_unknown_bucket_say_so(world: World) -> None:
    assert "The bucket is empty." in world.page("photos").text
    assert "<b>no</b>" in world.page("<b>no</b>").said("bdi")


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("<script>alert(1)</script>", "<script>alert(1)</script>"),
        ("\"'>&amp;<b", "\"'>&amp;<b"),
        ("a\u202egpj.exe", "a\\u202egpj.exe"),
        ("bell\x07\x1b[31m", "bell\\x07\\x1b[31m"),
        ("half \ud800 pair", "half \\ud800 pair"),
        ("  spaces  ", "  spaces  "),
        ("קובץ.txt", "קובץ.txt"),
    ],
)
def test_a_hostile_name_stays_a_text(world: World, name: str, shown: str) -> None:
    world.put(name)
    world.asked(about=name, code=name, call_name=name, key_id=name, method=name)
    world.faults = (name,)
    page = world.page("photos")
    assert page.said("bdi").count(shown) == 2
    assert page.said("li") == [shown]
    assert page.all("script") == page.all("b") == []
    assert json.loads(world.get("/status.json?bucket=photos").response.body)["files"]["files"][0]["name"] == name
    assert world.get("/?bucket=photos").response.status == 200


def test_a_hostile_name_leads_to_the_page_after_it(world: World) -> None:
    for n in range(SHOWN_FILES):
        world.put(f'#"&<{n:03}')
    world.put("last")
    href = next(link["href"] for link in world.page("photos").all("a") if link.get("rel") == "next")
    assert href is not None
    assert "last" in Page(world.get(href.removesuffix("#files")).response.body.decode()).said("bdi")


# -- requests, usage, faults, limits


def test_the_latest_requests_come_first(world: World) -> None:
    for n in range(SHOWN_REQUESTS + 10):
        world.asked(call_name=f"b2_call_{n}")
    world.asked(status=503, code="service_unavailable", about="", key_id=None)
    view = world.view()
    assert len(view.requests) == SHOWN_REQUESTS
    assert view.requests[0].status == 503
    page = world.page()
    assert f"The latest {SHOWN_REQUESTS} of {SHOWN_REQUESTS + 11} requests, newest first" in page.said("caption")
    assert "503 service_unavailable" in page.said("span")
    assert "b2_call_0" not in page.said("code")


def test_usage_is_told_by_class_call_and_price(world: World) -> None:
    world.meter.count("b2_list_file_names", "C", 1_002_500, NOW)
    world.meter.moved(up=1000, down=10**12)
    page = world.page()
    assert "1,002,500" in page.said("td")
    assert page.said("strong") == ["$10.00", "$14.00"]
    assert {"2026 prices", "2023-10 prices"} <= set(page.said("th"))
    assert "b2_list_file_names" in page.said("code")
    assert "1.00 TB" in page.said("dd")


def test_next_to_nothing_is_not_told_as_nothing(world: World) -> None:
    world.meter.moved(down=1)
    assert "< $0.00010" in world.page().said("td")


def test_faults_and_limits_in_force_are_told(world: World) -> None:
    assert "None: every request is answered." in world.page().text
    world.faults = ("fail the 3rd b2_upload_file",)
    page = world.page()
    assert page.said("li") == ["fail the 3rd b2_upload_file"]
    rows = dict(world.view().limits)
    assert rows["max_parts"] == 10_000
    assert rows["keep_journal"] == "on"
    assert {"absolute minimum part size", "token lifetime"} <= set(page.said("th"))
    assert "5.00 MB" in page.said("span")
    odd = evolve(world.view(), limits=(("storage_cap", None), ("token_lifetime_millis", 90_061_001), ("who", "all")))
    assert {"none", "all"} <= set(Page(status_page(odd)).said("td"))
    assert "1 d 1 h" in Page(status_page(odd)).said("span")


def test_moments_outside_the_calendar_are_numbers(world: World) -> None:
    page = Page(status_page(evolve(world.view(), now_millis=10**18)))
    assert f"{10**18} ms" in page.said("span")


# -- answers


def test_the_page_is_served_with_headers_that_forbid_everything_else(world: World) -> None:
    response = world.get("/").response
    assert response.status == 200
    assert response.headers["content-type"] == "text/html;charset=UTF-8"
    assert response.headers["content-length"] == str(len(response.body))
    assert response.headers["content-security-policy"].startswith("default-src 'none'; ")
    assert response.headers["cache-control"] == "no-store"


def test_the_page_is_loaded_again_when_that_is_asked_for(world: World) -> None:
    page = Page(world.get("/?bucket=photos&refresh=7").response.body.decode())
    assert {"http-equiv": "refresh", "content": "7"} in page.all("meta")
    assert "Refreshing every 7 s" in page.text
    assert "/?bucket=photos" in [link["href"] for link in page.all("a")]
    assert "refresh" not in [meta.get("http-equiv") for meta in world.page().all("meta")]


@pytest.mark.parametrize("wish", ["0", "-1", "x", "3601", "99999", "١", "5 "])
def test_a_refresh_that_is_no_number_of_seconds_is_refused(world: World, wish: str) -> None:
    assert world.get(f"/?refresh={wish}").response.status == 400


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("/?bucket=photos", 200),
        ("/?bucket=", 200),
        ("/?bucket=none", 404),
        ("/status.json", 200),
        ("/status.json?bucket=none", 404),
        ("/?other=1", 200),
        ("/elsewhere", 404),
    ],
)
def test_targets_and_their_answers(world: World, target: str, status: int) -> None:
    assert world.get(target).response.status == status


def test_the_json_says_what_the_page_says(world: World) -> None:
    world.put("a")
    world.asked()
    world.meter.count("b2_hide_file", "A", 1, NOW)
    told = json.loads(status_json(world.view("photos")))
    assert told["base_url"] == "http://127.0.0.1:9"
    assert told["buckets"][0]["name"] == "photos"
    assert told["buckets"][0]["stored_bytes"] == 4
    assert told["files"]["files"][0]["name"] == "a"
    assert told["requests"][0]["call_name"] == "b2_hide_file"
    assert told["usage"]["units"] == {"A": 1, "B": 0, "C": 0, "D": 0}
    assert told["usage"]["stored_bytes"] == 4
    assert [bill["dollars"] for bill in told["bills"]] == ["$0.00", "$0.00"]
    assert told["limits"]["max_parts"] == 10_000


def test_neither_form_holds_a_secret(world: World) -> None:
    token = world.token()
    url = world.simulator.handle(GetUploadUrl(world.bucket), token).unwrap()
    secrets = [world.simulator.master_key, token.token, url.upload_url, url.authorization_token]
    for target in ("/?bucket=photos", "/status.json?bucket=photos"):
        body = world.get(target).response.body.decode()
        assert [secret for secret in secrets if secret in body] == []
