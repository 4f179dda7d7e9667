"""PostgreSQL and its driver quote the values they refuse; what is written about it does not."""

from __future__ import annotations

from typing import Any

import pytest
from chassis import logs
from chassis.db import Database
from chassis.grpc_server import _value_refused
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from tests.conftest import MakeDatabase

NAME = "王秀芳"


@pytest.mark.parametrize(
    ("sql", "values", "said"),
    [
        ("INSERT INTO person VALUES (1, :name)", {"name": NAME}, "23505 person person_pkey"),
        ("INSERT INTO person VALUES (2, :name)", {"name": NAME * 9}, "22001"),
        ("INSERT INTO person VALUES (2, NULL)", {}, "23502 person name"),
        ("INSERT INTO person VALUES (:age, 'x')", {"age": NAME}, "DataError"),
        (f"SELECT CAST('{NAME}' AS integer)", {}, "22P02"),
        ("SELECT * FROM nobody", {}, '42P01 relation "nobody" does not exist'),
    ],
)
async def test_no_value_is_repeated(make_database: MakeDatabase, sql: str, values: dict[str, Any], said: str) -> None:
    database = Database(await make_database("errors"))
    async with database.transaction() as session:
        await session.execute(text("CREATE TABLE person (id integer PRIMARY KEY, name varchar(9) NOT NULL)"))
        await session.execute(text("INSERT INTO person VALUES (1, :name)"), {"name": NAME})
    with pytest.raises(Exception) as caught:  # whatever the driver makes of it
        async with database.transaction() as session:
            await session.execute(text(sql), values)
    await database.close()
    described = logs.describe(caught.value)
    assert NAME not in described
    assert said in described
    assert "[parameters" not in str(caught.value)
    # Of these only a value that does not fit is the caller's own.
    assert isinstance(caught.value, DBAPIError)
    assert _value_refused(caught.value) == ("DataError" in said or said.startswith("22"))
