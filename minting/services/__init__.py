"""Writes about mints. One module a verb; callers use these names."""

from minting.services.advancing import advance_mint, resume_signature
from minting.services.backing import explain_wait, release_backed
from minting.services.budgeting import look_at_budgets
from minting.services.counting import HolderCount, count_holders
from minting.services.deploying import Gate, TokenPlan, deploy_token
from minting.services.exporting import export_data
from minting.services.observing import observe_mint
from minting.services.registering import register_token, verify_chain
from minting.services.requesting import request_mint
from minting.services.steering import close_failed_mint, look_for_mint, rebroadcast_mint
from minting.services.sweeping import sweep_mints
from minting.services.switching import start_token, stop_token
from minting.services.tending import follow_chain
from minting.services.turning import advance_switch, sweep_switches
from minting.services.watching import watch_chain_once

__all__ = [
    "Gate",
    "HolderCount",
    "TokenPlan",
    "advance_mint",
    "advance_switch",
    "close_failed_mint",
    "count_holders",
    "deploy_token",
    "explain_wait",
    "export_data",
    "follow_chain",
    "look_at_budgets",
    "look_for_mint",
    "observe_mint",
    "rebroadcast_mint",
    "register_token",
    "release_backed",
    "request_mint",
    "resume_signature",
    "start_token",
    "stop_token",
    "sweep_mints",
    "sweep_switches",
    "verify_chain",
    "watch_chain_once",
]
