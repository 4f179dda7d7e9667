"""What people print is whole on paper: the city's name above, everything the page has to say, nothing that is pressed, nothing cut off at the edge."""

from __future__ import annotations

from dataclasses import dataclass

import pypdfium2
import pytest
from anju_stories.household import Household

from tests.browser.conftest import NewVisitor
from tests.browser.pages import PICTURES, Visitor

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

# What is there to press or to go elsewhere.
NOT_ON_PAPER = ("大字版", "English", "首页", "我的事项", "返回", "打印本页", "去缴款", "下载合同", "可以办理的事", "本页会自动更新")
# Points: 210 mm without the margins of 15 mm.
PAPER_PX = 680


@dataclass
class Printed:
    text: str
    pages: int


async def printed(visitor: Visitor, name: str) -> Printed:
    """The page as the browser prints it, with a picture of its first sheet for people to look at."""
    file = await visitor.page.pdf(format="A4", prefer_css_page_size=True)
    document = pypdfium2.PdfDocument(file)
    try:
        PICTURES.mkdir(parents=True, exist_ok=True)
        sheets = [document[at] for at in range(len(document))]
        sheets[0].render(scale=1.5).to_pil().save(PICTURES / f"paper-{name}.png")
        # A line of the page is not always a line of the text.
        text = "".join(sheet.get_textpage().get_text_range() for sheet in sheets)
        return Printed("".join(text.split()), len(sheets))
    finally:
        document.close()


async def cut_off(visitor: Visitor) -> int:
    """Pixels by which the page is wider than a sheet."""
    size = visitor.page.viewport_size
    assert size is not None
    await visitor.page.emulate_media(media="print")
    await visitor.page.set_viewport_size({"width": PAPER_PX, "height": 900})
    wide = await visitor.sideways()
    await visitor.page.emulate_media(media="null")
    await visitor.page.set_viewport_size(size)
    return wide


async def test_what_a_tenant_prints(tenant: Household, visitor: NewVisitor) -> None:
    phone = await visitor()
    await phone.sign_on_citizen(tenant.dossier["members"][0]["id_number"])
    case, lease = f"/cases/{tenant.no}", f"/leases/{tenant.lease_no}"
    wanted = {
        # Folded away on the screen, whole on paper.
        case: (tenant.no, tenant.lease_no, "各部门数据核验", "不动产登记", "人均住房建筑面积", "办理记录", "提交申请，已受理"),
        f"{case}/receipt": (tenant.no, "申请已受理", "受理部门"),
        f"{lease}/contract": (tenant.lease_no, "第一条", "第十四条", "SHA-256"),
        f"{lease}/bills/deposit": (tenant.lease_no, "押金", "2,000.00元", "已缴清"),
    }
    for path, words in wanted.items():
        await phone.open(path)
        assert not await cut_off(phone), path
        sheet = await printed(phone, path.strip("/").replace("/", "_"))
        missing = [word for word in ("开封市", "公共租赁住房", f"{phone.url}{path}打印", *words) if "".join(word.split()) not in sheet.text]
        assert not missing, (path, missing, sheet.text[-200:])
        assert not [word for word in NOT_ON_PAPER if word in sheet.text], path
    # The screen is as it was.
    await phone.open(case)
    await phone.page.pdf()
    assert await phone.page.locator("main details:not([open])").count() > 0


async def test_a_refusal_on_paper_says_where_to_turn(refused: Household, visitor: NewVisitor) -> None:
    phone = await visitor()
    await phone.sign_on_citizen(refused.dossier["members"][0]["id_number"], f"/cases/{refused.no}")
    sheet = await printed(phone, "refusal")
    for words in (refused.no, "名下有多处住房", "申请行政复议", "提起行政诉讼", "最晚到"):
        assert words in sheet.text, words
