"""What ``anju up`` prints: each part as it gets ready, then where to go."""

from __future__ import annotations

import time

from rich.console import Console
from rich.panel import Panel
from rich.table import Table

from anju_onebox.layout import Layout


class Progress:
    """One line a part, with the seconds since the start."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._began = time.monotonic()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._began

    def ready(self, zh: str, en: str, note: str = "") -> None:
        text = f"[green]✓[/] [dim]{self.seconds:5.1f} s[/]  {zh} [dim]{en}[/]"
        self._console.print(f"{text}  {note}" if note else text)

    def say(self, text: str) -> None:
        self._console.print(text)

    def failed(self, text: str) -> None:
        self._console.print(f"[red]✗[/] {text}", highlight=False)


def addresses(layout: Layout) -> dict[str, str]:
    """The pages a person can open, by their names."""
    sandbox = layout.sandbox_port
    return {
        "市民端 Citizens": layout.web_url,
        "工作台 Staff console": f"{layout.web_url}/staff",
        "接口文档 API": f"{layout.web_url}/docs",
        "流程引擎 Temporal UI": f"http://127.0.0.1:{layout.temporal_ui_port}",
        "短信收件箱 SMS inbox": f"http://127.0.0.1:{sandbox + 5}",
    }


def print_welcome(console: Console, layout: Layout, seconds: float) -> None:
    """The addresses, and what to try first."""
    table = Table.grid(padding=(0, 2))
    for title, url in addresses(layout).items():
        table.add_row(title, f"[link={url}]{url}[/link]")
    console.print(Panel(table, title=f"安居已就绪 Anju is ready · {seconds:.0f} s", expand=False))
    console.print("试一试 Try:")
    console.print("  · 打开市民端，登录页任选一位申请人，提交一份申请 — sign in as any applicant and apply")
    console.print("  · 另开终端运行 [bold]make demo[/]：一户从申请到首期租金 — one household, from application to first rent")
    console.print(
        "  · [bold].venv/bin/anju status[/]，[bold].venv/bin/anju clock --help[/]：运行状态与流程时钟 — state, and moving a case through time"
    )
    console.print("[dim]Ctrl-C 停止，数据保留 — stops everything, the data stays[/]")
