"""HTTP face of the city sign-on: OpenID Connect discovery, authorization with a persona page, token, userinfo, logout."""

import base64
import binascii
from collections.abc import Mapping
from urllib.parse import unquote_plus, urlencode, urlsplit

from aiohttp import web

from anju_sandbox.departments.crypto import same_signature
from anju_sandbox.exchange import EXCHANGE, Hub
from anju_sandbox.pages import esc, page
from anju_sandbox.signon.identities import MAX_SEATS, STAFF_ROLES, Identities, Identity
from anju_sandbox.signon.issuer import AuthRequest, GrantError, Issuer, check_challenge
from anju_sandbox.world.places import CITY, DISTRICTS

_CARRIED = (
    "client_id", "redirect_uri", "response_type", "scope", "state", "nonce", "code_challenge", "code_challenge_method"
)  # fmt: skip


class BadRequest(Exception):
    """An authorization request which must not be answered by a redirect."""


class SignOnServer:
    """The issuer's endpoints."""

    def __init__(self, hub: Hub, issuer: Issuer, identities: Identities) -> None:
        self.hub = hub
        self.issuer = issuer
        self.identities = identities

    def add_routes(self, app: web.Application) -> None:
        """Adds the endpoints."""
        router = app.router
        router.add_get("/.well-known/openid-configuration", self.discovery)
        router.add_get("/jwks", self.jwks)
        router.add_get("/authorize", self.choose)
        router.add_post("/authorize", self.chosen)
        router.add_post("/token", self.token)
        router.add_get("/userinfo", self.userinfo)
        router.add_post("/userinfo", self.userinfo)
        router.add_get("/end_session", self.end_session)

    async def discovery(self, _request: web.Request) -> web.Response:
        """OpenID Connect Discovery 1.0."""
        url = self.issuer.url
        return web.json_response(
            {
                "issuer": url,
                "authorization_endpoint": f"{url}/authorize",
                "token_endpoint": f"{url}/token",
                "userinfo_endpoint": f"{url}/userinfo",
                "jwks_uri": f"{url}/jwks",
                "end_session_endpoint": f"{url}/end_session",
                "response_types_supported": ["code"],
                "grant_types_supported": ["authorization_code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["ES256"],
                "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
                "code_challenge_methods_supported": ["S256"],
                "scopes_supported": ["openid", "profile", "phone"],
                "backchannel_logout_supported": True,
                "authorization_response_iss_parameter_supported": True,
            }
        )

    async def jwks(self, _request: web.Request) -> web.Response:
        """The public keys."""
        return web.json_response(self.issuer.jwks())

    async def choose(self, request: web.Request) -> web.Response:
        """The page on which a persona is picked."""
        try:
            asked = self._check(request.query)
        except BadRequest as bad:
            return _refused_page(str(bad))
        return self._persona_page(request.query, asked)

    async def chosen(self, request: web.Request) -> web.Response:
        """Back to the client with a code. Raises a 302."""
        form = {name: str(value) for name, value in (await request.post()).items()}
        try:
            asked = self._check(form)
        except BadRequest as bad:
            return _refused_page(str(bad))
        if form.get("action") == "cancel":
            answer = {"error": "access_denied", "state": asked.state, "iss": self.issuer.url}
            raise web.HTTPFound(f"{asked.redirect_uri}?{urlencode(answer)}")
        identity = self._identity(form)
        if identity is None:
            return self._persona_page(form, asked, "没有这个人或这个岗位，请检查后重试。")
        request[EXCHANGE].outcome = "signed_on"
        answer = {"code": self.issuer.grant(asked, identity), "state": asked.state, "iss": self.issuer.url}
        raise web.HTTPFound(f"{asked.redirect_uri}?{urlencode(answer)}")

    def _check(self, query: Mapping[str, str]) -> AuthRequest:
        """A complete, acceptable request. Anything wrong is shown, never redirected: this client is known to be ours."""
        values = {name: query.get(name, "") for name in _CARRIED}
        if values["client_id"] != self.issuer.client.client_id:
            raise BadRequest("client_id 未登记")
        if values["redirect_uri"] not in self.hub.settings.redirect_uris:
            raise BadRequest("redirect_uri 未登记")
        if values["response_type"] != "code" or "openid" not in values["scope"].split():
            raise BadRequest("仅支持 response_type=code 且 scope 含 openid")
        if values["code_challenge_method"] != "S256" or not check_challenge(values["code_challenge"]):
            raise BadRequest("必须使用 PKCE (S256)")
        if not values["state"] or not values["nonce"]:
            raise BadRequest("缺少 state 或 nonce")
        return AuthRequest(
            values["client_id"],
            values["redirect_uri"],
            values["scope"],
            values["state"],
            values["nonce"],
            values["code_challenge"],
        )

    def _identity(self, form: Mapping[str, str]) -> Identity | None:
        return identity_of(self.identities, form)

    def _persona_page(self, query: Mapping[str, str], asked: AuthRequest, error: str = "") -> web.Response:
        hidden = "".join(f"<input type='hidden' name='{name}' value='{esc(query.get(name, ''))}'>" for name in _CARRIED)
        population = self.identities.population
        citizens = "".join(
            f"<button name='persona' value='{persona.key}'>{esc(persona.household.applicant.name)} · {esc(persona.title)}"
            f"</button><p class='note'>{esc(persona.story)}</p>"
            for persona in population.personas()
        )
        streets = "".join(
            f"<optgroup label='{esc(population.divisions.name(district))}'>"
            + "".join(f"<option value='{code}'>{esc(population.divisions.name(code))}</option>" for code in codes)
            + "</optgroup>"
            for district, codes in population.divisions.streets.items()
        )
        districts = "".join(f"<option value='{code}'>{esc(population.divisions.name(code))}</option>" for code in sorted(DISTRICTS))
        seats = "".join(f"<option value='{seat}'>第{seat}岗</option>" for seat in range(1, MAX_SEATS + 1))
        options = {"street": streets, "district": districts, "any": f"<option value='{CITY}'>全市</option>{districts}"}
        staff = "".join(
            f"<form method='post' action='/authorize' class='card'>{hidden}<h2>{esc(title)}</h2>"
            f"<input type='hidden' name='role' value='{role}'>"
            + (
                f"<label for='d-{role}'>辖区</label><select id='d-{role}' name='division'>{options[level]}</select>"
                if level in options
                else ""
            )
            + f"<label for='s-{role}'>岗位</label><select id='s-{role}' name='seat'>{seats}</select><button>登录</button></form>"
            for role, (title, level, _) in STAFF_ROLES.items()
        )
        alert = f"<p class='error' role='alert'>{esc(error)}</p>" if error else ""
        body = (
            f"{alert}<div class='card'><h2>市民</h2><form method='post' action='/authorize'>{hidden}{citizens}</form></div>"
            f"<form method='post' action='/authorize' class='card'>{hidden}<label for='idn'>或输入演示人口的身份证号</label>"
            "<input id='idn' name='id_number' autocomplete='off' maxlength='18'><button>以此人登录</button></form>"
            f"<details class='card'><summary>工作人员</summary>{staff}</details>"
            f"<form method='post' action='/authorize'>{hidden}<button class='plain' name='action' value='cancel'>取消</button></form>"
        )
        target = urlsplit(asked.redirect_uri)
        origin = f"{target.scheme}://{target.netloc}"
        return page("城市统一身份认证（演示）", body, form_targets=f"'self' {origin}", status=400 if error else 200)

    async def token(self, request: web.Request) -> web.Response:
        """Exchanges a code for tokens; the client authenticates by HTTP Basic or in the form."""
        form = {name: str(value) for name, value in (await request.post()).items()}
        headers = {"Cache-Control": "no-store"}
        if not self._client_ok(request, form):
            request[EXCHANGE].outcome = "refused"
            body = {"error": "invalid_client"}
            return web.json_response(body, status=401, headers=headers | {"WWW-Authenticate": "Basic"})
        try:
            if form.get("grant_type") != "authorization_code":
                raise GrantError("unsupported_grant_type", "only authorization_code")
            verifier = form.get("code_verifier", "")
            answer = self.issuer.redeem(form.get("code", ""), form.get("redirect_uri", ""), verifier)
        except GrantError as error:
            request[EXCHANGE].outcome = "refused"
            body = {"error": error.code, "error_description": error.description}
            return web.json_response(body, status=400, headers=headers)
        return web.json_response(answer, headers=headers)

    def _client_ok(self, request: web.Request, form: Mapping[str, str]) -> bool:
        client_id, secret = form.get("client_id", ""), form.get("client_secret", "")
        scheme, _, encoded = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "basic":
            try:
                left, _, right = base64.b64decode(encoded, validate=True).decode().partition(":")
            except (binascii.Error, UnicodeDecodeError):
                return False
            client_id, secret = unquote_plus(left), unquote_plus(right)
        client = self.issuer.client
        return same_signature(client_id, client.client_id) and same_signature(secret, client.client_secret)

    async def userinfo(self, request: web.Request) -> web.Response:
        """The claims of the bearer."""
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        claims = self.issuer.userinfo(token) if scheme.lower() == "bearer" else None
        if claims is None:
            challenge = {"WWW-Authenticate": 'Bearer error="invalid_token"'}
            return web.json_response({"error": "invalid_token"}, status=401, headers=challenge)
        return web.json_response(claims, headers={"Cache-Control": "no-store"})

    async def end_session(self, request: web.Request) -> web.Response:
        """Back to the product's site; the sign-on keeps no session of its own. Other sites are not linked."""
        target = request.query.get("post_logout_redirect_uri", "")
        if target and _origin(target) in {_origin(uri) for uri in self._sites()}:
            state = request.query.get("state", "")
            if state:
                target += ("&" if "?" in target else "?") + urlencode({"state": state})
            raise web.HTTPFound(target)
        back = f"<a class='button' href='{esc(self.hub.settings.web_base_url)}'>返回</a>"
        return page("已退出登录", f"<div class='card'>{back}</div>")

    def _sites(self) -> list[str]:
        return [self.hub.settings.web_base_url, *self.hub.settings.redirect_uris]


def identity_of(identities: Identities, form: Mapping[str, str]) -> Identity | None:
    """Who a form names: a persona, an ID number, or a role with division and seat."""
    if form.get("persona"):
        return identities.persona(form["persona"])
    if form.get("id_number"):
        return identities.citizen(form["id_number"])
    seat = form.get("seat") or "1"
    if not (seat.isascii() and seat.isdigit()):
        return None
    return identities.staff(form.get("role", ""), form.get("division", ""), int(seat[:3]))


def _origin(url: str) -> tuple[str, str]:
    try:
        parts = urlsplit(url)
    except ValueError:
        return ("", "")
    return (parts.scheme, parts.netloc) if parts.scheme in ("http", "https") else ("", "")


def _refused_page(reason: str) -> web.Response:
    return page("登录请求无效", f"<div class='card'><p class='error' role='alert'>{esc(reason)}</p></div>", status=400)
