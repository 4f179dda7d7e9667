"""Draws single facts (names, jobs, homes, cars) from a random stream; the same stream always gives the same facts."""

import random
from datetime import date, timedelta

from anju_sandbox.world import words
from anju_sandbox.world.facts import Employment, Home, HomeUse, Sex, Vehicle
from anju_sandbox.world.places import DISTRICTS

# The truth is told as of this day; jobs without an end go on for as long as the world's clock runs.
REFERENCE_DAY = date(2026, 6, 30)
_VIN_LETTERS = "ABCDEFGHJKLMNPRSTUVWXYZ0123456789"


def month_of(day: date) -> str:
    """``yyyymm`` of a day."""
    return f"{day:%Y%m}"


def add_months(month: str, count: int) -> str:
    """Month arithmetic on ``yyyymm``; count may be negative."""
    total = int(month[:4]) * 12 + int(month[4:]) - 1 + count
    return f"{total // 12:04d}{total % 12 + 1:02d}"


class Maker:
    """Facts drawn from one random stream."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng

    def name(self, sex: Sex, surname: str = "") -> str:
        """A Chinese name; about 1 % carry a rare character or the middle dot of minority names."""
        rng = self.rng
        if not surname and rng.random() < 0.004:
            return rng.choice(words.DOTTED_NAMES)
        if not surname:
            surname = rng.choice(words.DOUBLE_SURNAMES) if rng.random() < 0.01 else rng.choice(words.SURNAMES)
        pool = words.GIVEN_MALE if sex is Sex.MALE else words.GIVEN_FEMALE
        given = "".join(rng.choice(pool) for _ in range(rng.choice((1, 2, 2, 2))))
        if rng.random() < 0.008:
            given = given[:-1] + rng.choice(words.RARE_GIVEN)
        return surname + given

    def birth(self, youngest: int, oldest: int) -> date:
        """A birth date for an age between two bounds (years, inclusive) on the reference day."""
        last = date(REFERENCE_DAY.year - youngest, REFERENCE_DAY.month, REFERENCE_DAY.day)
        span = (oldest - youngest + 1) * 365 - 1
        return last - timedelta(days=self.rng.randrange(span))

    def employer(self) -> tuple[str, str]:
        """Unit number and name of an employer."""
        rng = self.rng
        place, trade, form = (rng.choice(part) for part in (words.EMPLOYER_PLACES, words.EMPLOYER_TRADES, words.EMPLOYER_FORMS))
        return f"9902{rng.randrange(10**6):06d}", f"{place}{trade}{form}"

    def job(self, base_yuan: int, months: int, *, gaps: int = 0, ended: int = 0) -> Employment:
        """A job of so many months up to the reference day (or ended some months before), with missing months."""
        number, name = self.employer()
        now = month_of(REFERENCE_DAY)
        first = add_months(now, -(months + ended) + 1)
        inner = range(1, max(months - 1, 1))
        picked = self.rng.sample(inner, min(gaps, len(inner))) if gaps else []
        missing = tuple(sorted(add_months(first, offset) for offset in picked))
        return Employment(number, name, base_yuan * 100, first, add_months(now, -ended) if ended else None, missing)

    def jobs(self, base_yuan: int, months: int) -> tuple[Employment, ...]:
        """A working life: mostly one job, some with gaps, some after an earlier employer, some with two at once."""
        draw = self.rng.random()
        if draw < 0.15:
            earlier = self.job(base_yuan - 300, max(months // 2, 3), ended=months)
            return (earlier, self.job(base_yuan, months))
        if draw < 0.20:
            return (self.job(base_yuan, months), self.job(900, max(months // 3, 2)))
        return (self.job(base_yuan, months, gaps=self.rng.randint(1, 4) if draw < 0.35 else 0),)

    def home(
        self,
        district: str = "",
        area_sqm: str = "",
        use: HomeUse = HomeUse.RESIDENTIAL,
        *,
        share_percent: str = "100",
        pre_notice: bool = False,
        mortgaged: bool | None = None,
    ) -> Home:
        """A home with its register numbers; the last flags are drawn when not given."""
        rng = self.rng
        district = district or rng.choice(list(DISTRICTS))
        road, compound = rng.choice(words.ROADS), rng.choice(words.COMPOUNDS)
        address = f"{DISTRICTS[district]}{road}{rng.randint(1, 199)}号{compound}{rng.randint(1, 30)}号楼"
        if use in (HomeUse.RESIDENTIAL, HomeUse.SHOP):
            address += f"{rng.randint(1, 4)}单元{rng.randint(1, 18)}0{rng.randint(1, 4)}室"
        else:
            address += f"{use.value}{rng.randint(1, 300)}号"
        serial = rng.randrange(10**8)
        return Home(
            district=district,
            address=address,
            area_sqm=area_sqm or f"{rng.uniform(48, 118):.2f}",
            use=use,
            share_percent=share_percent,
            unit_no=f"99{district[2:]}{serial:08d}F{rng.randrange(10**8):08d}",
            certificate_no="" if pre_notice else f"豫(0000)开封市不动产权第{serial:08d}号",
            registered_on=REFERENCE_DAY - timedelta(days=rng.randrange(60, 5000)),
            mortgaged=rng.random() < 0.3 if mortgaged is None else mortgaged,
            seized=rng.random() < 0.02,
            disputed=rng.random() < 0.01,
            pre_notice=pre_notice,
            contract_no=f"KFYS{rng.randrange(10**8):08d}" if pre_notice else "",
        )

    def car(self, *, costly: bool = False) -> Vehicle:
        """A car with a VIN-like number; plates start with 豫Z, a letter no city of the province has."""
        rng = self.rng
        brand, model = rng.choice(words.COSTLY_CARS if costly else words.MODEST_CARS)
        vin = "L99" + "".join(rng.choice(_VIN_LETTERS) for _ in range(14))
        plate = "豫Z" + "".join(rng.choice("ABCDEFGHJKLMNPQRSTUVWXYZ0123456789") for _ in range(5))
        registered = REFERENCE_DAY - timedelta(days=rng.randrange(90, 3600))
        engine = f"{rng.randrange(10**8):08d}"
        return Vehicle(plate, brand, model, vin, engine, rng.choice(words.COLOURS), first_registered_on=registered)
