"""Microphones and loudspeakers on the page: named, chosen, changed in a call, unplugged; and how loud one is."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Page

from tests.e2e.browser import Window, opened
from tests.e2e.deployment import Deployment
from tests.e2e.speech import Voice, timeline, write_wav

ONE, OTHER = "Fake Audio Input 1", "Fake Audio Input 2"
"""Chromium's own; each gives the file that is played."""

WORDS = ("silent", "quiet", "good", "too loud")
"""Of the meter."""

TRACKS = """
window.tracks = [];
const real = MediaDevices.prototype.getUserMedia;
MediaDevices.prototype.getUserMedia = async function (...wishes) {
  const stream = await real.apply(this, wishes);
  window.tracks.push(stream.getAudioTracks()[0]);
  return stream;
};
window.sinks = [];
const setSink = AudioContext.prototype.setSinkId;
AudioContext.prototype.setSinkId = async function (id) {
  await setSink.call(this, id);
  window.sinks.push(id);
};
window.openMicrophones = () =>
  window.tracks.filter((each) => each.readyState === "live").map((each) => each.label);
"""
"""Notes the microphones that were opened, and the loudspeakers that were used, in order."""

UNPLUG = """(label) => {
  const real = MediaDevices.prototype.enumerateDevices;
  navigator.mediaDevices.enumerateDevices = async () =>
    (await real.call(navigator.mediaDevices)).filter((each) => each.label !== label);
  navigator.mediaDevices.dispatchEvent(new Event("devicechange"));
  for (const track of window.tracks.filter((each) => each.label === label)) {
    track.stop();
    track.dispatchEvent(new Event("ended"));
  }
}"""
"""The device goes away, and the browser says so in both of its ways."""

LOSE = """() => {
  const track = window.tracks.at(-1);
  track.stop();
  track.dispatchEvent(new Event("ended"));
}"""
"""The microphone goes away, and the list of devices says nothing of it."""

SILENT = """() => {
  const [open, ...more] = window.tracks.filter((each) => each.readyState === "live");
  return more.length === 0 && open?.enabled === false;
}"""
"""One microphone is open, and gives nothing but silence."""

FAIL = """(name) => {
  navigator.mediaDevices.getUserMedia = async () => { throw new DOMException("", name); };
}"""

PLUG = """() => {
  delete navigator.mediaDevices.enumerateDevices;
  navigator.mediaDevices.dispatchEvent(new Event("devicechange"));
}"""


@pytest_asyncio.fixture
async def window(deployment: Deployment, voice: Voice, tmp_path: Path) -> AsyncIterator[Window]:
    """The page, with a microphone into which somebody talks for half a minute."""
    words = await voice.say("how are you today")
    talk = timeline(*(part for _ in range(15) for part in (0.5, words)))
    microphone = write_wav(tmp_path / "microphone.wav", talk)
    async with opened(deployment.url, microphone, tmp_path, before=TRACKS) as window:
        yield window
        assert window.errors == []


async def using(page: Page, label: str) -> None:
    """Wait until the call's one microphone is this one."""
    await page.wait_for_function(
        "(label) => window.openMicrophones().join() === label",
        arg=label,
    )


async def options(page: Page, kind: str) -> list[str]:
    return await page.get_by_test_id(kind).locator("option").all_inner_texts()


async def live(window: Window) -> None:
    await window.press()
    await window.page.locator("[data-testid=call][data-phase=live]").wait_for()


async def test_a_microphone_is_chosen_changed_in_a_call_unplugged_and_remembered(window: Window) -> None:
    page = window.page
    await page.get_by_test_id("open-settings").click()
    await page.get_by_test_id("microphone").locator("option", has_text=ONE).wait_for(state="attached")
    await page.get_by_test_id("microphone").select_option(label=ONE)
    await page.get_by_test_id("close-settings").click()
    await live(window)
    await using(page, ONE)

    await page.get_by_test_id("open-settings").click()
    await page.get_by_test_id("microphone").select_option(label=OTHER)
    await using(page, OTHER)
    await page.get_by_test_id("close-settings").click()

    await page.evaluate(UNPLUG, OTHER)
    notice = f"The microphone “{OTHER}” went away. The system's own is used now."
    await page.get_by_test_id("transcript").get_by_text(notice).wait_for()
    await page.wait_for_function("() => window.openMicrophones().length === 1")
    assert await page.get_by_test_id("microphone").input_value() == ""
    assert await page.get_by_test_id("announcer").get_by_text(notice).count() == 1

    await page.evaluate(PLUG)
    await page.get_by_test_id("transcript").get_by_text("is back, and used again.").wait_for()
    await using(page, OTHER)

    await window.press()
    await page.reload()
    await page.locator("#microphone > option:checked", has_text=OTHER).wait_for(state="attached")


async def test_a_loudspeaker_is_chosen_in_a_call(window: Window) -> None:
    page = window.page
    await live(window)
    await page.get_by_test_id("open-settings").click()
    await page.get_by_test_id("loudspeaker").locator("option").nth(1).wait_for(state="attached")
    [_, first, *_] = await options(page, "loudspeaker")
    await page.get_by_test_id("loudspeaker").select_option(label=first)
    await page.wait_for_function("() => window.sinks.at(-1) === document.querySelector('#loudspeaker').value")
    assert await page.evaluate("localStorage.getItem('antiphon.loudspeaker') === window.sinks.at(-1)")


async def test_a_call_goes_on_with_another_microphone_or_in_writing(window: Window) -> None:
    page = window.page
    await live(window)
    await page.evaluate(LOSE)
    await page.get_by_test_id("transcript").get_by_text("The microphone went away.").wait_for()
    await page.wait_for_function("() => window.openMicrophones().length === 1")

    await page.evaluate(FAIL, "NotFoundError")
    await page.evaluate(LOSE)
    await page.get_by_test_id("transcript").get_by_text("No microphone was found.").wait_for()
    assert await page.get_by_test_id("mute").inner_text() == "Use microphone"
    await window.type("who are you")
    typed = page.get_by_test_id("bubble").filter(has_text="who are you")
    answer = typed.locator("xpath=following-sibling::li[@data-role='agent' and @data-state='done']")
    await answer.first.wait_for()


async def test_who_is_muted_stays_so_through_another_microphone_and_a_turn_by_hand(window: Window) -> None:
    page = window.page
    mute = page.get_by_test_id("mute")
    await live(window)
    await mute.click()

    async def muted() -> bool:
        """Whether the page says so, and the one microphone that is open is silent."""
        return await mute.get_attribute("aria-pressed") == "true" and await page.evaluate(SILENT)

    await page.evaluate(LOSE)
    await page.get_by_test_id("transcript").get_by_text("The microphone went away.").wait_for()
    await page.wait_for_function("() => window.openMicrophones().length === 1")
    await mute.get_by_text("Mute", exact=True).wait_for()
    assert await muted()

    for label in (OTHER, ONE):
        await page.get_by_test_id("open-settings").click()
        await page.get_by_test_id("microphone").select_option(label=label)
        await using(page, label)
        await page.get_by_test_id("close-settings").click()
        assert await muted()

    await page.evaluate(UNPLUG, ONE)
    await page.get_by_test_id("transcript").get_by_text("The system's own is used now.").wait_for()
    await page.wait_for_function("() => window.openMicrophones().length === 1")
    await mute.get_by_text("Mute", exact=True).wait_for()
    assert await muted()

    # By hand what is held is heard; behind it the person is as silent as they were.
    await page.get_by_test_id("push-to-talk").click()
    assert not await page.evaluate(SILENT)
    await page.get_by_test_id("push-to-talk").click()
    assert await muted()

    # Who is left without a microphone and asks for one is heard.
    await page.evaluate(FAIL, "NotFoundError")
    await page.evaluate(LOSE)
    await mute.get_by_text("Use microphone").wait_for()
    await page.evaluate("delete navigator.mediaDevices.getUserMedia")
    await mute.click()
    await mute.get_by_text("Mute", exact=True).wait_for()
    assert await mute.get_attribute("aria-pressed") == "false"
    assert not await page.evaluate(SILENT)


async def test_the_meter_shows_how_loud_the_microphone_is_until_it_is_muted(window: Window) -> None:
    page = window.page
    await live(window)
    await page.wait_for_function("() => Number(document.querySelector('#meter').ariaValueNow) > 20")
    await page.wait_for_function(
        "() => parseFloat(getComputedStyle(document.querySelector('#meter'), '::before').width) > 10"
    )
    assert await page.get_by_test_id("meter").get_attribute("aria-valuetext") in WORDS
    await page.keyboard.press("m")
    assert await page.get_by_test_id("mute").get_attribute("aria-pressed") == "true"
    assert await page.get_by_test_id("meter").get_attribute("aria-valuenow") == "0"
    assert await page.get_by_test_id("status").inner_text() == "Your microphone is muted."


@pytest.mark.parametrize(
    ("error", "told"),
    [
        ("NotFoundError", "No microphone was found."),
        ("NotReadableError", "Another program may hold it."),
        ("NotAllowedError", "The microphone is blocked for this page."),
    ],
)
async def test_what_keeps_the_microphone_away_is_told_and_one_types_instead(
    window: Window, error: str, told: str
) -> None:
    page = window.page
    await page.evaluate(FAIL, error)
    await window.press()
    await page.get_by_test_id("trouble").get_by_text(told).wait_for()
    await window.type("who are you")
    await window.until("agent", "done")
    # The microphone is asked for again, in vain, and the call goes on.
    await page.get_by_test_id("mute").click()
    await page.get_by_test_id("transcript").get_by_text(told).wait_for()
    assert await page.get_by_test_id("call").get_attribute("data-phase") == "live"
