"""What a household declared beside what the registers said, fact by fact, for the reviewer who decides.

Nothing is judged here: a difference is shown as one, whatever the criteria make of it. A register that is silent, mixes people up or does not know somebody
has said nothing: that is unknown, never an agreement. What the form does not ask is no difference.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from fractions import Fraction

from anju_contracts.application import LookupOutcome
from anju_terms import Title

from eligibility.domain import housing
from eligibility.domain.criteria import income, marriage
from eligibility.domain.criteria.marriage import RegisteredMarriage
from eligibility.domain.housing import Counted
from eligibility.domain.inputs import DeclaredHome, Inputs, Member
from eligibility.domain.registered import Insurance, RegisteredHome, RegisteredVehicle
from eligibility.domain.wording import NOTHING, sqm, yuan

_REAL_ESTATE, _VEHICLES, _INSURANCE, _MARRIAGE = "real_estate", "vehicles", "social_insurance", "marriage"
# Declared as a whole percent, registered as a fraction: a third declared as 33 % is the same share.
_SAME_SHARE = Fraction(1, 100)


class Difference(StrEnum):
    """The codes of the vocabulary ``differences``."""

    SAME = "same"
    COMPATIBLE = "compatible"
    DIFFERS = "differs"
    ONLY_DECLARED = "only_declared"
    ONLY_REGISTERED = "only_registered"
    UNKNOWN = "unknown"
    NOT_ASKED = "not_asked"


@dataclass(frozen=True, slots=True)
class Row:
    """One fact of one subject: of a member (``member``, his position), of a home (``home``, its position in the form, None for one the form does not
    have), or of the whole household (neither).

    ``named`` are the members whom the register names: the spouse, or in whose name a home or car is. ``office`` is the county whose register it is, where
    each has its own. Rows of one ``pair`` (from 1) may be one and the same home.
    """

    fact: str
    register: str
    difference: Difference
    declared: Title = NOTHING
    registered: Title = NOTHING
    note: Title = NOTHING
    member: int | None = None
    home: int | None = None
    named: tuple[int, ...] = ()
    office: str = ""
    pair: int = 0
    as_of: datetime | None = None


_NOTHING_REGISTERED = Title(zh="没有登记", en="nothing registered")
_ANSWERS = {
    LookupOutcome.MISMATCH: Title(zh="答复与本人不符，未采用", en="the answer is about somebody else and was not used"),
    LookupOutcome.UNKNOWN_PERSON: Title(
        zh="查无此人，不等于没有", en="the register does not know this person, which is not the same as nothing"
    ),
}
_SILENT = Title(zh="未取得完整答复", en="no complete answer")
_NOT_ASKED = Title(zh="未核验这项登记", en="this register was not asked")
_SAME_HOME = Title(
    zh="可能与另一处是同一套住房，证号和坐落对不上，请核对",
    en="may be the same home as another entry; neither certificate nor address says so: have a look",
)


def compare(inputs: Inputs) -> tuple[Row, ...]:
    """Members in the order of the form, what the household has in all, then home by home."""
    rows = [row for member in inputs.declaration.members for row in _of_member(inputs, member)]
    in_all, *homes = _homes(inputs)
    rows += [in_all, _vehicles(inputs), *homes]
    return tuple(replace(row, as_of=_as_of(inputs, row)) for row in rows)


def _as_of(inputs: Inputs, row: Row) -> datetime | None:
    """When the newest answer came which the row rests on."""
    heard = inputs.facts.heard.get(row.register, ())
    return max((each.at for each in heard if row.member is None or each.subject_index == row.member), default=None)


def _unanswered(inputs: Inputs, register: str, member: int | None = None) -> tuple[Difference, Title] | None:
    """Why a register has said nothing to rely on, about one member or about somebody of the household; None when it has."""
    outcome = inputs.facts.outcomes.get(register)
    if outcome is None:
        return Difference.NOT_ASKED, _NOT_ASKED
    known = inputs.facts.heard.get(register, ())
    heard = {each.outcome for each in known if member is None or each.subject_index == member}
    # Of an older assessment only the sum of the answers is known.
    said = heard if member is not None and known else heard | {outcome}
    for doubtful, text in _ANSWERS.items():
        if doubtful in said:
            return Difference.UNKNOWN, text
    return None if inputs.facts.answered(register) or (member is not None and heard) else (Difference.UNKNOWN, _SILENT)


# -- members --------------------------------------------------------------------------------------------------------------------------------


def _of_member(inputs: Inputs, member: Member) -> Iterator[Row]:
    if member.index == 0 or member.relation == "spouse":
        yield _marriage(inputs, member)
    yield _income(inputs, member)
    for register, fact in ((_REAL_ESTATE, "homes"), (_VEHICLES, "vehicles")):
        # What is registered is compared for the household as a whole; about whom a register has said nothing is said for himself.
        missing = _unanswered(inputs, register, member.index) if inputs.facts.heard.get(register) else None
        if missing is not None:
            yield Row(fact, register, Difference.UNKNOWN, registered=missing[1], member=member.index)


def _marriage(inputs: Inputs, member: Member) -> Row:
    status = inputs.declaration.marital_status if member.index == 0 else "married"
    row = Row("marital_status", _MARRIAGE, Difference.SAME, declared=marriage.status_title(status), member=member.index)
    missing = _unanswered(inputs, _MARRIAGE, member.index)
    fact = next((each for each in inputs.facts.of(RegisteredMarriage) if each.subject_index == member.index), None)
    if missing is not None or fact is None:
        difference, text = missing or (Difference.UNKNOWN, _SILENT)
        return replace(row, difference=difference, registered=text)
    registered = marriage.status_title(fact.status)
    if not marriage.agrees(status, fact.status):
        only = fact.status == marriage.NONE_FOUND
        note = Title(zh="可能在外省登记，请核对证件", en="may be registered elsewhere: see the certificate") if only else NOTHING
        return replace(row, difference=Difference.ONLY_DECLARED if only else Difference.DIFFERS, registered=registered, note=note)
    if fact.status == marriage.NONE_FOUND:
        note = Title(zh="查无记录不等于未婚", en="no entry is not the same as unmarried")
        return replace(row, difference=Difference.COMPATIBLE, registered=registered, note=note)
    return replace(_spouse(inputs, row, fact), registered=registered) if fact.status == "married" else replace(row, registered=registered)


def _spouse(inputs: Inputs, row: Row, fact: RegisteredMarriage) -> Row:
    """Whom the register names beside whom the form names."""
    spouse = next((member.index for member in inputs.declaration.members if member.relation == "spouse"), None)
    partner = spouse if row.member == 0 else 0
    if fact.spouse_index >= 0:
        row = replace(row, named=(fact.spouse_index,))
    if fact.spouse_index == partner:
        return row
    if partner is None and fact.spouse_index < 0:
        note = Title(zh="配偶不在申报的家庭成员中", en="the spouse is not in the household that was declared")
        return replace(row, difference=Difference.COMPATIBLE, note=note)
    return replace(
        row,
        difference=Difference.DIFFERS,
        note=Title(zh="登记的配偶不是申报的配偶", en="the registered spouse is not the declared one"),
    )


def _income(inputs: Inputs, member: Member) -> Row:
    """Income of a year beside the contribution base of a year, which is not income but contradicts one that is much lower."""
    row = Row("annual_income", _INSURANCE, Difference.SAME, declared=yuan(member.annual_income_fen), member=member.index)
    missing = _unanswered(inputs, _INSURANCE, member.index)
    if missing is not None:
        return replace(row, difference=missing[0], registered=missing[1])
    fact = next((each for each in inputs.facts.of(Insurance) if each.subject_index == member.index), None)
    base = fact.monthly_base_fen * 12 if fact is not None else 0
    if not base or fact is None:
        row = replace(row, registered=Title(zh="没有参保登记", en="not insured"))
        return replace(row, difference=Difference.ONLY_DECLARED) if member.annual_income_fen else row
    shown, months = yuan(base), fact.continuous_months
    row = replace(
        row,
        registered=Title(
            zh=f"缴费基数折合每年 {shown.zh}，连续缴费 {months} 个月",
            en=f"contribution base of {shown.en} a year, {months} months without a gap",
        ),
    )
    apart = yuan(abs(base - member.annual_income_fen))
    if income.contradicts(member, fact):
        note = Title(zh=f"登记比申报多 {apart.zh}", en=f"registered is {apart.en} above declared")
        return replace(row, difference=Difference.DIFFERS if member.annual_income_fen else Difference.ONLY_REGISTERED, note=note)
    if base == member.annual_income_fen:
        return row
    note = Title(zh=f"相差 {apart.zh}；缴费基数不是收入", en=f"{apart.en} apart; a contribution base is not income")
    return replace(row, difference=Difference.COMPATIBLE, note=note)


# -- homes ----------------------------------------------------------------------------------------------------------------------------------


def _homes(inputs: Inputs) -> Iterator[Row]:
    """How many there are, and each of them."""
    declared, rights = inputs.declaration.homes, inputs.facts.of(RegisteredHome)
    area = housing.count(declared, rights)
    alone = [home for home in area.homes if home.declared is None]
    registered = sum(1 for home in area.homes if home.registered)
    one_to_one = not alone and all(home.registered for home in area.homes)
    yield _counted(inputs, "homes", _REAL_ESTATE, len(declared), registered, _homes_counted, one_to_one=one_to_one)
    pairs = {id(home): number for number, pair in enumerate(area.pairs, start=1) for home in pair}
    partners = {id(one): other for one, other in area.pairs}
    own = sorted((home for home in area.homes if home.declared is not None), key=lambda home: _place(declared, home))
    shown: set[int] = set()
    for home in [*own, *alone]:
        # Both of a pair beside each other.
        for each in filter(None, (home, partners.get(id(home)))):
            if id(each) not in shown:
                shown.add(id(each))
                row = _home(inputs, declared, each)
                yield replace(row, pair=pairs[id(each)], note=_SAME_HOME) if id(each) in pairs else row
    for right in rights:
        if not right.residential:
            yield Row(
                "other_property",
                _REAL_ESTATE,
                Difference.COMPATIBLE,
                registered=_right(sqm(right.area_centi_sqm), right.share),
                note=Title(zh="非住宅，不计入住房面积", en="no home, and not counted as one"),
                named=(right.subject_index,),
                office=right.endpoint,
            )


def _place(declared: Sequence[DeclaredHome], home: Counted) -> int:
    return next(place for place, each in enumerate(declared) if each is home.declared)


def _home(inputs: Inputs, declared: Sequence[DeclaredHome], home: Counted) -> Row:
    owners = tuple(dict.fromkeys(right.subject_index for right in home.registered))
    offices = {right.endpoint for right in home.registered}
    row = Row("home", _REAL_ESTATE, Difference.SAME, named=owners, office=offices.pop() if len(offices) == 1 else "")
    if home.registered:
        row = replace(row, registered=_rights(home.registered))
    if home.declared is None:
        return replace(row, difference=Difference.ONLY_REGISTERED)
    row = replace(row, home=_place(declared, home), declared=_right(sqm(home.declared.area_centi_sqm), home.declared.share))
    if not home.registered:
        missing = _unanswered(inputs, _REAL_ESTATE)
        if missing is not None:
            return replace(row, difference=missing[0], registered=missing[1])
        return replace(row, difference=Difference.ONLY_DECLARED, registered=_NOTHING_REGISTERED)
    difference, note = _sizes(home.declared, home.registered)
    return replace(row, difference=difference, note=note)


def _sizes(declared: DeclaredHome, registered: Sequence[RegisteredHome]) -> tuple[Difference, Title]:
    area = max(right.area_centi_sqm for right in registered)
    share = min(sum((right.share for right in registered if right.unit_known), Fraction(0)) or registered[0].share, Fraction(1))
    notes, worst = [], Difference.SAME
    if area != declared.area_centi_sqm:
        apart = sqm(abs(area - declared.area_centi_sqm))
        more = area > declared.area_centi_sqm
        notes.append(
            Title(
                zh=f"登记面积比申报{'多' if more else '少'} {apart.zh}",
                en=f"the registered area is {apart.en} {'above' if more else 'below'} the declared one",
            )
        )
        worst = Difference.COMPATIBLE if housing.about_as_large(declared, area) else Difference.DIFFERS
    if abs(share - declared.share) >= _SAME_SHARE:
        notes.append(Title(zh="份额不同", en="the shares differ"))
        worst = Difference.DIFFERS
    return worst, Title(zh="；".join(note.zh for note in notes), en="; ".join(note.en for note in notes))


def _rights(rights: Sequence[RegisteredHome]) -> Title:
    """Rights to one home, each as it stands in the register."""
    shown = [_right(sqm(right.area_centi_sqm), right.share, pre_notice=right.pre_notice) for right in rights]
    return Title(zh="；".join(each.zh for each in shown), en="; ".join(each.en for each in shown))


def _right(area: Title, share: Fraction, *, pre_notice: bool = False) -> Title:
    part = f"{share.numerator * 100 // share.denominator}%" if 100 % share.denominator == 0 else f"{share.numerator}/{share.denominator}"
    zh, en = f"{area.zh}，份额 {part}", f"{area.en}, a share of {part}"
    return Title(zh=f"{zh}（预告登记）", en=f"{en} (signed, not registered yet)") if pre_notice else Title(zh=zh, en=en)


# -- counts of the household ---------------------------------------------------------------------------------------------------------------


def _homes_counted(count: int) -> Title:
    return Title(zh=f"{count} 处", en=f"{count} home(s)") if count else Title(zh="没有住房", en="no home")


def _vehicles_counted(count: int) -> Title:
    return Title(zh=f"{count} 辆", en=f"{count} vehicle(s)") if count else Title(zh="没有机动车", en="no vehicle")


def _counted(
    inputs: Inputs, fact: str, register: str, declared: int, registered: int, words: Callable[[int], Title], *, one_to_one: bool = True
) -> Row:
    """How many the form has beside how many the register has. What a register has found it has found, also when others of it are silent."""
    missing = _unanswered(inputs, register)
    row = Row(fact, register, Difference.SAME, declared=words(declared), registered=words(registered))
    if missing is not None and not registered:
        return replace(row, difference=missing[0], registered=missing[1])
    if registered > declared:
        difference = Difference.DIFFERS if declared else Difference.ONLY_REGISTERED
        return replace(row, difference=difference, note=missing[1] if missing else NOTHING)
    if missing is not None:
        return replace(row, difference=missing[0], note=missing[1])
    if registered < declared:
        return replace(row, difference=Difference.DIFFERS if registered else Difference.ONLY_DECLARED)
    if not one_to_one:
        note = Title(zh="数目相同，但有的对不上", en="as many, but not the same ones")
        return replace(row, difference=Difference.DIFFERS, note=note)
    return row


def _vehicles(inputs: Inputs) -> Row:
    found = inputs.facts.of(RegisteredVehicle)
    row = _counted(inputs, "vehicles", _VEHICLES, len(inputs.declaration.vehicle_values_fen), len(found), _vehicles_counted)
    return replace(row, named=tuple(dict.fromkeys(fact.subject_index for fact in found)))
