"""Signing in, and writing: what is offered to whom, and what is then done. Check 16."""

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from chromium import Visit, service, settled, violations
from guarded import JWT, as_role, key_is_set, populate
from playwright.sync_api import Page, Route, ViewportSize, expect
from processes import environ
from support import Client, program, rules, serving

from cdb.services import tokens
from cdb.services.writer import Writer

POLICY = {
    "authorization_policies": "roles scopes",
    "plugin.roles.grants": "admin: admin\nshifter: tag.status tag.write on Prod*\nnobody: read",
}

REASON = "Für die “Neuauswertung” – 測試"

NARROW: ViewportSize = {"width": 400, "height": 800}

SignIn = Callable[..., Page]


@pytest.fixture(scope="module")
def guarded(databases: Any) -> Iterator[Any]:
    """A service that asks who writes: with the tags Dev, Prod, and Old, which is frozen."""
    with pytest.MonkeyPatch.context() as patch:
        key_is_set(patch)
        with service(databases, **JWT, **POLICY) as app:
            header = as_role("admin")["Authorization"]
            admin = Client(app, extra_environ={"HTTP_AUTHORIZATION": header})
            populate(admin)
            admin.ok("POST", "gt", {"name": "Old"})
            admin.ok("PUT", "gt_change_status/Old/frozen")
            yield app


@pytest.fixture(scope="module")
def api(guarded: Any) -> Client:
    """Somebody who may do everything there, past the browser."""
    header = as_role("admin")["Authorization"]
    return Client(guarded, extra_environ={"HTTP_AUTHORIZATION": header})


@pytest.fixture(scope="module")
def url(guarded: Any) -> Iterator[str]:
    with serving(guarded) as root:
        yield root


@pytest.fixture(autouse=True)
def _signed_out(visit: Visit, shared_page: Page) -> Iterator[None]:
    """Leave the tab, which the tests share, without a token."""
    yield
    shared_page.evaluate("sessionStorage.clear()")


@pytest.fixture
def signed_in(visit: Visit, url: str) -> SignIn:
    """Open a page of that service as somebody with a role, or with a token: `signed_in(path)`."""

    def open_page(path: str, role: str = "admin", *, token: str = "", **how: Any) -> Page:
        page = visit(path, of=url, **how)
        sign_in(page, token or token_of(role))
        return page

    return open_page


def token_of(role: str, **claims: Any) -> str:
    return as_role(role, **claims)["Authorization"].removeprefix("Bearer ")


def sign_in(page: Page, token: str) -> None:
    """Sign in as somebody does who has copied a token."""
    dialog = page.get_by_role("dialog", name="Sign in")
    if not dialog.count():
        page.locator("button.who").click()
    dialog.get_by_label("Token", exact=True).fill(token)
    dialog.get_by_role("button", name="Sign in").click()
    expect(page.get_by_label("Token", exact=True)).to_have_count(0)
    expect(page.locator("button.who")).to_contain_text(re.compile("jane|bot"))
    settled(page)


def choose(page: Page, action: str) -> None:
    """Choose an action of a global tag."""
    page.get_by_text("Actions", exact=True).click()
    page.get_by_role("button", name=action).click()


def done(page: Page, action: str) -> int:
    """Preview what the dialog says, do it, and return the change that it says it made."""
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_text("Nothing has been written yet.")).to_be_visible()
    page.get_by_role("dialog").get_by_role("button", name=action, exact=True).click()
    said = page.get_by_text(re.compile(r"^Done: change \d+$"))
    expect(said).to_be_visible()
    return int(said.inner_text().split()[-1])


def offered(page: Page) -> list[str]:
    """Return the actions that a page offers."""
    return page.locator(".entry strong").all_text_contents()


# --- who one is -----------------------------------------------------------------


def test_16_who_signs_in_is_told_who_they_are_for_this_tab_only(
    visit: Visit, url: str, shared_page: Page
) -> None:
    page = visit("global-tags/Dev", of=url)
    token = token_of("shifter")
    expect(page.locator("button.who")).to_have_text("Sign in")
    sign_in(page, f"  Bearer {token}\n")
    page.locator("button.who").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text(re.compile(r"In Dev\s*read"))
    said = dialog.inner_text()
    assert re.search(r"jane\s+Known by\s+jwt\s+Until\s+\d+ \w+ \d{4}", said)
    assert "read, describe, merge and revert global tags, change the status of global tags" in said
    # It is in one place, and nowhere else.
    kept = "JSON.stringify([{...localStorage}, location.href, document.cookie])"
    assert token not in page.content() + page.evaluate(kept)
    assert token in page.evaluate("JSON.stringify({...sessionStorage})")
    other = page.context.new_page()
    other.goto(f"{url}/ui/about")
    settled(other)
    assert other.locator("button.who").inner_text() == "Sign in"
    other.close()
    page.reload()
    settled(page)
    page.locator("button.who").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.locator("button.who")).to_have_text("Sign in")
    assert page.evaluate("sessionStorage.length") == 0
    assert shared_page.context.cookies() == []


@pytest.mark.parametrize(
    ("token", "said"),
    [
        (lambda: token_of("admin", exp=1_000_000_000), "The token has expired."),
        (lambda: "no-token", "The token is damaged, or is no JSON Web Token."),
        (lambda: "two words", "This is no token"),
    ],
    ids=["expired", "damaged", "two words"],
)
def test_16_a_token_that_does_not_hold_is_not_kept(
    visit: Visit, url: str, token: Callable[[], str], said: str
) -> None:
    page = visit("about", of=url, fails=True)
    page.locator("button.who").click()
    page.get_by_label("Token", exact=True).fill(token())
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text(said)
    assert page.evaluate("sessionStorage.length") == 0


def test_16_a_token_can_come_from_a_file(visit: Visit, url: str, signed_in: SignIn) -> None:
    page = visit("about", of=url)
    page.locator("button.who").click()
    file = {
        "name": "token",
        "mimeType": "text/plain",
        "buffer": f"{token_of('nobody')}\n".encode(),
    }
    page.get_by_label("or a file that has it").set_input_files([file])  # type: ignore[list-item]  # a dict is one, too
    page.get_by_role("dialog").get_by_role("button", name="Sign in").click()
    expect(page.locator("button.who")).to_contain_text("jane")


def test_16_the_token_goes_with_reads_only_where_it_is_needed(signed_in: SignIn) -> None:
    page = signed_in("about")
    sent: dict[str, bool] = {}
    page.on("request", lambda each: sent.update({each.url: "authorization" in each.headers}))
    page.get_by_role("link", name="Global tags", exact=True).click()
    page.get_by_role("link", name="Prod", exact=True).click()
    settled(page)
    signed = {url for url, has_token in sent.items() if has_token}
    assert len(sent) > 5
    assert {re.sub(r"\?.*", "", url).rpartition("/")[2] for url in signed} == {"whoami"}


def test_16_who_may_write_without_signing_in_is_told_so(visit: Visit) -> None:
    page = visit("global-tags")
    expect(page.locator("button.who")).to_have_text("anonymous, everyone may write")
    expect(page.get_by_role("button", name="Create")).to_be_visible()


def test_16_whom_a_proxy_knows_needs_no_token(visit: Visit, databases: Any) -> None:
    proxy = {
        "authenticators": "trusted-proxy",
        "plugin.trusted-proxy.proxies": "127.0.0.1/32",
        "plugin.trusted-proxy.header": "X-Remote-User",
        "plugin.roles.members": "alice: admin",
    }
    with service(databases, **{**POLICY, **proxy}) as app:

        def through_proxy(environ: Any, start_response: Any) -> Any:
            return app({**environ, "HTTP_X_REMOTE_USER": "alice"}, start_response)

        with serving(through_proxy) as root:
            page = visit("global-tags", of=root)
            expect(page.get_by_role("button", name="Create")).to_be_visible()
            page.locator("button.who").click()
            dialog = page.get_by_role("dialog", name="Who you are")
            expect(dialog).to_contain_text(re.compile("alice.*trusted-proxy.*everything"))


def test_16_who_could_be_overheard_is_warned(visit: Visit, shared_page: Page, url: str) -> None:
    elsewhere = "http://conditions.example.org"

    def lead(route: Route) -> None:
        found = route.fetch(url=route.request.url.replace(elsewhere, url))
        # Of this one, browsers say in the console that it needs https.
        told = {name: v for name, v in found.headers.items() if "opener-policy" not in name}
        route.fulfill(response=found, headers=told)

    shared_page.route(f"{elsewhere}/**", lead)
    page = visit("about", of=elsewhere)
    page.locator("button.who").click()
    expect(page.get_by_role("dialog")).to_contain_text("whoever is on the way can read the token")


# --- what is offered ------------------------------------------------------------


IN_LISTS = ["Insert a payload …", "Attach a list …"]
CLONE = ["Clone …"]
OF_SHIFTERS = ["Change status …", "Edit description …"]
OF_EXPERTS = [*IN_LISTS, *CLONE, *OF_SHIFTERS, "Revert …"]


@pytest.mark.parametrize(
    ("role", "expected"),
    [
        ("admin", {"Dev": OF_EXPERTS, "Old": CLONE, "Dev?as_of=9": []}),
        ("shifter", {"Prod": OF_SHIFTERS, "Dev": [], "Old": []}),
        ("nobody", {"Prod": []}),
    ],
)
def test_16_only_what_one_may_do_is_offered(
    signed_in: SignIn, url: str, role: str, expected: dict[str, list[str]]
) -> None:
    page = signed_in("about", role)
    for path, actions in expected.items():
        page.goto(f"{url}/ui/global-tags/{path}", wait_until="networkidle")
        assert (path, offered(page)) == (path, actions)


def test_16_who_has_not_signed_in_is_offered_nothing(visit: Visit, url: str) -> None:
    page = visit("global-tags", of=url)
    page.wait_for_load_state("networkidle")
    assert page.get_by_role("button", name="Create").count() == 0
    page.goto(f"{url}/ui/global-tags/Dev", wait_until="networkidle")
    assert offered(page) == []


# --- what is done ---------------------------------------------------------------


def test_16_a_tag_is_created_by_keyboard_with_its_reason(signed_in: SignIn, api: Client) -> None:
    page = signed_in("global-tags")
    create = page.get_by_role("button", name="Create")
    create.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_label("Name", exact=True)).to_be_focused()
    page.keyboard.press("Escape")
    expect(create).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.type("By keyboard")
    for text in ("What it is for", "", "", REASON):
        page.keyboard.press("Tab")
        page.keyboard.insert_text(text)
    page.keyboard.press("Enter")
    expect(page.get_by_text("An empty global tag By keyboard.")).to_be_visible()
    assert api.api("GET", "global-tags/By%20keyboard").status_int == 404
    page.keyboard.press("Enter")
    said = page.get_by_text(re.compile("^Done: change"))
    expect(said).to_be_focused()
    # The page behind shows it.
    expect(page.locator("tbody th", has_text="By keyboard")).to_be_visible()
    page.keyboard.press("Escape")
    expect(create).to_be_focused()
    [change] = api.ok("GET", "global-tags/By%20keyboard/history")["changes"]
    assert (change["actor"], change["comment"], change["action"]) == ("jane", REASON, "create")


def test_16_what_is_wrong_is_said_at_its_field(signed_in: SignIn) -> None:
    page = signed_in("global-tags", fails=True)
    page.get_by_role("button", name="Create").click()
    name = page.get_by_label("Name", exact=True)
    name.fill("a/b")
    page.get_by_label("Reason").fill(REASON)
    page.get_by_role("button", name="Preview").click()
    expect(name).to_have_attribute("aria-invalid", "true")
    expect(name).to_have_accessible_description("A name has no '/'.")
    expect(page.get_by_role("alert")).to_contain_text("The request is wrong")


def test_16_a_reason_is_asked_for(signed_in: SignIn) -> None:
    page = signed_in("global-tags")
    page.get_by_role("button", name="Create").click()
    page.get_by_label("Name", exact=True).fill("Why")
    reason = page.get_by_label("Reason")
    reason.fill("   ")
    page.get_by_role("button", name="Preview").click()
    assert reason.evaluate("(field) => !field.validity.valid")
    assert page.get_by_text("This would be done").count() == 0


def test_16_a_tag_is_cloned_from_its_past(signed_in: SignIn, api: Client) -> None:
    page = signed_in("global-tags/Prod")
    then = api.ok("GET", "global-tags/Prod/history")["changes"][0]["change"]
    choose(page, "Clone")
    page.get_by_label("Name of the new").fill("Prod before all")
    page.get_by_role("dialog").get_by_label("As of").fill(str(then))
    page.get_by_label("Reason").fill(REASON)
    change = done(page, "Clone")
    page.get_by_role("link", name="its history").click()
    expect(page.locator("tbody th")).to_have_text([str(change)])
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert api.ok("GET", "gtPayloadLists/Prod%20before%20all") == {}


def test_16_a_tag_is_locked_and_frozen_for_ever(signed_in: SignIn, api: Client) -> None:
    api.ok("POST", "cloneGlobalTag/Dev/Final")
    page = signed_in("global-tags/Final")
    choose(page, "Change status")
    page.get_by_label("New status").select_option("locked")
    page.get_by_label("Reason").fill("Reviewed.")
    done(page, "Change status")
    page.get_by_role("button", name="Close").click()
    expect(page.locator(".lead .badge")).to_contain_text("only additions")
    choose(page, "Change status")
    page.get_by_label("New status").select_option("frozen")
    page.get_by_label("Reason").fill("Published.")
    page.get_by_label("Type Final to go on").fill("Fina")
    expect(page.get_by_role("button", name="Preview")).to_be_disabled()
    page.get_by_label("Type Final to go on").fill("Final")
    done(page, "Change status")
    page.get_by_role("button", name="Close").click()
    expect(page.locator(".lead .badge")).to_contain_text("nothing can be changed, for ever")
    expect(page.locator(".entry strong")).to_have_text(["Clone …"])
    history = api.ok("GET", "global-tags/Final/history")["changes"]
    assert [each["comment"] for each in history[-2:]] == ["Reviewed.", "Published."]
    assert api.ok("GET", "global-tags/Final?light=1")["status"] == "frozen"


def test_16_a_revert_says_first_what_becomes_of_each_list(signed_in: SignIn, api: Client) -> None:
    api.ok("POST", "cloneGlobalTag/Dev/Back")
    then = api.ok("GET", "changes")["latest"]
    api.ok("DELETE", "deletePayloadIOV/Back/Beam/5/0")
    page = signed_in("global-tags/Back")
    choose(page, "Revert")
    page.get_by_label("As of which change").fill(str(then))
    page.get_by_label("Reason").fill("It was right.")
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_role("dialog")).to_contain_text("0 payload IOVs become 1")
    done_by = page.get_by_role("dialog").get_by_role("button", name="Revert")
    done_by.click()
    expect(page.get_by_text(re.compile("^Done: change"))).to_be_visible()
    assert api.ok("GET", f"global-tags/Back@{then}/diff/Back") == []


# --- what comes between ---------------------------------------------------------


def edit_contact(page: Page, contact: str) -> None:
    choose(page, "Edit description")
    page.get_by_label("Contact").fill(contact)
    page.get_by_label("Reason").fill("She has left.")
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_text("Nothing has been written yet.")).to_be_visible()


def changes_of(api: Client, tag: str) -> int:
    return len(api.ok("GET", f"global-tags/{tag}/history?limit=1000")["changes"])


def test_16_what_has_changed_meanwhile_is_looked_at_again(signed_in: SignIn, api: Client) -> None:
    page = signed_in("global-tags/Dev", fails=True)
    edit_contact(page, "jane@example.org")
    api.ok("PATCH", "global-tags/Dev", {"description": "By somebody else"})
    save = page.get_by_role("button", name="Save")
    save.click()
    expect(page.get_by_role("alert")).to_contain_text("Changed meanwhile")
    # The page behind shows what has changed, and the same is tried again.
    expect(page.locator(".lead")).to_contain_text("By somebody else")
    expect(save).to_have_count(0)
    assert api.ok("GET", "global-tags/Dev?light=1")["contact"] is None
    page.get_by_label("Description", exact=True).fill("By somebody else")
    done(page, "Save")
    assert api.ok("GET", "global-tags/Dev?light=1")["contact"] == "jane@example.org"


def test_16_a_write_whose_answer_is_lost_is_done_once(signed_in: SignIn, api: Client) -> None:
    page = signed_in("global-tags/Prod", fails=True)
    edit_contact(page, "lost@example.org")
    before = changes_of(api, "Prod")

    def lose(route: Route) -> None:
        route.fetch()
        route.abort("connectionreset")

    page.route("**/global-tags/Prod", lose, times=1)
    save = page.get_by_role("button", name="Save")
    save.click()
    expect(page.get_by_role("alert")).to_contain_text("The service cannot be reached")
    expect(page.get_by_text("Sent again from here, it is done once.")).to_be_visible()
    save.click()
    expect(page.get_by_text(re.compile("^Done: change"))).to_be_visible()
    assert changes_of(api, "Prod") == before + 1


def test_16_a_button_that_is_pressed_twice_writes_once(signed_in: SignIn, api: Client) -> None:
    page = signed_in("global-tags/Prod")
    edit_contact(page, "twice@example.org")
    before = changes_of(api, "Prod")
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/global-tags/Prod", hold)
    page.get_by_role("button", name="Save").dblclick()
    page.keyboard.press("Enter")
    expect(page.locator("form[aria-busy=true]")).to_be_visible()
    held.pop(0).continue_()
    expect(page.get_by_text(re.compile("^Done: change"))).to_be_visible()
    assert held == []
    assert changes_of(api, "Prod") == before + 1


def test_16_who_has_to_sign_in_anew_goes_on_where_they_were(
    signed_in: SignIn, api: Client, guarded: Any
) -> None:
    database = guarded.registry.cdb.database
    with database.writing() as session:
        operator = Writer.operator("op")
        token, record = tokens.create(session, rules(), operator, "bot", ["cdb.admin"])
    page = signed_in("global-tags/Prod", token=token, fails=True)
    edit_contact(page, "anew@example.org")
    with database.writing() as session:
        tokens.revoke(session, rules(), operator, record.id)
    page.get_by_role("button", name="Save").click()
    asked = page.get_by_role("dialog", name="Sign in")
    expect(asked).to_contain_text("The API token was revoked. Sign in with another token.")
    assert page.evaluate("sessionStorage.length") == 0
    sign_in(page, token_of("admin"))
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text(re.compile("^Done: change"))).to_be_visible()
    assert api.ok("GET", "global-tags/Prod?light=1")["contact"] == "anew@example.org"


# --- where reading needs a token ------------------------------------------------


@pytest.fixture(scope="module")
def closed(databases: Any) -> Iterator[str]:
    with pytest.MonkeyPatch.context() as patch:
        key_is_set(patch)
        settings = {**JWT, **POLICY, "read_access": "authenticated"}
        with service(databases, **settings) as app, serving(app) as root:
            yield root


def test_16_who_signs_in_to_read_sees_what_they_came_for(visit: Visit, closed: str) -> None:
    page = visit("plugins", of=closed, fails=True)
    expect(page.get_by_role("alert")).to_contain_text("This service asks who reads")
    page.get_by_role("alert").get_by_role("button", name="Sign in").click()
    token = token_of("nobody")
    sign_in(page, token)
    expect(page.locator("tbody th", has_text="roles")).to_be_visible()
    page.get_by_text("Copy as", exact=True).click()
    page.get_by_role("button", name="Copy as curl").click()
    copied = page.evaluate("navigator.clipboard.readText()")
    command = f'curl -H "Authorization: Bearer $CDB_TOKEN" {closed}/api/cdb_rest/plugins'
    assert copied == command
    python = page.get_by_label("As Python", exact=True).inner_text()
    for asks in (
        ["sh", "-c", copied.replace("curl", f"{program('curl')} -sS", 1)],
        [sys.executable, "-c", f"{python}\nprint(json.dumps(found))"],
    ):
        answer = subprocess.run(
            asks, check=True, capture_output=True, env=environ(CDB_TOKEN=token)
        )
        assert "roles" in {each["name"] for each in json.loads(answer.stdout)}
    with page.expect_download() as download:
        page.get_by_role("link", name="JSON").click()
    assert download.value.suggested_filename == "plugins.json"
    assert '"roles"' in download.value.path().read_text()
    assert token not in page.content()


# --- for everybody --------------------------------------------------------------


def test_16_the_dialogs_keep_nobody_out(signed_in: SignIn) -> None:
    page = signed_in("global-tags/Dev", motion="reduce")
    page.locator("button.who").click()
    assert violations(page) == []
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("Token", exact=True)).to_be_visible()
    assert violations(page) == []
    sign_in(page, token_of("admin"))
    page.get_by_text("Actions", exact=True).click()
    assert violations(page) == []
    page.get_by_role("button", name="Change status").click()
    page.get_by_label("New status").select_option("frozen")
    page.get_by_label("Type Dev to go on").fill("Dev")
    page.get_by_label("Reason").fill(REASON)
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_text("Nothing has been written yet.")).to_be_visible()
    assert violations(page) == []
    page.set_viewport_size(NARROW)
    dialog = page.get_by_role("dialog").bounding_box()
    assert dialog
    assert dialog["x"] >= 0
    assert dialog["x"] + dialog["width"] <= NARROW["width"]
    # Of what lies over a page axe does not see the ground, so here it is the page.
    page.evaluate(
        "document.body.replaceChildren(document.querySelector('dialog').cloneNode(true))"
    )
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        assert violations(page, "color-contrast") == []
