"""What a person is waiting for, and what the city has told him: a portal's view in one page, on the generated client.

    make clients
    ANJU_TOKEN=$(.venv/bin/anju world POST /persona/token '{"persona": "family"}' | jq -r .access_token) \
        PYTHONPATH=.anju/clients/python .venv/bin/python docs/examples/my_matters.py http://127.0.0.1:8080
"""

import os
import sys
from zoneinfo import ZoneInfo

from anju_client import AuthenticatedClient
from anju_client.api.applications import list_applications
from anju_client.api.inbox import list_inbox, mark_message_read
from anju_client.api.myself import list_queries_about_me
from anju_client.models import Problem

# Instants are of UTC; what a person reads is of his city.
CITY = ZoneInfo("Asia/Shanghai")


def checked(answer):
    """What was asked for; nothing, for an act. Ends with the problem's own words where the gateway refuses: they are written for whoever reads them."""
    if isinstance(answer, Problem):
        sys.exit(f"{answer.title}：{answer.detail}")
    return answer


def main() -> None:
    client = AuthenticatedClient(base_url=sys.argv[1], token=os.environ["ANJU_TOKEN"], headers={"Accept-Language": "zh-CN"}, timeout=10)
    with client:
        for case in checked(list_applications.sync(client=client)).items:
            until = f"，期限 {case.deadline_at.astimezone(CITY):%Y-%m-%d}" if case.deadline_at else ""
            print(f"{case.no}  {case.stage_title}{until}")
        for message in checked(list_inbox.sync(client=client)).items:
            print(f"{'  ' if message.read else '新'} {message.title}")
            if not message.read:
                # Said twice it is said once: marking has no key, other changes take an Idempotency-Key of their own.
                checked(mark_message_read.sync(message.id, client=client))
        asked = checked(list_queries_about_me.sync(client=client)).items
        print(f"部门查询了您 {len(asked)} 次")


if __name__ == "__main__":
    main()
