from agora.lib.errors import AgoraError


class WalletChecksumInvalid(AgoraError):
    code = "wallet_checksum_invalid"
    status = 400
    title = "The wallet address is not valid"


class WalletNotRegistered(AgoraError):
    code = "wallet_not_registered"
    status = 422
    title = "This wallet is not one of yours"


class WalletTaken(AgoraError):
    code = "wallet_taken"
    status = 409
    title = "This wallet belongs to another customer"


class NotACustomer(AgoraError):
    code = "not_a_customer"
    status = 403
    title = "This login has no customer"


class NotApproved(AgoraError):
    code = "kyc_not_approved"
    status = 403
    title = "Your identity check is not approved yet"


class OnHold(AgoraError):
    code = "on_hold"
    status = 403
    title = "Trading is on hold"


class LoginDisabled(AgoraError):
    code = "login_disabled"
    status = 403
    title = "This login is disabled"


class ChainNotSupported(AgoraError):
    code = "chain_not_supported"
    status = 422
    title = "The wallet is on another network"


class ChallengeUnknown(AgoraError):
    code = "challenge_unknown"
    status = 409
    title = "There is nothing to sign in this browser"


class ChallengeUsed(AgoraError):
    code = "challenge_used"
    status = 409
    title = "This was signed and used before"


class ChallengeExpired(AgoraError):
    code = "challenge_expired"
    status = 409
    title = "It took too long to sign"


class SignatureInvalid(AgoraError):
    code = "signature_invalid"
    status = 403
    title = "The signature is not this wallet's"


class ChainUnavailable(AgoraError):
    code = "chain_unavailable"
    status = 503
    title = "The network cannot be asked right now"
    retry_after = 5


class ProfileInvalid(AgoraError):
    code = "profile_invalid"
    status = 422
    title = "Something is missing or not right"


class TaxIdInvalid(AgoraError):
    code = "tax_id_invalid"
    status = 422
    title = "The tax id is not valid"


class TaxIdTaken(AgoraError):
    code = "tax_id_taken"
    status = 409
    title = "This tax id is already registered"


class ConsentMissing(AgoraError):
    code = "consent_missing"
    status = 422
    title = "Please read and accept the disclosures"


class KycNotOpen(AgoraError):
    code = "kyc_not_open"
    status = 409
    title = "The identity check cannot be changed now"


class ConfirmationInvalid(AgoraError):
    code = "confirmation_invalid"
    status = 409
    title = "This link does not work any more"


class WebhookRefused(AgoraError):
    code = "webhook_refused"
    status = 401
    title = "The signature does not cover this body"


class SignInAgain(AgoraError):
    code = "sign_in_again"
    status = 403
    title = "Please sign in again first"


class DeletionNotOpen(AgoraError):
    code = "deletion_not_open"
    status = 409
    title = "There is no open request to delete this account"


class DeletionBlocked(AgoraError):
    code = "deletion_blocked"
    status = 409
    title = "The account cannot be closed yet"


class DailyLimitReached(AgoraError):
    code = "daily_limit_reached"
    status = 422
    title = "This is more than you may buy today"


class PortfolioCapReached(AgoraError):
    code = "portfolio_cap_reached"
    status = 422
    title = "This is more than you may hold"


class BelowLotMinimum(AgoraError):
    code = "below_lot_minimum"
    status = 422
    title = "The quantity is below your minimum"


class NoTier(AgoraError):
    code = "no_tier"
    status = 403
    title = "Your account has no limits set yet"


class ReasonHasTaxId(AgoraError):
    code = "reason_has_tax_id"
    status = 422
    title = "The reason holds a tax id"


class ProposalRefused(AgoraError):
    code = "proposal_refused"
    status = 409
    title = "This proposal cannot be decided or carried out"


class SwitchRefused(AgoraError):
    """It would stop nothing, or may not be released like this."""

    code = "switch_refused"
    status = 409
    title = "This cannot be paused or released"


class SecondFactorInvalid(AgoraError):
    code = "second_factor_invalid"
    status = 422
    title = "The code is not right"


class SecondFactorExists(AgoraError):
    code = "second_factor_exists"
    status = 409
    title = "There is a second factor already"


class AddressNotAllowed(AgoraError):
    code = "address_not_allowed"
    status = 403
    title = "This key may not be used from your address"


class ApiKeyInvalid(AgoraError):
    code = "api_key_invalid"
    status = 422
    title = "The API key cannot be made like this"


class ApiKeyUnknown(AgoraError):
    code = "api_key_unknown"
    status = 404
    title = "There is no such API key"


class RefreshTokenInvalid(AgoraError):
    code = "refresh_token_invalid"
    status = 401
    title = "The refresh token is not valid"


class RefreshTokenReused(AgoraError):
    code = "refresh_token_reused"
    status = 401
    title = "The refresh token was used before"


class LoginUnknown(AgoraError):
    code = "login_unknown"
    status = 404
    title = "There is no such login"


class WebhookUrlRefused(AgoraError):
    code = "webhook_url_refused"
    status = 422
    title = "We cannot send webhooks to this URL"


class EventTypeUnknown(AgoraError):
    code = "event_type_unknown"
    status = 422
    title = "There is no such event type"


class TooManyEndpoints(AgoraError):
    code = "too_many_endpoints"
    status = 409
    title = "You have as many endpoints as you may"


class EndpointNotActive(AgoraError):
    code = "endpoint_not_active"
    status = 409
    title = "The endpoint is disabled"


class RotationOpen(AgoraError):
    code = "rotation_open"
    status = 409
    title = "The last rotation of the secret is not over"


class EventCursorUnknown(AgoraError):
    code = "event_cursor_unknown"
    status = 422
    title = "There is no such event to go on after"


class RuleInvalid(AgoraError):
    code = "rule_invalid"
    status = 422
    title = "A monitoring rule cannot be like this"


class CaseRefused(AgoraError):
    code = "case_refused"
    status = 409
    title = "This cannot be done to the case"


class HoldNotReleasable(AgoraError):
    code = "hold_not_releasable"
    status = 409
    title = "This hold cannot be released like this"
