"""The sections of a city profile. To add a value: one field here, one entry in profile.yaml. The sections which a workflow is started with carry the
names of its contract (``anju_contracts``), so that ``Clocks(**profile.application.on(day))`` is all there is to it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from string import Formatter
from typing import Annotated, Final, Literal

from anju_terms import Title
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from anju_profile.series import Code, Codes, Fen, LeaseMonths, Positive, Row, Section, Series, Whole, Wholes, Yes


def _nothing(value: object) -> object:
    return value or None


def _codes(value: object) -> object:
    """Codes with spaces between them, as a cell has them."""
    return tuple(value.split()) if isinstance(value, str) else value


class ReviewLevel(Row):
    """A review level (审核层级), by its code in the vocabulary ``levels``, and how long it has."""

    code: str
    working_days: int = Field(gt=0)


class ApplicationClocks(Section):
    """What an application waits for. Working days (``_wd``) count on the statutory calendar."""

    lookup_wd: Positive
    lookup_first_retry_seconds: Positive
    lookup_max_retry_seconds: Positive
    review_reminder_wd_before: Whole
    escalation_repeat_wd: Positive
    correction_wd: Positive
    confirmation_wd: Positive
    public_notice_days: Positive
    objection_review_wd: Positive


class Recusal(Section):
    """Officials declare whom they do not decide about (回避). A declaration is good for ``declaration_days``; what the next one leaves out goes on
    counting for as long after it."""

    declaration_days: Positive


class Evaluation(Section):
    """What follows when somebody thought badly of a service (好差评): the working days there are for it, when its district is reminded, and how often the
    city is told afterwards."""

    follow_up_wd: Positive
    reminder_wd_before: Whole
    escalation_repeat_wd: Positive


class Body(Row):
    """What the office of a review level calls itself. ``{city}``, ``{district}`` and ``{street}`` are the places of the case."""

    level: str
    name: Title


class Desk(Row):
    """The level whose desk has a kind of complaint first; codes of the vocabularies ``complaint_kinds`` and ``levels``."""

    kind: str
    level: str


class ComplaintClocks(Section):
    """How long each step of a complaint may take, in working days."""

    accept_wd: Positive
    answer_wd: Positive
    misuse_wd: Positive
    rating_wd: Positive
    reminder_wd_before: Whole
    escalation_repeat_wd: Positive


class Complaints(Section):
    """What people have to say (投诉、建议、举报、咨询): who has it, how long, and when a person looks at once."""

    desks: Series[tuple[Desk, ...]]
    clocks: ComplaintClocks
    risk_words: Codes
    alone_words: Codes
    cluster_count: Positive
    cluster_days: Positive


class Remedy(Row):
    """What can be done against a refusal (救济途径), by its code in the vocabulary ``remedies``; names as in ``Body``."""

    code: str
    levels: tuple[str, ...] = Field(default=(), description="levels whose refusal it is open against; none: all")
    body: Title = Field(description="who decides on it")
    where: Title = Field(description="the counter at which it is handed in, in writing")
    days: int = Field(default=0, ge=0, description="calendar days from the day the household is told")
    months: int = Field(default=0, ge=0)
    online: bool = Field(default=False, description="the system takes it; otherwise it is handed in in writing")
    basis: str = Field(min_length=1, description="article it stands on")


class Refusal(Section):
    """What a household that is refused is told beside the reason (Order 11, article 9)."""

    basis: Code
    bodies: Series[tuple[Body, ...]]
    remedies: Series[tuple[Remedy, ...]]


class Waiting(Section):
    limit_months: Positive
    alarm_months: Wholes
    offer_open_days: Positive
    max_declines: Positive


class Lease(Section):
    sign_days: Positive
    term_months: LeaseMonths
    deposit_fen: Fen


class RentStandard(Row):
    """What a square metre of floor area costs a month (租金标准), by the place and the grade of the home (vocabulary ``home_grades``). A row without a district holds
    wherever no other does."""

    district: str = ""
    grade: str
    fen_per_sqm_month: int = Field(gt=0)


class RentReduction(Row):
    """How much of the rent a household of a kind is spared, by its code in the vocabulary ``rent_reductions``."""

    code: str
    permille: int = Field(gt=0, le=1000)


def _everywhere(standards: tuple[RentStandard, ...]) -> tuple[RentStandard, ...]:
    keys = [(row.district, row.grade) for row in standards]
    if len(set(keys)) != len(keys):
        raise ValueError("two rent standards for one place and grade")
    if missing := {row.grade for row in standards} - {row.grade for row in standards if not row.district}:
        raise ValueError(f"the rent standard of grade {', '.join(sorted(missing))} is not set for every district")
    return standards


class Rent(Section):
    """What rent comes to (Order 11, articles 19 to 21), and how many months a bill is for: of the calendar, or counted from the first day of the lease."""

    standards: Series[Annotated[tuple[RentStandard, ...], AfterValidator(_everywhere)]]
    reductions: Series[tuple[RentReduction, ...]]
    months_per_bill: Series[Annotated[int, Field(gt=0, le=12, strict=True)]]
    calendar_months: Yes

    def standard(self, district: str, grade: str, day: date) -> int:
        """Fen a square metre and month. Raises LookupError for a grade without a standard."""
        rows = {row.district: row.fen_per_sqm_month for row in self.standards.on(day) if row.grade == grade}
        if "" not in rows:
            raise LookupError(f"no rent standard for homes of grade {grade!r} on {day}")
        return rows.get(district, rows[""])


# What a lease contract says, in the order of Order 11, article 17 (a deposit is a local rule): each item with what its clause is filled with.
CONTRACT_ITEMS: Final[Mapping[str, frozenset[str]]] = {
    "parties": frozenset({"lessor", "lessor_address", "tenant", "id_number", "household_size"}),
    "home": frozenset({"address", "estate", "number", "bedrooms", "area"}),
    "use": frozenset(),
    "term": frozenset({"term_months"}),
    "rent": frozenset({"rent", "rent_due_days"}),
    "deposit": frozenset({"deposit", "deposit_due_days"}),
    "repairs": frozenset(),
    "charges": frozenset(),
    # Articles 27, 29 and 31: what the tenant is told before he signs (article 16).
    "return_use": frozenset(),
    "return_arrears": frozenset(),
    "return_changes": frozenset(),
    "liability": frozenset(),
    "disputes": frozenset(),
    "other": frozenset(),
}
# Where a clause speaks of another: "article_rent" is 第五条.
CONTRACT_BLANKS: Final = frozenset().union(*CONTRACT_ITEMS.values(), {f"article_{item}" for item in CONTRACT_ITEMS})


class Lessor(Row):
    """Who lets the homes. ``{city}`` and ``{district}`` are the places of the home."""

    name: Title
    address: Title


class Clause(Row):
    """A clause of the lease contract: the item of ``CONTRACT_ITEMS`` it settles, and its paragraphs."""

    code: str
    title: Title
    text: tuple[Title, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _says_what_it_must(self) -> Clause:
        needed = CONTRACT_ITEMS.get(self.code)
        if needed is None:
            raise ValueError(f"{self.code} is no item of a lease contract: {', '.join(CONTRACT_ITEMS)}")
        for locale in ("zh", "en"):
            blanks = {name for part in self.text for _, name, _, _ in Formatter().parse(getattr(part, locale)) if name is not None}
            if missing := needed - blanks:
                raise ValueError(f"the {locale} text of clause {self.code} does not say {', '.join(sorted(missing))}")
            if unknown := blanks - CONTRACT_BLANKS:
                raise ValueError(f"the {locale} text of clause {self.code} has blanks nobody fills: {', '.join(sorted(unknown))}")
        return self


def _complete(clauses: tuple[Clause, ...]) -> tuple[Clause, ...]:
    codes = [clause.code for clause in clauses]
    if missing := [item for item in CONTRACT_ITEMS if item not in codes]:
        raise ValueError(f"the contract does not settle {', '.join(missing)} (Order 11, article 17)")
    if len(set(codes)) != len(codes):
        raise ValueError("the contract settles an item twice")
    return clauses


class Contract(Section):
    """The lease contract of the city (租赁合同文本). The Chinese binds."""

    lessor: Series[Lessor]
    clauses: Series[Annotated[tuple[Clause, ...], AfterValidator(_complete)]]


class BillClocks(Section):
    """One bill, from its issue to arrears: days until it is due, days after that."""

    due_days: Positive
    reminder_days: Wholes
    arrears_days: Whole
    payment_poll_seconds: Positive


class CalendarYear(BaseModel):
    """Working days of one year: days off on weekdays, and weekend days that are worked (调休)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str = Field(min_length=1)
    sample: bool = False
    holidays: tuple[date, ...]
    workdays: tuple[date, ...]


class Division(BaseModel):
    """A division (行政区划) of the city. One that is split, merged or abolished stays in the list with its last day and what became of it: cases keep the
    division of their day. The columns of the days and heirs may be left out of the file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    code: str
    level: Literal["city", "district", "street", "community"]
    name: str
    parent: str
    begins: Annotated[date | None, BeforeValidator(_nothing)] = None
    ends: Annotated[date | None, BeforeValidator(_nothing)] = None
    successors: Annotated[tuple[str, ...], BeforeValidator(_codes)] = ()

    def exists(self, day: date) -> bool:
        return (self.begins is None or self.begins <= day) and (self.ends is None or day <= self.ends)
