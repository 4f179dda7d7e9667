"""The few pages people see: plain HTML, Chinese first, made for phones and the keyboard, no scripts."""

import html

from aiohttp import web

_STYLE = """
body{font:18px/1.6 system-ui,"PingFang SC","Noto Sans CJK SC",sans-serif;margin:0;color:#1c1c1e;background:#f4f5f7}
main{max-width:34rem;margin:0 auto;padding:1rem}
.card{background:#fff;border-radius:12px;padding:1.25rem;margin:0 0 1rem;box-shadow:0 1px 3px rgba(0,0,0,.12)}
h1{font-size:1.3rem;margin:.25rem 0 1rem}h2{font-size:1.1rem;margin:0 0 .5rem}
.amount{font-size:2.2rem;font-weight:700;margin:.5rem 0}
dl{display:grid;grid-template-columns:auto 1fr;gap:.25rem 1rem;margin:0}dt{color:#5c5f66}dd{margin:0;overflow-wrap:anywhere}
button,.button{display:block;width:100%;box-sizing:border-box;min-height:48px;margin:.6rem 0 0;border-radius:8px;
border:1px solid #0b5cad;background:#0b5cad;color:#fff;font:inherit;text-align:center;text-decoration:none;padding:.5rem;cursor:pointer}
.plain{background:#fff;color:#0b5cad}
button:focus-visible,.button:focus-visible,input:focus-visible,select:focus-visible,summary:focus-visible,a:focus-visible{outline:3px solid #ffbf47;outline-offset:2px}
input,select{font:inherit;min-height:44px;width:100%;box-sizing:border-box;border:1px solid #5c5f66;border-radius:8px;padding:.4rem .6rem}
label{display:block;margin:.6rem 0 .2rem}.note{color:#5c5f66;font-size:.95rem}.error{color:#a4161a;font-weight:600}
summary{min-height:44px;cursor:pointer;font-weight:600}li{margin:.5rem 0}
"""
_BANNER = "这是演示环境，不涉及真实资金和真实个人信息。 Demonstration only."


def esc(text: object) -> str:
    """HTML-escaped text."""
    return html.escape(str(text), quote=True)


def page(title: str, body: str, *, status: int = 200, form_targets: str = "'self'") -> web.Response:
    """A whole page; ``form_targets`` widens where its forms may lead (browsers apply it to redirects as well)."""
    text = (
        f"<!DOCTYPE html><html lang='zh-CN'><head><meta charset='utf-8'><title>{esc(title)}</title>"
        "<meta name='viewport' content='width=device-width, initial-scale=1'>"
        f"<style>{_STYLE}</style></head><body><main><h1>{esc(title)}</h1>{body}<p class='note'>{_BANNER}</p></main></body></html>"
    )
    policy = f"default-src 'none'; style-src 'unsafe-inline'; form-action {form_targets}; frame-ancestors 'none'; base-uri 'none'"
    headers = {
        "Content-Security-Policy": policy,
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }
    return web.Response(text=text, content_type="text/html", status=status, headers=headers)
