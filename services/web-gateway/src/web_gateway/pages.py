"""The pages which are not the apps: what a problem means, the list of operations, and a plain word when something went wrong.

No script, and one style sheet of our own, so they hold under the same content security policy as everything else.
"""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from pathlib import Path
from typing import Any, Final

from aiohttp import web

from web_gateway.api.problems import Kind
from web_gateway.edge.language import Locale

STYLE_SHEET: Final = Path(__file__).parent / "assets" / "pages.css"
STYLE_PATH: Final = "/pages.css"
EXPLORER_PATH: Final = "/explorer"


def page(title: str, body: str, *, status: int = 200, lang: Locale = "zh-CN", cache: str = "no-store") -> web.Response:
    text = (
        f'<!DOCTYPE html><html lang="{lang}"><head><meta charset="utf-8"><title>{escape(title)} · 安居 Anju</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<link rel="stylesheet" href="{STYLE_PATH}"></head><body><main><h1>{escape(title)}</h1>{body}</main></body></html>'
    )
    return web.Response(text=text, status=status, content_type="text/html", headers={"Cache-Control": cache})


def message_page(status: int, title: str, detail: str, locale: Locale, *, retry: bool = False) -> web.Response:
    again, home = ("Sign on again", "Front page") if locale == "en" else ("重新登录", "返回首页")
    links = [f'<a class="button" href="/auth/login">{again}</a>'] if retry else []
    links.append(f'<a class="button plain" href="/">{home}</a>')
    return page(title, f'<p role="alert">{escape(detail)}</p><p>{"".join(links)}</p>', status=status, lang=locale)


def not_built_page() -> web.Response:
    body = (
        "<p>页面文件还没有构建。请在代码仓库中运行 <code>make web</code> 后刷新。</p>"
        '<p lang="en">The pages are not built yet. Run <code>make web</code> in the repository and reload.</p>'
        '<p><a class="button plain" href="/docs">接口文档 API</a></p>'
    )
    return page("安居", body, status=503)


def problem_page(slug: str, kinds: Iterable[Kind]) -> web.Response | None:
    """What a problem type means; None for one that does not exist."""
    kind = next((kind for kind in kinds if kind.slug == slug), None)
    if kind is None:
        return None
    body = (
        f"<p>{escape(kind.zh_detail or kind.zh)}</p>"
        f'<h2 lang="en">{escape(kind.en)}</h2><p lang="en">{escape(kind.en_detail or kind.en)}</p>'
        f"<dl><dt>code</dt><dd><code>{kind.code}</code></dd><dt>HTTP</dt><dd>{kind.status}</dd></dl>"
        '<p><a href="/problems/">全部问题类型 All problem types</a></p>'
    )
    return page(kind.zh, body, cache="public, max-age=3600")


def problems_page(kinds: Iterable[Kind]) -> web.Response:
    rows = "".join(
        f'<tr><td><a href="/problems/{kind.slug}"><code>{kind.code}</code></a></td><td>{kind.status}</td>'
        f'<td>{escape(kind.zh)}</td><td lang="en">{escape(kind.en)}</td></tr>'
        for kind in kinds
    )
    table = f'<table><thead><tr><th scope="col">code</th><th scope="col">HTTP</th><th scope="col">含义</th><th scope="col">Meaning</th></tr></thead><tbody>{rows}</tbody></table>'
    return page("问题类型 Problem types", table, cache="public, max-age=3600")


def docs_page(document: dict[str, Any], *, explorer: bool) -> str:
    """Every operation of the OpenAPI document, by tag, as plain HTML; where there is an explorer, with the way to it."""
    by_tag: dict[str, list[str]] = {tag["name"]: [] for tag in document["tags"]}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            by_tag[operation["tags"][0]].append(_operation(method.upper(), path, operation))
    titles = {tag["name"]: tag["description"] for tag in document["tags"]}
    sections = "".join(
        f'<section><h2 id="{tag}">{escape(titles[tag])}</h2>{"".join(operations)}</section>'
        for tag, operations in by_tag.items()
        if operations
    )
    index = "".join(f'<li><a href="#{tag}">{escape(titles[tag])}</a></li>' for tag, operations in by_tag.items() if operations)
    to_try = f' · <a href="{EXPLORER_PATH}">在线试用 Explorer</a>' if explorer else ""
    return (
        f"<p>{escape(document['info']['description'])}</p>"
        f'<p><a href="/openapi.json">OpenAPI 3.1</a> · <a href="/problems/">问题类型 Problem types</a>{to_try}</p>'
        f'<nav aria-label="目录"><ul>{index}</ul></nav>{sections}'
    )


def _operation(method: str, path: str, operation: dict[str, Any]) -> str:
    parameters = "".join(
        f"<tr><td><code>{escape(p['name'])}</code></td><td>{escape(p['in'])}</td><td>{'✓' if p.get('required') else ''}</td>"
        f"<td>{escape(p.get('description', '') or p['schema'].get('description', ''))}</td></tr>"
        for p in operation.get("parameters", [])
        if "name" in p
    )
    table = (
        f'<table><thead><tr><th scope="col">参数</th><th scope="col">位置</th><th scope="col">必填</th><th scope="col">说明</th></tr></thead><tbody>{parameters}</tbody></table>'
        if parameters
        else ""
    )
    answers = ", ".join(status for status in operation["responses"] if status != "default")
    return (
        f'<article id="{operation["operationId"]}"><h3><code>{method} {escape(path)}</code></h3><p lang="en">{escape(operation["summary"])}</p>'
        f'<p lang="en">{escape(operation.get("description", ""))}</p>{table}<p>HTTP {answers}</p></article>'
    )
