"""Nothing here is an answer to a customer: these stop a command or a start-up."""


class WrongChain(Exception):
    """The node's chain id or the token's code is not what we deployed: conclude nothing about money from it."""
