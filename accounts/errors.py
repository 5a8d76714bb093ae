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
