"""Vehicle register on the national platform. Row fields are public; the query's field names are an assumed schema."""

from aiohttp import web

from anju_sandbox.departments.desk import CHECKED, UNCHECKED, Json, text_of, whole_of
from anju_sandbox.departments.national import NO_MATCH, NationalService, required
from anju_sandbox.world.facts import Person, Vehicle

QUERY_PATH = "/api/jdc/query"
_MAX_LIMIT = 50


class VehicleRegister(NationalService):
    """Answers by owner: ``{sfzmhm, xm, start, limit}`` → ``biz_data.{returncount, recordcount, rows}``. It knows no values."""

    path = QUERY_PATH

    def has_record(self, person: Person) -> bool:
        """Owners only."""
        return bool(person.vehicles)

    def answer(self, request: web.Request, body: Json) -> Json:
        """The owner's vehicles, paged by start (from 0) and limit; ``message`` 匹配不成功 for an unknown owner."""
        exchange = self.desk.exchange(request)
        id_number = required(body, "sfzmhm")
        person = self.desk.find(exchange, id_number, text_of(body, "xm"))
        if person is None:
            exchange.outcome = "no_record"
            return {"sfzmhm": id_number, "returncount": 0, "recordcount": 0, "rows": [], "message": NO_MATCH, "ryhy": UNCHECKED}
        rows = [self._row(person, vehicle) for vehicle in person.vehicles]
        if rows and self.desk.quirk(person, "duplicate_row"):
            rows.append(dict(rows[0]))
        exchange.outcome = "found" if rows else "no_record"
        start = whole_of(body, "start", 0, 0, 10_000)
        shown = rows[start : start + whole_of(body, "limit", 10, 1, _MAX_LIMIT)]
        return {
            "sfzmhm": self.desk.written_id(person),
            "returncount": len(shown),
            "recordcount": len(rows),
            # A few people without a vehicle get null at first, in place of an empty list.
            "rows": None if not rows and self.desk.passing_quirk(person, "null_data") else shown,
            "message": "",
            "ryhy": CHECKED,
        }

    def _row(self, person: Person, vehicle: Vehicle) -> Json:
        return {
            "hphm": vehicle.plate,
            "hpzl": vehicle.plate_kind,
            "clpp1": vehicle.brand,
            "clxh": vehicle.model,
            "clsbdh": vehicle.vin,
            "fdjh": vehicle.engine_no,
            "csys": vehicle.colour,
            "jdcsyr": person.name,
            "sfzmhm": self.desk.written_id(person),
            "lxfs": person.phone,
            "ccdjrq": f"{vehicle.first_registered_on:%Y-%m-%d}" if vehicle.first_registered_on else "",
            "zt": "A",
        }
