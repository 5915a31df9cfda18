"""Characters and numbers that Postgres refuses do not cost a row."""

from uuid import uuid4

from hypothesis import given
from hypothesis import strategies as st

from gateway.store.rows import SessionRow
from gateway.store.store import Store
from services.base.clean import clean, dumps
from tests.gateway.store.samples import whole


@given(st.text(st.characters(exclude_categories=())))
def test_clean_text_can_always_be_encoded_and_holds_no_nul(text: str) -> None:
    assert "\0" not in clean(text).encode("utf-8").decode("utf-8")


@given(st.text())
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    assert clean(text) == text.replace("\0", "")


def test_json_has_no_numbers_that_are_none() -> None:
    assert dumps({"a": float("nan"), "b": [float("inf"), 1.5]}) == '{"a": null, "b": [null, 1.5]}'


async def test_a_row_with_stray_characters_is_written(database_url: str) -> None:
    session_id = uuid4()
    async with Store.open(database_url, "test") as store:
        store.outbox.put(
            SessionRow(session_id=session_id, user_id="a\0b\ud800", metadata={"k\0": "v\0\udfff"})
        )
        assert await store.outbox.flush(20)
        found = await whole(store.queries, session_id)
    assert found["user_id"] == "ab\ufffd\ufffd\ufffd"
    assert found["metadata"] == {"k": "v\ufffd\ufffd\ufffd"}
