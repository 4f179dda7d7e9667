"""Marriage registration on the national platform. Field names follow the public single and couple queries."""

from aiohttp import web

from anju_sandbox.departments.desk import CHECKED, UNCHECKED, Json, text_of
from anju_sandbox.departments.national import NO_MATCH, NationalService, required
from anju_sandbox.world.facts import MaritalStatus, Marriage, Person
from anju_sandbox.world.identity import same_person

QUERY_PATH = "/api/hydj/query"
# Assumed schema: only INR (foreign) is public among the codes of op_type.
MARRIED, DIVORCED, NOTHING = "IA", "IB", "0"


class MarriageRegister(NationalService):
    """Answers by one person, or by both (then only an entry joining the two matches)."""

    path = QUERY_PATH

    def has_record(self, person: Person) -> bool:
        """People with an entry this province has."""
        return bool(self._rows(person))

    def answer(self, request: web.Request, body: Json) -> Json:
        """``biz_data.result``: the entries, newest first, or one row 匹配不成功 (which does not mean unmarried)."""
        exchange = self.desk.exchange(request)
        woman_only = not text_of(body, "cert_num_man")
        who = "woman" if woman_only else "man"
        id_number, name = required(body, f"cert_num_{who}"), required(body, f"name_{who}")
        partner = "" if woman_only else text_of(body, "cert_num_woman")
        person = self.desk.find(exchange, id_number, name)
        rows = self._rows(person) if person else []
        if partner:
            rows = [row for row in rows if same_person(str(row["spouse_cert_num"]), partner)]
        exchange.outcome = "found" if rows else "no_record"
        if person and rows:
            return {"cert_num": self.desk.written_id(person), "name": person.name, "result": rows, "ryhy": CHECKED}
        nothing = {"op_type": NOTHING, "op_type_desc": NO_MATCH, "op_date": ""}
        echoed = person.id_number if person else id_number
        # Half of the "nothing found" answers are an empty list, half the text: both must be read as no record.
        result = [] if id_number[-1:] in "2468" else [nothing]
        return {"cert_num": echoed, "name": name, "result": result, "ryhy": CHECKED if person else UNCHECKED}

    def _rows(self, person: Person) -> list[Json]:
        marriage = person.marriage
        if marriage.other_province or marriage.status is MaritalStatus.NEVER:
            return []
        if marriage.status is MaritalStatus.WIDOWED:
            # A death ends a marriage without an entry in this register: it goes on showing the wedding.
            return [self._row(person, marriage, MARRIED, "结婚登记")]
        if marriage.status is MaritalStatus.MARRIED:
            rows = [self._row(person, marriage, MARRIED, "结婚登记")]
        else:
            rows = [self._row(person, marriage, DIVORCED, "离婚登记")]
        if self.desk.quirk(person, "duplicate_row"):
            rows.append(dict(rows[0]))
        return rows

    def _row(self, person: Person, marriage: Marriage, op_type: str, description: str) -> Json:
        return {
            "op_type": op_type,
            "op_type_desc": description,
            "op_date": f"{marriage.since:%Y-%m-%d}" if marriage.since else "",
            "cert_num": self.desk.written_id(person),
            "name": person.name,
            "cert_no": marriage.certificate_no,
            "dept_name": "安居市民政局婚姻登记处",
            "spouse_name": marriage.spouse_name,
            "spouse_cert_num": marriage.spouse_id_number,
        }
