"""Who may see and do what: object-level checks of every call (promises: the originating person's scope is checked again in every service)."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final, NamedTuple

from anju_contracts.application import approved, refused, returned
from anju_terms import terms
from chassis.errors import NOT_FOUND, OUT_OF_DIVISION, Refusal
from chassis.identity import Caller

from casework.domain.progress import OBJECTION
from casework.errors import (
    DECLARATION_DUE,
    NOT_VERIFIED,
    OWN_CASE,
    OWN_COMMUNITY,
    RECUSED,
    RELATIVE_CASE,
    SAME_REVIEWER,
    SPOUSE_CASE,
    TASK_NOT_OPEN,
    TYPED_CASE,
)
from casework.tables import Application

_RECUSALS: Final = {problem.reason: problem for problem in (OWN_CASE, SPOUSE_CASE, RELATIVE_CASE, OWN_COMMUNITY, RECUSED)}
_ACTED: Final = {problem.reason: problem for problem in (SAME_REVIEWER, TYPED_CASE)}
REVIEWERS: Final = tuple(dict.fromkeys(level.role for level in terms("levels").values()))


class View(NamedTuple):
    """What of a case a reader gets. ``words``: reasons and notes; ``objections``: the texts of objections, which may betray who objected.
    ``conflicts``: that another household names the same person, and on which paper a consent stands."""

    dossier: bool
    words: bool
    objections: bool
    conflicts: bool = False


_OWNER: Final = View(dossier=True, words=True, objections=False)
_REVIEWER: Final = View(dossier=True, words=True, objections=True, conflicts=True)
_AUDITOR: Final = View(dossier=False, words=True, objections=True)
_BARE: Final = View(dossier=False, words=False, objections=False)


def view_of(caller: Caller, case: Application | None) -> View:
    """Raises Refusal(NOT_FOUND) alike for a case that does not exist and for one out of reach, so that nobody learns which numbers exist."""
    if case is None:
        raise Refusal(NOT_FOUND)
    match caller.kind:
        case "citizen" if case.owner in caller.accounts:
            return _OWNER
        case "staff" if caller.covers(case.street):
            if caller.has_role(*REVIEWERS):
                return _REVIEWER
            return _AUDITOR if caller.has_role("auditor") else _BARE
    raise Refusal(NOT_FOUND)


def as_far_as(view: View, recusal: str) -> View:
    """What is left of ``view`` to somebody who does not act in the case for ``recusal`` ("" for nothing): of his own household's, what the household
    itself reads; else how far it has come, as every desk may see it. He has no duty in it, and no business with what is in it (PIPL, article 6)."""
    if not recusal:
        return view
    return view._replace(objections=False, conflicts=False) if recusal == OWN_CASE.reason else _BARE


def own_case(caller: Caller, case: Application | None) -> Application:
    """The citizen's own case. Raises Refusal(NOT_FOUND) for any other."""
    if case is None or case.owner not in caller.accounts:
        raise Refusal(NOT_FOUND)
    return case


def require_verified(caller: Caller) -> None:
    """That the sign-on has verified the official's number: nobody knows else whether he decides about himself or his own, or twice. Raises Refusal."""
    if not caller.person:
        raise Refusal(
            NOT_VERIFIED,
            zh="您的工作账号没有实名认证，系统无法核对您是否应当回避，不能办理。请联系本单位账号管理员，在统一身份认证平台完成实名认证后重新登录。",
            en="Your work account carries no verified identity number, so nobody can tell whose cases you must leave to others. "
            "Have your administrator verify it where you sign on, and sign on again.",
        )


def require_unrelated(caller: Caller, recusal: str) -> None:
    """``recusal``: why the caller does not act in the case (``store.recusal``), "" for nothing. Raises Refusal of that reason, or as ``require_verified``."""
    require_verified(caller)
    if recusal:
        raise Refusal(_RECUSALS[recusal])


def require_declared(declared: bool) -> None:
    """Nothing declared is not nobody to declare: an official decides once he has said whose cases he leaves to others. Raises Refusal(DECLARATION_DUE)."""
    if not declared:
        raise Refusal(DECLARATION_DUE)


def require_level(caller: Caller, case: Application, task: str, recusal: str) -> None:
    """That the caller is the reviewer of an open task ("" when none is open): a level, or the answer to an objection.

    Raises Refusal: OUT_OF_DIVISION, as ``require_unrelated``, or TASK_NOT_OPEN when the case lies with another level.
    """
    if not caller.covers(case.street):
        raise Refusal(OUT_OF_DIVISION)
    require_unrelated(caller, recusal)
    level = terms("levels").get(case.objection_level if task == OBJECTION else task)
    if level is None or not caller.has_role(level.role):
        raise Refusal(TASK_NOT_OPEN)
    if level.scope != "street" and not caller.covers(case.district):
        raise Refusal(OUT_OF_DIVISION)


def require_decided_by_others(reason: str) -> None:
    """``reason``: what the caller has done in the case that leaves its decision to others, "" for nothing. Raises Refusal of that reason."""
    if reason:
        raise Refusal(_ACTED[reason])


def has_decided_elsewhere(case: Application, level: str, made: Collection[str]) -> bool:
    """Who decided one level of a case decides no other; the same level may come back to him after a correction. ``made``: events of the steps the caller
    has made in the case."""
    return bool({name(each) for each in case.levels if each != level for name in (approved, returned, refused)} & set(made))


def levels_of(caller: Caller) -> dict[str, str]:
    """Levels whose reviewer the caller is, with how far up the case's division each sits."""
    return {code: level.scope for code, level in terms("levels").items() if caller.has_role(level.role)}
