"""Facts for reports against the changes they tell of: two books of one service, written in one transaction."""

from __future__ import annotations

from typing import Final

from anju_verify.check import Findings, Register, UnreachableError
from anju_verify.kept import never_rewritten
from anju_verify.sources import Sources

check: Final = Register()

# What each service has recorded: the id of the change, what a fact of it must say, whether there must be one, and whether the record is new.
# {table} stands for the condition that a row of it is.
CHANGES: Final[dict[str, tuple[tuple[str, ...], str]]] = {
    "casework": (
        ("application", "timeline"),
        """
        SELECT 'application/' || no AS id, 'application_submitted' AS code, no AS application_no, submitted_at AS at,
               '{{}}'::jsonb AS codes, '{{}}'::jsonb AS figures, true AS must, {application} AS fresh
        FROM application
        UNION ALL
        SELECT step_id, 'application_moved', application_no, at, jsonb_build_object('events', event, 'stages', stage), '{{}}', true, {timeline}
        FROM timeline
        """,
    ),
    "housing": (
        ("waiting", "offers", "leases"),
        """
        SELECT 'waiting/' || application_no AS id, 'waiting_entered' AS code, application_no, registered_at AS at, '{{}}'::jsonb AS codes,
               jsonb_build_object('people', household_size) AS figures, true AS must, {waiting} AS fresh
        FROM waiting
        UNION ALL
        SELECT 'waiting/' || application_no || '/ended', 'waiting_ended', application_no, closed_at, jsonb_build_object('waiting_states', state), '{{}}',
               true, {waiting}
        FROM waiting WHERE closed_at IS NOT NULL
        UNION ALL
        SELECT 'offer/' || id, 'offer_made', application_no, made_at, '{{}}', '{{}}', true, {offers} FROM offers
        UNION ALL
        SELECT 'offer/' || id || '/ended', 'offer_ended', application_no, closed_at, jsonb_build_object('offer_states', state), '{{}}', true, {offers}
        FROM offers WHERE closed_at IS NOT NULL
        UNION ALL
        SELECT 'lease/' || no || '/signing', 'lease_drafted', application_no, drafted_at, '{{"lease_states": "signing"}}', '{{}}', true, {leases}
        FROM leases
        UNION ALL
        SELECT 'lease/' || no || '/deposit', 'lease_moved', application_no, signed_at, '{{"lease_states": "deposit"}}',
               jsonb_build_object('rent_fen', monthly_rent_fen, 'deposit_fen', deposit_fen), true, {leases}
        FROM leases WHERE signed_at IS NOT NULL
        UNION ALL
        SELECT 'lease/' || no || '/active', 'lease_moved', application_no, NULL, '{{"lease_states": "active"}}',
               jsonb_build_object('rent_fen', monthly_rent_fen, 'deposit_fen', deposit_fen), true, {leases}
        FROM leases WHERE starts_on IS NOT NULL
        UNION ALL
        SELECT 'lease/' || no || '/' || state, 'lease_moved', application_no, NULL, jsonb_build_object('lease_states', state), '{{}}', true, {leases}
        FROM leases WHERE state IN ('ended', 'lapsed')
        """,
    ),
    "payments": (
        ("transfers", "bills"),
        """
        SELECT 'transfer/' || key AS id,
               CASE transfers.kind WHEN 'issue' THEN 'bill_issued' WHEN 'withdraw' THEN 'claim_withdrawn' WHEN 'payment' THEN 'money_received' WHEN 'cash' THEN 'money_received'
                    WHEN 'cash_difference' THEN 'cash_difference' WHEN 'cash_deposit' THEN 'cash_deposited'
                    WHEN 'credit' THEN 'credit_used'
                    ELSE 'money_unexplained' END AS code,
               COALESCE(bills.application_no, '') AS application_no, as_of AS at, '{{}}'::jsonb AS codes,
               jsonb_build_object('amount_fen', transfers.amount_fen) AS figures, true AS must, {transfers} AS fresh
        FROM transfers LEFT JOIN bills ON bills.id = transfers.bill_id
        UNION ALL
        SELECT 'bill/' || id || '/paid', 'bill_paid', application_no, paid_at, jsonb_build_object('bill_kinds', kind),
               jsonb_build_object('amount_fen', amount_fen), true, {bills}
        FROM bills WHERE state = 'paid'
        UNION ALL
        SELECT 'bill/' || bills.id || '/' || came.state, 'bill_' || came.state, application_no, NULL, jsonb_build_object('bill_kinds', kind), '{{}}',
               -- What a bill was before it was paid its record does not keep.
               bills.state = came.state, {bills}
        FROM bills, (VALUES ('overdue'), ('arrears')) AS came (state)
        WHERE bills.state <> 'open' AND (bills.state, came.state) <> ('overdue', 'arrears')
        UNION ALL
        SELECT 'bill/' || id || '/taken_back', 'arrears_taken_back', application_no, NULL, jsonb_build_object('bill_kinds', kind), '{{}}',
               EXISTS (SELECT FROM fact WHERE fact.id = 'bill/' || bills.id || '/arrears'), {bills}
        FROM bills WHERE state = 'paid' AND paid_at < arrears_at
        """,
    ),
    "oversight": (
        ("complaint", "complaint_step", "evaluation", "follow_up"),
        """
        SELECT 'complaint/' || no AS id, 'complaint_received' AS code, '' AS application_no, received_at AS at,
               jsonb_build_object('complaint_kinds', kind, 'complaint_channels', channel) AS codes, '{{}}'::jsonb AS figures, true AS must,
               {complaint} AS fresh
        FROM complaint
        UNION ALL
        SELECT step_id, 'complaint_moved', '', at, jsonb_build_object('complaint_events', event, 'complaint_stages', stage), '{{}}', true,
               {complaint_step}
        FROM complaint_step
        UNION ALL
        SELECT 'evaluation/' || evaluation.finished_id AS id, 'service_evaluated' AS code, '' AS application_no, evaluation.at,
               jsonb_build_object('evaluated_services', item, 'satisfaction_levels', level, 'evaluation_channels', channel) AS codes,
               '{{}}'::jsonb AS figures, true AS must, {evaluation} AS fresh
        FROM evaluation JOIN finished ON finished.id = evaluation.finished_id
        UNION ALL
        SELECT 'evaluation/' || finished_id || '/followed-up', 'follow_up_done', '', answered_at, jsonb_build_object('follow_up_results', result),
               jsonb_build_object('overdue', CASE WHEN answered_at > due_at THEN 1 ELSE 0 END), true, {follow_up}
        FROM follow_up WHERE state = 'done'
        """,
    ),
    "registry-gateway": (
        ("access_log",),
        """
        SELECT CASE kind WHEN 'question' THEN 'question/' || request_id ELSE kind || '/' || attempt_id END AS id,
               CASE WHEN kind = 'question' THEN 'register_asked' WHEN kind = 'refusal' THEN 'register_not_asked'
                    WHEN outcome = 'unavailable' THEN 'register_failed' ELSE 'register_answered' END AS code,
               application_no, as_of AS at,
               jsonb_strip_nulls(jsonb_build_object('registers', register_name, 'lookup_outcomes', NULLIF(outcome, ''))) AS codes,
               jsonb_build_object('round', round) AS figures, true AS must, {access_log} AS fresh
        FROM access_log
        """,
    ),
}


@check("F1", "every recorded change has exactly one fact for reports that says the same, and every fact tells of a recorded change")
async def f1(sources: Sources, found: Findings) -> None:
    looked = False
    for service, (tables, changes) in CHANGES.items():
        if not sources.has(service):
            continue
        looked = True
        await _compare(sources, service, tables, changes, found)
        if not await never_rewritten(sources, service, ("fact",), found):
            raise UnreachableError(f"database of {service}: there are no facts")
    if not looked:
        raise UnreachableError("no database of a service with facts is known")


async def _compare(sources: Sources, service: str, tables: tuple[str, ...], changes: str, found: Findings) -> None:
    """In one statement, so that both are of one moment."""
    since = await sources.since("F1", service, grows=("fact",))
    change = changes.format(**{table: since.new(table) for table in tables})
    rows = await sources.rows(
        service,
        f"""
        SELECT change.id AS change, fact.id AS told, change.must,
               fact.code = change.code AND fact.application_no = change.application_no AND fact.codes @> change.codes
               AND fact.figures @> change.figures AND fact.at = COALESCE(change.at, fact.at)
               AND fact.day = (fact.at AT TIME ZONE 'Asia/Shanghai')::date AS same
        FROM ({change}) AS change FULL JOIN fact ON fact.id = change.id WHERE change.fresh OR {since.new("fact")}
        """,  # noqa: S608  # conditions of ours
    )
    for row in rows:
        if row["change"] is None:
            found.looked()
            found.violation(f"{service}: fact {row['told']} tells of nothing on record")
        elif row["told"] is not None:
            found.looked()
            found.unless(row["same"], f"{service}: fact {row['told']} says something else than the record")
        elif row["must"]:
            found.looked()
            found.violation(f"{service}: {row['change']} is on record and has no fact")
