"""Tests of files that pages make: whom they are handed to, and that they go with whoever held them."""

import asyncio
import gc

from starlette.requests import Request

from viewer.downloads import Kept, download_routes, link


def ask(page):
    token = page.split('href="')[1].split('"')[0].rsplit("/", 1)[1]
    return download_routes()[0].endpoint(Request({"type": "http", "headers": [], "path_params": {"token": token}}))


def sent(answer):
    async def collect():
        parts = []

        async def send(message):
            parts.append(message.get("body", b""))
        await answer({"type": "http", "method": "GET", "headers": []}, asyncio.Event().wait, send)
        return b"".join(parts)
    return asyncio.run(collect())


def test_a_file_is_handed_out_whole_under_its_name_and_not_kept_by_the_browser():
    kept = Kept("a.zip")
    kept.path.write_bytes(b"films" * 1000)
    answer = ask(link(kept, "Save"))
    assert answer.status_code == 200 and sent(answer) == b"films" * 1000
    assert 'filename="a.zip"' in answer.headers["content-disposition"]
    assert answer.headers["cache-control"] == "no-store" and kept.size == 5000


def test_nobody_makes_an_address_of_his_own():
    kept = Kept("a.zip")
    kept.path.write_bytes(b"x")
    assert ask(link(kept, "Save").replace('" download', 'x" download')).status_code == 403


def test_a_file_goes_with_whoever_held_it():
    kept = Kept("a.zip")
    kept.path.write_bytes(b"x")
    page, place = link(kept, "Save"), kept.path
    del kept
    gc.collect()
    assert not place.parent.exists() and ask(page).status_code == 404
