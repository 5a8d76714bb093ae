"""English: (title, what it means, what to do). The titles are those of the error classes."""

LABELS = {
    "problems": "Problems",
    "intro": "Each error of the API has one of these codes. Act on the code: it does not change.",
    "status": "Status",
    "code": "Code",
    "meaning": "What it means",
    "action": "What to do",
    "retryable": "May the same request succeed later?",
    "yes": "Yes",
    "no": "No, change it first",
    "all": "All problems",
}

_KEY = "Use a key or session that has what is missing."
_AGAIN = "Ask for a new text and sign it."

TEXTS: dict[str, tuple[str, str, str]] = {
    "invalid_request": (
        "The request is not valid",
        "One or more fields are missing, of the wrong form or unknown. `errors` names each by its JSON pointer.",
        "Correct the fields named in `errors` and send it again.",
    ),
    "parse_error": (
        "The body cannot be read",
        "The body is not JSON in UTF-8, or it holds a name twice or a number that is none.",
        "Send one JSON object.",
    ),
    "cursor_invalid": (
        "The page asked for does not exist",
        "`cursor` is not one that we gave out, or `limit` is out of range.",
        "Use `next_cursor` of the page before, as it came, or start without one.",
    ),
    "idempotency_key_missing": (
        "An Idempotency-Key is needed",
        "Without a key, a repetition after a time-out could do it twice.",
        "Send a new UUID in the header `Idempotency-Key`, or a `client_order_id` with an order.",
    ),
    "idempotency_key_invalid": (
        "The Idempotency-Key is not valid",
        "It is empty, longer than 255 characters, or holds others than printable ASCII.",
        "Send a new UUID in double quotes.",
    ),
    "not_found": (
        "Not found",
        "It does not exist, or it is somebody else's: we do not tell which.",
        "Check the address and the id.",
    ),
    "method_not_allowed": (
        "Method not allowed",
        "The address exists, but not for this method. `Allow` lists those it has.",
        "Use one of the methods in `Allow`.",
    ),
    "not_acceptable": (
        "Not acceptable",
        "`Accept` asks for another form than JSON.",
        "Accept `application/json`.",
    ),
    "idempotency_in_flight": (
        "The first request with this key is still running",
        "The same request was sent a moment ago and has not been answered yet.",
        "Wait for `Retry-After` seconds and send it again: you get the first one's answer.",
    ),
    "body_too_large": ("The body is too large", "We take at most 64 KiB.", "Send less."),
    "unsupported_media_type": (
        "Unsupported media type",
        "The body is not declared as JSON.",
        "Send `Content-Type: application/json`.",
    ),
    "idempotency_key_reused": (
        "This Idempotency-Key was used for another request",
        "The same key came with another body within 72 hours.",
        "Use a new key for a new request; repeat a request with the body it had.",
    ),
    "rate_limited": (
        "Too many requests",
        "The rate of this key or address is used up. `RateLimit` and `RateLimit-Policy` say how much there is.",
        "Wait for `Retry-After` seconds.",
    ),
    "internal_error": (
        "Something went wrong here",
        "It is not your request's fault, and we have been told.",
        "Send the same request again in a moment, with the same Idempotency-Key or client_order_id.",
    ),
    "not_authenticated": (
        "A credential is needed",
        "The request has no `Authorization: Bearer …`.",
        "Send an API key, or sign in with a wallet for an access token.",
    ),
    "authentication_failed": (
        "The credential is not valid",
        "The key or token is unknown, expired, revoked or for another environment.",
        "Refresh the access token, or use another key.",
    ),
    "refresh_token_invalid": (
        "The refresh token is not valid",
        "It is unknown, or its session has ended.",
        "Sign in with the wallet again.",
    ),
    "case_refused": (
        "This cannot be done to the case",
        "A case moves only as its rules allow: by who has it, and by two people where it is grave.",
        "Look at the case again; its page offers what is possible.",
    ),
    "rule_invalid": (
        "A monitoring rule cannot be like this",
        "Its parameters do not fit its kind.",
        "Correct the parameters named in the sentence.",
    ),
    "hold_not_releasable": (
        "This hold cannot be released like this",
        "A hold is released by its owner, or by two people.",
        "Propose its release; another person approves.",
    ),
    "order_not_uncertain": (
        "There is nothing to look up at the broker",
        "Only an order whose submission is uncertain is looked up.",
        "Look at the order again.",
    ),
    "order_not_holdable": (
        "There is nothing left to hold",
        "The order has ended.",
        "Look at the order again.",
    ),
    "order_not_settleable": (
        "This order cannot be settled so",
        "Only an order whose sums differ from the broker's, or that the broker never knew, is settled by two people.",
        "Look at what it waits for; an uncertain order is looked up until it is certain.",
    ),
    "order_not_closable": (
        "This order cannot be closed",
        "Only an order whose transfer or mint failed, and that was settled outside, is closed.",
        "Look at what it waits for; an uncertain order is looked up until it is certain.",
    ),
    "custody_not_looked_up": (
        "There is nothing to look up at the custodian",
        "Only a transfer that the custodian was told of, and that is not done, is looked up.",
        "Look at the transfer again.",
    ),
    "custody_not_closable": (
        "The order cannot be closed over this record",
        "Only a failed transfer closes an order.",
        "Look at the transfer again.",
    ),
    "mint_not_nudgeable": (
        "There are no bytes of this mint to send or to look for",
        "Only a mint that is signed or sent has any.",
        "Look at the mint again.",
    ),
    "token_not_switchable": (
        "The token cannot be stopped or started so",
        "It is stopped, started or being switched already, or the other person is missing. Nothing was changed.",
        "Look at the token's page: it says what is under way, and who may do what.",
    ),
    "mint_not_closable": (
        "The order cannot be closed over this mint",
        "Only a failed mint closes an order.",
        "Look at the mint again.",
    ),
    "refresh_token_reused": (
        "The refresh token was used before",
        "Each is good for one exchange. A second use means that two hold it, so the session has been ended.",
        "Sign in with the wallet again, and find out who else holds the token.",
    ),
    "insufficient_scope": (
        "This credential may not do that",
        "The key or session lacks the scope that this operation needs.",
        _KEY,
    ),
    "address_not_allowed": (
        "This key may not be used from your address",
        "The key has a list of networks, and the request came from outside it.",
        "Send it from a listed network, or change the key's list.",
    ),
    "permission_denied": ("Not allowed", "This credential may not do that.", _KEY),
    "not_a_customer": (
        "This login has no customer",
        "The login is not a customer's (a staff login, for example).",
        "Use a customer's credential.",
    ),
    "login_disabled": ("This login is disabled", "Our staff have disabled it.", "Write to support."),
    "api_key_unknown": (
        "There is no such API key",
        "The key does not exist, has ended, or is somebody else's.",
        "List your keys, or make a new one.",
    ),
    "api_key_invalid": (
        "The API key cannot be made like this",
        "Its name, scopes or networks are not valid.",
        "Correct what the detail names.",
    ),
    "webhook_refused": (
        "The signature does not cover this body",
        "An inbound notification was not signed by the vendor.",
        "Only vendors call this address.",
    ),
    "webhook_signature_invalid": (
        "The webhook's signature is not valid",
        "An inbound notification was not signed by the vendor.",
        "Only vendors call this address.",
    ),
    "webhook_keys_unavailable": (
        "The keys to check this webhook cannot be had right now; send it again",
        "The vendor's public keys do not answer.",
        "Send it again later.",
    ),
    "custody_not_retryable": (
        "Only a failed custody record can be tried again",
        "The record is still on its way, or complete.",
        "Nothing: look at its status.",
    ),
    "wallet_checksum_invalid": (
        "The wallet address is not valid",
        "It is not an address in EIP-55 form: one mistyped letter must not cost a mint.",
        "Copy it from the wallet: its letter case is part of it.",
    ),
    "signature_invalid": (
        "The signature is not this wallet's",
        "It was made by another key, over another text, or in a form that we do not take.",
        _AGAIN,
    ),
    "challenge_unknown": (
        "There is nothing to sign in this browser",
        "The challenge is not one that we gave out to this caller.",
        _AGAIN,
    ),
    "challenge_used": ("This was signed and used before", "Each text is good for one try.", _AGAIN),
    "challenge_expired": ("It took too long to sign", "A text is good for five minutes.", _AGAIN),
    "wallet_taken": (
        "This wallet belongs to another customer",
        "A wallet is bound to one customer, for good.",
        "Use another wallet, or sign in with this one.",
    ),
    "chain_not_supported": (
        "The wallet is on another network",
        "We sign in on the chain on which we mint.",
        "Switch the wallet to the network that the detail names.",
    ),
    "chain_unavailable": (
        "The network cannot be asked right now",
        "Our nodes of the chain do not answer.",
        "Try again after `Retry-After` seconds.",
    ),
    "tax_id_taken": (
        "This tax id is already registered",
        "Another customer has it.",
        "Sign in with the wallet used before, or write to support.",
    ),
    "kyc_not_open": (
        "The identity check cannot be changed now",
        "We have an application already, or the answer is final.",
        "Wait for the answer.",
    ),
    "confirmation_invalid": (
        "This link does not work any more",
        "It was used, replaced by a newer one, or is too old.",
        "Ask for a new link.",
    ),
    "profile_invalid": (
        "Something is missing or not right",
        "Name, e-mail or country is not as we need it.",
        "Correct what the detail names.",
    ),
    "tax_id_invalid": (
        "The tax id is not valid",
        "The check digits of the CPF or RUC do not fit.",
        "Check the digits.",
    ),
    "consent_missing": (
        "Please read and accept the disclosures",
        "One of the current texts has not been accepted.",
        "Show `GET /api/v1/disclosures` and send the ids that the customer accepted.",
    ),
    "kyc_not_approved": (
        "Your identity check is not approved yet",
        "Only approved customers can buy.",
        "Wait for the answer; `GET /api/v1/users/me` shows it.",
    ),
    "on_hold": (
        "Trading is on hold",
        "The customer, the asset or everything is paused. Nothing is lost.",
        "Wait: our staff know of it.",
    ),
    "no_tier": (
        "Your account has no limits set yet",
        "The registration is not finished.",
        "Finish it, or write to support.",
    ),
    "wallet_not_registered": (
        "This wallet is not one of yours",
        "Tokens go only to a wallet that the customer has proven.",
        "Add the wallet to the account first.",
    ),
    "daily_limit_reached": (
        "This is more than you may buy today",
        "The order is above what is left of the day's limit.",
        "Order less, or wait for the reset that `GET /api/v1/limits` names.",
    ),
    "portfolio_cap_reached": (
        "This is more than you may hold",
        "The order is above what is left of the portfolio's cap.",
        "Order less, or ask for a higher level.",
    ),
    "below_lot_minimum": (
        "The quantity is below your minimum",
        "The customer's level has a minimum an order.",
        "Order at least what the detail names.",
    ),
    "client_order_id_reused": (
        "This client_order_id was used for another order",
        "An id names one order for ever.",
        "Use a new one for a new order.",
    ),
    "order_not_cancellable": (
        "This order cannot be cancelled any more",
        "It has been filled, rejected or has expired.",
        "Read the order: its status says what became of it.",
    ),
    "unknown_asset": (
        "This asset is not offered",
        "We have no asset of that symbol.",
        "`GET /api/v1/assets` lists what is offered.",
    ),
    "asset_not_tradable": (
        "This asset cannot be bought right now",
        "It is paused.",
        "Try again later.",
    ),
    "quantity_too_small": (
        "The quantity is below the minimum",
        "Each asset has a minimum an order.",
        "Order at least what the detail names.",
    ),
    "quantity_too_large": (
        "The quantity is above the maximum",
        "Each asset has a maximum an order.",
        "Order less, or in parts.",
    ),
    "busy": (
        "Too many requests at once",
        "Others changed the same rows at the same moment, again and again. Nothing was changed by yours.",
        "Try again after `Retry-After` seconds, as it is.",
    ),
    "database_unavailable": (
        "We cannot keep anything right now",
        "Our database cannot be reached, or takes nothing more. It is not your request's fault.",
        "Try again in a few seconds, as it is. Orders with the same `client_order_id` are not made twice.",
    ),
    "price_unavailable": (
        "We have no fresh price right now",
        "The limit is counted at a price of the last minute, and there is none. Nothing was ordered.",
        "Try again after `Retry-After` seconds.",
    ),
    "login_unknown": (
        "There is no such login",
        "The name or e-mail address is nobody's.",
        "Check it.",
    ),
    "sign_in_again": (
        "Please sign in again first",
        "What you ask for needs a sign-in of the last minutes.",
        "Sign in again and repeat it.",
    ),
    "deletion_not_open": (
        "There is no open request to delete this account",
        "There is none, or it was decided or withdrawn.",
        "Ask for the deletion first.",
    ),
    "deletion_blocked": (
        "The account cannot be closed yet",
        "Something of the account is still on its way or held.",
        "Do what the detail names, then ask again.",
    ),
    "second_person_needed": (
        "A second person is needed",
        "Who asked for it cannot also approve it.",
        "Have a colleague approve it.",
    ),
    "second_factor_needed": (
        "A fresh second factor is needed",
        "The last code was given too long ago.",
        "Give a new code and repeat it.",
    ),
    "webhook_url_refused": (
        "We cannot send webhooks to this URL",
        "It is not https, or its name leads to an address that is not public.",
        "Give a public https URL on port 443 or 8443.",
    ),
    "event_type_unknown": (
        "There is no such event type",
        "`event_types` names one that we do not have.",
        "docs/asyncapi.yaml lists them.",
    ),
    "event_cursor_unknown": (
        "There is no such event to go on after",
        "`after` is not the id of an event of this customer.",
        "Use `next_after` of the page before, as it came.",
    ),
    "too_many_endpoints": (
        "You have as many endpoints as you may",
        "There is a limit of endpoints a customer.",
        "Delete one first.",
    ),
    "endpoint_not_active": (
        "The endpoint is disabled",
        "Nothing is sent to a disabled endpoint.",
        "Enable it first.",
    ),
    "rotation_open": (
        "The last rotation of the secret is not over",
        "Two secrets are signing already.",
        "Wait until `previous_secret_until`, or rotate with an overlap of 0.",
    ),
    "reserve_report_unknown": (
        "There is no such reserve report",
        "No published report has that asset and number.",
        "`GET /api/v1/reserves/reports` lists them.",
    ),
    "reserve_report_refused": (
        "This cannot be done with this reserve report",
        "It is not at that step, or its time is over.",
        "Look at its status.",
    ),
    "inclusion_proof_unknown": (
        "This address is not in the last reserve report",
        "It held no token at the report's block.",
        "Check the address, or wait for the next report.",
    ),
    "break_refused": (
        "This cannot be done with this difference",
        "It is closed, or not at that step.",
        "Look at its status.",
    ),
    "rate_refused": (
        "This is not a rate that can be kept",
        "The exchange rate is out of range, or older than the last.",
        "Check it.",
    ),
    "proposal_refused": (
        "This proposal cannot be decided or carried out",
        "It was decided, has run out, or what it is about has changed.",
        "Look at it again, and propose anew if need be.",
    ),
    "reason_has_tax_id": (
        "The reason holds a tax id",
        "Reasons are kept in the open; tax ids never are.",
        "Write the reason without it.",
    ),
    "second_factor_exists": (
        "There is a second factor already",
        "A login has one.",
        "Use it, or have it reset.",
    ),
    "second_factor_invalid": (
        "The code is not right",
        "It is mistyped, used before, or its half minute is over.",
        "Give the code that the app shows now.",
    ),
    "switch_refused": (
        "This cannot be paused or released",
        "It names nothing that can be paused, is paused by you already, or takes two people to release.",
        "Read the detail; releases are proposed in the console.",
    ),
}
