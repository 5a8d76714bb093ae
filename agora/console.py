"""The console: Django Admin behind a second factor; its home page says what needs somebody (docs/console.md)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast
from urllib.parse import urlencode
from uuid import UUID

import django_otp
import segno
from django import forms
from django.contrib.admin import AdminSite
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, URLResolver, path, reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.module_loading import import_string
from django.utils.safestring import mark_safe
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_protect

from accounts import services
from accounts.errors import SecondFactorExists, SecondFactorInvalid
from agora.console_panels import PANELS
from agora.lib.panels import Panel, PanelSource
from agora.lib.second_factor import note_second_factor
from agora.stuck import OLDER_THAN, find_stuck, stuck_lines
from minting import selectors as minting
from minting.receipts import receipt_bytes
from orders import selectors as orders
from orders.selectors import CAUSES

PER_PAGE = 25

NEW_KEY = "new_second_factor"  # in the session, until it is confirmed


class CodeForm(forms.Form):
    code = forms.CharField(
        label="Code",
        max_length=9,
        strip=True,
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "inputmode": "numeric", "autofocus": True}),
        help_text="Six digits, from your authenticator app.",
    )


class StuckForm(forms.Form):
    """Which of them: longer than so many seconds, and of which cause. What makes no sense is left out."""

    older_than = forms.FloatField(min_value=0, max_value=10**8, required=False)
    cause = forms.ChoiceField(choices=list(CAUSES.items()), required=False)

    def wanted(self) -> tuple[float, str]:
        self.is_valid()
        older_than = self.cleaned_data.get("older_than")
        return OLDER_THAN if older_than is None else older_than, self.cleaned_data.get("cause") or ""


class ConsoleSite(AdminSite):
    site_header = site_title = "Agora console"
    index_title = "What needs you"
    index_template = "admin/console_home.html"

    def has_permission(self, request: HttpRequest) -> bool:
        """Staff, signed in, and in this session with their second factor."""
        user: Any = request.user  # OTPMiddleware adds is_verified
        return super().has_permission(request) and bool(user.is_verified())

    def get_urls(self) -> list[URLPattern | URLResolver]:
        own: list[URLPattern | URLResolver] = [
            path("second-factor/", _guarded(self.second_factor), name="second_factor"),
            path("stuck/", self.admin_view(self.stuck), name="stuck"),
            path("orders/order/<uuid:order_id>/receipt.json", self.admin_view(self.receipt), name="console-receipt"),
            path("second-factor/new/", _guarded(self.new_second_factor), name="new_second_factor"),
        ]
        return [*own, *super().get_urls()]

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The password first; whoever has given theirs is asked for the second factor."""
        if super().has_permission(request) and not self.has_permission(request):
            return _to("admin:second_factor", request)
        return super().login(request, extra_context)

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        return super().index(request, {**(extra_context or {}), "panels": panels_for(request)})

    def stuck(self, request: HttpRequest) -> HttpResponse:
        """What stands still, with what may be done about it as it stands."""
        if not request.user.has_perm("orders.view_order"):
            raise PermissionDenied
        form = StuckForm(request.GET)
        older_than, cause = form.wanted()
        rows = find_stuck(older_than=older_than, now=timezone.now())
        wanted = [row for row in rows if not cause or row.cause == cause]
        shown = Paginator(wanted, PER_PAGE).get_page(request.GET.get("p"))
        more = {
            "causes": [(name, words, sum(row.cause == name for row in rows)) for name, words in CAUSES.items()],
            "cause": cause,
            "older_than": older_than,
            "page": shown,
            "lines": stuck_lines(site=self, request=request, rows=list(shown)),
        }
        return self._page(request, "admin/stuck.html", title="What stands still", form=form, **more)

    def receipt(self, request: HttpRequest, order_id: UUID) -> HttpResponse:
        """The order's receipt, as its customer can have it."""
        if not request.user.has_perms(["orders.view_order", "custody.view_custodyrecord", "minting.view_minttx"]):
            raise PermissionDenied
        if not orders.order_exists(order_id=order_id):
            raise Http404
        name = f'attachment; filename="agora-receipt-{order_id}.json"'
        body = receipt_bytes(minting.receipt_of(order_id=order_id))
        headers = {"Content-Disposition": name, "Cache-Control": "no-store"}
        return HttpResponse(body, content_type="application/json", headers=headers)

    def second_factor(self, request: HttpRequest) -> HttpResponse:
        """Asked for after the password, and again before what could do damage."""
        if not super().has_permission(request):
            return _to("admin:login", request)
        user = cast(Any, request.user)
        if not services.has_second_factor(user=user):
            return _to("admin:new_second_factor", request)
        form = CodeForm(request.POST or None)
        if form.is_valid():
            try:
                device = services.check_second_factor(user=user, code=form.cleaned_data["code"])
            except SecondFactorInvalid as refusal:
                form.add_error("code", refusal.detail)
            else:
                return _proven(request, device)
        return self._page(request, "admin/second_factor.html", title="Second factor", form=form)

    def new_second_factor(self, request: HttpRequest) -> HttpResponse:
        """The first sign-in: a secret for an authenticator app, theirs with the first right code."""
        if not super().has_permission(request):
            return _to("admin:login", request)
        user = cast(Any, request.user)
        form = CodeForm(request.POST or None)
        key = request.session.get(NEW_KEY, "")
        try:
            if key and form.is_valid():
                code, now = form.cleaned_data["code"], timezone.now()
                device = services.confirm_second_factor(user=user, key=key, code=code, now=now)
                del request.session[NEW_KEY]
                return _proven(request, device)
        except SecondFactorInvalid as refusal:
            form.add_error("code", refusal.detail)
        except SecondFactorExists:
            return _to("admin:second_factor", request)
        return self._enrolment(request, user, key, form)

    def _enrolment(self, request: HttpRequest, user: Any, key: str, form: CodeForm) -> HttpResponse:
        try:
            enrolment = services.begin_second_factor(user=user, key=key)
        except SecondFactorExists:
            return _to("admin:second_factor", request)
        request.session[NEW_KEY] = enrolment.key
        svg = segno.make(enrolment.uri, error="m").svg_inline(scale=5, border=3, light="#fff", svgclass="qr")
        more = {"qr": mark_safe(svg), "secret": enrolment.secret}  # noqa: S308 - segno's own SVG
        return self._page(request, "admin/new_second_factor.html", title="Set up your second factor", form=form, **more)

    def _page(self, request: HttpRequest, template: str, **more: Any) -> HttpResponse:
        context = {**self.each_context(request), REDIRECT_FIELD_NAME: _next(request), **more}
        return TemplateResponse(request, template, context)


def panels_for(request: HttpRequest) -> list[Panel]:
    """The home page's panels that this user may see, built now."""
    sources: list[PanelSource] = [import_string(dotted) for dotted in PANELS]
    now = timezone.now()
    return [source.build(now=now) for source in sources if request.user.has_perm(source.permission)]


def _guarded(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Not `admin_view`: these pages are for whoever is not quite in yet."""
    return never_cache(csrf_protect(view))


def _proven(request: HttpRequest, device: Any) -> HttpResponse:
    """In, under a new session key."""
    request.session.cycle_key()
    django_otp.login(request, device)
    note_second_factor(request, now=timezone.now())
    return HttpResponseRedirect(_next(request))


def _to(name: str, request: HttpRequest) -> HttpResponse:
    return HttpResponseRedirect(f"{reverse(name)}?{urlencode({REDIRECT_FIELD_NAME: _next(request)})}")


def _next(request: HttpRequest) -> str:
    wanted = request.POST.get(REDIRECT_FIELD_NAME) or request.GET.get(REDIRECT_FIELD_NAME) or ""
    own = {request.get_host()}
    is_ours = url_has_allowed_host_and_scheme(wanted, own, require_https=request.is_secure())
    return wanted if is_ours else reverse("admin:index")
