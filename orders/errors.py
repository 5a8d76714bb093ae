from agora.lib.errors import AgoraError


class UnknownAsset(AgoraError):
    code = "unknown_asset"
    status = 422
    title = "This asset is not offered"


class AssetNotTradable(AgoraError):
    code = "asset_not_tradable"
    status = 422
    title = "This asset cannot be bought right now"


class QuantityTooSmall(AgoraError):
    code = "quantity_too_small"
    status = 422
    title = "The quantity is below the minimum"


class QuantityTooLarge(AgoraError):
    code = "quantity_too_large"
    status = 422
    title = "The quantity is above the maximum"


class PriceUnavailable(AgoraError):
    code = "price_unavailable"
    status = 503
    title = "We have no fresh price right now"
    retry_after = 10


class RateRefused(AgoraError):
    code = "rate_refused"
    status = 422
    title = "This is not a rate that can be kept"


class DuplicateClientOrderId(AgoraError):
    code = "client_order_id_reused"
    status = 409
    title = "This client_order_id was used for another order"


class OrderNotCancellable(AgoraError):
    code = "order_not_cancellable"
    status = 409
    title = "This order cannot be cancelled any more"


class OrderNotUncertain(AgoraError):
    code = "order_not_uncertain"
    status = 409
    title = "There is nothing to look up at the broker"


class OrderNotHoldable(AgoraError):
    code = "order_not_holdable"
    status = 409
    title = "There is nothing left to hold"


class OrderNotClosable(AgoraError):
    code = "order_not_closable"
    status = 409
    title = "This order cannot be closed"


class OrderNotSettleable(AgoraError):
    code = "order_not_settleable"
    status = 409
    title = "This order cannot be settled so"
