"""Nothing here is an answer to a customer: these stop a command or a start-up."""


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
