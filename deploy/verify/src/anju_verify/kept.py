"""Tables whose rows are evidence: written once, and then as they are."""

from __future__ import annotations

from collections.abc import Sequence

from anju_verify.check import Findings
from anju_verify.sources import Sources


async def never_rewritten(sources: Sources, service: str, tables: Sequence[str], found: Findings) -> bool:
    """Looks at every row of ``tables``: triggers refuse updates, deletions and truncation, nothing was rewritten since the server last lost its counts,
    and no role but the superuser has the right to. False where there is none of the tables."""
    guards = await sources.rows(
        service,
        r"""
        SELECT relname, bool_or((tgtype & 2) <> 0 AND (tgtype & 16) <> 0) AS updates, bool_or((tgtype & 2) <> 0 AND (tgtype & 8) <> 0) AS deletes,
               bool_or((tgtype & 2) <> 0 AND (tgtype & 32) <> 0) AS truncates
        FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid JOIN pg_proc ON pg_proc.oid = tgfoid
        -- Without conditions, for every column, and the function does nothing but refuse.
        WHERE NOT tgisinternal AND tgenabled IN ('O', 'A') AND tgqual IS NULL AND tgattr::text = ''
              AND prosrc ~* '^\s*begin\s+raise\s+exception' AND relname = ANY($1) GROUP BY relname
        """,
        list(tables),
    )
    guarded = {row["relname"]: row for row in guards}
    rewritten = await sources.rows(
        service,
        "SELECT relname, n_tup_upd AS updated, n_tup_del AS deleted FROM pg_stat_user_tables WHERE relname = ANY($1)",
        list(tables),
    )
    for row in rewritten:
        table = row["relname"]
        found.looked(await sources.value(service, f"SELECT count(*) FROM {table}"))  # noqa: S608  # names of ours
        for kind in ("updates", "deletes", "truncates"):
            found.unless(table in guarded and guarded[table][kind], f"no trigger refuses {kind} of {table}")
        found.unless(row["updated"] == 0, f"{row['updated']} rows of {table} were rewritten", f"rows of {table} were rewritten")
        found.unless(row["deleted"] == 0, f"{row['deleted']} rows of {table} were deleted", f"rows of {table} were deleted")
    for row in await sources.rows(
        service,
        """
        SELECT relname, rolname FROM pg_class, pg_roles
        WHERE relname = ANY($1) AND relnamespace = 'public'::regnamespace AND rolcanlogin AND NOT rolsuper
              AND has_table_privilege(pg_roles.oid, pg_class.oid, 'UPDATE, DELETE, TRUNCATE')
        """,
        list(tables),
    ):
        found.violation(f"role {row['rolname']} has the right to change or delete rows of {row['relname']}")
    return bool(rewritten)
