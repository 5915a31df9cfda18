"""What can be chosen, as REST tells it."""

from tests.gateway.harness import Gateway


async def test_personas_are_told_and_one_is_the_default(gateway: Gateway) -> None:
    status, body = await gateway.ask("GET", "/api/personas")
    assert status == 200
    assert [card["name"] for card in body["personas"]] == [p.name for p in gateway.parts.catalogue.personas]
    assert [card["name"] for card in body["personas"] if card["default"]] == [
        gateway.parts.catalogue.default.name
    ]


async def test_voices_are_told_by_the_names_that_a_session_takes(gateway: Gateway) -> None:
    _, body = await gateway.ask("GET", "/api/voices")
    for card in body["voices"]:
        session = await gateway.session(voice=card["name"])
        assert session["voice"] == card["name"]
