"""No answers to a customer: these stop a command, a start-up or an act of staff."""

from agora.lib.errors import AgoraError


class NotNudgeable(AgoraError):
    code = "mint_not_nudgeable"
    status = 409
    title = "There are no bytes of this mint to send or to look for"


class NotClosable(AgoraError):
    code = "mint_not_closable"
    status = 409
    title = "The order cannot be closed over this mint"


class NotSwitchable(AgoraError):
    code = "token_not_switchable"
    status = 409
    title = "The token cannot be stopped or started so"


class WrongChain(Exception):
    """The node's chain id or the token's code is not what we deployed: conclude nothing about money from it."""


class NotAudited(Exception):
    """The contract must not be deployed on a public chain before its audit is signed off (MVP-010)."""


class DeploymentStuck(Exception):
    """A deployment that was begun cannot be completed without somebody looking at it."""


class NothingFinal(Exception):
    """No block with the token is final yet: nothing can be said of its holders for good."""


class HoldersDisagree(Exception):
    """What the node's logs make holders have is not the contract's total supply."""
