"""The civil affairs department's register of minimum living allowances: old people who have never been insured receive one here."""

from aiohttp import web
from anju_sandbox.departments.desk import CHECKED, UNCHECKED, Json, text_of
from anju_sandbox.departments.national import NationalService, required
from anju_sandbox.world.facts import Person


class DibaoRegister(NationalService):
    path = "/api/dibao/query"

    def has_record(self, person: Person) -> bool:
        return not person.employments and person.birth_date.year < 1960

    def answer(self, request: web.Request, body: Json) -> Json:
        exchange = self.desk.exchange(request)
        id_number = required(body, "sfzh")
        person = self.desk.find(exchange, id_number, text_of(body, "xm"))
        rows = [{"since": "201903", "amount": "730.00"}] if person and self.has_record(person) else []
        exchange.outcome = "found" if rows else "no_record"
        return {"sfzh": self.desk.written_id(person) if person else id_number, "rows": rows, "ryhy": CHECKED if person else UNCHECKED}
