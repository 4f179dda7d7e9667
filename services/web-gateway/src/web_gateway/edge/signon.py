"""The browser's way to the city sign-on and back: /auth/login, /auth/callback, /auth/logout."""

from __future__ import annotations

import asyncio
import re
import secrets
from dataclasses import replace
from typing import Final

from aiohttp import web
from chassis import logs

from web_gateway.api.problems import problem
from web_gateway.edge.access import CSRF_HEADER, VISIT
from web_gateway.edge.oidc import Issuer, SignOnRefusedError, SignOnUnavailableError
from web_gateway.edge.session import Session, Sessions
from web_gateway.edge.standing import Standings, StandingUnknownError, chosen
from web_gateway.pages import message_page

_log = logs.get(__name__)

# A path of our own site: one slash, then nothing that a browser could read as another host.
_NEXT = re.compile(r"/(?![/\\])[A-Za-z0-9/_.~%?&=:@!$'()*+,;\-]{0,500}")
MAX_PARAMETER_CHARS: Final = 2000
BODY_SECONDS: Final = 15.0


def next_path(given: str) -> str:
    """Where to go after the sign-on; the front page for anything that is not a path of this site."""
    return given if _NEXT.fullmatch(given) else "/"


class SignOnRoutes:
    def __init__(self, issuer: Issuer, sessions: Sessions, standings: Standings, public_url: str) -> None:
        self._issuer = issuer
        self._sessions = sessions
        self._standings = standings
        self._redirect_uri = f"{public_url}/auth/callback"

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/auth/login", self.login, allow_head=False),
            web.get("/auth/callback", self.callback, allow_head=False),
            web.post("/auth/logout", self.logout),
            web.post("/auth/backchannel-logout", self.backchannel_logout),
        ]

    async def login(self, request: web.Request) -> web.Response:
        """To the issuer, remembering in a sealed cookie of ten minutes what the answer has to match."""
        locale = request[VISIT].locale
        sign_on = self._sessions.new_sign_on(next_path(request.query.get("next", "/")))
        try:
            target = await self._issuer.authorization_url(sign_on, self._redirect_uri, locale)
        except SignOnUnavailableError as error:
            _log.warning("sign_on_unavailable", error=str(error))
            return message_page(503, "统一身份认证暂时无法连接", "请稍后再试。", locale, retry=True)
        response = _redirect(target)
        self._sessions.put_sign_on(response, sign_on)
        return response

    async def callback(self, request: web.Request) -> web.Response:
        """Back from the issuer with a code, or with a refusal. A new session always gets a new id."""
        locale = request[VISIT].locale
        sign_on = self._sessions.find_sign_on(request)
        state, code, error = (request.query.get(name, "")[:MAX_PARAMETER_CHARS] for name in ("state", "code", "error"))
        if sign_on is None or not secrets.compare_digest(state.encode(), sign_on.state.encode()):
            # Another tab, an old bookmark, or somebody else's answer: none of them signs anybody on.
            return message_page(400, "登录已过期", "请重新登录。", locale, retry=True)
        # RFC 9207: the answer says which issuer gave it.
        if request.query.get("iss", self._issuer.issuer) != self._issuer.issuer:
            return message_page(400, "登录未完成", "认证来源不一致，请重新登录。", locale, retry=True)
        if error or not code:
            response: web.Response = (
                _redirect(sign_on.next) if error == "access_denied" else message_page(400, "登录未完成", "请重新登录。", locale, retry=True)
            )
            self._sessions.end_sign_on(response)
            return response
        try:
            person = await self._issuer.redeem(code, sign_on, self._redirect_uri)
            session = await self._with_duties(self._sessions.start(person))
            if session is None:
                response = message_page(403, "您还没有岗位", "您的身份已确认，但还没有登记您的岗位。请联系本单位的用户管理员。", locale)
            else:
                response = _redirect(sign_on.next)
                self._sessions.put(response, session)
        except SignOnRefusedError as refused:
            _log.warning("sign_on_refused", error=str(refused))
            response = message_page(403, "登录未完成", "身份认证没有通过，请重新登录。", locale, retry=True)
        except StandingUnknownError:
            response = message_page(
                503, "暂时无法确认您的岗位", "您的身份已确认，但岗位信息暂时查不到。请过几分钟再登录。", locale, retry=True
            )
        except (SignOnUnavailableError, ValueError) as failed:
            _log.warning("sign_on_unavailable", error=str(failed))
            response = message_page(503, "统一身份认证暂时无法连接", "请稍后再试。", locale, retry=True)
        self._sessions.end_sign_on(response)
        return response

    async def _with_duties(self, session: Session) -> Session | None:
        """A citizen's as it is, an official's with his duties; None for one without any. Raises StandingUnknownError."""
        if session.person.kind == "citizen":
            return session
        capacities = await self._standings.of(session.person, afresh=True)
        if not capacities:
            _log.warning("no_duty", account=session.person.sub)
            return None
        return replace(session, person=chosen(session.person, capacities, ""), standing_at=int(self._standings.heard_at))

    async def logout(self, request: web.Request) -> web.Response:
        """Ends this browser's session. Raises the problem 403 without the CSRF token: nobody signs another person off."""
        session = self._sessions.find(request)
        if session is not None and not self._sessions.csrf_ok(session, request.headers.get(CSRF_HEADER, "")):
            raise problem("CSRF_TOKEN_REQUIRED")
        response = web.Response(status=204, headers={"Cache-Control": "no-store"})
        self._sessions.end(response, session)
        return response

    async def backchannel_logout(self, request: web.Request) -> web.Response:
        """The city sign-on ends what a person signed on for: he signed off there, lost a duty, or left (OpenID Connect Back-Channel Logout 1.0).

        Nobody else can say so: the token is the issuer's own. Said again it ends nothing more.
        """
        try:
            async with asyncio.timeout(BODY_SECONDS):
                form = await request.post()
            sub, at = await self._issuer.signed_off(str(form.get("logout_token", "")))
        except TimeoutError:
            raise problem("REQUEST_TIMEOUT") from None
        except (SignOnRefusedError, ValueError):
            raise problem("BAD_REQUEST") from None
        except SignOnUnavailableError:
            raise problem("UNAVAILABLE", headers={"Retry-After": "2"}) from None
        self._sessions.end_person(sub, at)
        return web.Response(status=200, headers={"Cache-Control": "no-store"})


def _redirect(target: str) -> web.Response:
    return web.Response(status=302, headers={"Location": target, "Cache-Control": "no-store"})
