"""Printed letters. What is handed to this channel stands in the queue of the street's letters until people have printed and posted it."""

from __future__ import annotations

from chassis.db import Database
from sqlalchemy.dialects.postgresql import insert

from notifications.channels import Parcel
from notifications.tables import Letter


class LetterQueue:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def send(self, parcel: Parcel) -> None:
        async with self._database.statements() as session:
            await session.execute(insert(Letter).values(id=parcel.id).on_conflict_do_nothing())
