"""``anju demo``: one household from submission to the third month's rent, told in plain words.

Days and months pass by the engine's own controlled clock, so the Temporal UI shows a lease that is months old.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import quote

from anju_calendar import SHANGHAI
from anju_simclock import SimulatedClock
from chassis.deployment import Deployment
from rich.console import Console

from anju_stories.household import Household
from anju_stories.people import City, city, controlled_clock

VERDICTS = {"met": "符合", "not_met": "不符合", "needs_review": "需人工核查", "not_applicable": "不适用"}
LEVELS = {"street": "街道初审", "district": "区级复审", "city": "市级终审"}


class Story:
    def __init__(self, deployment: Deployment, family: Household, console: Console) -> None:
        self.deployment = deployment
        self.family = family
        self.console = console
        self.number = 0

    def say(self, text: str, *, page: str = "", workflow: str = "") -> None:
        self.number += 1
        self.console.print(f"[bold]{self.number:>2}.[/bold] {text}")
        if page:
            self.console.print(f"     页面 page      {self.deployment.web_url}{page}", style="dim", soft_wrap=True)
        engine = self.deployment.temporal
        if workflow and engine.ui_url:
            ui = f"{engine.ui_url}/namespaces/{engine.namespace}/workflows/{quote(workflow, safe='')}"
            self.console.print(f"     流程 Temporal  {ui}", style="dim", soft_wrap=True)

    def note(self, text: str) -> None:
        self.console.print(f"     {text}")

    async def apply(self) -> None:
        family = self.family
        case = await family.submit()
        workflow = f"application/{family.no}"
        self.say(
            f"{case['masked_name']}一家在手机上提交申请，受理号 [bold]{family.no}[/bold]。", page=f"/cases/{family.no}", workflow=workflow
        )
        await family.reaches("street_review")
        lookups = await family.applicant.get(f"/applications/{family.no}/lookups")
        self.say("四个部门的数据同时核验，申请人不用交任何纸质证明：")
        for lookup in lookups["items"]:
            self.note(f"{lookup['title']}：{lookup['summary']}")
        assessment = await family.applicant.get(f"/applications/{family.no}/assessment")
        self.say(f"按规则集 {assessment['rule_set']} 评估（示例参数）：{VERDICTS[assessment['verdict']]}")
        for criterion in assessment["criteria"]:
            self.note(f"{VERDICTS[criterion['verdict']]}  {criterion['title']}：{criterion['reason']}")
        for level, title in LEVELS.items():
            case = await family.reaches(f"{level}_review")
            await family.decide(level)
            self.say(f"{title}通过（期限 {_day(case['deadline_at'])}）。", page="/staff")
        case = await family.reaches("public_notice")
        self.say(f"公示到 {_day(case['deadline_at'])}，姓名已隐去；任何人可以提出异议。", page="/notices")
        await family.pass_public_notice()
        self.say("公示期满无异议，登记为轮候对象。", workflow=f"waiting/{family.no}")

    async def move_in(self) -> bool:
        """False when the list and the stock had no home for them."""
        family = self.family
        tenancy = await family.tenancy()
        self.note(f"轮候顺序：本区第 {tenancy['waiting']['rank']} 位")
        manager = family.city.official("house_manager", family.district)
        made = await manager.post(f"/districts/{family.district}/offers", {})
        self.say(f"房管所按轮候顺序发起配租，本区配出 {len(made['offers'])} 套。", page="/staff")
        if family.no not in {offer["application_no"] for offer in made["offers"]}:
            return False
        offer = await family.offered()
        unit = offer["unit"]
        self.say(
            f"这一家配到 {unit['estate_name']} {unit['number']}（{unit['area_centi_sqm'] / 100:.1f} ㎡，月租 {_yuan(unit['monthly_rent_fen'])}），他们接受了。"
        )
        lease = await family.accept_offer()
        self.say(
            f"阅读应当退回住房的情形和违约责任后签约，合同 [bold]{lease['no']}[/bold]（{lease['term_months']} 个月，自生效之日起）。",
            page=f"/cases/{family.no}",
            workflow=f"lease/{lease['no']}",
        )
        await family.sign()
        await family.pay("deposit")
        await family.lease_is("active")
        self.say(f"押金 {_yuan(lease['deposit_fen'])} 已由银行回调入账，合同生效。", workflow=f"bill/{lease['no']}/deposit")
        return True

    async def live(self, months: int) -> None:
        for month in range(months):
            period = await self.family.live_month(month)
            bill = await self.family.pay(period)
            self.say(
                f"第 {month + 1} 个月：{period[:4]} 年 {period[4:]} 月租金 {_yuan(bill['amount_fen'])} 已缴。",
                page=f"/leases/{self.family.lease_no}/bills/{period}",
                workflow=f"bill/{self.family.lease_no}/{period}",
            )

    async def close(self) -> None:
        inbox = await self.family.applicant.get("/inbox", limit="100")
        self.say(f"这一家一共收到 {len(inbox['items'])} 条消息，最近一条：{inbox['items'][0]['title']}", page="/inbox")
        finance = self.family.city.official("finance", self.family.district[:4])
        balance = await finance.get("/ledger/trial-balance")
        accounts = balance.get("accounts", balance.get("items", []))
        debit, credit = sum(a["debit_fen"] for a in accounts), sum(a["credit_fen"] for a in accounts)
        self.say(f"总账借方 {_yuan(debit)} = 贷方 {_yuan(credit)}：{'平' if debit == credit else '不平'}")


def _yuan(fen: int) -> str:
    return f"{fen // 100:,}.{fen % 100:02d} 元"


def _day(instant: str) -> str:
    day = datetime.fromisoformat(instant).astimezone(SHANGHAI)
    return f"{day.year}年{day.month}月{day.day}日"


async def free_family(town: City, clock: SimulatedClock, persona: str) -> Household:
    """The persona's household, or when it has applied before, the next ordinary one that declares the truth and owns nothing."""
    personas = await town.world("GET", "/personas")
    chosen: dict[str, Any] = next(item["household"] for item in personas["items"] if item["key"] == persona)
    start = 0
    candidates = [chosen]
    while True:
        for household in candidates:
            family = Household(town, household, clock)
            if not (await family.applicant.get("/applications"))["items"]:
                return family
        page = await town.world("GET", f"/population/households?start={start}&count=50")
        candidates = [h for h in page["items"] if not h["misdeclared"] and not any(m["homes"] or m["vehicles"] for m in h["members"])]
        start = page["next_start"]


async def tell(deployment: Deployment, months: int, persona: str) -> int:
    """0 when the household has paid its last month."""
    console = Console(highlight=False)
    clock = await controlled_clock(deployment)
    async with city(deployment) as town:
        family = await free_family(town, clock, persona)
        story = Story(deployment, family, console)
        await story.apply()
        if not await story.move_in():
            console.print(
                "\n这一家继续轮候：本区没有合适的空房了。用新的数据目录再演示一次，或在工作台登记新房源。No home is vacant for them: use a fresh --data-dir."
            )
            return 1
        await story.live(months)
        await story.close()
    console.print("\n完。The end. 用 [bold].venv/bin/anju verify[/bold] 核对每一笔。")
    return 0
