"""What can be true about a person, as plain immutable values."""

from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum


class Sex(StrEnum):
    MALE = "male"
    FEMALE = "female"


class Category(StrEnum):
    """The three groups of applicants of 《公共租赁住房管理办法》 articles 1–4."""

    LOW_INCOME = "urban_low_income"  # 城镇中低收入住房困难家庭
    NEW_WORKER = "new_worker"  # 新就业无房职工
    MIGRANT_WORKER = "migrant_worker"  # 外来务工人员


class HomeUse(StrEnum):
    RESIDENTIAL = "住宅"
    PARKING = "车位"
    SHOP = "商业"
    STORAGE = "储藏室"


class MaritalStatus(StrEnum):
    NEVER = "never_married"
    MARRIED = "married"
    DIVORCED = "divorced"
    WIDOWED = "widowed"


@dataclass(frozen=True, slots=True)
class Employment:
    """One employer. Months are ``yyyymm``; ``last_month`` None means the person still works there."""

    employer_no: str
    employer_name: str
    monthly_base_fen: int
    first_month: str
    last_month: str | None = None
    missing_months: tuple[str, ...] = ()

    def insured(self, month: str) -> bool:
        """Whether the employer paid social insurance for a month."""
        ended = self.last_month is not None and month > self.last_month
        return self.first_month <= month and not ended and month not in self.missing_months


@dataclass(frozen=True, slots=True)
class Home:
    """One entry in a county's real estate register; the area is of the whole home, the share of the person in %."""

    district: str
    address: str
    area_sqm: str
    use: HomeUse = HomeUse.RESIDENTIAL
    share_percent: str = "100"
    unit_no: str = ""
    certificate_no: str = ""
    registered_on: date | None = None
    mortgaged: bool = False
    seized: bool = False
    disputed: bool = False
    pre_notice: bool = False
    right_of_residence: bool = False
    contract_no: str = ""


@dataclass(frozen=True, slots=True)
class Vehicle:
    plate: str
    brand: str
    model: str
    vin: str
    engine_no: str
    colour: str
    plate_kind: str = "小型汽车"
    first_registered_on: date | None = None


@dataclass(frozen=True, slots=True)
class Marriage:
    """Marriage register. ``other_province`` entries have not reached the province: the register finds no match."""

    status: MaritalStatus = MaritalStatus.NEVER
    since: date | None = None
    spouse_name: str = ""
    spouse_id_number: str = ""
    certificate_no: str = ""
    other_province: bool = False


@dataclass(frozen=True, slots=True)
class Person:
    """The truth about one person, as the departments know it."""

    id_number: str
    name: str
    sex: Sex
    birth_date: date
    phone: str
    employments: tuple[Employment, ...] = ()
    homes: tuple[Home, ...] = ()
    vehicles: tuple[Vehicle, ...] = ()
    marriage: Marriage = field(default_factory=Marriage)
    annual_income_fen: int = 0
    quirks: bool = True

    def age_on(self, day: date) -> int:
        """Completed years on a day."""
        return day.year - self.birth_date.year - ((day.month, day.day) < (self.birth_date.month, self.birth_date.day))


@dataclass(frozen=True, slots=True)
class Place:
    """Where a household applies: district (6 digits), street (9), community (12, may be empty) and their names."""

    district: str
    district_name: str
    street: str
    street_name: str
    community: str
    community_name: str


@dataclass(frozen=True, slots=True)
class DeclaredMember:
    """What the applicant writes about a member; ``relation`` is applicant, spouse or child."""

    id_number: str
    name: str
    relation: str
    phone: str
    annual_income_fen: int
    employer_name: str
    marital_status: MaritalStatus
    homes: tuple[Home, ...] = ()
    vehicles: tuple[Vehicle, ...] = ()


@dataclass(frozen=True, slots=True)
class Household:
    """A household: truth (members), what it declares, and in which points the two differ on purpose.

    ``misdeclared`` holds words out of income, home, vehicle, marriage, employer; empty for an honest household.
    """

    number: int
    category: Category
    place: Place
    members: tuple[Person, ...]
    declared: tuple[DeclaredMember, ...]
    misdeclared: tuple[str, ...] = ()
    resident_since: date | None = None

    @property
    def applicant(self) -> Person:
        """The person who applies."""
        return self.members[0]
