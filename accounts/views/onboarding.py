"""Who a customer is: the form, the e-mailed link, and how far the check is."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from accounts import services
from accounts.errors import ConfirmationInvalid
from accounts.forms import OnboardingForm
from accounts.selectors import current_disclosures, customer_of, disclosure_of, onboarding_of
from agora.lib.errors import AgoraError
from agora.lib.visitors import address_of


@login_required
@require_http_methods(["GET", "POST"])
def onboarding(request: HttpRequest) -> HttpResponse:
    """The form while it is open; afterwards, how far the identity check is."""
    customer = customer_of(user=request.user)
    state = onboarding_of(customer=customer)
    language = get_language() or "en"
    form = OnboardingForm(
        request.POST or None, disclosures=current_disclosures(language=language), customer=customer, language=language
    )
    if request.method == "POST" and state.may_submit and form.is_valid():
        try:
            services.submit_profile(
                customer=customer,
                **form.profile(),
                language=language,
                ip=address_of(request),
                now=timezone.now(),
            )
            return redirect("onboarding")
        except AgoraError as refusal:
            form.refuse(refusal)
    context = {"form": form, "state": state, "customer": customer, "mail_is_printed": _mail_is_printed()}
    return render(request, "accounts/onboarding.html", context)


@login_required
@require_POST
def resend_email(request: HttpRequest) -> HttpResponse:
    """Another link, to the same address or a corrected one."""
    customer = customer_of(user=request.user)
    email = request.POST.get("email", "")
    services.change_email(customer=customer, email=email or customer.email, now=timezone.now())
    messages.success(request, _("We have sent you a new link."))
    return redirect("onboarding")


@require_http_methods(["GET", "POST"])
def confirm_email(request: HttpRequest, token: str) -> HttpResponse:
    """A page with a button, for mail scanners open links; the button confirms."""
    if request.method == "GET":
        return render(request, "accounts/confirm_email.html", {"state": "ask"})
    try:
        services.confirm_email(token=token, now=timezone.now())
    except ConfirmationInvalid as refusal:
        return render(request, "accounts/confirm_email.html", {"state": "refused", "refusal": refusal}, status=409)
    return render(request, "accounts/confirm_email.html", {"state": "done"})


def disclosure(request: HttpRequest, disclosure_id: int) -> HttpResponse:
    """A text that customers accept, as it was when they did."""
    row = disclosure_of(disclosure_id=disclosure_id)
    if row is None:
        raise Http404
    return render(request, "accounts/disclosure.html", {"disclosure": row})


def _mail_is_printed() -> bool:
    """Whether e-mails go to the worker's terminal: a newcomer to the sandbox must be told where to look."""
    return settings.AGORA_MODE == "sandbox" and settings.EMAIL_BACKEND.endswith("console.EmailBackend")
