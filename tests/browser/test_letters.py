"""What somebody has to say: written with an account or without a name, followed, rated, opened again; nothing typed is lost, and no code is left anywhere."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Dialog, expect

from tests.browser.conftest import NewVisitor
from tests.browser.letters import DISTRICT, HOSTILE, handled
from tests.browser.pages import DESK, Visitor
from tests.browser.test_draft import left_on_the_device
from tests.support.boxes import RunningBox
from tests.support.families import Families
from tests.support.photographs import photograph

pytestmark = pytest.mark.browser


async def write(visitor: Visitor, text: str, kind: str = "complaint") -> None:
    await visitor.choose("kind", kind)
    await visitor.field("division").select_option(DISTRICT)
    await visitor.field("text").fill(text)


async def number(visitor: Visitor) -> str:
    await visitor.expect_heading("已收到")
    return re.findall(r"[A-Z]{2}-\d{4}-\d{6}", await visitor.page.locator("main").inner_text())[0]


async def fit(visitor: Visitor, picture: str) -> None:
    assert not await visitor.violations()
    assert not await visitor.sideways()
    assert not await visitor.small_targets()
    await visitor.picture(picture)


async def add_photo(visitor: Visitor, content: bytes) -> None:
    await visitor.field("photo").set_input_files({"name": "photo.jpg", "mimeType": "image/jpeg", "buffer": content})


async def shown(visitor: Visitor) -> None:
    """The photograph itself, upright as it was taken."""
    await expect(visitor.page.get_by_role("img", name="照片 1")).to_have_js_property("naturalWidth", 900)


async def test_written_with_an_account_answered_and_rated(box: RunningBox, families: Families, visitor: NewVisitor) -> None:
    family = await families.one(DISTRICT)
    phone = await visitor()
    await phone.sign_on_citizen(family.dossier["members"][0]["id_number"], "/letters")
    await expect(phone.page.locator("main")).to_contain_text("您还没有用账号写过")
    await phone.follow("写一件")
    await phone.expect_heading("投诉、建议、举报、咨询")
    await phone.press("提交")
    summary = phone.page.locator(".error-summary")
    for missing in ("请选择是投诉、建议、举报还是咨询", "请选择事情在哪个区县", "请写明是什么事"):
        await expect(summary.get_by_role("link", name=missing)).to_be_visible()
    assert not await phone.violations()
    await write(phone, "漏水")
    # A street of its own: where several of a kind have come from, somebody looks at once.
    await phone.field("street").select_option(index=1)
    await phone.press("提交")
    # What will do the service says, beside the field, and what was typed stands there still.
    await expect(phone.page.locator("#text-error")).to_contain_text("至少 5 个字")
    await expect(phone.field("text")).to_have_value("漏水")
    await phone.field("text").fill("长" * 2001)
    await phone.press("提交")
    await expect(phone.page.locator("#text-error")).to_contain_text("现在有 2001 个字，最多 2000 个字")
    await phone.field("text").fill(HOSTILE)
    # What was refused was another text.
    await expect(phone.page.locator(".error-summary")).to_have_count(0)
    await phone.field("contact").fill("=1+1 晚上 8 点以后")
    await fit(phone, "phone-say")
    await phone.press("提交")
    no = await number(phone)
    await expect(phone.page.locator("main")).to_contain_text(re.compile(r"承办部门会在 \d{4}年\d+月\d+日 前受理"))
    assert "HYPERLINK" not in await left_on_the_device(phone)

    # The same once more is one letter.
    await phone.open("/say")
    await expect(phone.field("text")).to_have_value("")
    await write(phone, HOSTILE)
    await phone.press("提交")
    await expect(phone.page.get_by_role("alert")).to_contain_text("您已经反映过")
    await phone.press("清空重写")
    await expect(phone.field("text")).to_have_value("")
    assert "HYPERLINK" not in await left_on_the_device(phone)

    await phone.open("/letters")
    await phone.page.get_by_role("link", name=no).click()
    await expect(phone.stage).to_have_text("待受理")
    await expect(phone.page.locator(".now-card")).to_contain_text("现在由区住房保障部门办理")
    await expect(phone.page.locator(".now-card")).to_contain_text("最晚到")
    await expect(phone.page.locator("main")).to_contain_text("<script>document.body.remove()</script>")
    # What is no photograph is refused in words; one that is stands beside the text.
    await add_photo(phone, b"%PDF-1.7 no photograph")
    await expect(phone.page.get_by_role("alert")).to_contain_text("请上传 JPG")
    await expect(phone.page.locator("main")).to_contain_text("还可以添加 6 张")
    await add_photo(phone, photograph())
    await shown(phone)
    await expect(phone.page.locator("main")).to_contain_text("还可以添加 5 张")
    await phone.page.reload()
    await shown(phone)
    await fit(phone, "phone-letter")
    # Nothing to rate before there is an answer.
    await expect(phone.page.get_by_text("评价这次办理")).to_have_count(0)
    await handled(box, no, "accept")
    await handled(box, no, "answer", f"已安排维修，{HOSTILE}")
    await phone.open(f"/letters/{no}")
    await expect(phone.stage).to_have_text("已答复，待评价")
    await expect(phone.page.locator(".now-card")).to_contain_text("请您评价")
    await fit(phone, "phone-letter-answered")
    await phone.press("提交评价")
    await expect(phone.page.get_by_role("alert")).to_contain_text("请选择满意程度")
    await phone.choose("rate-level", "satisfied")
    await phone.field("rate-text").fill("谢谢")
    await phone.page.reload()
    await phone.settled()
    await expect(phone.field("rate-text")).to_have_value("谢谢")
    await phone.choose("rate-level", "satisfied")
    await phone.press("提交评价")
    await expect(phone.stage).to_have_text("已办结")
    await expect(phone.page.locator(".now-card")).to_contain_text("您的评价：满意")
    for over in ("提交评价", "要求重办", "撤回"):
        await expect(phone.page.get_by_role("button", name=over, exact=True)).to_have_count(0)
    desk = await box.town.official("district_reviewer", DISTRICT).get(f"/complaints/{no}")
    assert (desk["score"], desk["contact"]) == (4, "=1+1 晚上 8 点以后")
    # The message about it leads here.
    await phone.open("/inbox")
    await phone.page.get_by_role("button", name="已答复，请您评价").click()
    await phone.page.get_by_role("link", name="查看来信").click()
    await expect(phone.stage).to_have_text("已办结")


async def test_without_a_name_by_number_and_code(box: RunningBox, visitor: NewVisitor) -> None:
    phone = await visitor()
    await phone.open("/")
    await phone.follow("投诉建议")
    await phone.expect_heading("投诉、建议、举报、咨询")
    await write(phone, "小区门口的路灯坏了一个月没有人修。")
    await phone.press("提交")
    await expect(phone.page.locator(".error-summary")).to_contain_text("请选择怎么提交")
    await phone.choose("how", "anonymous")
    await phone.press("提交")
    no = await number(phone)
    code = await phone.page.locator(".once dd").last.inner_text()
    await expect(phone.page.locator("main")).to_contain_text("查询码只显示这一次")
    await fit(phone, "phone-code-once")
    await phone.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await phone.press("复制编号和查询码")
    await expect(phone.page.get_by_role("status").filter(has_text="已复制").first).to_be_attached()
    assert await phone.page.evaluate("navigator.clipboard.readText()") == f"编号 {no}\n查询码 {code}"
    # On paper stand the number and the code, and nothing to press.
    await phone.page.emulate_media(media="print")
    await expect(phone.page.locator(".once")).to_be_visible()
    await expect(phone.page.get_by_role("button", name="打印")).to_be_hidden()
    await phone.page.emulate_media(media="screen")
    # Whoever leaves by mistake is asked, and stays.
    asked: list[str] = []

    async def refuse(dialog: Dialog) -> None:
        asked.append(dialog.message)
        await dialog.dismiss()

    phone.page.once("dialog", refuse)
    await phone.follow("首页")
    await expect(phone.page.locator(".once dd").last).to_have_text(code)
    assert asked == ["查询码只显示这一次，离开就再也看不到。已经记下了吗？"]
    assert code not in await left_on_the_device(phone)
    assert code not in phone.page.url
    await phone.follow("我已记下")

    await phone.expect_heading("查来信进度")
    await phone.press("查询")
    await expect(phone.page.locator(".error-summary")).to_contain_text("编号是两个字母")
    await phone.field("no").fill(no)
    await phone.field("code").fill("AAAA-BBBB-CCCC-DDDD")
    await phone.press("查询")
    await expect(phone.page.get_by_role("alert")).to_contain_text("编号或查询码不对")
    await expect(phone.field("no")).to_have_value(no)
    await handled(box, no, "accept")
    await handled(box, no, "answer", "已报路灯所。")
    await look_up(phone, no, code)
    await expect(phone.stage).to_have_text("已答复，待评价")
    await expect(phone.page.locator("main")).to_contain_text("已报路灯所。")
    await add_photo(phone, photograph())
    await shown(phone)
    assert code not in phone.page.url

    # Opened again with a reason, once here and once at the other level; then no more.
    for reason, hint, answer, role in (
        ("路灯还是不亮。", "由原来的部门重新办理", "已催办。", "district_reviewer"),
        ("还是没有人来。", "这是最后一次", "已修好。", "city_reviewer"),
    ):
        await phone.page.locator("summary", has_text="没有解决，要求重办").click()
        await expect(phone.page.locator("main")).to_contain_text(hint)
        await phone.press("要求重办")
        await expect(phone.page.locator("main").get_by_role("alert")).to_contain_text("请写明哪里还没有解决")
        await phone.field("reopen-text").fill(reason)
        await phone.press("要求重办")
        await expect(phone.stage).to_have_text("待受理")
        assert reason not in await left_on_the_device(phone)
        assert code not in await left_on_the_device(phone)
        await handled(box, no, "accept", role=role)
        await handled(box, no, "answer", answer, role=role)
        await phone.press("查另一件")
        await look_up(phone, no, code.lower().replace("-", " "))
        await expect(phone.page.locator("main")).to_contain_text(answer)
    await expect(phone.page.locator("summary", has_text="要求重办")).to_have_count(0)
    await fit(phone, "phone-letter-by-code")
    assert code not in phone.page.url
    # A reload forgets it.
    await phone.page.reload()
    await phone.expect_heading("查来信进度")
    await expect(phone.field("code")).to_have_value("")


async def look_up(phone: Visitor, no: str, code: str) -> None:
    await phone.field("no").fill(no)
    await phone.field("code").fill(code)
    await phone.press("查询")
    await phone.expect_heading("来信办理")


async def test_what_was_typed_outlasts_a_sign_on_and_is_nobody_elses(families: Families, visitor: NewVisitor) -> None:
    family, other = await families.one(DISTRICT), await families.one(DISTRICT)
    phone = await visitor()
    applicant = family.dossier["members"][0]["id_number"]
    await phone.sign_on_citizen(applicant, "/say")
    await write(phone, "电梯停了三天，老人上不了楼。", "suggestion")
    await phone.context.clear_cookies()
    await phone.press("提交")
    await expect(phone.page.get_by_role("alert").filter(has_text="登录已失效").first).to_be_visible()
    await phone.sign_on_citizen(other.dossier["members"][0]["id_number"], "/say")
    await expect(phone.field("text")).to_have_value("")
    await phone.sign_on_citizen(applicant, "/say")
    await expect(phone.field("text")).to_have_value("电梯停了三天，老人上不了楼。")
    await expect(phone.page.locator('input[name="kind"][value="suggestion"]')).to_be_checked()
    await phone.field("alone").check()
    await phone.press("提交")
    no = await number(phone)
    await phone.follow("查看这件来信")
    await expect(phone.page.locator(".now-card")).to_contain_text("市住房保障部门")
    # An elderly person is alone in it: somebody looks before its turn.
    await expect(phone.stage).to_have_text("人工研判")
    await expect(phone.page.locator(".now-card")).to_contain_text("有人会马上看")
    await phone.page.locator("summary", has_text="撤回这件来信").click()
    await phone.press("撤回")
    await expect(phone.stage).to_have_text("已撤回")

    # Without a name is without a name, whoever has signed on.
    await phone.open("/say")
    await write(phone, "楼道里堆满了杂物，没有人管。")
    await phone.choose("how", "anonymous")
    await phone.press("提交")
    hidden = await number(phone)
    await phone.follow("我已记下")
    await phone.open("/letters")
    await expect(phone.page.get_by_role("link", name=no)).to_be_visible()
    await expect(phone.page.get_by_role("link", name=hidden)).to_have_count(0)

    # Somebody begins without signing on, and finds it again when he has; the letter of another is not his to see.
    stranger = await visitor(DESK)
    await stranger.open("/say")
    await write(stranger, "想问换了工作要不要重新申请。", "consultation")
    await stranger.choose("how", "signed")
    await expect(stranger.page.get_by_role("button", name="提交", exact=True)).to_have_count(0)
    await stranger.page.get_by_role("link", name="登录后提交").click()
    await stranger.page.locator("#idn").fill(other.dossier["members"][0]["id_number"])
    await stranger.press("以此人登录")
    await stranger.expect_heading("投诉、建议、举报、咨询")
    await expect(stranger.field("text")).to_have_value("想问换了工作要不要重新申请。")
    await stranger.open(f"/letters/{no}")
    await expect(stranger.page.get_by_role("alert")).to_be_visible()
    await expect(stranger.page.locator("main")).not_to_contain_text("电梯停了三天")
