from agora.lib.errors import AgoraError


class WebhookRefused(AgoraError):
    code = "webhook_signature_invalid"
    status = 401
    title = "The webhook's signature is not valid"


class WebhookKeysUnavailable(AgoraError):
    code = "webhook_keys_unavailable"
    status = 503
    title = "The keys to check this webhook cannot be had right now; send it again"


class NotRetryable(AgoraError):
    code = "custody_not_retryable"
    status = 409
    title = "Only a failed custody record can be tried again"


class NotLookedUp(AgoraError):
    code = "custody_not_looked_up"
    status = 409
    title = "There is nothing to look up at the custodian"


class NotClosable(AgoraError):
    code = "custody_not_closable"
    status = 409
    title = "The order cannot be closed over this record"
