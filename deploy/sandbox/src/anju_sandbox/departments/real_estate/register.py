"""One county's real estate register (protocol 4.3): seven of them, each with its own address and login.

Public: request and envelope fields, field meanings of the rows. Assumed schema: the path, the serial number ``LSH``
echoed by the answer, the ``bdc_*`` answer headers, and one flat row per right holder.
"""

from aiohttp import web
from pydantic import BaseModel

from anju_sandbox.departments.crypto import same_signature
from anju_sandbox.departments.desk import CHECKED, UNCHECKED, Desk, Json, Refused, Signing, json_body, text_of
from anju_sandbox.exchange import Hub
from anju_sandbox.faults import Kind
from anju_sandbox.world.facts import Home, HomeUse, Person

QUERY_PATH = "/bdc/gxcx/query"
_ID_CARD = "1"
_USE_NAMES = {
    HomeUse.RESIDENTIAL: "成套住宅",
    HomeUse.PARKING: "车位",
    HomeUse.SHOP: "商业服务",
    HomeUse.STORAGE: "储藏室",
}


class RealEstateLogin(BaseModel):
    """Login of one county register; reply_key verifies the signature of its answers (assumed schema)."""

    yhm: str
    mm: str
    reply_key: str


class RealEstateRegister:
    """The register of one district or county."""

    secrets = None

    def __init__(self, hub: Hub, server: str, login: RealEstateLogin) -> None:
        district = server[-6:]

        def has_home(person: Person) -> bool:
            return any(home.district == district for home in person.homes)

        self.desk = Desk(hub, server, has_home)
        self.hub = hub
        self.district = district
        self.login = login

    def add_routes(self, app: web.Application) -> None:
        """Adds the endpoint."""
        app.router.add_post(QUERY_PATH, self.query)

    async def query(self, request: web.Request) -> web.Response:
        """Homes, shops and parking places of a person in this district, sold contracts not yet registered included."""
        exchange = self.desk.exchange(request)
        try:
            body = await json_body(request)
            exchange.request_id = text_of(body, "LSH")
            id_number, name = self._check(body)
        except Refused as refused:
            exchange.outcome = "refused"
            return web.json_response({"Result": "0", "Note": refused.message, "Data": None})
        person = self.desk.find(exchange, id_number)
        rows = self._rows(person) if person else []
        exchange.outcome = "found" if rows else "no_record"
        if person:
            rows += self._namesake_rows(person, name)
        payload = self._payload(request, id_number, rows)
        payload["LSH"] = exchange.request_id
        payload["RYHY"] = CHECKED if person and person.name == name else UNCHECKED
        return self.desk.seal(request, payload, Signing(self.login.reply_key, "bdc", exchange.request_id))

    def _check(self, body: Json) -> tuple[str, str]:
        if not same_signature(text_of(body, "YHM"), self.login.yhm) or not same_signature(text_of(body, "MM"), self.login.mm):
            raise Refused("0", "用户名或密码错误")
        id_number, name = text_of(body, "QLRZJHM"), text_of(body, "QLRMC")
        if not id_number or not name:
            raise Refused("0", "权利人名称、证件号码不能为空")
        if text_of(body, "QLRZJZL") != _ID_CARD:
            raise Refused("0", "不支持的证件种类")
        return id_number, name

    def _payload(self, request: web.Request, id_number: str, rows: list[Json]) -> Json:
        exchange = self.desk.exchange(request)
        if exchange.hit_by(Kind.INNER_FAILURE):
            return {"Result": "0", "Note": "查询失败：数据库连接异常", "Data": None}
        if exchange.hit_by(Kind.QUOTA):
            return {"Result": "0", "Note": "超出当日查询次数限制", "Data": None}
        if exchange.hit_by(Kind.NULL_DATA):
            return {"Result": "1", "Note": "查询成功", "Data": None}
        if not rows and id_number[-1:] in "0369":
            return {"Result": "1", "Note": "未查询到相关登记信息", "Data": None}
        return {"Result": "1", "Note": "查询成功", "Data": {"BDCDJXX": rows}}

    def _rows(self, person: Person) -> list[Json]:
        homes = [home for home in person.homes if home.district == self.district]
        rows = [self._row(person, home) for home in homes]
        if rows and self.desk.quirk(person, "duplicate_row"):
            rows.append(dict(rows[0]))
        return rows

    def _namesake_rows(self, person: Person, name: str) -> list[Json]:
        """This register searches loosely: people of the same name slip in, told apart only by QLRZJH."""
        if name != person.name:
            return []
        other = self.hub.world.population.namesake(person)
        return self._rows(other) if other else []

    def _area(self, person: Person, home: Home) -> str:
        if self.desk.quirk(person, "area_unit", 4):
            return f"{home.area_sqm}平方米"
        return f"{home.area_sqm}㎡" if self.desk.quirk(person, "area_sign", 4) else home.area_sqm

    def _row(self, person: Person, home: Home) -> Json:
        shared = home.share_percent != "100"
        return {
            "qlrmc": person.name,
            "qlrzjh": self.desk.written_id(person),
            "bdcdyh": home.unit_no,
            "bdcqzh": home.certificate_no,
            "fwzl": home.address,
            "jzmj": self._area(person, home),
            "fwyt": _USE_NAMES[home.use],
            "qllx": "国有建设用地使用权/房屋所有权",
            "qlxz": "市场化商品房",
            "djsj": f"{home.registered_on:%Y-%m-%d}" if home.registered_on else "",
            "gyfs": "按份共有" if shared else "单独所有",
            "qlbl": f"{home.share_percent}%",
            "dyzt": "1" if home.mortgaged else "0",
            "cfzt": "1" if home.seized else "0",
            "yyzt": "1" if home.disputed else "0",
            "ygzt": "1" if home.pre_notice else "0",
            "jzqzt": "1" if home.right_of_residence else "0",
            "hth": home.contract_no,
            "qszt": "0" if home.pre_notice else "1",
        }
