"""Admin, read-only unless it says otherwise, and the one way in which staff change something: a `ReasonedAction`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.views.decorators.debug import sensitive_post_parameters

from agora.lib.errors import AgoraError
from agora.lib.second_factor import has_recent_second_factor, second_factor_at

if TYPE_CHECKING:
    _ModelAdmin = admin.ModelAdmin[Any]
    _TabularInline = admin.TabularInline[Any, Any]
else:  # Django's own classes take no parameters at run time
    _ModelAdmin = admin.ModelAdmin
    _TabularInline = admin.TabularInline


class ReadOnlyAdmin(_ModelAdmin):
    """Shows rows, changes none. Counts are not exact on purpose: they would scan the table."""

    actions = None
    show_full_result_count = False
    list_per_page = 50
    list_max_show_all = 200

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class ReadOnlyInline(_TabularInline):
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class ReasonForm(forms.Form):
    """Why. It goes into the audit log, which is kept for good."""

    reason = forms.CharField(
        max_length=500,
        strip=True,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Kept for good in the audit log: no name, no tax id.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """Who does it, why, and when: what every service behind an action is given."""

    user: Any
    reason: str
    now: datetime
    second_factor_at: datetime | None  # in this session

    @property
    def actor(self) -> str:
        return f"staff:{self.user.pk}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReasonedAction:
    """What staff may do to one row: GET shows what would happen and asks why, POST does it.

    `run(row, act, **fields of the form)` calls one service, which writes the audit entry in the act's own transaction.
    What it returns is shown once, on a page that no cache keeps; None leads back to the row.
    """

    name: str  # in the URL
    title: str
    permission: str  # accounts.decide_customer
    run: Callable[..., Mapping[str, str] | None]
    preview: Callable[[Any], list[str]]  # what would happen, in sentences
    refusal: Callable[[Any, Any], str] = lambda row, user: ""  # why not this row by this user now
    form: type[ReasonForm] = ReasonForm
    is_dangerous: bool = False  # asks for the second factor again when it was given long ago


class ReasonedAdmin(ReadOnlyAdmin):
    """Read-only but for `reasoned_actions` on a row and `list_actions` on none, each on a page of its own."""

    reasoned_actions: tuple[ReasonedAction, ...] = ()
    list_actions: tuple[ReasonedAction, ...] = ()  # their row is None
    change_form_template = "admin/reasoned_change_form.html"
    change_list_template = "admin/reasoned_change_list.html"

    def get_urls(self) -> list[URLPattern]:
        act, list_act = (
            self.admin_site.admin_view(sensitive_post_parameters()(view))
            for view in (self.act_view, self.list_act_view)
        )
        return [
            path("act/<slug:name>/", list_act, name=f"{self._act_url_name()}_on_none"),
            path("<path:object_id>/act/<slug:name>/", act, name=self._act_url_name()),
            *super().get_urls(),
        ]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        row = self.get_object(request, unquote(object_id))
        offered = [] if row is None else self.offered(request, row)
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), "offered": offered})

    def offered(self, request: HttpRequest, row: Any) -> list[tuple[ReasonedAction, str]]:
        """The actions that this user may take on the row as it stands, each with its URL."""
        return [
            (action, self.act_url(row, action.name))
            for action in self.reasoned_actions
            if request.user.has_perm(action.permission) and not action.refusal(row, request.user)
        ]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return super().changelist_view(request, {**(extra_context or {}), "offered": self.offered_on_none(request)})

    def offered_on_none(self, request: HttpRequest) -> list[tuple[ReasonedAction, str]]:
        return [
            (action, self.act_url(None, action.name))
            for action in self.list_actions
            if request.user.has_perm(action.permission)
        ]

    def act_url(self, row: Any, name: str) -> str:
        if row is None:
            url = reverse(f"admin:{self._act_url_name()}_on_none", args=[name], current_app=self.admin_site.name)
        else:
            url = reverse(f"admin:{self._act_url_name()}", args=[row.pk, name], current_app=self.admin_site.name)
        return url

    def act_view(self, request: HttpRequest, object_id: str, name: str) -> HttpResponse:
        action = self._permitted(request, self.reasoned_actions, name)
        row = self.get_object(request, unquote(object_id))
        if row is None:
            raise Http404
        return self._act(request, action, row)

    def list_act_view(self, request: HttpRequest, name: str) -> HttpResponse:
        return self._act(request, self._permitted(request, self.list_actions, name), None)

    def _permitted(self, request: HttpRequest, actions: tuple[ReasonedAction, ...], name: str) -> ReasonedAction:
        action = next((one for one in actions if one.name == name), None)
        if action is None:
            raise Http404
        if not self.has_view_permission(request) or not request.user.has_perm(action.permission):
            raise PermissionDenied
        return action

    def _act(self, request: HttpRequest, action: ReasonedAction, row: Any) -> HttpResponse:
        if action.is_dangerous and not has_recent_second_factor(request, now=timezone.now()):
            url = reverse("admin:second_factor", current_app=self.admin_site.name)
            return HttpResponseRedirect(f"{url}?{urlencode({'next': request.path})}")
        form = action.form(request.POST if request.method == "POST" else None)
        if refusal := action.refusal(row, request.user):
            return self._ask(request, action, row, None, refusal, status=409)
        if refusal := self._stale(request, row):
            return self._ask(request, action, row, form, refusal, status=409)
        if request.method != "POST" or not form.is_valid():
            return self._ask(request, action, row, form)
        return self._do(request, action, row, form)

    def _do(self, request: HttpRequest, action: ReasonedAction, row: Any, form: ReasonForm) -> HttpResponse:
        fields = {name: value for name, value in form.cleaned_data.items() if name != "reason"}
        reason, proven_at = form.cleaned_data["reason"], second_factor_at(request)
        act = Act(user=request.user, reason=reason, now=timezone.now(), second_factor_at=proven_at)
        try:
            shown = action.run(row, act, **fields)
        except AgoraError as refusal:
            return self._ask(request, action, row, form, refusal.detail, status=refusal.status)
        if shown is None:
            of = "" if row is None else f" {row}."
            self.message_user(request, f"{action.title}: done.{of}", messages.SUCCESS)
            return HttpResponseRedirect(self._change_url(row))
        response = self._page(request, action, row, "admin/act_done.html", shown=dict(shown))
        response["Cache-Control"] = "no-store"
        return response

    def _ask(
        self,
        request: HttpRequest,
        action: ReasonedAction,
        row: Any,
        form: ReasonForm | None,
        refusal: str = "",
        *,
        status: int = 200,
    ) -> HttpResponse:
        more = {"form": form, "refusal": refusal, "preview": action.preview(row), "seen": _version(row)}
        return self._page(request, action, row, "admin/act.html", status=status, **more)

    def _page(
        self, request: HttpRequest, action: ReasonedAction, row: Any, template: str, *, status: int = 200, **more: Any
    ) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": action.title,
            "subtitle": self._name_of(row),
            "action": action,
            "row": self._name_of(row),
            "row_url": self._change_url(row),
            "opts": self.opts,
            **more,
        }
        request.current_app = self.admin_site.name
        return TemplateResponse(request, template, context, status=status)

    def _stale(self, request: HttpRequest, row: Any) -> str:
        """What was decided on must be what is there: somebody may have been faster."""
        if request.method == "POST" and request.POST.get("seen") != _version(row):
            return "It has changed since you looked. Look again, then decide."
        return ""

    def _name_of(self, row: Any) -> str:
        return str(self.opts.verbose_name_plural).capitalize() if row is None else str(row)

    def _change_url(self, row: Any) -> str:
        if row is None:
            return self.list_url()
        name = f"admin:{self.opts.app_label}_{self.opts.model_name}_change"
        return reverse(name, args=[row.pk], current_app=self.admin_site.name)

    def list_url(self) -> str:
        """Where an act on no row leads back to."""
        name = f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist"
        return reverse(name, current_app=self.admin_site.name)

    def _act_url_name(self) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}_act"


def offers_for(request: HttpRequest, row: Any, *, site: admin.AdminSite | None = None) -> list[tuple[Any, str]]:
    """What this user may do to a row as it stands, each with its URL: for pages that show rows of several kinds."""
    model_admin = (site or admin.site).get_model_admin(type(row))
    if not isinstance(model_admin, ReasonedAdmin) or not model_admin.has_view_permission(request):
        return []
    return [(action, url) for action, url in model_admin.offered(request, row)]


def _version(row: Any) -> str:
    return str(getattr(row, "version", ""))
