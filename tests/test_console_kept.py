"""What is kept, of whom, and who may see it, in a real browser: the pages Sessions, People and Settings of the console."""

import json
import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from affekt.store.audit import append
from affekt.store.database import open_store
from affekt.store.subjects import put_subject
from browsing import PHONE, needs_browser, served, violations, visit

PERSON = "zoë & co? 50%#"  # an id that has to be encoded wherever it stands in an address
TEXTS = ("So proud of you all. We laughed the whole evening", "I am furious, nobody called me back. I miss her so much")
pytestmark = needs_browser


def call(address: str, path: str, body: object, **headers: str) -> Any:
    sent = Request(address + path, json.dumps(body).encode(), {"Content-Type": "application/json", **headers})
    with urlopen(sent) as reply:
        return json.load(reply)


def save(address: str, folder: Path, *, name: str, text: str, days: int) -> None:
    """Saves a session of a person, and dates it back."""
    asked = {"texts": [text], "save": True, "name": name, "subjects": {"*": PERSON}}
    (session,) = call(address, "/v1/read", asked)["sessions"]
    database = sqlite3.connect(folder / "affekt.sqlite", timeout=30)
    with database:
        created = datetime.now(UTC) - timedelta(days=days)
        database.execute("UPDATE sessions SET created = ? WHERE id = ?", (created.strftime("%Y-%m-%d %H:%M:%S.%f"), session))
    database.close()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Any]:
    with served(tmp_path, keep_text_days=7, purpose="wellbeing", setting="workplace") as made:
        for number, text in enumerate(TEXTS * 2):
            save(made.address, tmp_path, name=f"entry {number}", text=text, days=number * 3)
        yield made


def test_sessions_are_found_opened_compared_and_deleted(server: Any, opened: Any) -> None:
    with visit(opened, f"{server.address}/#/sessions") as page:
        page.wait_for_selector("tbody tr >> nth=3")
        page.get_by_placeholder("Search by name").fill("ENTRY 2")
        page.locator("search select").first.select_option("text")  # at once, before it is taken to be typed
        page.wait_for_selector("tbody tr >> nth=1", state="detached")
        assert "name=ENTRY+2" in page.url and "modality=text" in page.url, "a filter stands in the address"
        page.reload()
        page.get_by_label("Compare entry 2").check()
        page.get_by_role("button", name="Show all").click()
        page.get_by_label("Compare entry 1").check()
        wanted = page.get_by_role("link", name="Compare").get_attribute("href")
        assert re.fullmatch(r"#/analyse\?compare=session%3Asession_[\w-]+%2Csession%3Asession_[\w-]+", wanted)
        assert violations(page) == []
        page.get_by_role("link", name="entry 0").click()
        page.get_by_text("So proud of you all").first.wait_for()
        assert page.get_by_text("words until").count() == page.get_by_text("kept until").count() == 1
        assert page.get_by_role("link", name="open the session").count() == 0, "it is open"
        page.reload()  # an address that was kept: no list has told of the session
        page.get_by_role("heading", name="entry 0").wait_for()
        page.get_by_role("button", name="Delete").click()
        page.locator("dialog").get_by_role("button", name="Delete").click()
        page.wait_for_selector("tbody tr >> nth=2")
        assert page.get_by_role("link", name="entry 0").count() == 0
        assert page.faults == []


def test_days_are_a_chart_and_a_table_and_lead_to_their_sessions(server: Any, opened: Any) -> None:
    with visit(opened, f"{server.address}/#/sessions?view=days", viewport=PHONE, lang="zh") as page:
        page.wait_for_selector(".u-over")
        assert page.locator(".u-over").count() == 2
        assert violations(page) == []
        page.get_by_text("以表格显示").click()
        assert page.locator("tbody tr").count() == 4
        page.locator("tbody tr").nth(1).get_by_role("button").click()
        page.get_by_role("link", name="entry 1").wait_for()
        assert re.search(r"since=(\S+)&until=\1$", page.url)
        assert page.faults == []


def test_people_are_found_by_a_part_of_their_id(server: Any, opened: Any, tmp_path: Path) -> None:
    store = open_store(tmp_path)
    for number in range(120):
        put_subject(store, f"Client-{number}")
    store.close()
    with visit(opened, f"{server.address}/#/people") as page:
        page.get_by_role("link", name="Client-0", exact=True).wait_for()
        page.get_by_placeholder("Search by id").fill("cLIENT-")
        page.get_by_text("Shown: 100").wait_for()
        page.get_by_role("button", name="More").click()
        page.get_by_text("Found: 120").wait_for()
        assert page.locator("tbody tr").count() == 120
        page.get_by_placeholder("Search by id").fill("50%")
        page.get_by_role("link", name=PERSON).wait_for()
        assert page.locator("tbody tr").count() == 1
        page.get_by_placeholder("Search by id").fill("50_")
        page.get_by_text("Nobody has “50_” in their id").wait_for()
        assert violations(page) == [] and page.faults == []


def test_the_log_is_shown_the_newest_first_and_by_what_happened(server: Any, opened: Any, tmp_path: Path) -> None:
    store = open_store(tmp_path)
    for number in range(130):
        with store.writes() as transaction:
            append(transaction, "session.deleted" if number % 2 else "key.revoked", who="open", detail={"number": number})
    store.close()
    with visit(opened, f"{server.address}/#/settings/audit") as page:
        numbers = page.locator("tbody tr td:first-child")
        page.wait_for_selector("tbody tr >> nth=49")
        first = int(numbers.first.inner_text())
        assert first >= 131 and [int(one) for one in numbers.all_inner_texts()] == list(range(first, first - 50, -1))
        page.get_by_role("button", name="Older").click()
        page.wait_for_selector("tbody tr >> nth=99")
        page.get_by_role("combobox", name="What happened").select_option("session.deleted")
        page.locator("td[title='key.revoked']").first.wait_for(state="detached")
        page.get_by_role("button", name="Older").click()
        page.wait_for_selector("tbody tr >> nth=64")
        assert numbers.count() == 65 and int(numbers.first.inner_text()) == first
        page.get_by_role("button", name="Older").wait_for(state="detached")
        page.get_by_role("combobox", name="What happened").select_option("subject.erased")
        page.get_by_text("No entry of this kind").wait_for()
        page.get_by_role("button", name="Verify now").click()
        page.get_by_text("The log is sound").wait_for()
        assert violations(page) == [] and page.faults == []


def test_the_policy_says_what_another_choice_would_allow(server: Any, opened: Any) -> None:
    with visit(opened, f"{server.address}/#/settings/policy") as page:
        choice = page.locator(".allows")
        choice.get_by_text("unless the reason is medical or safety").first.wait_for()
        assert choice.get_by_text("not read").count() == 2
        page.get_by_label("Reason", exact=True).select_option("safety")
        choice.get_by_text("for this reason alone").first.wait_for()
        assert choice.get_by_text("not read").count() == 0 and choice.get_by_text("Art. 5(1)(f)").count() == 2
        page.get_by_label("Setting", exact=True).select_option("public")
        choice.get_by_text("Art. 5(1)(f)").first.wait_for(state="detached")
        assert "--setting public" in page.locator("pre").inner_text()
        assert violations(page) == [] and page.faults == []


def test_a_person_agrees_withdraws_and_is_erased_against_a_receipt(server: Any, opened: Any, tmp_path: Path) -> None:
    with visit(opened, f"{server.address}/#/people", accept_downloads=True) as page:
        page.get_by_role("link", name=PERSON).click()
        page.get_by_text("No consent is on record").wait_for()
        page.get_by_role("button", name="Record a consent").click()
        page.get_by_label("voice").check()
        page.locator("dialog button[type=submit]").click()
        page.get_by_text("in force").wait_for()
        page.get_by_role("button", name="Withdraw").click()
        page.locator("dialog button[type=submit]").click()
        page.get_by_text("withdrawn").wait_for()
        with page.expect_download() as copy:
            page.get_by_role("button", name="Export a copy").click()
        assert len(Path(copy.value.path()).read_text(encoding="utf-8").splitlines()) == 1 + 2 * len(TEXTS)
        assert violations(page) == []
        page.get_by_role("button", name="Erase").click()
        erase = page.locator("dialog button[type=submit]")
        assert erase.is_disabled(), "the id is to be typed first"
        page.get_by_label("To erase, type the id").fill(PERSON)
        erase.click()
        with page.expect_download() as receipt:
            page.get_by_role("button", name="Download the receipt").click()
        with page.expect_download() as key:
            page.get_by_role("button", name="Download the public key").click()
        receipt.value.save_as(tmp_path / "receipt.json")
        key.value.save_as(tmp_path / "key.pem")
        assert page.faults == []
    told = [sys.executable, "-m", "affekt", "audit", "receipt", str(tmp_path / "receipt.json"), "--key", str(tmp_path / "key.pem")]
    assert "4 sessions" in subprocess.run(told, capture_output=True, text=True, check=True).stdout


def test_the_first_key_closes_the_server_and_the_last_of_an_admin_stays(server: Any, opened: Any) -> None:
    with visit(opened, f"{server.address}/#/settings/keys") as page:
        page.get_by_text("No keys yet").wait_for()
        made_key(page, "me")
        page.get_by_role("button", name="Use it here").click()
        page.get_by_text("yours").wait_for()
        reader = made_key(page, "desk", role="Reader")
        page.get_by_role("button", name="I have it").click()
        page.get_by_role("button", name="Revoke: me").click()
        page.locator("dialog button[type=submit]").click()
        page.get_by_text("is the last key of an admin").wait_for()
        page.keyboard.press("Escape")
        page.get_by_role("link", name="Audit log").click()
        page.get_by_text("The log is sound").wait_for()
        page.locator("tbody tr").first.get_by_text("key made").wait_for()  # the newest entry is the first
        assert violations(page) == []
    with visit(opened, f"{server.address}/#/people") as page:
        page.get_by_label("Key", exact=True).fill(reader)
        page.get_by_role("button", name="Use it").click()
        page.get_by_text("This key may not do that").wait_for()
        page.goto(f"{server.address}/#/sessions")
        page.get_by_text("No sessions yet").wait_for()  # for what others saved is not told to a reader
        page.goto(f"{server.address}/#/settings")
        page.get_by_text("Regulation (EU) 2024/1689, Art. 5(1)(f)").first.wait_for()
        assert page.locator("section").first.get_by_text("not read").count() == 2
        assert violations(page) == []


def made_key(page: Any, name: str, *, role: str = "Admin") -> str:
    page.get_by_role("button", name="Make a key").click()
    page.get_by_label("Who or what it is for").fill(name)
    page.get_by_role("radio", name=re.compile(f"^{role}")).check()
    page.locator("dialog button[type=submit]").click()
    return str(page.locator("dialog pre").inner_text())


def test_a_proxy_that_does_not_reach_the_server_is_no_fault_of_what_was_asked(server: Any, opened: Any) -> None:
    with visit(opened, f"{server.address}/#/people") as page:
        page.get_by_role("link", name=PERSON).wait_for()
        bad = {"status": 502, "content_type": "text/html", "body": "<h1>Bad Gateway</h1>"}
        page.route("**/healthz", lambda route: route.fulfill(**bad))
        page.route("**/v1/**", lambda route: route.fulfill(**bad))
        page.get_by_role("link", name="Sessions").click()
        page.get_by_text("The server cannot be reached").first.wait_for()
        page.unroute_all()
        with page.expect_response("**/v1/deployment"):  # which may have changed
            page.wait_for_selector("tbody tr >> nth=3")
        page.get_by_text("The server cannot be reached").first.wait_for(state="detached")


def test_nothing_is_lost_while_the_server_is_away(server: Any, opened: Any) -> None:
    with visit(opened, f"{server.address}/#/sessions") as page:
        page.wait_for_selector("tbody tr >> nth=3")
        server.stop()
        page.get_by_placeholder("Search by name").fill("entry 1")
        page.get_by_text("The server cannot be reached").first.wait_for()
        assert page.locator("tbody tr").count() == 4, "what was there stays"
        server.start()
        page.wait_for_selector("tbody tr >> nth=1", state="detached")
        assert page.get_by_role("link", name="entry 1").count() == 1
